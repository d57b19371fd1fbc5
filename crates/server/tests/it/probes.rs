//! What an orchestrator asks.

use crate::api::Api;
use serde_json::json;
use testkit::catalog::ADMIN;
use testkit::{Kind, each_db, save_catalog, small_catalog};

each_db! {
    it_is_ready_when_there_is_an_org,
    metrics_count_by_route_and_never_by_path,
}

mod check {
    use super::*;

    pub(super) fn it_is_ready_when_there_is_an_org(kind: Kind) {
        let api = Api::start_empty(kind);
        assert_eq!(api.send("GET", "/healthz", &[], b"").status, 200);
        assert_eq!(api.send("GET", "/readyz", &[], b"").status, 503);
        let token = "1000.x.y";
        assert_eq!(api.call("GET", "/swathe/v1/clients", token).status, 401);
        save_catalog(&api.db, &small_catalog());
        let reply = api.send("GET", "/readyz", &[], b"");
        assert_eq!(
            (reply.status, reply.json()),
            (200, json!({"status": "ready"}))
        );
        api.send("POST", "/readyz", &[], b"").is_error(
            400,
            "INVALID_REQUEST_METHOD",
            "The http request method type is not a valid one",
            &json!({}),
        );
    }

    pub(super) fn metrics_count_by_route_and_never_by_path(kind: Kind) {
        let api = Api::start(kind);
        let token = api.token(ADMIN, "swathe.org.ALL");
        api.call(
            "DELETE",
            "/swathe/v1/clients/no-such-client?secret=1",
            &token,
        );
        api.call("GET", "/some/secret/path", &token);
        api.call("BREW", "/healthz", &token);
        let reply = api.send("GET", "/metrics", &[], b"");
        assert_eq!(reply.status, 200);
        for line in [
            r#"swathe_requests_total{route="/swathe/v1/clients/{client_id}",method="DELETE",status="404"} 1"#,
            r#"swathe_requests_total{route="unmatched",method="GET",status="404"} 1"#,
            r#"swathe_requests_total{route="/healthz",method="other",status="400"} 1"#,
            r#"swathe_jobs{state="running"} 0"#,
            "swathe_events_waiting 0",
        ] {
            assert!(
                reply.text.lines().any(|found| found == line),
                "{}",
                reply.text
            );
        }
        assert!(!reply.text.contains("secret") && !reply.text.contains("no-such-client"));
    }
}

//! `/swathe/v1/records/{module}`: pages in the form that an import takes.

use crate::api::Api;
use serde_json::{Value as Json, json};
use testkit::catalog::{ADMIN, ADMIN_EMAIL, STANDARD};
use testkit::{Kind, each_db};

each_db! {
    pages_follow_each_other_to_the_end,
    a_request_that_could_mean_too_much_is_refused,
}

const SCOPES: &str = "ZohoCRM.modules.ALL";

fn insert(api: &Api, token: &str, count: usize) {
    let rows: Vec<Json> = (0..count)
        .map(|n| json!({"Last_Name": format!("L{n}"), "Annual_Revenue": "1.50"}))
        .collect();
    for rows in rows.chunks(100) {
        let body = json!({ "data": rows }).to_string();
        let reply = api.call_with("POST", "/crm/v8/Leads", token, body.as_bytes());
        assert_eq!(reply.status, 201, "{}", reply.text);
    }
}

mod check {
    use super::*;

    pub(super) fn pages_follow_each_other_to_the_end(kind: Kind) {
        let api = Api::start(kind);
        let token = api.token(ADMIN, SCOPES);
        insert(&api, &token, 2_100);
        let page = |query: &str| {
            let path = format!("/swathe/v1/records/Leads?{query}");
            let reply = api.call("GET", &path, &token);
            assert_eq!(reply.status, 200, "{}", reply.text);
            reply.json()
        };
        let first = page("");
        assert_eq!(first["data"].as_array().unwrap().len(), 2_000);
        assert_eq!(first["data"][0]["Last_Name"], "L0");
        assert_eq!(first["data"][0]["Annual_Revenue"].to_string(), "1.5");
        assert_eq!(first["data"][0]["Owner"], ADMIN_EMAIL);
        assert_eq!(first["data"][0]["Layout"], "Standard");
        assert_eq!(first["fields"][1], "Last_Name");
        let next = first["next_page_token"].as_str().unwrap();
        let second = page(&format!("page_token={next}"));
        assert_eq!(second["data"].as_array().unwrap().len(), 100);
        assert_eq!(second["data"][0]["Last_Name"], "L2000");
        assert_eq!(second["next_page_token"], Json::Null);
        let one = page("view=All+Leads&criteria=(Last_Name:equals:L7)");
        assert_eq!(one["data"].as_array().unwrap().len(), 1);
        let none = page("criteria=(Last_Name:equals:X)");
        assert_eq!(
            (&none["data"], &none["fields"]),
            (&json!([]), &first["fields"])
        );
    }

    pub(super) fn a_request_that_could_mean_too_much_is_refused(kind: Kind) {
        let api = Api::start(kind);
        let token = api.token(ADMIN, SCOPES);
        for query in [
            "view=",
            "criteria=",
            "page_token=",
            "page_token=x",
            "page_token=1--1",
            "veiw=x",
            "view=Nope",
            "criteria=Nope",
            "criteria=(Nope:equals:1)",
        ] {
            let reply = api.call("GET", &format!("/swathe/v1/records/Leads?{query}"), &token);
            assert_eq!(
                (reply.status, reply.json()["code"].as_str()),
                (400, Some("INVALID_DATA"))
            );
        }
        let seller = api.token(STANDARD, SCOPES);
        let reply = api.call("GET", "/swathe/v1/records/Clients", &seller);
        assert_eq!(reply.json()["code"], "NO_PERMISSION");
        let narrow = api.token(ADMIN, "ZohoCRM.modules.leads.READ");
        let reply = api.call("GET", "/swathe/v1/records/Clients", &narrow);
        assert_eq!(reply.json()["code"], "OAUTH_SCOPE_MISMATCH");
        assert_eq!(
            api.call("GET", "/swathe/v1/records/Leads", &narrow).status,
            200
        );
    }
}

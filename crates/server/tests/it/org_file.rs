//! `/swathe/v1/org`.

use crate::api::{Api, Reply};
use serde_json::{Value as Json, json};
use testkit::catalog::{ADMIN, STANDARD};
use testkit::{Kind, each_db};

each_db! {
    an_administrator_reads_and_applies_the_file,
    every_mistake_is_told_with_its_place,
    only_an_administrator_with_the_scope_may,
}

const ORG: &str = "/swathe/v1/org";
const MORE: &str = "[[module]]\napi_name = \"Leads\"\n[[module.field]]\napi_name = \"Remark\"\n\
                    type = \"text\"\nmax = 9\n";
const LESS: &str = "[[module]]\napi_name = \"Leads\"\n[[module.field]]\napi_name = \"Remark\"\n\
                    remove = true\n";

fn put(api: &Api, token: &str, body: &Json) -> Reply {
    api.call_with("PUT", ORG, token, body.to_string().as_bytes())
}

/// Lines of changes that are more than "left alone".
fn done(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.text);
    let body = reply.json();
    let changes = body["changes"].as_array().unwrap().iter();
    let lines = changes.filter(|change| change["kind"] != "left_alone");
    let remark = lines.filter(|change| change["what"].as_str().unwrap().contains("Leads.Remark"));
    remark
        .map(|change| change["kind"].as_str().unwrap().to_owned())
        .collect()
}

mod check {
    use super::*;

    pub(super) fn an_administrator_reads_and_applies_the_file(kind: Kind) {
        let api = Api::start(kind);
        let token = api.token(ADMIN, "swathe.org.ALL");
        let text = || {
            api.call("GET", ORG, &token).json()["org"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        assert!(text().contains("company = \"Small Org\""), "{}", text());
        let accept = [
            ("Authorization", &*format!("Bearer {token}")),
            ("Accept", "text/plain"),
        ];
        let plain = api.send("GET", ORG, &accept, b"");
        assert_eq!(
            plain.header("content-type"),
            Some("text/plain;charset=UTF-8")
        );
        assert_eq!(plain.text, text());

        let dry = put(&api, &token, &json!({"org": MORE, "dry_run": true}));
        assert_eq!(done(&dry), ["add"]);
        assert_eq!(dry.json()["changed"], false);
        assert!(!text().contains("Remark"));
        let first = put(&api, &token, &json!({"org": MORE}));
        assert_eq!(done(&first), ["add"]);
        assert_eq!(first.json()["changed"], true);
        assert!(text().contains("Remark"));
        let second = put(&api, &token, &json!({"org": MORE}));
        assert_eq!(done(&second), Vec::<String>::new());
        assert_eq!(second.json()["changed"], false);
        assert_eq!(second.json()["version"], first.json()["version"]);

        let refused = put(&api, &token, &json!({"org": LESS}));
        assert_eq!(refused.status, 400);
        let removed = put(&api, &token, &json!({"org": LESS, "allow_remove": true}));
        assert_eq!(done(&removed), ["remove"]);
        assert!(!text().contains("Remark"));
    }

    pub(super) fn every_mistake_is_told_with_its_place(kind: Kind) {
        let api = Api::start(kind);
        let token = api.token(ADMIN, "swathe.org.WRITE");
        let wrong = "[[module]]\napi_name = \"Leads\"\n[[module.field]]\napi_name = \"Kind\"\n\
                     type = \"odd\"\n[[module.view]]\nname = \"V\"\ncriteria = \"(No:equals:1)\"\n";
        let reply = put(&api, &token, &json!({"org": wrong}));
        assert_eq!(
            (reply.status, reply.json()["code"].as_str()),
            (400, Some("INVALID_DATA"))
        );
        let problems = reply.json()["details"]["problems"].clone();
        let places: Vec<(u64, u64)> = problems
            .as_array()
            .unwrap()
            .iter()
            .map(|at| (at["line"].as_u64().unwrap(), at["column"].as_u64().unwrap()))
            .collect();
        assert!(
            places.contains(&(5, 8)) && places.contains(&(8, 14)),
            "{problems}"
        );
        let odd = put(&api, &token, &json!({"org": MORE, "dryrun": true}));
        odd.is_error(
            400,
            "INVALID_DATA",
            "there is no such key",
            &json!({"api_name": "dryrun", "json_path": "$.dryrun"}),
        );
        let odd = put(&api, &token, &json!({"org": MORE, "dry_run": "yes"}));
        assert_eq!(odd.json()["details"]["expected_data_type"], "boolean");
    }

    pub(super) fn only_an_administrator_with_the_scope_may(kind: Kind) {
        let api = Api::start(kind);
        let seller = api.token(STANDARD, "swathe.org.ALL");
        assert_eq!(
            put(&api, &seller, &json!({"org": MORE})).json()["code"],
            "NO_PERMISSION"
        );
        assert_eq!(
            api.call("GET", ORG, &seller).json()["code"],
            "NO_PERMISSION"
        );
        let reader = api.token(ADMIN, "swathe.org.READ");
        assert_eq!(
            put(&api, &reader, &json!({"org": MORE})).json()["code"],
            "OAUTH_SCOPE_MISMATCH"
        );
    }
}

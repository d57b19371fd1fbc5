//! `/swathe/v1/clients` and `/swathe/v1/tokens`.

use crate::api::Api;
use serde_json::{Value as Json, json};
use testkit::catalog::{ADMIN, ADMIN_EMAIL, INACTIVE_EMAIL, STANDARD, STANDARD_EMAIL};
use testkit::{Kind, each_db};

each_db! {
    an_administrator_makes_lists_and_revokes_clients,
    a_token_is_made_at_once,
    nobody_else_may,
    a_body_is_checked,
}

const CLIENTS: &str = "/swathe/v1/clients";
const TOKENS: &str = "/swathe/v1/tokens";

fn post(api: &Api, path: &str, token: &str, body: &Json) -> crate::api::Reply {
    api.call_with("POST", path, token, body.to_string().as_bytes())
}

mod check {
    use super::*;

    pub(super) fn an_administrator_makes_lists_and_revokes_clients(kind: Kind) {
        let api = Api::start(kind);
        let token = api.token(ADMIN, "swathe.org.ALL");
        let reply = post(&api, CLIENTS, &token, &json!({"name": "bare"}));
        assert_eq!(reply.status, 201);
        let bare = reply.json();
        let keys: Vec<&String> = bare.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["client_id", "client_secret"]);
        for (grant, grant_type, parameter) in [
            ("code", "authorization_code", "code"),
            ("refresh_token", "refresh_token", "refresh_token"),
        ] {
            let body = json!({
                "name": grant, "user": STANDARD_EMAIL, "scope": "ZohoCRM.modules.ALL", "grant": grant,
            });
            let made = post(&api, CLIENTS, &token, &body).json();
            let text = |name: &str| made[name].as_str().unwrap();
            let reply = api.form(
                "/oauth/v2/token",
                &[
                    ("grant_type", grant_type),
                    ("client_id", text("client_id")),
                    ("client_secret", text("client_secret")),
                    (parameter, text(grant)),
                ],
            );
            assert!(reply.json()["access_token"].is_string(), "{}", reply.text);
        }
        let listed = api.call("GET", CLIENTS, &token).json();
        let names: Vec<&Json> = listed["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| &c["name"])
            .collect();
        assert_eq!(names, ["bare", "code", "refresh_token"]);
        assert_eq!(listed["data"][0]["user"], ADMIN_EMAIL);
        assert_eq!(listed["data"][1]["scope"], "ZohoCRM.modules.ALL");
        assert!(!listed.to_string().contains("secret"));
        let path = format!("{CLIENTS}/{}", bare["client_id"].as_str().unwrap());
        assert_eq!(api.call("DELETE", &path, &token).status, 204);
        assert_eq!(api.call("DELETE", &path, &token).status, 404);
        let listed = api.call("GET", CLIENTS, &token).json();
        assert!(listed["data"][0]["revoked_at"].is_string());
    }

    pub(super) fn a_token_is_made_at_once(kind: Kind) {
        let api = Api::start(kind);
        let token = api.token(ADMIN, "swathe.org.WRITE");
        let body = json!({"user": ADMIN_EMAIL.to_uppercase(), "scope": "swathe.org.READ"});
        let reply = post(&api, TOKENS, &token, &body);
        assert_eq!(reply.status, 201);
        let made = reply.json();
        assert_eq!(made["api_domain"], api.url);
        assert_eq!(made["expires_in"], 3600);
        let made = made["access_token"].as_str().unwrap();
        assert_eq!(api.call("GET", CLIENTS, made).status, 200);
        assert_eq!(
            api.call("DELETE", &format!("{CLIENTS}/x"), made).status,
            401
        );
    }

    pub(super) fn nobody_else_may(kind: Kind) {
        let api = Api::start(kind);
        let reader = api.token(ADMIN, "swathe.org.READ");
        let seller = api.token(STANDARD, "swathe.org.ALL");
        let body = json!({"name": "x", "user": ADMIN_EMAIL, "scope": "swathe.org.ALL"});
        for path in [CLIENTS, TOKENS] {
            assert_eq!(post(&api, path, &reader, &body).status, 401);
        }
        let client = json!({"name": "x"});
        let token = json!({"user": ADMIN_EMAIL, "scope": "swathe.org.ALL"});
        for reply in [
            post(&api, CLIENTS, &seller, &client),
            post(&api, TOKENS, &seller, &token),
            api.call("GET", CLIENTS, &seller),
            api.call("DELETE", &format!("{CLIENTS}/x"), &seller),
        ] {
            assert_eq!(
                (reply.status, &reply.json()["code"]),
                (403, &json!("NO_PERMISSION"))
            );
        }
    }

    pub(super) fn a_body_is_checked(kind: Kind) {
        let api = Api::start(kind);
        let token = api.token(ADMIN, "swathe.org.WRITE");
        for (path, body, code, key) in [
            (CLIENTS, json!({}), "MANDATORY_NOT_FOUND", "name"),
            (CLIENTS, json!({"name": ""}), "INVALID_DATA", "name"),
            (CLIENTS, json!({"name": 1}), "INVALID_DATA", "name"),
            (
                CLIENTS,
                json!({"name": "x".repeat(201)}),
                "INVALID_DATA",
                "name",
            ),
            (
                CLIENTS,
                json!({"name": "x", "nmae": "x"}),
                "INVALID_DATA",
                "nmae",
            ),
            (
                CLIENTS,
                json!({"name": "x", "grant": "code"}),
                "MANDATORY_NOT_FOUND",
                "scope",
            ),
            (
                CLIENTS,
                json!({"name": "x", "grant": "all"}),
                "INVALID_DATA",
                "grant",
            ),
            (
                CLIENTS,
                json!({"name": "x", "scope": "all"}),
                "INVALID_DATA",
                "scope",
            ),
            (
                CLIENTS,
                json!({"name": "x", "user": INACTIVE_EMAIL}),
                "INVALID_DATA",
                "user",
            ),
            (
                TOKENS,
                json!({"scope": "a.b.ALL"}),
                "MANDATORY_NOT_FOUND",
                "user",
            ),
            (
                TOKENS,
                json!({"user": ADMIN_EMAIL}),
                "MANDATORY_NOT_FOUND",
                "scope",
            ),
            (
                TOKENS,
                json!({"user": "nobody@example.com", "scope": "a.b.ALL"}),
                "INVALID_DATA",
                "user",
            ),
        ] {
            let reply = post(&api, path, &token, &body);
            let json = reply.json();
            assert_eq!((reply.status, &json["code"]), (400, &json!(code)), "{body}");
            assert_eq!(json["details"]["api_name"], key, "{body}");
        }
    }
}

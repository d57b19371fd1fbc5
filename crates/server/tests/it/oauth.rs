//! The token endpoints (wire API 7.1 to 7.3).

use crate::api::{Api, Reply};
use model::scope::Scopes;
use model::time::Clock;
use serde_json::{Value as Json, json};
use server::auth::{self, Registered};
use store::Priority;
use testkit::catalog::{ADMIN, ORG, STANDARD};
use testkit::{Kind, each_db};

each_db! {
    a_refresh_token_gives_access_tokens_in_every_way_of_asking,
    a_code_gives_both_tokens_once_and_lives_three_minutes,
    a_client_without_a_person_stays_within_its_scopes,
    the_wrong_client_secret_code_or_redirect_is_named,
    the_eleventh_access_token_in_ten_minutes_is_denied,
    the_sixteenth_access_token_ends_the_oldest,
    the_twenty_first_refresh_token_ends_the_first,
    revoking_a_refresh_token_ends_its_access_tokens,
    revoking_an_access_token_ends_it_alone,
    codes_are_limited_by_client,
    a_revoked_client_gets_nothing,
}

const TOKEN: &str = "/oauth/v2/token";
const SCOPES: &str = "ZohoCRM.modules.ALL ZohoCRM.settings.READ";
const WINDOW: i64 = 10 * 60 * 1000;

/// A page that only a token of [`SCOPES`] opens is not in the server's table; whether a token is
/// valid shows in how it is refused.
fn is_valid(api: &Api, token: &str) -> bool {
    let reply = api.call("GET", "/swathe/v1/clients", token);
    let code = reply.json()["code"].as_str().unwrap().to_owned();
    assert_eq!(reply.status, 401);
    code == "OAUTH_SCOPE_MISMATCH"
}

fn refresh_token(api: &Api, client: &Registered) -> String {
    let scopes = Scopes::parse(SCOPES).unwrap();
    let minted = api.db.write(Priority::Interactive, |tx| {
        auth::mint_refresh_token(tx, ADMIN, client.id, &scopes, api.clock.now())
    });
    minted.unwrap().secret
}

fn code(api: &Api, client: &Registered) -> String {
    let scopes = Scopes::parse(SCOPES).unwrap();
    let minted = api.db.write(Priority::Interactive, |tx| {
        auth::mint_code(tx, STANDARD, client.id, &scopes, api.clock.now())
    });
    minted.unwrap().secret
}

fn refresh(api: &Api, client: &Registered, token: &str) -> Reply {
    let pairs = [
        ("grant_type", "refresh_token"),
        ("client_id", &client.public_id),
        ("client_secret", &client.secret),
        ("refresh_token", token),
    ];
    api.form(TOKEN, &pairs)
}

fn take_code(api: &Api, client: &Registered, code: &str) -> Reply {
    let pairs = [
        ("grant_type", "authorization_code"),
        ("client_id", &client.public_id),
        ("client_secret", &client.secret),
        ("code", code),
    ];
    api.form(TOKEN, &pairs)
}

fn access_token(reply: &Reply) -> String {
    let json = reply.json();
    let token = json["access_token"].as_str();
    token.unwrap_or_else(|| panic!("{json}")).to_owned()
}

/// An error of the token endpoint: HTTP 200 and one word.
fn is_word(reply: &Reply, word: &str) {
    assert_eq!((reply.status, reply.json()), (200, json!({"error": word})));
}

fn is_denied(reply: &Reply) {
    let wanted = json!({
        "error_description": "You have made too many requests continuously. Please try again after some time.",
        "error": "Access Denied",
        "status": "failure",
    });
    assert_eq!((reply.status, reply.json()), (400, wanted));
}

/// The keys of an answer, and that its values are those of every answer.
fn is_granted(api: &Api, reply: &Reply, keys: &[&str], scope: &str) {
    let json = reply.json();
    let found: Vec<&str> = json
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(found, keys, "{json}");
    assert_eq!(reply.status, 200);
    assert_eq!(json["scope"], scope);
    assert_eq!(json["api_domain"], api.url);
    assert_eq!(json["token_type"], "Bearer");
    assert_eq!(json["expires_in"], 3600);
    for name in ["access_token", "refresh_token"] {
        if let Some(token) = json[name].as_str() {
            let parts: Vec<usize> = token.split('.').map(str::len).collect();
            assert_eq!(parts, [4, 32, 32]);
        }
    }
    assert_eq!(
        reply.header("content-type"),
        Some("application/json;charset=UTF-8")
    );
}

const ACCESS_KEYS: [&str; 5] = [
    "access_token",
    "scope",
    "api_domain",
    "token_type",
    "expires_in",
];

mod check {
    use super::*;

    pub(super) fn a_refresh_token_gives_access_tokens_in_every_way_of_asking(kind: Kind) {
        let api = Api::start(kind);
        let client = api.client(None, None);
        let token = refresh_token(&api, &client);
        let pairs = [
            ("grant_type", "refresh_token"),
            ("client_id", &client.public_id),
            ("client_secret", &client.secret),
            ("refresh_token", &token),
        ];
        let encoded = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        let mut parts = String::new();
        for (name, value) in pairs {
            parts.push_str("--cut\r\nContent-Disposition: form-data; name=\"");
            parts.push_str(&format!("{name}\"\r\n\r\n{value}\r\n"));
        }
        parts.push_str("--cut--\r\n");
        let object: serde_json::Map<String, Json> = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Json::from(*value)))
            .collect();
        let object = Json::Object(object).to_string();
        let with_query = format!("{TOKEN}?{encoded}");
        let (kind, multipart) = ("Content-Type", "multipart/form-data; boundary=cut");
        let urlencoded = "application/x-www-form-urlencoded";
        for (path, headers, body) in [
            (TOKEN, vec![(kind, urlencoded)], encoded.as_str()),
            (TOKEN, vec![], &encoded),
            (&with_query, vec![], ""),
            (TOKEN, vec![(kind, multipart)], &parts),
            (TOKEN, vec![(kind, "application/json")], &object),
            (TOKEN, vec![], &object),
        ] {
            let reply = api.send("POST", path, &headers, body.as_bytes());
            is_granted(&api, &reply, &ACCESS_KEYS, SCOPES);
            assert!(is_valid(&api, &access_token(&reply)));
        }
        let broken = api.send("POST", TOKEN, &[(kind, multipart)], b"--cut\r\nnothing");
        is_word(&broken, "invalid_request");
    }

    pub(super) fn a_code_gives_both_tokens_once_and_lives_three_minutes(kind: Kind) {
        let api = Api::start(kind);
        let client = api.client(None, None);
        let one = code(&api, &client);
        api.clock.advance_ms(3 * 60 * 1000 - 1);
        let reply = take_code(&api, &client, &one);
        let mut keys = ACCESS_KEYS.to_vec();
        keys.insert(1, "refresh_token");
        is_granted(&api, &reply, &keys, SCOPES);
        assert!(is_valid(&api, &access_token(&reply)));
        let token = reply.json()["refresh_token"].as_str().unwrap().to_owned();
        is_granted(&api, &refresh(&api, &client, &token), &ACCESS_KEYS, SCOPES);
        is_word(&take_code(&api, &client, &one), "invalid_code");
        let late = code(&api, &client);
        api.clock.advance_ms(3 * 60 * 1000);
        is_word(&take_code(&api, &client, &late), "invalid_code");
        // Neither kind of token is the other.
        is_word(&take_code(&api, &client, &token), "invalid_code");
        assert!(!is_valid(&api, &token));
    }

    pub(super) fn a_client_without_a_person_stays_within_its_scopes(kind: Kind) {
        let api = Api::start(kind);
        let client = api.client(Some("ZohoCRM.modules.ALL,ZohoCRM.settings.READ"), None);
        let soid = format!("ZohoCRM.{ORG}");
        let ask = |path: &str, client: &Registered, scope: &str, soid: &str| {
            let pairs = [
                ("grant_type", "client_credentials"),
                ("client_id", &client.public_id),
                ("client_secret", &client.secret),
                ("scope", scope),
                ("soid", soid),
            ];
            api.form(path, &pairs)
        };
        for path in [TOKEN, "/oauth/v2/auth"] {
            let scope = "ZohoCRM.modules.leads.READ,ZohoCRM.settings.fields.READ";
            let reply = ask(path, &client, scope, &soid);
            is_granted(&api, &reply, &ACCESS_KEYS, &scope.replace(',', " "));
            assert!(is_valid(&api, &access_token(&reply)));
        }
        for scope in ["ZohoCRM.settings.ALL", "ZohoCRM.users.READ", "", "nonsense"] {
            is_word(&ask(TOKEN, &client, scope, &soid), "invalid_scope");
        }
        for soid in ["", "ZohoCRM.1", "101"] {
            is_word(
                &ask(TOKEN, &client, "ZohoCRM.modules.ALL", soid),
                "invalid_scope",
            );
        }
        let without = api.client(None, None);
        is_word(
            &ask(TOKEN, &without, "ZohoCRM.modules.ALL", &soid),
            "invalid_scope",
        );
    }

    pub(super) fn the_wrong_client_secret_code_or_redirect_is_named(kind: Kind) {
        let api = Api::start(kind);
        let client = api.client(None, None);
        let other = api.client(None, None);
        let browser = api.client(None, Some("https://app.example.com/back"));
        let token = refresh_token(&api, &client);
        let one = code(&api, &client);
        let unknown = Registered {
            public_id: "1000.UNKNOWN".to_owned(),
            ..client.clone()
        };
        let wrong = Registered {
            secret: other.secret.clone(),
            ..client.clone()
        };
        is_word(&refresh(&api, &unknown, &token), "invalid_client");
        is_word(&refresh(&api, &wrong, &token), "invalid_client_secret");
        is_word(&refresh(&api, &other, &token), "invalid_code");
        is_word(&refresh(&api, &client, "1000.a.b"), "invalid_code");
        is_word(&refresh(&api, &client, ""), "invalid_code");
        is_word(&take_code(&api, &other, &one), "invalid_code");
        is_word(&take_code(&api, &client, &token), "invalid_code");
        is_word(
            &api.form(TOKEN, &[("grant_type", "password")]),
            "unsupported_grant_type",
        );
        is_word(&api.form(TOKEN, &[]), "invalid_request");
        is_word(
            &api.form(TOKEN, &[("grant_type", "refresh_token")]),
            "invalid_client",
        );
        // A client that was registered with a redirect URI must name it.
        let one = code(&api, &browser);
        is_word(&take_code(&api, &browser, &one), "invalid_redirect_uri");
        let back = |uri: &str| {
            let pairs = [
                ("grant_type", "authorization_code"),
                ("client_id", &browser.public_id),
                ("client_secret", &browser.secret),
                ("code", &one),
                ("redirect_uri", uri),
            ];
            api.form(TOKEN, &pairs)
        };
        is_word(&back("https://evil.example.com/"), "invalid_redirect_uri");
        access_token(&back("https://app.example.com/back"));
    }

    pub(super) fn the_eleventh_access_token_in_ten_minutes_is_denied(kind: Kind) {
        let api = Api::start(kind);
        let client = api.client(None, None);
        let (token, other) = (refresh_token(&api, &client), refresh_token(&api, &client));
        for _ in 0..10 {
            access_token(&refresh(&api, &client, &token));
            api.clock.advance_ms(1000);
        }
        is_denied(&refresh(&api, &client, &token));
        // The limit is each refresh token's own.
        access_token(&refresh(&api, &client, &other));
        api.clock.advance_ms(WINDOW - 10 * 1000 - 1);
        is_denied(&refresh(&api, &client, &token));
        api.clock.advance_ms(1);
        access_token(&refresh(&api, &client, &token));
        is_denied(&refresh(&api, &client, &token));
    }

    pub(super) fn the_sixteenth_access_token_ends_the_oldest(kind: Kind) {
        let api = Api::start(kind);
        let client = api.client(None, None);
        let token = refresh_token(&api, &client);
        let mut given = Vec::new();
        for _ in 0..15 {
            given.push(access_token(&refresh(&api, &client, &token)));
            api.clock.advance_ms(61_000);
        }
        assert!(given.iter().all(|token| is_valid(&api, token)));
        given.push(access_token(&refresh(&api, &client, &token)));
        assert!(!is_valid(&api, &given[0]));
        assert!(given[1..].iter().all(|token| is_valid(&api, token)));
    }

    pub(super) fn the_twenty_first_refresh_token_ends_the_first(kind: Kind) {
        let api = Api::start(kind);
        let client = api.client(None, None);
        let mut given = Vec::new();
        for _ in 0..20 {
            given.push(refresh_token(&api, &client));
            api.clock.advance_ms(61_000);
        }
        let child = access_token(&refresh(&api, &client, &given[0]));
        given.push(refresh_token(&api, &client));
        is_word(&refresh(&api, &client, &given[0]), "invalid_code");
        assert!(!is_valid(&api, &child));
        for token in &given[1..] {
            access_token(&refresh(&api, &client, token));
        }
    }

    pub(super) fn revoking_a_refresh_token_ends_its_access_tokens(kind: Kind) {
        let api = Api::start(kind);
        let client = api.client(None, None);
        let (token, other) = (refresh_token(&api, &client), refresh_token(&api, &client));
        let child = access_token(&refresh(&api, &client, &token));
        let stranger = access_token(&refresh(&api, &client, &other));
        let reply = api.form("/oauth/v2/token/revoke", &[("token", &token)]);
        assert_eq!(
            (reply.status, reply.json()),
            (200, json!({"status": "success"}))
        );
        assert!(!is_valid(&api, &child));
        assert!(is_valid(&api, &stranger));
        is_word(&refresh(&api, &client, &token), "invalid_code");
        for pairs in [
            vec![("token", token.as_str())],
            vec![("token", "x")],
            vec![],
        ] {
            let reply = api.form("/oauth/v2/token/revoke", &pairs);
            assert_eq!(
                (reply.status, reply.json()),
                (400, json!({"error": "invalid_token"}))
            );
        }
    }

    pub(super) fn revoking_an_access_token_ends_it_alone(kind: Kind) {
        let api = Api::start(kind);
        let client = api.client(None, None);
        let token = refresh_token(&api, &client);
        let one = access_token(&refresh(&api, &client, &token));
        let other = access_token(&refresh(&api, &client, &token));
        let path = format!("/oauth/v2/token/revoke?token={one}");
        assert_eq!(api.send("POST", &path, &[], b"").status, 200);
        assert!(!is_valid(&api, &one));
        assert!(is_valid(&api, &other));
        // A code is nothing that is revoked.
        let code = code(&api, &client);
        let reply = api.form("/oauth/v2/token/revoke", &[("token", &code)]);
        assert_eq!(reply.status, 400);
        access_token(&take_code(&api, &client, &code));
    }

    pub(super) fn codes_are_limited_by_client(kind: Kind) {
        let api = Api::start(kind);
        let client = api.client(None, None);
        let scopes = Scopes::parse(SCOPES).unwrap();
        let try_code = |client: &Registered| {
            api.db.write(Priority::Interactive, |tx| {
                auth::mint_code(tx, ADMIN, client.id, &scopes, api.clock.now())
            })
        };
        for _ in 0..10 {
            let code = try_code(&client).unwrap().secret;
            access_token(&take_code(&api, &client, &code));
        }
        assert!(try_code(&client).is_err(), "used codes count too");
        assert!(try_code(&api.client(None, None)).is_ok());
        api.clock.advance_ms(WINDOW);
        assert!(try_code(&client).is_ok());
    }

    pub(super) fn a_revoked_client_gets_nothing(kind: Kind) {
        let api = Api::start(kind);
        let client = api.client(Some(SCOPES), None);
        let token = refresh_token(&api, &client);
        let child = access_token(&refresh(&api, &client, &token));
        let revoked = api.db.write(Priority::Interactive, |tx| {
            Ok(store::clients::revoke(
                tx,
                &client.public_id,
                api.clock.now(),
            )?)
        });
        assert!(revoked.unwrap());
        assert!(!is_valid(&api, &child));
        is_word(&refresh(&api, &client, &token), "invalid_client");
    }
}

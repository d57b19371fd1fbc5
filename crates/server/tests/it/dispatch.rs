//! In which order a request is refused, and with what (wire API 7.4, 19).

use crate::api::Api;
use model::scope::Op;
use serde_json::json;
use server::auth::ScopeRule;
use server::routes::{Method, Route, wire};
use server::{Answer, Call, Endpoint, Version};
use store::Fault;
use testkit::catalog::{ADMIN, INACTIVE, STANDARD};
use testkit::{Kind, each_db};

each_db! {
    a_missing_or_odd_header_is_no_authentication,
    unknown_foreign_and_expired_tokens_are_invalid,
    a_deactivated_users_token_is_refused,
    a_revoked_clients_token_is_invalid,
    an_authorised_answer_says_when_the_token_ends,
}

#[expect(clippy::unnecessary_wraps, reason = "a handler has this shape")]
fn echo(call: &Call<'_>) -> Result<Answer, Fault> {
    Ok(Answer::ok(json!({
        "version": call.version.as_str(),
        "module": call.param("module"),
        "query": call.query.get("q"),
        "user": call.actor.user.to_string(),
        "seen_authorization": call.header("authorization").is_some(),
    })))
}

fn body(call: &Call<'_>) -> Result<Answer, Fault> {
    Ok(Answer::ok(call.json()?))
}

fn panics(_: &Call<'_>) -> Result<Answer, Fault> {
    panic!("planned")
}

fn fails(_: &Call<'_>) -> Result<Answer, Fault> {
    Err(store::Error::Driver("a secret of the database".to_owned()).into())
}

fn busy(_: &Call<'_>) -> Result<Answer, Fault> {
    Err(store::Error::Busy("a secret of the database".to_owned()).into())
}

static TABLE: &[Route] = &[
    wire(
        Method::Get,
        "/crm/{version}/{module}/actions/echo",
        Endpoint::Timelines,
        Version::V3,
        ScopeRule::Records(Op::Read),
        echo,
    ),
    wire(
        Method::Put,
        "/crm/{version}/{module}/actions/echo",
        Endpoint::Timelines,
        Version::V4,
        ScopeRule::Records(Op::Update),
        body,
    ),
    wire(
        Method::Post,
        "/crm/{version}/settings/body",
        Endpoint::Native,
        Version::V2,
        ScopeRule::AnyToken,
        body,
    ),
    wire(
        Method::Get,
        "/crm/{version}/panics",
        Endpoint::Native,
        Version::V2,
        ScopeRule::AnyToken,
        panics,
    ),
    wire(
        Method::Get,
        "/crm/{version}/fails",
        Endpoint::Native,
        Version::V2,
        ScopeRule::AnyToken,
        fails,
    ),
    wire(
        Method::Get,
        "/crm/{version}/busy",
        Endpoint::Native,
        Version::V2,
        ScopeRule::AnyToken,
        busy,
    ),
];

const ALL: &str = "ZohoCRM.modules.ALL";
const ECHO: &str = "/crm/v7/Leads/actions/echo";

mod check {
    use super::*;

    pub(super) fn a_missing_or_odd_header_is_no_authentication(kind: Kind) {
        let api = Api::start_of(kind, TABLE);
        let token = api.token(ADMIN, ALL);
        let refused = |headers: &[(&str, &str)]| {
            api.send("GET", ECHO, headers, b"").is_error(
                401,
                "AUTHENTICATION_FAILURE",
                "Authentication failed",
                &json!({}),
            );
        };
        refused(&[]);
        refused(&[("Authorization", "")]);
        refused(&[("Authorization", "Zoho-oauthtoken")]);
        refused(&[("Authorization", &token)]);
        refused(&[("Authorization", &format!("Basic {token}"))]);
        for scheme in ["Zoho-oauthtoken", "ZOHO-OAUTHTOKEN", "Bearer", "bearer"] {
            let header = format!("{scheme} {token}");
            let reply = api.send("GET", ECHO, &[("Authorization", &header)], b"");
            assert_eq!(reply.status, 200, "{scheme}");
        }
    }

    pub(super) fn unknown_foreign_and_expired_tokens_are_invalid(kind: Kind) {
        let api = Api::start_of(kind, TABLE);
        let invalid = |token: &str| {
            let reply = api.call("GET", ECHO, token);
            reply.is_error(401, "INVALID_TOKEN", "invalid oauth token", &json!({}));
        };
        invalid("1000.00000000000000000000000000000000.00000000000000000000000000000000");
        invalid("x");
        let other = Api::start_of(kind, TABLE);
        invalid(&other.token(ADMIN, ALL));
        let token = api.token(ADMIN, ALL);
        api.clock.advance_ms(3_600_000 - 1);
        assert_eq!(api.call("GET", ECHO, &token).status, 200);
        api.clock.advance_ms(1);
        invalid(&token);
    }

    pub(super) fn a_deactivated_users_token_is_refused(kind: Kind) {
        let api = Api::start_of(kind, TABLE);
        let token = api.token(INACTIVE, ALL);
        api.call("GET", ECHO, &token).is_error(
            400,
            "AUTHORIZATION_FAILED",
            "User does not have sufficient privilege to perform this operation",
            &json!({}),
        );
    }

    pub(super) fn a_revoked_clients_token_is_invalid(kind: Kind) {
        let api = Api::start_of(kind, TABLE);
        let client = api.client(None, None);
        let scopes = model::scope::Scopes::parse(ALL).unwrap();
        let now = model::time::Clock::now(api.clock.as_ref());
        let minted = api
            .db
            .write(store::Priority::Interactive, |tx| {
                server::auth::mint_access_token(tx, ADMIN, Some(client.id), &scopes, now)
            })
            .unwrap();
        assert_eq!(api.call("GET", ECHO, &minted.secret).status, 200);
        api.db
            .write(store::Priority::Interactive, |tx| {
                Ok(store::clients::revoke(tx, &client.public_id, now)?)
            })
            .unwrap();
        assert_eq!(api.call("GET", ECHO, &minted.secret).status, 401);
    }

    pub(super) fn an_authorised_answer_says_when_the_token_ends(kind: Kind) {
        let api = Api::start_of(kind, TABLE);
        // The administrator lives in Berlin, the seller where the org is.
        for (user, wanted) in [
            (ADMIN, "2024-01-01T02:00:00+01:00"),
            (STANDARD, "2024-01-01T06:30:00+05:30"),
        ] {
            let reply = api.call("GET", ECHO, &api.token(user, ALL));
            assert_eq!(reply.header("x-accesstoken-reset"), Some(wanted));
            assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
            assert!(reply.header("cache-control").unwrap().contains("no-store"));
        }
        let refused = api.call(
            "GET",
            "/crm/v7/Nothing/actions/echo",
            &api.token(ADMIN, ALL),
        );
        assert!(refused.header("x-accesstoken-reset").is_some());
    }
}

fn no_such_url(reply: &crate::api::Reply) {
    reply.is_error(
        404,
        "INVALID_URL_PATTERN",
        "Please check if the URL trying to access is a correct one",
        &json!({}),
    );
}

fn mismatch(reply: &crate::api::Reply) {
    reply.is_error(
        401,
        "OAUTH_SCOPE_MISMATCH",
        "invalid oauth scope to access this URL",
        &json!({}),
    );
}

#[test]
fn an_unknown_url_or_version_is_refused_before_the_token() {
    let api = Api::start_of(Kind::Sqlite, TABLE);
    let token = api.token(ADMIN, ALL);
    for path in [
        "/",
        "/crm",
        "/crm/v7/Leads/actions",
        "/crm/v7/Leads/actions/echo/",
        "/crm/v7/Leads/actions/echoes",
        "/crm/v1/Leads/actions/echo",
        "/crm/v9/Leads/actions/echo",
        "/crm/V7/Leads/actions/echo",
        "/crm/7/Leads/actions/echo",
        "/crm/v7/%FF/actions/echo",
        "/oauth/v2/nothing",
    ] {
        no_such_url(&api.send("GET", path, &[], b""));
        no_such_url(&api.call("DELETE", path, &token));
    }
}

#[test]
fn what_stands_beside_modules_in_the_table_is_no_module() {
    let api = Api::start(Kind::Sqlite);
    let token = api.token(ADMIN, ALL);
    for path in [
        "/crm/v8/settings",
        "/crm/v8/settings/nothing",
        "/crm/v8/users/1/nothing/2/3",
    ] {
        no_such_url(&api.call("GET", path, &token));
    }
}

#[test]
fn what_is_asked_comes_decoded_and_the_token_stays_outside() {
    let api = Api::start_of(Kind::Sqlite, TABLE);
    let token = api.token(ADMIN, ALL);
    let reply = api.call("GET", "/crm/v2.1/Leads/actions/echo", &token);
    assert_eq!(reply.status, 400);
    let reply = api.call("GET", "/crm/v7/L%65ads/actions/echo?q=a%2Cb+c", &token);
    assert_eq!(
        reply.json(),
        json!({
            "version": "v7", "module": "Leads", "query": "a,b c", "user": ADMIN.to_string(),
            "seen_authorization": false,
        })
    );
}

#[test]
fn scope_comes_before_version_module_and_method() {
    let api = Api::start_of(Kind::Sqlite, TABLE);
    let token = api.token(ADMIN, "ZohoCRM.settings.ALL ZohoCRM.modules.clients.ALL");
    for path in [
        ECHO,
        "/crm/v2/Leads/actions/echo",
        "/crm/v7/Nothing/actions/echo",
        "/crm/v7/Notes/actions/echo",
    ] {
        for method in ["GET", "PUT", "DELETE", "BREW"] {
            mismatch(&api.call(method, path, &token));
        }
    }
}

#[test]
fn a_custom_modules_scope_is_its_own_name_or_custom() {
    let api = Api::start_of(Kind::Sqlite, TABLE);
    let path = "/crm/v7/Clients/actions/echo";
    for scope in [
        "ZohoCRM.modules.Clients.READ",
        "ZohoCRM.modules.custom.ALL",
        "zohocrm.modules.clients.all",
        "ZohoCRM.modules.READ",
    ] {
        assert_eq!(api.call("GET", path, &api.token(ADMIN, scope)).status, 200);
    }
    mismatch(&api.call("GET", path, &api.token(ADMIN, "ZohoCRM.modules.leads.READ")));
    mismatch(&api.call(
        "GET",
        ECHO,
        &api.token(ADMIN, "ZohoCRM.modules.custom.READ"),
    ));
}

#[test]
fn version_comes_before_module_and_names_the_api() {
    let api = Api::start_of(Kind::Sqlite, TABLE);
    let token = api.token(ADMIN, ALL);
    for (method, path, first) in [
        ("GET", "/crm/v2/Leads/actions/echo", 3),
        ("GET", "/crm/v2.1/Nothing/actions/echo", 3),
        ("PUT", "/crm/v3/Leads/actions/echo", 4),
    ] {
        api.call(method, path, &token).is_error(
            400,
            "API_NOT_SUPPORTED",
            "Timelines is not supported in this API version",
            &json!({"supported_version": first}),
        );
    }
    assert_eq!(
        api.call("GET", "/crm/v3/Leads/actions/echo", &token).status,
        200
    );
}

#[test]
fn module_comes_before_method() {
    let api = Api::start_of(Kind::Sqlite, TABLE);
    let token = api.token(ADMIN, ALL);
    let details = json!({"resource_path_index": 0});
    for method in ["GET", "PUT", "DELETE"] {
        for module in ["Nothing", "leads", "LEADS", "lead", "%00"] {
            api.call(method, &format!("/crm/v7/{module}/actions/echo"), &token)
                .is_error(
                    400,
                    "INVALID_MODULE",
                    "the module name given seems to be invalid",
                    &details,
                );
        }
        for module in ["Services", "Appointments", "Notes", "Attachments", "Users"] {
            api.call(method, &format!("/crm/v7/{module}/actions/echo"), &token)
                .is_error(
                    400,
                    "INVALID_MODULE",
                    "The given module is not supported in API",
                    &details,
                );
            api.call(method, &format!("/crm/v8/{module}/actions/echo"), &token)
                .is_error(
                    400,
                    "NOT_SUPPORTED",
                    "the given module is not supported for this api",
                    &details,
                );
        }
    }
}

#[test]
fn a_wrong_method_is_refused_before_the_body() {
    let api = Api::start_of(Kind::Sqlite, TABLE);
    let token = api.token(ADMIN, ALL);
    for method in ["POST", "DELETE", "PATCH", "BREW"] {
        api.call_with(method, ECHO, &token, b"not JSON").is_error(
            400,
            "INVALID_REQUEST_METHOD",
            "The http request method type is not a valid one",
            &json!({}),
        );
    }
}

#[test]
fn a_body_must_be_a_json_object_and_needs_no_content_type() {
    let api = Api::start_of(Kind::Sqlite, TABLE);
    let token = api.token(ADMIN, ALL);
    let path = "/crm/v7/settings/body";
    let deep = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    for bad in [
        "", "x", "[]", "1", "null", "\"{}\"", "{", "{}{}", "{\"a\":}", "\u{0}",
    ] {
        api.call_with("POST", path, &token, bad.as_bytes())
            .is_error(
                400,
                "INVALID_DATA",
                "body",
                &json!({"expected_data_type": "jsonobject"}),
            );
    }
    api.call_with("POST", path, &token, b"{\"a\":\"\xff\"}")
        .is_error(
            400,
            "INVALID_DATA",
            "body",
            &json!({"expected_data_type": "jsonobject"}),
        );
    for levels in [64, 200, 100_000] {
        api.call_with("POST", path, &token, deep(levels).as_bytes())
            .is_error(
                400,
                "INVALID_DATA",
                "body",
                &json!({"expected_data_type": "jsonobject", "limit": 64}),
            );
    }
    assert_eq!(
        api.call_with("POST", path, &token, deep(63).as_bytes())
            .status,
        200
    );
    let reply = api.call_with(
        "POST",
        path,
        &token,
        br#" {"id":4150868000000000001.50,"a":1,"a":2}"#,
    );
    assert_eq!(reply.text, r#"{"id":4150868000000000001.50,"a":2}"#);
}

#[test]
fn a_body_that_is_too_large_is_refused_after_all_that_its_head_says() {
    let api = Api::start_of(Kind::Sqlite, TABLE);
    let token = api.token(ADMIN, ALL);
    let limit = model::limits::BODY_BYTES_MAX;
    let body = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
    let path = "/crm/v7/settings/body";
    let fits = api.call_with("POST", path, &token, body(limit).as_bytes());
    assert_eq!(fits.status, 200);
    let large = body(limit + 1);
    let reply = api.call_with("POST", path, &token, large.as_bytes());
    reply.is_error(413, "INVALID_DATA", "body", &json!({"limit": limit}));
    let reply = api.send("POST", path, &[], large.as_bytes());
    assert_eq!(reply.status, 401);
}

#[test]
fn a_handler_that_panics_or_fails_says_only_the_requests_id() {
    let api = Api::start_of(Kind::Sqlite, TABLE);
    let token = api.token(ADMIN, ALL);
    for path in ["/crm/v7/panics", "/crm/v7/fails"] {
        let reply = api.call("GET", path, &token);
        let id = reply.header("x-request-id").unwrap().to_owned();
        reply.is_error(
            500,
            "INTERNAL_ERROR",
            "Internal Server Error",
            &json!({"request_id": id}),
        );
    }
    let reply = api.call("GET", "/crm/v7/busy", &token);
    let id = reply.header("x-request-id").unwrap().to_owned();
    reply.is_error(
        503,
        "SERVICE_UNAVAILABLE",
        "the database is not available now; nothing was changed, try again",
        &json!({"request_id": id}),
    );
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(api.call("GET", ECHO, &token).status, 200);
}

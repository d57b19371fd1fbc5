//! The native API asked for plans and jobs.

use crate::api::{Api, Reply};
use serde_json::Value as Json;

/// The scopes that every mass action of the native API takes.
const SCOPES: &str = "swathe.jobs.ALL,ZohoCRM.mass_update.ALL,ZohoCRM.mass_delete.ALL,\
                      ZohoCRM.change_owner.ALL";

/// Somebody with a token for mass actions.
pub(crate) struct Asker<'a> {
    api: &'a Api,
    token: String,
}

impl<'a> Asker<'a> {
    pub(crate) fn new(api: &'a Api, who: &str) -> Self {
        Self::with(api, who, SCOPES)
    }

    pub(crate) fn with(api: &'a Api, who: &str, scopes: &str) -> Self {
        let token = api.token(api.user(who), scopes);
        Self { api, token }
    }

    /// With a token that was made some other way.
    pub(crate) fn by_token(api: &'a Api, token: String) -> Self {
        Self { api, token }
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        let path = format!("/swathe/v1/{path}");
        self.api.call("GET", &path, &self.token)
    }

    pub(crate) fn post(&self, path: &str, body: &Json) -> Reply {
        let path = format!("/swathe/v1/{path}");
        let body = body.to_string();
        self.api
            .call_with("POST", &path, &self.token, body.as_bytes())
    }

    /// The same with an idempotency key.
    pub(crate) fn post_with_key(&self, path: &str, body: &Json, key: &str) -> Reply {
        let path = format!("/swathe/v1/{path}");
        let token = format!("Zoho-oauthtoken {}", self.token);
        let headers = [("Authorization", token.as_str()), ("Idempotency-Key", key)];
        let body = body.to_string();
        self.api.send("POST", &path, &headers, body.as_bytes())
    }

    /// Makes a plan, which must be made.
    pub(crate) fn plan(&self, body: &Json) -> Json {
        let reply = self.post("plans", body);
        assert_eq!(reply.status, 201, "{}", reply.text);
        reply.json()
    }

    /// Asks for a job, which must be accepted.
    pub(crate) fn job(&self, body: &Json) -> Json {
        let reply = self.post("jobs", body);
        assert_eq!(reply.status, 202, "{}", reply.text);
        reply.json()
    }

    /// The job as it is now.
    pub(crate) fn now(&self, job: &Json) -> Json {
        let reply = self.get(&format!("jobs/{}", id(job)));
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()
    }

    /// Panics unless the request is refused so, and changes nothing.
    pub(crate) fn is_refused(&self, path: &str, body: &Json, status: u16, code: &str) -> Json {
        let reply = self.api.unchanged_by(|| self.post(path, body));
        let json = reply.json();
        assert_eq!(
            (reply.status, json["code"].as_str()),
            (status, Some(code)),
            "{body}: {}",
            reply.text
        );
        assert_eq!(json["status"], "error");
        json
    }
}

/// The id of what was answered.
pub(crate) fn id(json: &Json) -> String {
    json["id"].as_str().unwrap().to_owned()
}

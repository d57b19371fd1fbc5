//! A client of a server that may die at any moment: what it is answered is remembered, what it is not
//! answered is nobody's promise.

use anyhow::{Result, bail};
use serde_json::Value as Json;
use std::time::Duration;

/// What became of a request.
pub(crate) enum Answer {
    /// Done, with what was answered.
    Done(Json),
    /// Refused, and nothing was changed.
    Refused,
    /// The server died meanwhile.
    Nothing,
}

pub(crate) struct Client {
    agent: ureq::Agent,
    token: String,
}

impl Client {
    pub(crate) fn new(token: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        Self {
            agent: ureq::Agent::new_with_config(config),
            token: token.to_owned(),
        }
    }

    /// Asks once. An answer that the server is at fault is a failure of the torture.
    pub(crate) fn ask(&self, url: &str, method: &str, path: &str, body: &Json) -> Result<Answer> {
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{url}{path}"))
            .header("Authorization", format!("Zoho-oauthtoken {}", self.token))
            .header("Content-Type", "application/json")
            .header("Connection", "close")
            .body(text)?;
        let Ok(mut response) = self.agent.run(request) else {
            return Ok(Answer::Nothing);
        };
        let status = response.status().as_u16();
        let Ok(text) = response.body_mut().read_to_string() else {
            return Ok(Answer::Nothing);
        };
        let json: Json = serde_json::from_str(&text).unwrap_or_default();
        if (200..300).contains(&status) {
            return Ok(Answer::Done(json));
        }
        if status >= 500 && status != 503 {
            bail!("{method} {path} {body} was answered {status}: {text}");
        }
        Ok(Answer::Refused)
    }
}

/// The first text of this key anywhere in a JSON value.
pub(crate) fn find(json: &Json, key: &str) -> Option<String> {
    match json {
        Json::Object(object) => match object.get(key) {
            Some(Json::String(text)) => Some(text.clone()),
            _ => object.values().find_map(|value| find(value, key)),
        },
        Json::Array(items) => items.iter().find_map(|item| find(item, key)),
        _ => None,
    }
}

//! A server that commands ask over HTTP.

use crate::settings::{Failure, Usage};
use crate::terminal;
use anyhow::{Context, anyhow, bail};
use clap::Args;
use serde_json::Value as Json;
use std::io::{BufReader, Read};
use std::time::Duration;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(60);
/// The same where the server looks at every record before it answers.
const LONG_ANSWER: Duration = Duration::from_secs(3_600);
/// How long a body that comes piece by piece may be silent: longer than servers are.
const SILENCE: Duration = Duration::from_secs(60);

/// The server, for commands that work through one only.
#[derive(Args, Debug)]
pub(crate) struct There {
    /// The server's address
    #[arg(long, env = "SWATHE_URL", value_name = "URL", global = true)]
    url: Option<String>,
    /// An access token for it
    #[arg(
        long,
        env = "SWATHE_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true,
        global = true
    )]
    token: Option<String>,
}

impl There {
    /// The server, which is not asked yet.
    pub(crate) fn open(&self) -> Result<Remote, Failure> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let Some(url) = given(&self.url) else {
            bail!(Usage(
                "which server? Say --url URL, or set SWATHE_URL; `swathe serve` starts one, \
                 `swathe demo` one with made-up records"
                    .to_owned()
            ));
        };
        let Some(token) = given(&self.token) else {
            bail!(Usage(format!(
                "{url} wants a token. Say --token TOKEN, or set SWATHE_TOKEN; `swathe token --user \
                 EMAIL --scope LIST` makes one, with swathe.jobs.ALL and the scope of the action"
            )));
        };
        Ok(Remote::new(&url, &token))
    }
}

/// The server said no.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The status of HTTP.
    pub(crate) status: u16,
    text: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Refused {}

/// A server that is asked over HTTP.
pub(crate) struct Remote {
    agent: ureq::Agent,
    base: String,
    token: String,
}

/// What goes with a request beside its method, path and body.
#[derive(Clone, Copy, Default)]
pub(crate) struct With<'a> {
    /// Headers.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    /// Whether the answer may take long.
    pub(crate) long: bool,
}

impl Remote {
    /// A server by its address.
    pub(crate) fn new(url: &str, token: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(ANSWER))
            .build();
        Self {
            agent: ureq::Agent::new_with_config(config),
            base: url.trim_end_matches('/').to_owned(),
            token: token.to_owned(),
        }
    }

    /// Asks; a refusal is an error that says why. Nothing is `null`.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Json) -> Result<Json, Failure> {
        self.ask_with(method, path, body, With::default())
    }

    /// The same with more.
    pub(crate) fn ask_with(
        &self,
        method: &str,
        path: &str,
        body: &Json,
        with: With<'_>,
    ) -> Result<Json, Failure> {
        let (status, answer) = self.send_with(method, path, body, with)?;
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        Err(self.told(status, &answer))
    }

    /// Reads.
    pub(crate) fn get(&self, path: &str) -> Result<Json, Failure> {
        self.ask("GET", path, &Json::Null)
    }

    /// What an answer that is no success says.
    pub(crate) fn told(&self, status: u16, answer: &Json) -> Failure {
        let part = |name: &str| answer.get(name).and_then(Json::as_str);
        let text = match (part("message"), part("code")) {
            (Some(message), Some(code)) => {
                format!("{message} ({code}){}", details(answer.get("details")))
            }
            _ => format!("{} answered {status}", self.base),
        };
        anyhow!(Refused { status, text })
    }

    /// Asks; answers the status and the body, `null` where it is not JSON.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        body: &Json,
    ) -> Result<(u16, Json), Failure> {
        self.send_with(method, path, body, With::default())
    }

    fn send_with(
        &self,
        method: &str,
        path: &str,
        body: &Json,
        with: With<'_>,
    ) -> Result<(u16, Json), Failure> {
        let within = if with.long { LONG_ANSWER } else { ANSWER };
        let request = self.request(method, path, body, with.headers)?;
        let request = self.agent.configure_request(request);
        let request = request.timeout_global(Some(within)).build();
        let mut response = self.run(request)?;
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_string();
        let text = text.with_context(|| format!("{} broke off its answer", self.base))?;
        Ok((status, serde_json::from_str(&text).unwrap_or_default()))
    }

    /// Asks for a body that comes piece by piece. It fails where it is cut.
    pub(crate) fn stream(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<impl Read + use<>, Failure> {
        self.stream_within(path, headers, ANSWER)
    }

    /// The same of a body that the server writes to a file before it sends the first piece.
    pub(crate) fn stream_of_file(&self, path: &str) -> Result<impl Read + use<>, Failure> {
        self.stream_within(path, &[], LONG_ANSWER)
    }

    fn stream_within(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        within: Duration,
    ) -> Result<impl Read + use<>, Failure> {
        let request = self.request("GET", path, &Json::Null, headers)?;
        let request = self.agent.configure_request(request);
        let request = request.timeout_recv_response(Some(within));
        let mut response = self.run(request.timeout_per_read(Some(SILENCE)).build())?;
        let status = response.status().as_u16();
        if status == 200 {
            return Ok(BufReader::new(response.into_body().into_reader()));
        }
        let text = response.body_mut().read_to_string().unwrap_or_default();
        Err(self.told(status, &serde_json::from_str(&text).unwrap_or_default()))
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        body: &Json,
        headers: &[(&str, &str)],
    ) -> Result<ureq::http::Request<String>, Failure> {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Content-Type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body);
        request.with_context(|| {
            let base = &self.base;
            format!("{base} is no address of a server, or the token has what no token has")
        })
    }

    fn run(
        &self,
        request: ureq::http::Request<String>,
    ) -> Result<ureq::http::Response<ureq::Body>, Failure> {
        let answer = self.agent.run(request);
        answer.with_context(|| format!("{} does not answer", self.base))
    }
}

/// Details of a refusal, as far as a line can say them.
fn details(details: Option<&Json>) -> String {
    let told = |json: &Json| match json {
        Json::String(text) => Some(text.clone()),
        Json::Number(_) | Json::Bool(_) => Some(json.to_string()),
        Json::Array(items) => {
            let items: Option<Vec<&str>> = items.iter().map(Json::as_str).collect();
            items.map(|items| items.join(", "))
        }
        Json::Null | Json::Object(_) => None,
    };
    let all = details.and_then(Json::as_object).into_iter().flatten();
    // The place in the body says the name too.
    let by_place = details.is_some_and(|details| details.get("json_path").is_some());
    let said = all.filter(|(key, _)| !(by_place && *key == "api_name"));
    let said: Vec<String> = said
        .filter_map(|(key, json)| Some(format!("{key} {}", told(json)?)))
        .collect();
    if said.is_empty() {
        return String::new();
    }
    format!("; {}", terminal::clean(&said.join("; ")))
}

/// Text for a query string.
pub(crate) fn quoted(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

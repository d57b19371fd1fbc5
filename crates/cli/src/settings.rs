//! What commands share: where the data is, how to reach it, and how to say what happened.

use anyhow::{Context, bail};
use clap::Args;
use model::scope::Scopes;
use model::time::{Clock, Timestamp};
use serde_json::Value as Json;
use server::SystemClock;
use std::io::{ErrorKind, Write};
use std::time::Duration;
use store::{Db, Fault, Settings, Target};

/// Why a command did not do what it was asked.
pub(crate) type Failure = anyhow::Error;

/// The file of `serve` without `--database`.
pub(crate) const DEFAULT_DATABASE: &str = "sqlite:swathe.db";

/// The command was given wrongly: exit code 2.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// One clear line on standard error.
pub(crate) fn complain(error: &Failure) {
    // A reader that is gone needs no message.
    let _ = writeln!(std::io::stderr(), "swathe: {error:#}");
}

/// A line on standard output.
pub(crate) fn say(line: impl std::fmt::Display) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        // `swathe client list | head`
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// The time now.
pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

/// Scopes as the command line takes them.
pub(crate) fn scopes(text: &str) -> Result<Scopes, String> {
    Scopes::parse(text).map_err(|error| error.to_string())
}

/// Opens a database, making it if there is none.
pub(crate) fn open(target: &Target) -> Result<Db, Failure> {
    let settings = Settings {
        target: target.clone(),
        now: now(),
    };
    Ok(Db::open(&settings)?)
}

/// Where the data is that a command works on.
#[derive(Args, Debug)]
pub(crate) struct Place {
    /// The database, when no server owns it: sqlite:FILE or postgres://… [default: sqlite:swathe.db]
    #[arg(long, value_name = "URL")]
    database: Option<Target>,
    /// The server, when one owns the database
    #[arg(long, env = "SWATHE_URL", value_name = "URL")]
    url: Option<String>,
    /// An access token for the server
    #[arg(
        long,
        env = "SWATHE_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
}

/// The data, opened.
pub(crate) enum Opened {
    /// The database itself.
    Here(Db),
    /// A server.
    There(Remote),
}

impl Place {
    /// Opens it: `--database` goes before `--url`, which may come from the environment.
    pub(crate) fn open(&self) -> Result<Opened, Failure> {
        if let (None, Some(url)) = (&self.database, &self.url) {
            let Some(token) = &self.token else {
                bail!(Usage("--url needs --token, or SWATHE_TOKEN".to_owned()));
            };
            return Ok(Opened::There(Remote::new(url, token)));
        }
        let target = match &self.database {
            Some(target) => target.clone(),
            None => DEFAULT_DATABASE.parse().map_err(Usage)?,
        };
        if let Target::Sqlite(path) = &target
            && !path.exists()
        {
            bail!(
                "there is no database at {}: `swathe serve` makes one",
                path.display()
            );
        }
        open(&target).map(Opened::Here)
    }
}

/// A server that is asked over HTTP.
pub(crate) struct Remote {
    agent: ureq::Agent,
    base: String,
    token: String,
}

impl Remote {
    fn new(url: &str, token: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        Self {
            agent: ureq::Agent::new_with_config(config),
            base: url.trim_end_matches('/').to_owned(),
            token: token.to_owned(),
        }
    }

    /// Asks; a refusal is an error that says why. Nothing is `null`.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Json) -> Result<Json, Failure> {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Content-Type", "application/json")
            .body(body)
            .with_context(|| format!("{} is no address of a server", self.base))?;
        let mut response = self
            .agent
            .run(request)
            .with_context(|| format!("{} does not answer", self.base))?;
        let text = response.body_mut().read_to_string()?;
        let answer: Json = serde_json::from_str(&text).unwrap_or_default();
        if response.status().is_success() {
            return Ok(answer);
        }
        let part = |name: &str| answer.get(name).and_then(Json::as_str);
        match (part("message"), part("code")) {
            (Some(message), Some(code)) => bail!("{message} ({code})"),
            _ => bail!("{} answered {}", self.base, response.status()),
        }
    }
}

/// Says a refusal of the store with what it is about.
pub(crate) fn refused(fault: Fault) -> Failure {
    match fault {
        Fault::Refused(refusal) => {
            let about = refusal.details.get("api_name").and_then(Json::as_str);
            let about = about.map_or(String::new(), |name| format!("{name}: "));
            anyhow::anyhow!("{about}{} ({})", refusal.message, refusal.code.as_str())
        }
        Fault::Store(error) => error.into(),
    }
}

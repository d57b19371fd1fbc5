//! What commands share: where the data is, how to reach it, and how to say what happened.

use crate::remote::Remote;
use crate::terminal;
use anyhow::{Context, bail};
use clap::Args;
use model::org::Problem;
use model::scope::Scopes;
use model::time::{Clock, Timestamp};
use serde_json::Value as Json;
use server::SystemClock;
use std::io::{ErrorKind, Write};
use std::path::Path;
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
    let text = terminal::clean(&format!("{error:#}"));
    let _ = writeln!(std::io::stderr(), "swathe: {text}");
}

/// A line on standard error, for what is no result.
pub(crate) fn note(line: impl std::fmt::Display) {
    // As above.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A file that the command reads whole.
pub(crate) fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// Says each mistake of a file with its place, as editors read it; the failure sums up.
pub(crate) fn mistakes(file: &Path, problems: &[Problem]) -> Failure {
    let file = file.display();
    for problem in problems {
        note(format_args!("{file}:{problem}"));
    }
    match problems.len() {
        1 => anyhow::anyhow!("{file}: 1 mistake"),
        n => anyhow::anyhow!("{file}: {n} mistakes"),
    }
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

/// The data, not opened.
pub(crate) enum Source {
    /// The database itself.
    Here(Target),
    /// A server.
    There(Remote),
}

impl Place {
    /// Opens it: `--database` goes before `--url`, which may come from the environment.
    pub(crate) fn open(&self) -> Result<Opened, Failure> {
        self.find(false)
    }

    /// The same, making the database if there is none.
    pub(crate) fn open_or_make(&self) -> Result<Opened, Failure> {
        self.find(true)
    }

    /// Where the data is, unopened: the database itself, which is there, or a server.
    pub(crate) fn source(&self) -> Result<Source, Failure> {
        if let Some(server) = self.server()? {
            return Ok(Source::There(server));
        }
        let target = self.target()?;
        match missing(&target) {
            Some(path) => bail!("there is no database at {}", path.display()),
            None => Ok(Source::Here(target)),
        }
    }

    /// Whether there is no database yet.
    pub(crate) fn is_missing(&self) -> Result<bool, Failure> {
        Ok(!self.is_there() && missing(&self.target()?).is_some())
    }

    /// Whether a server is asked.
    fn is_there(&self) -> bool {
        self.database.is_none() && self.url.is_some()
    }

    fn target(&self) -> Result<Target, Failure> {
        Ok(match &self.database {
            Some(target) => target.clone(),
            None => DEFAULT_DATABASE.parse().map_err(Usage)?,
        })
    }

    /// The server that is asked, if one is.
    fn server(&self) -> Result<Option<Remote>, Failure> {
        let (true, Some(url)) = (self.is_there(), &self.url) else {
            return Ok(None);
        };
        let Some(token) = &self.token else {
            bail!(Usage("--url needs --token, or SWATHE_TOKEN".to_owned()));
        };
        Ok(Some(Remote::new(url, token)))
    }

    fn find(&self, make: bool) -> Result<Opened, Failure> {
        if let Some(server) = self.server()? {
            return Ok(Opened::There(server));
        }
        let target = self.target()?;
        match missing(&target) {
            Some(path) if !make => bail!(
                "there is no database at {}: `swathe serve` makes one, `swathe org apply` too",
                path.display()
            ),
            _ => open(&target).map(Opened::Here),
        }
    }
}

/// The file that a database should be in and is not.
fn missing(target: &Target) -> Option<&Path> {
    match target {
        Target::Sqlite(path) if !path.exists() => Some(path),
        _ => None,
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

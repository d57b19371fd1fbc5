//! `swathe org`: the org as a file.

use crate::Done;
use crate::remote::Remote;
use crate::settings::{self, Failure, Opened, Place, say};
use anyhow::bail;
use clap::{Args, Subcommand};
use crm::org::{self, Unfit};
use model::org::{Change, ChangeKind, Problem};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

const ORG: &str = "/swathe/v1/org";

/// The commands.
#[derive(Subcommand)]
pub(crate) enum Org {
    /// Find every mistake of an org file, without a database
    Check(Check),
    /// Say what an org file would change
    Diff(Diff),
    /// Make the org as an org file says, all of it or nothing
    Apply(Apply),
    /// Write the running org as an org file
    Export(Export),
}

/// The options of `check`.
#[derive(Args)]
pub(crate) struct Check {
    /// The org file
    file: PathBuf,
}

/// The options of `diff`.
#[derive(Args)]
pub(crate) struct Diff {
    /// The org file
    file: PathBuf,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// The options of `apply`.
#[derive(Args)]
pub(crate) struct Apply {
    /// The org file
    file: PathBuf,
    /// Also remove what the file says to remove
    #[arg(long)]
    allow_remove: bool,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// The options of `export`.
#[derive(Args)]
pub(crate) struct Export {
    #[command(flatten)]
    place: Place,
}

impl Org {
    /// Does it.
    pub(crate) fn run(&self) -> Done {
        match self {
            Self::Check(check) => check.run(),
            Self::Diff(diff) => diff.run(),
            Self::Apply(apply) => apply.run(),
            Self::Export(export) => export.run(),
        }
    }
}

/// Why a file was not applied, its mistakes said line by line.
pub(crate) fn told(file: &Path, unfit: Unfit) -> Failure {
    match unfit {
        Unfit::Problems(problems) => settings::mistakes(file, &problems),
        Unfit::Fault(fault) => settings::refused(fault),
    }
}

/// What a file changes, or would.
struct Outcome {
    changes: Vec<Change>,
    changed: bool,
}

impl Outcome {
    fn say(&self, as_json: bool) -> Done {
        if as_json {
            let changes = self.changes.iter();
            let changes: Vec<Json> = changes
                .map(|change| json!({ "kind": change.kind.as_str(), "what": change.what }))
                .collect();
            return say(json!({ "changed": self.changed, "changes": changes }));
        }
        for change in &self.changes {
            say(change)?;
        }
        Ok(())
    }
}

impl Check {
    fn run(&self) -> Done {
        let text = settings::read(&self.file)?;
        let checked = org::check(&text);
        checked.map_err(|problems| settings::mistakes(&self.file, &problems))?;
        say(format_args!("{} is right", self.file.display()))
    }
}

impl Diff {
    fn run(&self) -> Done {
        let text = settings::read(&self.file)?;
        let changes = match self.place.open()? {
            Opened::Here(db) => org::diff(&db, &text).map_err(|u| told(&self.file, u))?,
            Opened::There(server) => {
                let body = json!({ "org": text, "dry_run": true });
                put(&server, &self.file, &body)?.changes
            }
        };
        Outcome {
            changes,
            changed: false,
        }
        .say(self.json)
    }
}

impl Apply {
    fn run(&self) -> Done {
        let text = settings::read(&self.file)?;
        if self.place.is_missing()? {
            // No database is made for a file that is wrong.
            let checked = org::check(&text);
            checked.map_err(|problems| settings::mistakes(&self.file, &problems))?;
        }
        let outcome = match self.place.open_or_make()? {
            Opened::Here(db) => {
                let applied = org::apply(&db, &text, self.allow_remove, settings::now());
                let applied = applied.map_err(|unfit| told(&self.file, unfit))?;
                Outcome {
                    changes: applied.changes,
                    changed: applied.changed,
                }
            }
            Opened::There(server) => {
                let body = json!({ "org": text, "allow_remove": self.allow_remove });
                put(&server, &self.file, &body)?
            }
        };
        outcome.say(self.json)?;
        match (self.json, outcome.changed) {
            (true, _) => Ok(()),
            (_, true) => say("applied"),
            (_, false) => say("nothing to change"),
        }
    }
}

/// Applies or compares a file through a server.
fn put(server: &Remote, file: &Path, body: &Json) -> Result<Outcome, Failure> {
    let (status, answer) = server.send("PUT", ORG, body)?;
    if status != 200 {
        let problems = problems(&answer);
        if problems.is_empty() {
            return Err(server.told(status, &answer));
        }
        return Err(settings::mistakes(file, &problems));
    }
    let changes = answer.get("changes").and_then(Json::as_array);
    Ok(Outcome {
        changes: changes.into_iter().flatten().filter_map(change).collect(),
        changed: answer.get("changed") == Some(&Json::Bool(true)),
    })
}

fn change(json: &Json) -> Option<Change> {
    Some(Change {
        kind: ChangeKind::parse(json.get("kind")?.as_str()?)?,
        what: json.get("what")?.as_str()?.to_owned(),
    })
}

fn problems(answer: &Json) -> Vec<Problem> {
    let found = answer.pointer("/details/problems").and_then(Json::as_array);
    let number = |json: &Json, key: &str| usize::try_from(json.get(key)?.as_u64()?).ok();
    let problem = |json: &Json| {
        Some(Problem {
            line: number(json, "line")?,
            column: number(json, "column")?,
            message: json.get("message")?.as_str()?.to_owned(),
        })
    };
    found.into_iter().flatten().filter_map(problem).collect()
}

impl Export {
    fn run(&self) -> Done {
        let text = match self.place.open()? {
            Opened::Here(db) => org::export(&db).map_err(settings::refused)?,
            Opened::There(server) => {
                let answer = server.ask("GET", ORG, &Json::Null)?;
                match answer.get("org").and_then(Json::as_str) {
                    Some(text) => text.to_owned(),
                    None => bail!("the server's answer has no org file in it"),
                }
            }
        };
        say(text.trim_end())
    }
}

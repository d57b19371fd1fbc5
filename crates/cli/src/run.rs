//! `swathe run`: a mass action, planned, agreed to, started from its plan and followed to its end.

use crate::Done;
use crate::follow::{count, text};
use crate::jobs::{self, id};
use crate::mass_action::MassAction;
use crate::remote::{Remote, There};
use crate::settings::{Failure, Usage};
use crate::shown::{self, records};
use crate::start::{Asked, Start};
use crate::{plan, terminal};
use anyhow::bail;
use clap::{Args, ValueEnum};
use serde_json::{Map, Value as Json};

/// When records are selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SelectAt {
    /// When the plan is made
    Now,
    /// When the job starts
    Start,
}

/// What happens by itself after the job's writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Automation {
    /// As the wire API does: only for few records
    Wire,
    /// All of it
    Fire,
    /// None of it
    Suppress,
}

/// The options.
#[derive(Args)]
#[command(
    subcommand_negates_reqs = true,
    after_help = "Exit code 0 says that every record is as it was wanted; 1 that the server refused, a \
    record failed, or the answer was no; 2 wrong usage. Ctrl-C stops following: the job goes on, and \
    the exit code is 130."
)]
pub(crate) struct Run {
    #[command(subcommand)]
    action: Option<MassAction>,
    /// Id of a plan to do, instead of an action
    #[arg(long, value_name = "ID", required = true, value_parser = id)]
    plan: Option<String>,
    /// Pause when more records than this changed since the plan
    #[arg(long, value_name = "N", global = true)]
    tolerance: Option<u64>,
    /// Fail unless so many records are selected
    #[arg(long, value_name = "N", global = true)]
    expected_count: Option<u64>,
    /// Start then, as 2026-11-23T02:00:00+01:00; it is accepted now, and not followed
    #[arg(long = "run-at", value_name = "TIME", value_parser = time, global = true)]
    at: Option<String>,
    /// With --run-at: which records there are is asked now, or at the start, then without a plan
    #[arg(long, value_enum, requires = "at", global = true)]
    select_at: Option<SelectAt>,
    /// At most so many records a second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), global = true)]
    throttle: Option<u64>,
    /// What happens by itself after the writes
    #[arg(long, value_enum, global = true)]
    automation: Option<Automation>,
    /// The job pauses before the record whose events would be more than so many in all
    #[arg(long, value_name = "N", global = true)]
    automation_cap: Option<u32>,
    /// Where the server says that the job ended
    #[arg(long, value_name = "URL", global = true)]
    notify_url: Option<String>,
    #[command(flatten)]
    start: Start,
    #[command(flatten)]
    there: There,
}

impl Automation {
    fn word(self) -> &'static str {
        match self {
            Self::Wire => "wire",
            Self::Fire => "fire",
            Self::Suppress => "suppress",
        }
    }
}

impl Run {
    /// Does it.
    pub(crate) fn run(&self) -> Done {
        let server = self.there.open()?;
        self.check()?;
        let at_start = self.select_at == Some(SelectAt::Start);
        let (plan, direct) = match (&self.action, &self.plan) {
            (Some(action), None) => {
                let mut body = action.body()?;
                if let Some(count) = self.expected_count {
                    body.insert("expected_count".to_owned(), count.into());
                }
                if let Some(automation) = self.automation {
                    body.insert("automation".to_owned(), automation.word().into());
                }
                (plan::make(&server, &body)?, at_start.then_some(body))
            }
            (None, Some(id)) => (self.planned(&server, id)?, None),
            _ => bail!(Usage("say an action or --plan, not both".to_owned())),
        };
        if !self.start.json {
            shown::plan(&plan)?;
        }
        let question = if at_start {
            "This is as of now; the records are selected when the job starts. Accept it?".to_owned()
        } else {
            question(&plan)
        };
        if !self.start.agreed(&question)? {
            bail!(
                "nothing was changed; the plan is kept until {}: `swathe run --plan {}` does it",
                text(&plan, "/expires_at"),
                text(&plan, "/id")
            );
        }
        let mut body = match direct {
            Some(body) => body,
            None => Map::from_iter([("plan".to_owned(), text(&plan, "/id").into())]),
        };
        self.terms(&mut body);
        let body = Json::Object(body);
        let start = Start {
            // A job for later would be followed for hours.
            detach: self.start.detach || self.at.is_some(),
            ..self.start
        };
        let asked = Asked {
            path: jobs::JOBS,
            body: &body,
        };
        start.follow(&server, &asked, Some(&plan))
    }

    /// What clap cannot see.
    fn check(&self) -> Result<(), Failure> {
        self.start.check()?;
        let at_start = self.select_at == Some(SelectAt::Start);
        let everything = self
            .action
            .as_ref()
            .is_some_and(MassAction::means_everything);
        let wrong = if everything && self.expected_count.is_none() && self.start.yes {
            "--everything with --yes needs --expected-count: who is not asked must know how many"
        } else if at_start && self.plan.is_some() {
            "a plan has its records: --select-at start is for an action"
        } else if at_start && (self.tolerance.is_some() || self.expected_count.is_some()) {
            "--tolerance and --expected-count need a plan, and --select-at start makes none"
        } else {
            return Ok(());
        };
        bail!(Usage(wrong.to_owned()));
    }

    /// A plan that was made before. Its records are its own, so their number is compared here.
    fn planned(&self, server: &Remote, id: &str) -> Result<Json, Failure> {
        let plan = server.get(&format!("{}/{id}", plan::PLANS))?;
        let found = count(&plan, "selected");
        let expected = self.expected_count.map(i64::try_from);
        if expected.is_some_and(|expected| expected != Ok(found)) {
            bail!(
                "plan {id} has {}, not the expected {}",
                records(found),
                self.expected_count.unwrap_or_default()
            );
        }
        Ok(plan)
    }

    /// How the job is to run.
    fn terms(&self, body: &mut Map<String, Json>) {
        let word = |value: &dyn ToString| Json::from(value.to_string());
        let terms = [
            ("tolerance", self.tolerance.map(Json::from)),
            ("throttle", self.throttle.map(Json::from)),
            ("automation_cap", self.automation_cap.map(Json::from)),
            ("run_at", self.at.as_ref().map(|at| word(at))),
            ("notify_url", self.notify_url.as_ref().map(|url| word(url))),
            (
                "automation",
                self.automation.map(|automation| automation.word().into()),
            ),
            (
                "select_at",
                (self.select_at == Some(SelectAt::Start)).then(|| Json::from("start")),
            ),
        ];
        for (key, value) in terms {
            if let Some(value) = value {
                body.insert(key.to_owned(), value);
            }
        }
    }
}

/// The question before a plan is done.
pub(crate) fn question(plan: &Json) -> String {
    let verb = match text(plan, "/action") {
        "update" => "Update",
        "change_owner" => "Change the owner of",
        "delete" => "Delete",
        _ => "Put back",
    };
    let change = terminal::grouped(count(plan, "change"));
    let selected = records(count(plan, "selected"));
    let module = shown::module(plan);
    let refused = match count(plan, "refused") {
        0 => String::new(),
        refused => format!(" ({} would be refused)", terminal::grouped(refused)),
    };
    format!("{verb} {change} of {selected} of {module}{refused}?")
}

/// A time with its zone: without one it could mean another hour.
fn time(text: &str) -> Result<String, String> {
    text.parse::<jiff::Timestamp>()
        .map(|at| at.to_string())
        .map_err(|_| "write a time with its zone, as 2026-11-23T02:00:00+01:00".to_owned())
}

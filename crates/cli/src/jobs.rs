//! `swathe jobs`: what was started, how it goes, what came of it, and what people do about it.

mod outcomes;

use crate::Done;
use crate::follow::{self, Interruption, count, path, text};
use crate::remote::{Remote, There, quoted};
use crate::run::question;
use crate::settings::{Failure, note, say};
use crate::shown::{self, items, records};
use crate::start::{Asked, Start};
use crate::terminal::{self, Rows, grouped, value};
use anyhow::bail;
use clap::{Args, Subcommand};
use outcomes::Outcomes;
use serde_json::{Map, Value as Json, json};

/// Where jobs are.
pub(crate) const JOBS: &str = "/swathe/v1/jobs";

/// The options.
#[derive(Args)]
pub(crate) struct Jobs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    there: There,
}

#[derive(Subcommand)]
enum Command {
    /// List jobs, the newest first
    List(List),
    /// Show a job
    Show(Named),
    /// Follow a job to its end; exit code 1 if it failed, or a record did
    Watch(Named),
    /// List what became of each record of a job
    Outcomes(Outcomes),
    /// Let a job rest
    Pause(Named),
    /// Let a job go on
    Resume(Resume),
    /// End a job; what it changed stays
    Cancel(Named),
    /// Do once more what failed, as a job of its own
    Retry(Retry),
    /// Take back what a job changed, as a job of its own, as far as nobody changed it since
    Undo(Undo),
    /// Change how fast a job goes
    Throttle(Throttle),
}

/// An id, as far as its form tells.
pub(crate) fn id(text: &str) -> Result<String, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if digits && (1..=19).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    Err("an id is a number".to_owned())
}

/// A job by its id.
#[derive(Args)]
struct Named {
    /// Id of the job
    #[arg(value_parser = id)]
    job: String,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

/// The options of `list`.
#[derive(Args)]
struct List {
    /// Only in this state: queued, running, paused, completed, failed or cancelled
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only this action: update, change_owner, delete or undo
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Only of this module
    #[arg(long, value_name = "NAME")]
    module: Option<String>,
    /// Only those that this user started: e-mail address or id
    #[arg(long, value_name = "EMAIL|ID")]
    actor: Option<String>,
    /// So many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

/// The options of `resume`.
#[derive(Args)]
struct Resume {
    #[command(flatten)]
    named: Named,
    /// Let so many records have changed since the plan
    #[arg(long, value_name = "N")]
    tolerance: Option<u64>,
    /// Let so many events be left to automation in all
    #[arg(long, value_name = "N")]
    automation_cap: Option<u32>,
}

/// The options of `retry`.
#[derive(Args)]
struct Retry {
    /// Id of the job
    #[arg(value_parser = id)]
    job: String,
    /// At most so many records a second
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    throttle: Option<u64>,
    #[command(flatten)]
    start: Start,
}

/// The options of `undo`.
#[derive(Args)]
struct Undo {
    /// Id of the job
    #[arg(value_parser = id)]
    job: String,
    /// Say what an undo would do, and do nothing
    #[arg(long)]
    plan: bool,
    #[command(flatten)]
    start: Start,
}

/// The options of `throttle`.
#[derive(Args)]
struct Throttle {
    #[command(flatten)]
    named: Named,
    /// Records a second at most, or off
    #[arg(value_name = "N|off", value_parser = rate)]
    rate: Json,
}

/// A number, or `off`, which is null.
fn rate(text: &str) -> Result<Json, String> {
    match text.parse::<u64>() {
        Ok(rate) if rate > 0 => Ok(rate.into()),
        _ if text == "off" => Ok(Json::Null),
        _ => Err("say how many records a second, or off".to_owned()),
    }
}

impl Jobs {
    /// Does it.
    pub(crate) fn run(&self) -> Done {
        let server = self.there.open()?;
        match &self.command {
            Command::List(list) => list.run(&server),
            Command::Show(named) => named.show(&server),
            Command::Watch(named) => named.watch(&server),
            Command::Outcomes(outcomes) => outcomes.run(&server),
            Command::Pause(named) => named.act(&server, "pause", &Json::Null),
            Command::Resume(resume) => resume.run(&server),
            Command::Cancel(named) => named.act(&server, "cancel", &Json::Null),
            Command::Retry(retry) => retry.run(&server),
            Command::Undo(undo) => undo.run(&server),
            Command::Throttle(throttle) => throttle.run(&server),
        }
    }
}

impl Named {
    fn show(&self, server: &Remote) -> Done {
        self.say(&server.get(&path(&self.job))?)
    }

    fn say(&self, job: &Json) -> Done {
        if self.json {
            terminal::say_json(job)
        } else {
            shown::whole_job(job)
        }
    }

    fn watch(&self, server: &Remote) -> Done {
        let bar = terminal::bar(self.json)?;
        let interruption = Interruption::caught(&bar)?;
        interruption.is_of(&self.job);
        if !self.json {
            follow::say_begin(&self.job);
        }
        let job = follow::to_rest(server, &self.job, &bar)?;
        if self.json {
            terminal::say_json(&job)?;
        } else {
            shown::job(&job)?;
            shown::hint_undo(&job);
        }
        shown::verdict(&job)
    }

    /// Lets the server do something about the job, and says how it is then.
    fn act(&self, server: &Remote, action: &str, body: &Json) -> Done {
        let asked = Asked {
            path: &format!("{}/actions/{action}", path(&self.job)),
            body,
        };
        let job = asked.send(server)?;
        if self.json {
            terminal::say_json(&job)
        } else {
            shown::job(&job)
        }
    }
}

impl List {
    fn run(&self, server: &Remote) -> Done {
        let mut query = String::new();
        for (key, value) in [
            ("state", &self.state),
            ("action", &self.action),
            ("module", &self.module),
            ("actor", &self.actor),
        ] {
            if let Some(value) = value {
                query.push_str(&format!("&{key}={}", quoted(value)));
            }
        }
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let pages = Pages {
            server,
            path: format!("{JOBS}?{}", query.trim_start_matches('&')),
        };
        let (jobs, more) = pages.upto(limit)?;
        if self.json {
            return terminal::say_json(&json!({ "data": jobs, "more": more }));
        }
        let mut rows = Rows::of(&[
            "job",
            "action",
            "module",
            "state",
            "#total",
            "#changed",
            "#failed",
            "#pending",
            "started by…",
            "accepted",
        ]);
        for job in &jobs {
            let of = |pointer: &str| value(job.pointer(pointer).unwrap_or(&Json::Null));
            rows.row([
                of("/id"),
                of("/action"),
                of("/module"),
                of("/state"),
                grouped(count(job, "total")),
                grouped(count(job, "changed")),
                grouped(count(job, "failed")),
                grouped(count(job, "pending")),
                of("/actor"),
                of("/created_at"),
            ]);
        }
        if rows.is_empty() {
            note("there is no such job");
            return Ok(());
        }
        rows.say()?;
        if more {
            note(format_args!("\nthere are more: --limit {}", limit * 2));
        }
        Ok(())
    }
}

/// A list that the server answers in pages.
struct Pages<'a> {
    server: &'a Remote,
    path: String,
}

impl Pages<'_> {
    /// So many items at most, and whether there are more.
    fn upto(&self, limit: usize) -> Result<(Vec<Json>, bool), Failure> {
        let mut all = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let more = match &next {
                Some(token) if self.path.ends_with('?') => format!("page_token={}", quoted(token)),
                Some(token) => format!("&page_token={}", quoted(token)),
                None => String::new(),
            };
            let answer = self.server.get(&format!("{}{more}", self.path))?;
            all.extend_from_slice(items(&answer, "data"));
            let token = answer.get("next_page_token").and_then(Json::as_str);
            next = token.map(str::to_owned);
            if next.is_none() || all.len() >= limit {
                let more = next.is_some() || all.len() > limit;
                all.truncate(limit);
                return Ok((all, more));
            }
        }
    }
}

impl Resume {
    fn run(&self, server: &Remote) -> Done {
        let asked = [
            ("tolerance", self.tolerance.map(Json::from)),
            ("automation_cap", self.automation_cap.map(Json::from)),
        ];
        let asked = asked.into_iter();
        let asked = asked.filter_map(|(key, value)| Some((key.to_owned(), value?)));
        let body = match asked.collect::<Map<String, Json>>() {
            none if none.is_empty() => Json::Null,
            some => Json::Object(some),
        };
        self.named.act(server, "resume", &body)
    }
}

impl Throttle {
    fn run(&self, server: &Remote) -> Done {
        let body = json!({ "throttle": self.rate });
        let job = server.ask("PATCH", &path(&self.named.job), &body)?;
        if self.named.json {
            return terminal::say_json(&job);
        }
        let id = text(&job, "/id");
        match job.get("throttle").and_then(Json::as_i64) {
            Some(rate) => say(format_args!("job {id}: {} a second at most", records(rate))),
            None => say(format_args!("job {id}: as fast as it can")),
        }
    }
}

impl Retry {
    fn run(&self, server: &Remote) -> Done {
        self.start.check()?;
        let old = server.get(&path(&self.job))?;
        if !self.start.json {
            shown::job(&old)?;
        }
        let again: i64 = ["failed", "cancelled", "not_run"]
            .iter()
            .map(|name| count(&old, name))
            .sum();
        let question = format!("Do it once more with {}?", records(again));
        if !self.start.agreed(&question)? {
            bail!("nothing was started");
        }
        let asked = Asked {
            path: &format!("{}/actions/retry", path(&self.job)),
            body: &match self.throttle {
                Some(rate) => json!({ "throttle": rate }),
                None => Json::Null,
            },
        };
        self.start.follow(server, &asked, None)
    }
}

impl Undo {
    fn run(&self, server: &Remote) -> Done {
        if !self.plan {
            self.start.check()?;
        }
        let undo = format!("{}/actions/undo", path(&self.job));
        let planned = Asked {
            path: &undo,
            body: &json!({ "plan": true }),
        };
        let plan = planned.send(server)?;
        if self.plan && self.start.json {
            return terminal::say_json(&plan);
        }
        if !self.start.json {
            shown::plan(&plan)?;
        }
        let id = text(&plan, "/id");
        if self.plan {
            note(format_args!(
                "\nnothing was changed; `swathe run --plan {id}` does what the plan says"
            ));
            return Ok(());
        }
        if !self.start.agreed(&question(&plan))? {
            bail!("nothing was changed; `swathe run --plan {id}` does what the plan says");
        }
        let asked = Asked {
            path: JOBS,
            body: &json!({ "plan": id }),
        };
        self.start.follow(server, &asked, Some(&plan))
    }
}

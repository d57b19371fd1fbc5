//! Starting a job, once, and following it: what `run`, `retry` and `undo` have in common.

use crate::Done;
use crate::follow::{self, Interruption, count, text};
use crate::remote::{Remote, With};
use crate::settings::{Failure, Usage, now, say};
use crate::shown::{self, records};
use crate::terminal;
use anyhow::bail;
use clap::Args;
use serde_json::{Value as Json, json};

/// How often a request that starts something is sent before it is given up. Its key sees to it that it
/// is done once.
const TRIES: u32 = 3;

/// How a job is started and followed.
#[derive(Args)]
pub(crate) struct Start {
    /// Start without asking
    #[arg(long, global = true)]
    pub(crate) yes: bool,
    /// Start the job and do not follow it
    #[arg(long, global = true)]
    pub(crate) detach: bool,
    /// Answer in JSON: the job at its end, and the plan, if one was made
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Start {
    /// Refuses to go on when nobody can be asked: before anything is planned.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.yes || terminal::asks() {
            return Ok(());
        }
        bail!(Usage(
            "there is no terminal to ask at: say --yes to start without being asked".to_owned()
        ));
    }

    /// Asks, unless that was answered before.
    pub(crate) fn agreed(&self, question: &str) -> Result<bool, Failure> {
        Ok(self.yes || terminal::agreed(question)?)
    }

    /// Starts a job by a request and follows it to where it rests; says it, and with it the plan that
    /// was said before.
    pub(crate) fn follow(&self, server: &Remote, asked: &Asked<'_>, plan: Option<&Json>) -> Done {
        let bar = terminal::bar(self.json)?;
        let interruption = Interruption::caught(&bar)?;
        let accepted = asked.send(server)?;
        let job = text(&accepted, "/id").to_owned();
        interruption.is_of(&job);
        if self.detach {
            if self.json {
                return terminal::say_json(&document(plan, &accepted));
            }
            let total = records(count(&accepted, "total"));
            say(format_args!("job {job} is accepted: {total}"))?;
            follow::ways(&job);
            return Ok(());
        }
        if !self.json {
            follow::say_begin(&job);
        }
        let rested = follow::to_rest(server, &job, &bar)?;
        self.tell(&rested, plan)
    }

    /// Says a job that rests, and whether it is as it was wanted.
    pub(crate) fn tell(&self, job: &Json, plan: Option<&Json>) -> Done {
        if self.json {
            terminal::say_json(&document(plan, job))?;
        } else {
            shown::job(job)?;
            shown::hint_undo(job);
        }
        shown::verdict(job)
    }
}

/// The one document of JSON: the job, with its plan where there is one.
fn document(plan: Option<&Json>, job: &Json) -> Json {
    match plan {
        Some(plan) => json!({ "plan": plan, "job": job }),
        None => job.clone(),
    }
}

/// A request that starts something.
pub(crate) struct Asked<'a> {
    /// Its path.
    pub(crate) path: &'a str,
    /// Its body.
    pub(crate) body: &'a Json,
}

impl Asked<'_> {
    /// Sends it, again under the same key where no answer came.
    pub(crate) fn send(&self, server: &Remote) -> Result<Json, Failure> {
        let key = format!("swathe-{}-{}", std::process::id(), now().0);
        let headers = [("Idempotency-Key", key.as_str())];
        let with = With {
            headers: &headers,
            long: true,
        };
        let mut tries = 1;
        loop {
            match server.ask_with("POST", self.path, self.body, with) {
                Err(error) if tries < TRIES && follow::is_away(&error) => {
                    tries += 1;
                    follow::pause();
                }
                done => return done,
            }
        }
    }
}

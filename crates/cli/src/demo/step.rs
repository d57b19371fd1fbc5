//! The demo's steps, each with what was wanted of it and what came of it: a plan, a job made from it,
//! or the undo of a job.

use super::client::Client;
use crate::follow::{self, count, text};
use anyhow::{Context, Result};
use indicatif::ProgressBar;
use serde_json::{Value as Json, json};
use std::time::{Duration, Instant};

/// Records: all, those that change, and those that are refused.
pub(super) type Counts = (i64, i64, i64);

/// One step.
pub(super) struct Step {
    /// What people call it.
    pub(super) name: String,
    /// What came of it.
    pub(super) counts: Counts,
    /// What should.
    pub(super) wanted: Counts,
    /// From the request to its end, as the client saw it.
    pub(super) took: Duration,
}

impl Step {
    /// Whether every count is as it was arranged.
    pub(super) fn as_planned(&self) -> bool {
        self.counts == self.wanted
    }

    /// Records a second.
    pub(super) fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let records = self.counts.0 as f64;
        records / self.took.as_secs_f64().max(0.001)
    }

    /// The same for machines.
    pub(super) fn json(&self) -> Json {
        let (records, changed, failed) = self.counts;
        json!({
            "step": self.name,
            "records": records,
            "changed": changed,
            "failed": failed,
            "seconds": super::rounded(self.took.as_secs_f64(), 1000.0),
            "records_per_second": super::rounded(self.rate(), 1.0),
            "as_planned": self.as_planned(),
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the demo measures what a client would"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// The steps so far, and who takes them.
pub(super) struct Road<'a> {
    /// The administrator.
    pub(super) admin: &'a Client,
    /// What was done.
    pub(super) steps: Vec<Step>,
    /// Where people see how it goes.
    pub(super) bar: ProgressBar,
    /// Says a line.
    pub(super) say: &'a dyn Fn(&str),
}

impl Road<'_> {
    /// Notes a step.
    pub(super) fn note(&mut self, name: &str, counts: Counts, wanted: Counts, took: Duration) {
        let step = Step {
            name: name.to_owned(),
            counts,
            wanted,
            took,
        };
        let (records, changed, failed) = counts;
        let (seconds, rate) = (took.as_secs_f64(), step.rate());
        (self.say)(&format!(
            "{name}: {records} records, {changed} changed, {failed} refused, in {seconds:.2} s, \
             {rate:.0} a second{}",
            if step.as_planned() {
                ""
            } else {
                ": NOT AS PLANNED"
            }
        ));
        self.steps.push(step);
    }

    /// Makes a plan: what it foresees is what is wanted.
    pub(super) fn plan(&mut self, name: &str, body: &Json, wanted: Counts) -> Result<Json> {
        let start = now();
        let body = body.as_object().context("a mass action")?;
        let plan = crate::plan::make(self.admin.server(), body)?;
        let took = now().duration_since(start);
        let foreseen = (
            count(&plan, "selected"),
            count(&plan, "change"),
            count(&plan, "refused"),
        );
        self.note(&format!("{name}, planned"), foreseen, wanted, took);
        Ok(plan)
    }

    /// Does what a plan says, and answers the job at its end.
    pub(super) fn run(&mut self, name: &str, plan: &Json, wanted: Counts) -> Result<Json> {
        let body = json!({ "plan": text(plan, "/id") });
        self.job(name, "/swathe/v1/jobs", &body, wanted)
    }

    /// Takes back what a job changed.
    pub(super) fn undo(&mut self, name: &str, job: &Json, wanted: Counts) -> Result<Json> {
        let path = format!("{}/actions/undo", follow::path(text(job, "/id")));
        self.job(name, &path, &Json::Null, wanted)
    }

    fn job(&mut self, name: &str, path: &str, body: &Json, wanted: Counts) -> Result<Json> {
        let start = now();
        let job = self.admin.server().ask("POST", path, body)?;
        let job = follow::to_rest(self.admin.server(), text(&job, "/id"), &self.bar)?;
        let took = now().duration_since(start);
        let counts = (
            count(&job, "total"),
            count(&job, "changed"),
            count(&job, "failed"),
        );
        self.note(name, counts, wanted, took);
        Ok(job)
    }
}

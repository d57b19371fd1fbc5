//! What the demo does as a client, and how it tells about it.

use super::client::Client;
use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value as Json, json};
use std::time::{Duration, Instant};

/// The value that the demo writes.
const SOURCE: &str = "Trade Show";
/// Leads that another user locks, so that the result shows real failures.
const LOCKED: usize = 36;
/// Pages of the view among which those are spread.
const PAGES: usize = 10;
/// Leads shown before and after.
const SAMPLE: usize = 4;
/// How often the status is read.
const POLL: Duration = Duration::from_millis(10);

/// What the mass update came to, as a client saw it.
pub(super) struct Outcome {
    /// Records in the view.
    pub(super) records: i64,
    /// Updated.
    pub(super) updated: i64,
    /// Failed.
    pub(super) failed: i64,
    /// How many failures were arranged.
    pub(super) locked: i64,
    /// From POST to COMPLETED.
    pub(super) took: Duration,
    /// The terminal status.
    pub(super) status: String,
    /// Some leads before and after.
    pub(super) sample: Vec<(Json, Json)>,
}

impl Outcome {
    /// Whether every count is as it was arranged.
    pub(super) fn as_planned(&self, records: usize) -> bool {
        usize::try_from(self.records) == Ok(records)
            && self.failed == self.locked
            && self.updated == self.records - self.locked
            && (self.status == "COMPLETED" || self.locked == self.records)
            && self
                .sample
                .iter()
                .all(|(_, after)| after["Lead_Source"] == SOURCE)
    }

    /// Records a second.
    pub(super) fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let records = self.records as f64;
        records / self.took.as_secs_f64().max(0.001)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the demo measures what a client would"
)]
fn now() -> Instant {
    Instant::now()
}

/// Locks some leads as one user, mass updates the view as another, and watches until the end.
pub(super) fn mass_update(admin: &Client, other: &Client, say: &dyn Fn(&str)) -> Result<Outcome> {
    let cvid = admin.view("Open Leads")?;
    let page = admin.leads(&cvid, PAGES)?;
    let step = (page.len() / LOCKED).max(1);
    let ids = |lead: &Json| lead["id"].as_str().unwrap_or_default().to_owned();
    let locked: Vec<String> = page.iter().step_by(step).take(LOCKED).map(ids).collect();
    for id in &locked {
        other.lock(id, "Under review by another user")?;
    }
    let free = page.iter().filter(|lead| !locked.contains(&ids(lead)));
    let before: Vec<Json> = free
        .step_by((step / 2).max(1))
        .take(SAMPLE)
        .cloned()
        .collect();
    say(&format!(
        "{} leads of the view are locked by another user",
        locked.len()
    ));
    say(&format!(
        "mass update of view \"Open Leads\" ({cvid}): Lead_Source = {SOURCE}"
    ));

    let start = now();
    let body = json!({ "data": [{ "Lead_Source": SOURCE }], "cvid": cvid });
    let answer = admin.post("Leads/actions/mass_update", &body)?;
    let job = answer["data"][0]["details"]["job_id"].as_str();
    let job = job.with_context(|| format!("no job: {answer}"))?;
    let last = watch(admin, "mass_update", job)?;
    let took = now().duration_since(start);

    let count = |key: &str| last[key].as_i64().unwrap_or(-1);
    let mut sample = Vec::new();
    for lead in before {
        let after = admin.lead(&ids(&lead))?;
        sample.push((lead, after));
    }
    Ok(Outcome {
        records: count("Total_Count"),
        updated: count("Updated_Count"),
        failed: count("Failed_Count"),
        locked: i64::try_from(locked.len()).unwrap_or(-1),
        took,
        status: last["Status"].as_str().unwrap_or_default().to_owned(),
        sample,
    })
}

/// Polls the status of an action's job until it ends. Answers the last status.
pub(super) fn watch(client: &Client, action: &str, job: &str) -> Result<Json> {
    let bar = ProgressBar::no_length();
    let style = "{bar:40} {pos}/{len} {per_sec} {eta}";
    bar.set_style(ProgressStyle::with_template(style).context("the bar's template")?);
    loop {
        let answer = client.get(&format!("Leads/actions/{action}?job_id={job}"))?;
        let status = answer["data"][0].clone();
        let count = |key: &str| status[key].as_u64().unwrap_or(0);
        bar.set_length(count("Total_Count"));
        bar.set_position(count("Total_Count") - count("Not_Updated_Count"));
        match status["Status"].as_str() {
            Some("COMPLETED" | "FAILED") => {
                bar.finish_and_clear();
                return Ok(status);
            }
            Some("SCHEDULED" | "RUNNING") => pause(),
            _ => bail!("an unknown status: {answer}"),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the wire API has no events: a client must poll"
)]
pub(super) fn pause() {
    // sleeps because a client of the wire API can only poll
    std::thread::sleep(POLL);
}

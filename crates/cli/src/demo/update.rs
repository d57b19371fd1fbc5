//! The demo's main job: the leads of a view get a new source. First through the wire API, as any
//! integration does it; then planned, run from the plan, and looked into; both are taken back.

use super::client::Client;
use super::step::{Road, now};
use crate::follow::{count, text};
use anyhow::{Context, Result, bail};
use serde_json::{Value as Json, json};
use std::time::Duration;

/// The view.
const VIEW: &str = "Open Leads";
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

/// What can be shown of it beside its steps.
pub(super) struct Update {
    /// Locked leads.
    pub(super) locked: i64,
    /// The terminal status on the wire.
    pub(super) status: String,
    /// Failures of the job by code, with the sentence.
    pub(super) failures: Vec<(String, String, i64)>,
    /// Names of some leads, and their source before, after the job, and after its undo.
    pub(super) sample: Vec<(String, [Json; 3])>,
    /// Records of the view at the end, as a plan counts them.
    pub(super) left: i64,
    /// The most memory that the server held during the job.
    pub(super) peak_rss_mib: Option<u64>,
}

impl Update {
    /// Whether everything beside the counts of the steps is as it was arranged.
    pub(super) fn as_planned(&self, records: i64) -> bool {
        let by_code: i64 = self.failures.iter().map(|(_, _, count)| count).sum();
        let locked_only = self
            .failures
            .iter()
            .all(|(code, ..)| code == "RECORD_LOCKED");
        let there_and_back = |[before, after, undone]: &[Json; 3]| {
            before == undone && before != after && *after == SOURCE
        };
        locked_only
            && by_code == self.locked
            && self.left == records
            && (self.status == "COMPLETED" || self.locked == records)
            && self.sample.iter().all(|(_, states)| there_and_back(states))
    }
}

/// Locks some leads as one user and updates the view as another, twice, each time there and back.
pub(super) fn mass_update(road: &mut Road<'_>, other: &Client, records: i64) -> Result<Update> {
    let admin = road.admin;
    let cvid = admin.view(VIEW)?;
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
    let locked = i64::try_from(locked.len())?;
    (road.say)(&format!(
        "{locked} leads of the view \"{VIEW}\" are locked by another user"
    ));
    let changes = records - locked;

    let start = now();
    let body = json!({ "data": [{ "Lead_Source": SOURCE }], "cvid": cvid });
    let answer = admin.post("Leads/actions/mass_update", &body)?;
    let job = answer["data"][0]["details"]["job_id"].clone();
    let last = watch(admin, job.as_str().context("no job")?)?;
    let took = now().duration_since(start);
    let peak_rss_mib = super::peak_rss_mib();
    let counted = |key: &str| last[key].as_i64().unwrap_or(-1);
    let counts = (
        counted("Total_Count"),
        counted("Updated_Count"),
        counted("Failed_Count"),
    );
    let wanted = (records, changes, locked);
    road.note("mass update through the wire API", counts, wanted, took);
    let all = (changes, changes, 0);
    road.undo("undo of that", &json!({ "id": job }), all)?;

    let update = json!({
        "action": "update", "module": "Leads",
        "selection": { "view": VIEW },
        "change": { "fields": { "Lead_Source": SOURCE } },
    });
    let plan = road.plan("mass update", &update, wanted)?;
    let job = road.run("mass update from the plan", &plan, wanted)?;
    let failures = admin.failures(text(&job, "/id"))?;
    let source = |lead: &Json| admin.source_of(&ids(lead));
    let after: Vec<Json> = before.iter().map(source).collect::<Result<_>>()?;
    road.undo("undo of that job", &job, all)?;
    let mut sample = Vec::new();
    for (lead, after) in before.iter().zip(after) {
        let name = lead["Full_Name"].as_str().unwrap_or_default().to_owned();
        sample.push((name, [lead["Lead_Source"].clone(), after, source(lead)?]));
    }
    let plan = road.plan("the same mass update once more", &update, wanted)?;
    Ok(Update {
        locked,
        status: last["Status"].as_str().unwrap_or_default().to_owned(),
        failures,
        sample,
        left: count(&plan, "selected"),
        peak_rss_mib,
    })
}

/// Polls the status until the job ends. Answers the last status.
fn watch(admin: &Client, job: &str) -> Result<Json> {
    loop {
        let answer = admin.get(&format!("Leads/actions/mass_update?job_id={job}"))?;
        match answer["data"][0]["Status"].as_str() {
            Some("COMPLETED" | "FAILED") => return Ok(answer["data"][0].clone()),
            Some("SCHEDULED" | "RUNNING") => pause(),
            _ => bail!("an unknown status: {answer}"),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the wire API has no events: a client must poll"
)]
fn pause() {
    // sleeps because a client of the wire API can only poll
    std::thread::sleep(POLL);
}

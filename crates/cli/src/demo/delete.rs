//! The demo's mass delete: leads outside the view that was updated go into the recycle bin and come
//! back, so that the view holds what it held.

use super::client::Client;
use super::show::pause;
use anyhow::{Context, Result, bail};
use serde_json::{Value as Json, json};
use std::time::{Duration, Instant};

/// The view whose leads are deleted: none of them is an open lead.
const VIEW: &str = "Junk Leads";

/// What the mass delete came to, as a client saw it.
pub(super) struct Deletion {
    /// Records of the view.
    pub(super) records: i64,
    /// Deleted.
    pub(super) deleted: i64,
    /// In the recycle bin afterwards.
    pub(super) in_bin: i64,
    /// In the recycle bin after restoring.
    pub(super) left: i64,
    /// From POST to COMPLETED.
    pub(super) took: Duration,
    /// The restoring request.
    pub(super) restoring: Duration,
}

impl Deletion {
    /// Whether every record went into the bin and came back.
    pub(super) fn as_planned(&self) -> bool {
        self.deleted == self.records && self.in_bin == self.records && self.left == 0
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the demo measures what a client would"
)]
fn now() -> Instant {
    Instant::now()
}

/// Deletes the leads of a view and restores them. `None` when the view is empty, as it may be when
/// the demo has few leads.
pub(super) fn mass_delete(admin: &Client, say: &dyn Fn(&str)) -> Result<Option<Deletion>> {
    let cvid = admin.view(VIEW)?;
    if admin.leads(&cvid, 1)?.is_empty() {
        return Ok(None);
    }
    say(&format!(
        "mass delete of view \"{VIEW}\" ({cvid}), then all of it restored"
    ));
    let start = now();
    let answer = admin.post("Leads/actions/mass_delete", &json!({ "cvid": cvid }))?;
    let job = answer["data"][0]["details"]["job_id"].as_str();
    let job = job.with_context(|| format!("no job: {answer}"))?;
    let status = watch(admin, job)?;
    let took = now().duration_since(start);
    let in_bin = count(admin)?;
    let start = now();
    let module = json!({
        "field": { "api_name": "module" }, "comparator": "equal", "value": "Leads",
    });
    let path = "settings/recycle_bin/actions/restore";
    admin.post(path, &json!({ "filters": module }))?;
    let restoring = now().duration_since(start);
    let counted = |key: &str| status[key].as_i64().unwrap_or(-1);
    Ok(Some(Deletion {
        records: counted("Total_Count"),
        deleted: counted("Deleted_Count"),
        in_bin,
        left: count(admin)?,
        took,
        restoring,
    }))
}

/// How many records are in the recycle bin.
fn count(admin: &Client) -> Result<i64> {
    let answer = admin.get("settings/recycle_bin/actions/count")?;
    let count = answer["count"].as_i64();
    count.with_context(|| format!("no count: {answer}"))
}

/// Polls the status until the job ends. Answers the last status.
fn watch(admin: &Client, job: &str) -> Result<Json> {
    loop {
        let answer = admin.get(&format!("Leads/actions/mass_delete?job_id={job}"))?;
        let status = answer["data"][0].clone();
        match status["Status"].as_str() {
            Some("COMPLETED" | "FAILED") => return Ok(status),
            Some("SCHEDULED" | "RUNNING") => pause(),
            _ => bail!("an unknown status: {answer}"),
        }
    }
}

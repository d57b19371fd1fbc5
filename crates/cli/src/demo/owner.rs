//! The demo's change of owner, as a client sees it: leads of its own, outside the view, are given away
//! by a job, one of them is given back by its id, and all go into the recycle bin.

use super::client::Client;
use super::show::watch;
use anyhow::{Context, Result};
use serde_json::{Value as Json, json};

/// Leads that change hands.
const LEADS: usize = 12;
/// What tells them from all others.
const COMPANY: &str = "Handover of the demo";

/// What it came to.
pub(super) struct Handover {
    /// Leads of the job.
    pub(super) records: i64,
    /// Given away.
    pub(super) updated: i64,
    /// Failed.
    pub(super) failed: i64,
    /// The terminal status.
    pub(super) status: String,
    /// Names of the owners of the one that was given back: before, by the job, by its id.
    pub(super) owners: [String; 3],
}

impl Handover {
    /// Whether every count is as it was arranged.
    pub(super) fn as_planned(&self) -> bool {
        let [before, between, after] = &self.owners;
        usize::try_from(self.updated) == Ok(LEADS)
            && (self.records, self.failed) == (self.updated, 0)
            && self.status == "COMPLETED"
            && before == after
            && before != between
    }
}

/// Gives leads of the administrator's to the other user by a job, and one back by its id.
pub(super) fn change_owner(admin: &Client, other: &str, say: &dyn Fn(&str)) -> Result<Handover> {
    let leads = (0..LEADS).map(|n| {
        let last = format!("Handover {}", n + 1);
        json!({ "Last_Name": last, "Company": COMPANY, "Lead_Status": "Junk Lead" })
    });
    let made = admin.post("Leads", &json!({ "data": leads.collect::<Vec<Json>>() }))?;
    let items = made["data"].as_array().cloned().unwrap_or_default();
    let ids = items
        .iter()
        .filter_map(|item| item["details"]["id"].as_str());
    let ids: Vec<&str> = ids.collect();
    let first = *ids.first().context("no leads to give away")?;
    let before = admin.owner_of(first)?;
    let (own, new) = (
        user(admin, "CurrentUser", "")?,
        user(admin, "AllUsers", other)?,
    );

    say(&format!(
        "change of owner of {} other leads to {other}",
        ids.len()
    ));
    let field = json!({ "api_name": "Company" });
    let body = json!({
        "cvid": admin.view("All Leads")?,
        "owner": { "id": new },
        "criteria": { "field": field, "comparator": "equal", "value": COMPANY },
    });
    let answer = admin.post("Leads/actions/mass_change_owner", &body)?;
    let job = answer["data"][0]["details"]["job_id"].as_str();
    let job = job.with_context(|| format!("no job: {answer}"))?;
    let last = watch(admin, "mass_change_owner", job)?;
    let between = admin.owner_of(first)?;
    let back = json!({ "owner": { "id": own }, "notify": true });
    admin.post(&format!("Leads/{first}/actions/change_owner"), &back)?;
    let after = admin.owner_of(first)?;
    admin.delete(&format!("Leads?ids={}", ids.join(",")))?;

    let count = |key: &str| last[key].as_i64().unwrap_or(-1);
    Ok(Handover {
        records: count("Total_Count"),
        updated: count("Updated_Count"),
        failed: count("Failed_Count"),
        status: last["Status"].as_str().unwrap_or_default().to_owned(),
        owners: [before, between, after],
    })
}

/// The id of the first user of a kind whose e-mail address ends so.
fn user(admin: &Client, kind: &str, email: &str) -> Result<String> {
    let answer = admin.get(&format!("users?type={kind}"))?;
    let users = answer["users"].as_array().cloned().unwrap_or_default();
    let ends = |user: &Json| {
        user["email"]
            .as_str()
            .is_some_and(|known| known.ends_with(email))
    };
    let found = users.into_iter().find(ends);
    let id = found.and_then(|user| user["id"].as_str().map(str::to_owned));
    id.with_context(|| format!("there is no user {email:?}"))
}

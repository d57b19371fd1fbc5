//! The demo's change of owner: leads of its own, outside the view, are given away by a job and come
//! back by its undo; one is given by its id; then all go into the recycle bin.

use super::step::Road;
use anyhow::{Context, Result};
use serde_json::{Value as Json, json};

/// Leads that change hands.
const LEADS: i64 = 12;
/// What tells them from all others.
const COMPANY: &str = "Handover of the demo";

/// What can be shown of it beside its steps.
pub(super) struct Handover {
    /// Names of the owners of one of them: before, by the job, by its undo, by its id.
    pub(super) owners: [String; 4],
}

impl Handover {
    /// Whether every owner is as it was arranged.
    pub(super) fn as_planned(&self) -> bool {
        let [before, given, back, by_id] = &self.owners;
        before == back && given == by_id && before != given
    }
}

/// Gives leads of the administrator's to the other user.
pub(super) fn change_owner(road: &mut Road<'_>, other: &str) -> Result<Handover> {
    let admin = road.admin;
    let leads = (0..LEADS).map(|n| {
        let last = format!("Handover {}", n + 1);
        json!({ "Last_Name": last, "Company": COMPANY, "Lead_Status": "Junk Lead" })
    });
    let made = admin.post("Leads", &json!({ "data": leads.collect::<Vec<Json>>() }))?;
    let items = made["data"].as_array().into_iter().flatten();
    let ids: Vec<&str> = items
        .filter_map(|item| item["details"]["id"].as_str())
        .collect();
    let first = *ids.first().context("no leads to give away")?;
    let before = admin.owner_of(first)?;

    let body = json!({
        "action": "change_owner", "module": "Leads",
        "selection": { "criteria": format!("(Company:equals:{COMPANY})") },
        "change": { "owner": other },
    });
    let wanted = (LEADS, LEADS, 0);
    let plan = road.plan("change of owner of other leads", &body, wanted)?;
    let job = road.run("change of owner from the plan", &plan, wanted)?;
    let given = admin.owner_of(first)?;
    road.undo("undo of that job", &job, wanted)?;
    let back = admin.owner_of(first)?;

    let users = admin.get("users?type=ActiveUsers")?;
    let mut users = users["users"].as_array().into_iter().flatten();
    let new = users.find(|user| user["email"] == other);
    let new = new.with_context(|| format!("there is no user {other}"))?;
    let body = json!({ "owner": { "id": new["id"] }, "notify": true });
    admin.post(&format!("Leads/{first}/actions/change_owner"), &body)?;
    let by_id = admin.owner_of(first)?;
    admin.delete(&format!("Leads?ids={}", ids.join(",")))?;
    Ok(Handover {
        owners: [before, given, back, by_id],
    })
}

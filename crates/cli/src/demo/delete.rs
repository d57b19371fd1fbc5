//! The demo's mass delete: leads outside the view that was updated go into the recycle bin and come
//! back, so that the view holds what it held.

use super::step::Road;
use anyhow::Result;
use serde_json::json;

/// The view whose leads are deleted: none of them is an open lead.
const VIEW: &str = "Junk Leads";

/// Records in the recycle bin: before, after the job, after its undo.
pub(super) struct Deletion {
    /// Records of the view.
    pub(super) records: i64,
    /// Before, after the job, after its undo.
    pub(super) in_bin: [i64; 3],
}

impl Deletion {
    /// Whether every record went into the bin and came back.
    pub(super) fn as_planned(&self) -> bool {
        let [before, deleted, restored] = self.in_bin;
        deleted == before + self.records && restored == before
    }
}

/// Deletes the leads of a view and takes that back. `None` when the view is empty, as it may be when
/// the demo has few leads.
pub(super) fn mass_delete(road: &mut Road<'_>, leads: i64) -> Result<Option<Deletion>> {
    if leads == 0 {
        return Ok(None);
    }
    let admin = road.admin;
    let before = admin.in_bin()?;
    let body = json!({
        "action": "delete", "module": "Leads", "selection": { "view": VIEW },
    });
    let wanted = (leads, leads, 0);
    let plan = road.plan("mass delete of other leads", &body, wanted)?;
    let job = road.run("mass delete from the plan", &plan, wanted)?;
    let deleted = admin.in_bin()?;
    road.undo("undo of that job", &job, wanted)?;
    Ok(Some(Deletion {
        records: leads,
        in_bin: [before, deleted, admin.in_bin()?],
    }))
}

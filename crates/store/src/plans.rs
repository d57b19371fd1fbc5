//! Plans: a row each, with what was foreseen in sum; what was foreseen of each record stands with the
//! plan's targets (`targets.rs`), under the plan's id.

use crate::insert::Insert;
use crate::row::columns;
use crate::tx::Tx;
use crate::{Result, params, targets};
use model::id::{JobId, ModuleId, PlanId, UserId};
use model::job::{Automation, JobKind};
use model::time::Timestamp;

/// A plan as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Its id.
    pub id: PlanId,
    /// What would be done.
    pub kind: JobKind,
    /// To records of which module.
    pub module: ModuleId,
    /// For whom.
    pub actor: UserId,
    /// Through which API client.
    pub client: Option<String>,
    /// What exactly, as the action wrote it.
    pub request: String,
    /// The key of a job that would be made from it.
    pub exclusive: Option<String>,
    /// Whether what follows from its job's writes by itself happens.
    pub automation: Automation,
    /// The job that would be undone.
    pub parent: Option<JobId>,
    /// How many records are selected.
    pub total: i64,
    /// What was foreseen, as it is told.
    pub summary: String,
    /// The catalog that it was made with.
    pub catalog_version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when a job can be made from it.
    pub expires_at: Timestamp,
    /// The job that was made from it.
    pub job: Option<JobId>,
}

columns! {
    Plan {
        id, kind, module, actor, client, request, exclusive, automation, parent, total, summary,
        catalog_version, created_at, expires_at, job,
    }
}

/// Stores a plan that is still being made: it is found once it is sealed.
pub fn insert(tx: &mut Tx, plan: &Plan) -> Result<()> {
    Insert::into("plans").row(plan).set("ready", false).one(tx)
}

/// Ends the making of a plan: its targets are complete, and this was foreseen.
pub fn seal(tx: &mut Tx, id: PlanId, total: i64, summary: &str) -> Result<()> {
    let sql = "UPDATE plans SET ready = TRUE, total = $2, summary = $3 WHERE id = $1";
    tx.execute(sql, params![id.0, total, summary])?;
    Ok(())
}

/// Removes a plan that was not made after all.
pub fn discard(tx: &mut Tx, id: PlanId) -> Result<()> {
    if tx.execute(
        "DELETE FROM plans WHERE id = $1 AND NOT ready",
        params![id.0],
    )? == 1
    {
        targets::delete(tx, JobId(id.0))?;
    }
    Ok(())
}

/// The plan of this id, if it is complete.
pub fn find(tx: &mut Tx, id: PlanId) -> Result<Option<Plan>> {
    tx.select_opt("FROM plans WHERE id = $1 AND ready", params![id.0])
}

/// Gives the plan to a job; `false` when it was given to another already.
pub fn take(tx: &mut Tx, id: PlanId, job: JobId) -> Result<bool> {
    let sql = "UPDATE plans SET job = $2 WHERE id = $1 AND ready AND job IS NULL";
    Ok(tx.execute(sql, params![id.0, job.0])? == 1)
}

/// Removes what the oldest plan left that ran out before `now` and that no job was made from: at most
/// `rows` of its targets, and the plan once none is left. `false` when there is no such plan.
pub fn purge(tx: &mut Tx, now: Timestamp, rows: i64) -> Result<bool> {
    let sql = "SELECT id FROM plans WHERE job IS NULL AND expires_at < $1
               ORDER BY expires_at, id LIMIT 1";
    let Some(id) = tx.find_value::<i64>(sql, params![now.0])? else {
        return Ok(false);
    };
    // From now on no job is made from it, whatever the clock of who asks says.
    let sql = "UPDATE plans SET ready = FALSE WHERE id = $1 AND job IS NULL";
    if tx.execute(sql, params![id])? == 0 {
        return Ok(true);
    }
    let sql = "DELETE FROM job_targets WHERE job = $1
               AND seq < (SELECT MIN(seq) FROM job_targets WHERE job = $1) + $2";
    if tx.execute(sql, params![id, rows])? == 0 {
        let sql = "DELETE FROM plans WHERE id = $1 AND job IS NULL";
        tx.execute(sql, params![id])?;
    }
    Ok(true)
}

//! Plans: a row each, with what was foreseen in sum; what was foreseen of each record stands with the
//! plan's targets (`targets.rs`), under the plan's id.

use crate::tx::Tx;
use crate::{Error, Result, Row, params, targets};
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

const COLUMNS: &str = "id, kind, module, actor, client, request, exclusive, parent, total, summary,
    catalog_version, created_at, expires_at, job, automation";

fn plan(row: &Row) -> Result<Plan> {
    let kind = row.text(1)?;
    let unknown = || Error::Inconsistent(format!("a plan's kind is {kind}"));
    let automation = Automation::parse(row.text(14)?);
    let odd = || Error::Inconsistent("a plan's automation is unknown".to_owned());
    Ok(Plan {
        id: PlanId(row.int(0)?),
        kind: JobKind::parse(kind).ok_or_else(unknown)?,
        module: ModuleId(row.int(2)?),
        actor: UserId(row.int(3)?),
        client: row.opt_text(4)?.map(str::to_owned),
        request: row.text(5)?.to_owned(),
        exclusive: row.opt_text(6)?.map(str::to_owned),
        parent: row.opt_int(7)?.map(JobId),
        total: row.int(8)?,
        summary: row.text(9)?.to_owned(),
        catalog_version: row.int(10)?,
        created_at: Timestamp(row.int(11)?),
        expires_at: Timestamp(row.int(12)?),
        job: row.opt_int(13)?.map(JobId),
        automation: automation.ok_or_else(odd)?,
    })
}

/// Stores a plan that is still being made: it is found once it is sealed.
pub fn insert(tx: &mut Tx, plan: &Plan) -> Result<()> {
    let sql = format!(
        "INSERT INTO plans ({COLUMNS}, ready)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, NULL, $14, FALSE)"
    );
    let params = params![
        plan.id.0,
        plan.kind.as_str(),
        plan.module.0,
        plan.actor.0,
        plan.client.clone(),
        plan.request.as_str(),
        plan.exclusive.clone(),
        plan.parent.map(|parent| parent.0),
        plan.total,
        plan.summary.as_str(),
        plan.catalog_version,
        plan.created_at.0,
        plan.expires_at.0,
        plan.automation.as_str()
    ];
    tx.execute(&sql, params)?;
    Ok(())
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
    let sql = format!("SELECT {COLUMNS} FROM plans WHERE id = $1 AND ready");
    let row = tx.query_opt(&sql, params![id.0])?;
    row.as_ref().map(plan).transpose()
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
    let Some(row) = tx.query_opt(sql, params![now.0])? else {
        return Ok(false);
    };
    let id = row.int(0)?;
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

//! What a person does to a job: its row is locked first, whoever has its lease.

use super::Job;
use crate::tx::Tx;
use crate::{Error, Result, calls, params};
use model::id::JobId;
use model::time::Timestamp;

/// How far a job may go by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// More records than so many that changed since the plan pause it.
    pub tolerance: i64,
    /// So many events may its writes leave to automation in all.
    pub automation_cap: Option<i64>,
    /// So many more does the next resume allow.
    pub automation_step: Option<i64>,
}

/// The job, locked, whoever has its lease.
pub fn lock(tx: &mut Tx, id: JobId) -> Result<Option<Job>> {
    let from = format!("FROM jobs WHERE id = $1{}", tx.for_update());
    tx.select_opt(&from, params![id.0])
}

/// Pauses a locked job that waits or runs: its worker finds its lease gone.
pub fn pause(tx: &mut Tx, id: JobId, now: Timestamp) -> Result<()> {
    let sql = "UPDATE jobs SET state = 'paused', paused_by = 'person', lease_until = NULL,
               worker = NULL, process = NULL, touched_at = $2 WHERE id = $1";
    tx.execute(sql, params![id.0, now.0])?;
    Ok(())
}

/// Pauses a job under its lease, before the record whose `next` events would be more than its cap
/// allows; `false` when the lease is lost.
pub fn pause_at_cap(
    tx: &mut Tx,
    (id, lease_no): (JobId, i64),
    next: i64,
    now: Timestamp,
) -> Result<bool> {
    let sql = "UPDATE jobs SET state = 'paused', paused_by = 'automation_cap', lease_until = NULL,
               worker = NULL, process = NULL, touched_at = $3, automation_next = $4
               WHERE id = $1 AND lease_no = $2 AND state = 'running'";
    Ok(tx.execute(sql, params![id.0, lease_no, now.0, next])? == 1)
}

/// Lets a locked job that is paused or failed go on at its cursor, with these bounds. A job that
/// took its exclusive key meanwhile makes this a conflict.
pub fn resume(tx: &mut Tx, id: JobId, bounds: Bounds, now: Timestamp) -> Result<()> {
    let sql =
        "UPDATE jobs SET state = 'queued', paused_by = NULL, error = NULL, finished_at = NULL,
               attempts = 0, tolerance = $3, automation_cap = $4, automation_step = $5,
               touched_at = $2 WHERE id = $1";
    let Bounds {
        tolerance,
        automation_cap,
        automation_step,
    } = bounds;
    let params = params![id.0, now.0, tolerance, automation_cap, automation_step];
    match tx.execute(sql, params) {
        Err(Error::Constraint(why)) => Err(Error::Conflict(why)),
        other => other.map(|_| ()),
    }?;
    // It is to be told of its end, and this was none.
    calls::forget_end(tx, id)
}

/// Ends a locked job that is not finished: what was not visited stays as it is.
pub fn cancel(tx: &mut Tx, id: JobId, now: Timestamp) -> Result<()> {
    let sql = "UPDATE jobs SET state = 'cancelled', paused_by = NULL, lease_until = NULL,
               finished_at = $2, touched_at = $2 WHERE id = $1";
    tx.execute(sql, params![id.0, now.0])?;
    calls::owe_end(tx, id, now)
}

/// Sets how many records a second a job may visit.
pub fn set_throttle(tx: &mut Tx, id: JobId, throttle: Option<i64>) -> Result<()> {
    let sql = "UPDATE jobs SET throttle = $2 WHERE id = $1";
    tx.execute(sql, params![id.0, throttle])?;
    Ok(())
}

/// The key that a job has, or takes when it starts.
pub fn exclusive(tx: &mut Tx, id: JobId) -> Result<Option<String>> {
    let sql = "SELECT COALESCE(exclusive, wants) FROM jobs WHERE id = $1";
    Ok(tx.find_value(sql, params![id.0])?.flatten())
}

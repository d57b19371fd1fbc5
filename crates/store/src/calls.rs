//! Calls yet to be made to those who want to know that a job has ended: a row for each, stored in the
//! transaction that ends the job.

use crate::tx::{Param, Tx};
use crate::{Error, Result, Row, params};
use model::id::JobId;
use model::job::CallState;
use model::time::Timestamp;
use std::collections::BTreeMap;

/// A call as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The job that ended.
    pub job: JobId,
    /// Whom to call.
    pub url: String,
    /// Whether it was made.
    pub state: CallState,
    /// How often it was tried, the try that runs included.
    pub attempts: i64,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// When the job ended: with the job, which call this is.
    pub made_at: Timestamp,
}

const COLUMNS: &str = "job, url, state, attempts, last_error, made_at";

fn call(row: &Row) -> Result<Call> {
    let state = row.text(2)?;
    let unknown = || Error::Inconsistent(format!("a call's state is {state}"));
    Ok(Call {
        job: JobId(row.int(0)?),
        url: row.text(1)?.to_owned(),
        state: CallState::parse(state).ok_or_else(unknown)?,
        attempts: row.int(3)?,
        last_error: row.opt_text(4)?.map(str::to_owned),
        made_at: Timestamp(row.int(5)?),
    })
}

/// Owes a call for a job that ends now, if anybody wants one. An earlier end of the same job is told
/// no longer.
pub(crate) fn owe(tx: &mut Tx, job: JobId, now: Timestamp) -> Result<()> {
    let sql = "INSERT INTO job_calls (job, url, state, attempts, next_at, made_at)
               SELECT id, notify_url, 'waiting', 0, CAST($2 AS BIGINT), CAST($2 AS BIGINT)
               FROM jobs WHERE id = $1 AND notify_url IS NOT NULL
               ON CONFLICT (job) DO UPDATE SET url = excluded.url, state = 'waiting', attempts = 0,
                 next_at = excluded.next_at, made_at = excluded.made_at, last_error = NULL";
    tx.execute(sql, params![job.0, now.0])?;
    Ok(())
}

/// Owes it no longer: the job goes on.
pub(crate) fn forget(tx: &mut Tx, job: JobId) -> Result<()> {
    tx.execute("DELETE FROM job_calls WHERE job = $1", params![job.0])?;
    Ok(())
}

/// When the next call is due.
pub fn next_due(tx: &mut Tx) -> Result<Option<Timestamp>> {
    let sql = "SELECT MIN(next_at) FROM job_calls WHERE state = 'waiting'";
    Ok(tx.query_one(sql, &[])?.opt_int(0)?.map(Timestamp))
}

/// The call that is due longest, locked; one that another has locked is passed by.
pub fn due(tx: &mut Tx, now: Timestamp) -> Result<Option<Call>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM job_calls WHERE state = 'waiting' AND next_at <= $1
         ORDER BY next_at, job LIMIT 1{}",
        tx.dialect().for_update_skip_locked()
    );
    tx.query_opt(&sql, params![now.0])?
        .as_ref()
        .map(call)
        .transpose()
}

/// Counts a try that begins. If nothing more is heard of it, the next is due then.
pub fn begin(tx: &mut Tx, call: &Call, next_at: Timestamp) -> Result<()> {
    let sql = "UPDATE job_calls SET attempts = attempts + 1, next_at = $2 WHERE job = $1";
    tx.execute(sql, params![call.job.0, next_at.0])?;
    Ok(())
}

/// Says what became of a try, unless the job went on or ended anew meanwhile.
pub fn settle(tx: &mut Tx, call: &Call, state: CallState, error: Option<&str>) -> Result<()> {
    let sql = "UPDATE job_calls SET state = $4, last_error = $5
               WHERE job = $1 AND made_at = $2 AND attempts = $3 AND state = 'waiting'";
    let params = params![
        call.job.0,
        call.made_at.0,
        call.attempts,
        state.as_str(),
        error
    ];
    tx.execute(sql, params)?;
    Ok(())
}

/// The calls of these jobs.
pub fn of(tx: &mut Tx, jobs: &[JobId]) -> Result<BTreeMap<JobId, Call>> {
    let ids = Param::Ids(jobs.iter().map(|job| job.0).collect());
    let sql = format!("SELECT {COLUMNS} FROM job_calls WHERE job IN ids($1)");
    let rows = tx.query(&sql, &[ids])?;
    rows.iter()
        .map(|row| call(row).map(|call| (call.job, call)))
        .collect()
}

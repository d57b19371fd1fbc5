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
    let sql = "SELECT notify_url FROM jobs WHERE id = $1 AND notify_url IS NOT NULL";
    let Some(row) = tx.query_opt(sql, params![job.0])? else {
        return Ok(());
    };
    let url = row.text(0)?;
    let sql = "INSERT INTO job_calls (job, url, host, state, attempts, next_at, made_at)
               VALUES ($1, $2, $3, 'waiting', 0, $4, $4)
               ON CONFLICT (job) DO UPDATE SET url = excluded.url, host = excluded.host,
                 state = 'waiting', attempts = 0, next_at = excluded.next_at,
                 made_at = excluded.made_at, last_error = NULL";
    tx.execute(sql, params![job.0, url, host(url), now.0])?;
    Ok(())
}

/// The host of a URL that was accepted, without its port: by it receivers take turns.
fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let name = match authority.split_once(']') {
        Some((address, _)) => address.trim_start_matches('['),
        None => authority.split(':').next().unwrap_or_default(),
    };
    name.trim_end_matches('.').to_ascii_lowercase()
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

/// The call that is made next, locked; one that another has locked is passed by. Of a host that is
/// being called there is none; the host that was called longest ago comes first.
pub fn due(tx: &mut Tx, now: Timestamp) -> Result<Option<Call>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM job_calls AS due WHERE state = 'waiting' AND next_at <= $1
           AND (SELECT MAX(o.busy_until) FROM job_calls AS o WHERE o.host = due.host) <= $1
         ORDER BY (SELECT MAX(o.busy_until) FROM job_calls AS o WHERE o.host = due.host),
           next_at, job LIMIT 1{}",
        tx.dialect().for_update_skip_locked()
    );
    tx.query_opt(&sql, params![now.0])?
        .as_ref()
        .map(call)
        .transpose()
}

/// Counts a try that begins and is over at `busy_until` at the latest. If nothing more is heard of it,
/// the next is due at `next_at`.
pub fn begin(tx: &mut Tx, call: &Call, busy_until: Timestamp, next_at: Timestamp) -> Result<()> {
    let sql = "UPDATE job_calls SET attempts = attempts + 1, busy_until = $2, next_at = $3
               WHERE job = $1";
    tx.execute(sql, params![call.job.0, busy_until.0, next_at.0])?;
    Ok(())
}

/// Keeps that a try was taken, whatever was tried meanwhile, unless the job went on or ended anew.
pub fn delivered(tx: &mut Tx, call: &Call, now: Timestamp) -> Result<()> {
    let sql = "UPDATE job_calls SET state = 'delivered', last_error = NULL, busy_until = $3
               WHERE job = $1 AND made_at = $2";
    tx.execute(sql, params![call.job.0, call.made_at.0, now.0])?;
    Ok(())
}

/// Keeps why a try failed, if it is the last one. The next is due then; without one the call is dead.
pub fn failed(
    tx: &mut Tx,
    call: &Call,
    error: &str,
    now: Timestamp,
    next_at: Option<Timestamp>,
) -> Result<()> {
    let state = match next_at {
        Some(_) => CallState::Waiting,
        None => CallState::Dead,
    };
    let sql = "UPDATE job_calls SET state = $4, last_error = $5, busy_until = $6, next_at = $7
               WHERE job = $1 AND made_at = $2 AND attempts = $3 AND state = 'waiting'";
    let params = params![
        call.job.0,
        call.made_at.0,
        call.attempts,
        state.as_str(),
        error,
        now.0,
        next_at.unwrap_or(now).0
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_the_same_in_every_spelling() {
        for url in [
            "http://a.example",
            "https://A.Example:8443/x?y=z",
            "http://a.example./",
            "http://a.example?x=http://b.example/",
        ] {
            assert_eq!(host(url), "a.example", "{url}");
        }
        assert_eq!(host("http://[::1]:9/"), "::1");
    }
}

//! A job's frozen targets: which records it may visit, in which order, and the revision then.

use crate::insert::Insert;
use crate::jobs::Job;
use crate::row::columns;
use crate::tx::Tx;
use crate::{Result, params};
use model::id::{JobId, RecordId};
use model::job::{Foreseen, JobState};

/// One record that a job visits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its place in the job, from 0.
    pub seq: i64,
    /// The record.
    pub record: RecordId,
    /// Its revision when the job was accepted, or when the plan saw it.
    pub rev: i64,
    /// What the plan foresaw, if the job was made from one.
    pub foreseen: Option<Foreseen>,
}

columns! { Target { seq, record, rev, foreseen } }

/// Stores targets.
pub fn insert(tx: &mut Tx, job: JobId, targets: &[Target]) -> Result<()> {
    Insert::into("job_targets").set("job", job).all(tx, targets)
}

/// Says that a job changed these records beside its targets.
pub fn insert_along(tx: &mut Tx, job: JobId, records: &[RecordId]) -> Result<()> {
    let records = records.iter().map(|record| (*record,));
    Insert::into("job_along")
        .set("job", job)
        .tuples(tx, ["record"], records)
}

/// Removes the targets of a job or a plan.
pub fn delete(tx: &mut Tx, job: JobId) -> Result<()> {
    tx.execute("DELETE FROM job_targets WHERE job = $1", params![job.0])?;
    Ok(())
}

/// The targets from `cursor` on, at most `limit`; those of a plan stand under its id.
pub fn from(tx: &mut Tx, job: JobId, cursor: i64, limit: usize) -> Result<Vec<Target>> {
    let from = "FROM job_targets WHERE job = $1 AND seq >= $2 ORDER BY seq LIMIT $3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.select(from, params![job.0, cursor, limit])
}

/// How far targets were copied from one job to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// How many in all.
    pub records: i64,
    /// How many of them by the last call.
    pub in_last: usize,
    /// The last one's place in the old job; nothing before the first.
    last: Option<i64>,
}

/// Copies the next targets that failed in a job, or that it did not visit because it ended early, in
/// their order. Nothing is copied of what a plan foresaw of them.
pub fn copy_left(
    tx: &mut Tx,
    to: JobId,
    old: &Job,
    copied: Copied,
    limit: usize,
) -> Result<Copied> {
    let ended_early = matches!(old.state, JobState::Failed | JobState::Cancelled);
    // Targets of a selection that was never complete are none.
    let unvisited = if ended_early && !old.options.selects {
        old.cursor
    } else {
        i64::MAX
    };
    let left = "SELECT seq, record FROM job_outcomes
                WHERE job = $1 AND outcome = 'failed' AND seq > $2
                UNION ALL
                SELECT seq, record FROM job_targets WHERE job = $3 AND seq >= $4 AND seq > $2";
    let after = copied.last.unwrap_or(-1);
    let from = format!("FROM (SELECT seq FROM ({left}) l ORDER BY seq LIMIT $5) b");
    let rows = i64::try_from(limit).unwrap_or(i64::MAX);
    let params = params![old.id.0, after, old.targets().0, unvisited, rows];
    let next: Option<(i64, Option<i64>)> =
        tx.select_tuple(["count(*)", "MAX(seq)"], &from, params)?;
    let (found, last) = next.unwrap_or_default();
    if let Some(last) = last {
        let sql = format!(
            "INSERT INTO job_targets (job, seq, record, rev)
             SELECT CAST($5 AS BIGINT), CAST($6 AS BIGINT) + row_number() OVER (ORDER BY seq) - 1,
               record, 0
             FROM ({left}) l WHERE seq <= $7"
        );
        let params = params![
            old.id.0,
            after,
            old.targets().0,
            unvisited,
            to.0,
            copied.records,
            last
        ];
        tx.execute(&sql, params)?;
    }
    Ok(Copied {
        records: copied.records + found,
        in_last: usize::try_from(found).unwrap_or(usize::MAX),
        last: last.or(copied.last),
    })
}

//! A job's frozen targets: which records it may visit, in which order, and the revision then.

use crate::tx::Tx;
use crate::{Result, Same, params};
use model::id::{JobId, RecordId};
use model::value::{Class, Value};

/// One record that a job visits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its place in the job, from 0.
    pub seq: i64,
    /// The record.
    pub record: RecordId,
    /// Its revision when the job was accepted.
    pub rev: i64,
}

/// Stores targets.
pub fn insert(tx: &mut Tx, job: JobId, targets: &[Target]) -> Result<()> {
    let columns = ["seq", "record", "rev"].map(|name| (name.to_owned(), Class::Int));
    let rows: Vec<Vec<Value>> = targets
        .iter()
        .map(|t| vec![t.seq.into(), t.record.0.into(), t.rev.into()])
        .collect();
    tx.insert_rows("job_targets", &[Same::int("job", job.0)], &columns, &rows)
}

/// The targets from `cursor` on, at most `limit`.
pub fn from(tx: &mut Tx, job: JobId, cursor: i64, limit: usize) -> Result<Vec<Target>> {
    let sql = "SELECT seq, record, rev FROM job_targets WHERE job = $1 AND seq >= $2
               ORDER BY seq LIMIT $3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = tx.query(sql, params![job.0, cursor, limit])?;
    rows.iter()
        .map(|row| {
            Ok(Target {
                seq: row.int(0)?,
                record: RecordId(row.int(1)?),
                rev: row.int(2)?,
            })
        })
        .collect()
}

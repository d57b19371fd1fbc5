//! Outcomes of visited records that were not changed, or not wholly; a changed record's outcome is its
//! change.

use crate::tx::{Param, Tx};
use crate::{Result, Same, params};
use model::id::{JobId, RecordId};
use model::refusal::Refusal;
use model::value::{Class, Value};
use std::collections::BTreeMap;

/// An outcome that left the record as it was, or a part of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The record's place in the job.
    pub seq: i64,
    /// The record.
    pub record: RecordId,
    /// Why it failed, or a part of it; `None` when it already was as wanted.
    pub refusal: Option<Refusal>,
    /// It was changed all the same: the refusal is of a part.
    pub changed: bool,
}

/// Stores outcomes, and how many of them are failures by which code.
pub fn insert(tx: &mut Tx, job: JobId, outcomes: &[Outcome]) -> Result<()> {
    let mut failures: BTreeMap<&str, i64> = BTreeMap::new();
    for outcome in outcomes.iter().filter(|outcome| !outcome.changed) {
        if let Some(refusal) = &outcome.refusal {
            *failures.entry(refusal.code.as_str()).or_default() += 1;
        }
    }
    for (code, records) in failures {
        let sql = "INSERT INTO job_failures (job, code, records) VALUES ($1, $2, $3)
                   ON CONFLICT (job, code)
                   DO UPDATE SET records = job_failures.records + excluded.records";
        tx.execute(sql, params![job.0, code, records])?;
    }
    let columns = [
        ("seq", Class::Int),
        ("record", Class::Int),
        ("outcome", Class::Text),
        ("code", Class::Text),
        ("message", Class::Text),
        ("details", Class::Text),
    ]
    .map(|(name, class)| (name.to_owned(), class));
    let rows: Vec<Vec<Value>> = outcomes
        .iter()
        .map(|outcome| {
            let refusal = outcome.refusal.as_ref();
            vec![
                outcome.seq.into(),
                outcome.record.0.into(),
                match (refusal, outcome.changed) {
                    (Some(_), true) => "changed",
                    (Some(_), false) => "failed",
                    (None, _) => "unchanged",
                }
                .into(),
                refusal.map(|r| r.code.as_str()).into(),
                refusal.map(|r| r.message.to_string()).into(),
                refusal
                    .map(|r| serde_json::Value::Object(r.details.clone()).to_string())
                    .into(),
            ]
        })
        .collect();
    tx.insert_rows("job_outcomes", &[Same::int("job", job.0)], &columns, &rows)
}

/// How many records of each of these jobs were refused by which code, the most frequent first.
pub fn failed_by_code(tx: &mut Tx, jobs: &[JobId]) -> Result<BTreeMap<JobId, Vec<(String, i64)>>> {
    let ids = Param::Ids(jobs.iter().map(|job| job.0).collect());
    let sql = "SELECT job, code, records FROM job_failures WHERE job IN ids($1)
               ORDER BY job, records DESC, code";
    let mut of_jobs: BTreeMap<JobId, Vec<(String, i64)>> = BTreeMap::new();
    for row in tx.query(sql, &[ids])? {
        let of_job = of_jobs.entry(JobId(row.int(0)?)).or_default();
        of_job.push((row.text(1)?.to_owned(), row.int(2)?));
    }
    Ok(of_jobs)
}

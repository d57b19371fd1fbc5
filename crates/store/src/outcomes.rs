//! Outcomes of visited records that were not changed, or not wholly; a changed record's outcome is its
//! change.

use crate::insert::Insert;
use crate::row::columns;
use crate::tx::{Param, Tx};
use crate::{Result, params};
use model::id::{JobId, RecordId};
use model::job::OutcomeWord;
use model::refusal::Refusal;
use model::time::Timestamp;
use serde_json::Value as Json;
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

/// Stores outcomes of this moment, and how many of them are failures by which code.
pub fn insert(tx: &mut Tx, job: JobId, outcomes: &[Outcome], at: Timestamp) -> Result<()> {
    let mut failures: BTreeMap<&str, i64> = BTreeMap::new();
    for outcome in outcomes.iter().filter(|outcome| !outcome.changed) {
        if let Some(refusal) = &outcome.refusal {
            *failures.entry(refusal.code.as_str()).or_default() += 1;
        }
    }
    for (code, records) in failures {
        let more = "(job, code) DO UPDATE SET records = job_failures.records + excluded.records";
        Insert::into("job_failures")
            .set("job", job)
            .set("code", code)
            .set("records", records)
            .or_update(tx, more)?;
    }
    let rows: Vec<OutcomeRow<'_>> = outcomes.iter().map(OutcomeRow::from).collect();
    Insert::into("job_outcomes")
        .set("job", job)
        .set("at", at)
        .all(tx, &rows)
}

/// An outcome as its row has it.
struct OutcomeRow<'a> {
    seq: i64,
    record: RecordId,
    outcome: OutcomeWord,
    code: Option<&'a str>,
    message: Option<&'a str>,
    details: Option<String>,
}

columns! { write OutcomeRow<'_> { seq, record, outcome, code, message, details } }

impl<'a> From<&'a Outcome> for OutcomeRow<'a> {
    fn from(outcome: &'a Outcome) -> Self {
        let refusal = outcome.refusal.as_ref();
        Self {
            seq: outcome.seq,
            record: outcome.record,
            outcome: match (refusal, outcome.changed) {
                (Some(_), true) => OutcomeWord::Changed,
                (Some(_), false) => OutcomeWord::Failed,
                (None, _) => OutcomeWord::Unchanged,
            },
            code: refusal.map(|refusal| refusal.code.as_str()),
            message: refusal.map(|refusal| refusal.message.as_ref()),
            details: refusal.map(|refusal| Json::Object(refusal.details.clone()).to_string()),
        }
    }
}

/// A place of a job and what became of its record, as far as that is not a change alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// The record's place in the job.
    pub seq: i64,
    /// The record.
    pub record: RecordId,
    /// The word of its row; `None` when it was changed, or not visited.
    pub word: Option<OutcomeWord>,
    /// Why it failed, or a part of it: a code and a sentence.
    pub refusal: Option<(String, String)>,
    /// When its row was stored.
    pub at: Option<Timestamp>,
}

columns! { read Visit { seq, record, word: outcome, refusal: (code, message), at } }

/// Some places of a job, in order.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// The first place.
    pub from: i64,
    /// The place after the last: so many rows are read at most.
    pub to: i64,
    /// Rows at most.
    pub limit: i64,
}

/// What became of all records in a span of a job's places; its targets stand under `targets`. Those
/// that were changed wholly only, if so wanted.
pub fn visits(
    tx: &mut Tx,
    job: JobId,
    targets: JobId,
    span: Span,
    only_changed: bool,
) -> Result<Vec<Visit>> {
    let narrow = if only_changed {
        " AND (o.outcome IS NULL OR o.outcome = 'changed')"
    } else {
        ""
    };
    let sql = format!(
        "SELECT t.seq AS seq, t.record AS record, o.outcome AS outcome, o.code AS code,
           o.message AS message, o.at AS at FROM job_targets t
         LEFT JOIN job_outcomes o ON o.job = $1 AND o.seq = t.seq
         WHERE t.job = $2 AND t.seq >= $3 AND t.seq < $4{narrow} ORDER BY t.seq LIMIT $5"
    );
    let params = params![job.0, targets.0, span.from, span.to, span.limit];
    tx.query_as(&sql, params)
}

/// The same of records with a row of this word, of this code or both.
pub fn stored(
    tx: &mut Tx,
    job: JobId,
    span: Span,
    word: Option<OutcomeWord>,
    code: Option<&str>,
) -> Result<Vec<Visit>> {
    let mut params: Vec<Param> = vec![job.0.into(), span.from.into(), span.to.into()];
    let mut narrow = String::new();
    for (column, text) in [("outcome", word.map(OutcomeWord::as_str)), ("code", code)] {
        if let Some(text) = text {
            params.push(text.into());
            narrow.push_str(&format!(" AND {column} = ${}", params.len()));
        }
    }
    params.push(span.limit.into());
    let limit = params.len();
    let from = format!(
        "FROM job_outcomes
         WHERE job = $1 AND seq >= $2 AND seq < $3{narrow} ORDER BY seq LIMIT ${limit}"
    );
    tx.select(&from, &params)
}

/// How many records of each of these jobs were refused by which code, the most frequent first.
pub fn failed_by_code(tx: &mut Tx, jobs: &[JobId]) -> Result<BTreeMap<JobId, Vec<(String, i64)>>> {
    let ids = Param::Ids(jobs.iter().map(|job| job.0).collect());
    let from = "FROM job_failures WHERE job IN ids($1) ORDER BY job, records DESC, code";
    let rows = tx.select_tuples(["job", "code", "records"], from, &[ids])?;
    let mut of_jobs: BTreeMap<JobId, Vec<(String, i64)>> = BTreeMap::new();
    for (job, code, records) in rows {
        of_jobs.entry(job).or_default().push((code, records));
    }
    Ok(of_jobs)
}

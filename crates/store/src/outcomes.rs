//! Outcomes of visited records that were not changed, or not wholly; a changed record's outcome is its
//! change.

use crate::tx::{Param, Tx};
use crate::{Error, Result, Row, Same, params};
use model::id::{JobId, RecordId};
use model::job::OutcomeWord;
use model::refusal::Refusal;
use model::time::Timestamp;
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

/// Stores outcomes of this moment, and how many of them are failures by which code.
pub fn insert(tx: &mut Tx, job: JobId, outcomes: &[Outcome], at: Timestamp) -> Result<()> {
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
    let same = [Same::int("job", job.0), Same::int("at", at.0)];
    tx.insert_rows("job_outcomes", &same, &columns, &rows)
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

fn visit(row: &Row) -> Result<Visit> {
    let unknown = |word: &str| Error::Inconsistent(format!("an outcome is {word}"));
    let word = row.opt_text(2)?;
    let word = word.map(|word| OutcomeWord::parse(word).ok_or_else(|| unknown(word)));
    let code = row.opt_text(3)?.map(str::to_owned);
    Ok(Visit {
        seq: row.int(0)?,
        record: RecordId(row.int(1)?),
        word: word.transpose()?,
        refusal: code.zip(row.opt_text(4)?.map(str::to_owned)),
        at: row.opt_int(5)?.map(Timestamp),
    })
}

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
        "SELECT t.seq, t.record, o.outcome, o.code, o.message, o.at FROM job_targets t
         LEFT JOIN job_outcomes o ON o.job = $1 AND o.seq = t.seq
         WHERE t.job = $2 AND t.seq >= $3 AND t.seq < $4{narrow} ORDER BY t.seq LIMIT $5"
    );
    let params = params![job.0, targets.0, span.from, span.to, span.limit];
    tx.query(&sql, params)?.iter().map(visit).collect()
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
    let sql = format!(
        "SELECT seq, record, outcome, code, message, at FROM job_outcomes
         WHERE job = $1 AND seq >= $2 AND seq < $3{narrow} ORDER BY seq LIMIT ${limit}"
    );
    tx.query(&sql, &params)?.iter().map(visit).collect()
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

//! Outcomes of visited records that were not changed, or not wholly; a changed record's outcome is its
//! change.

use crate::tx::Tx;
use crate::{Result, Same};
use model::id::{JobId, RecordId};
use model::refusal::Refusal;
use model::value::{Class, Value};

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

/// Stores outcomes.
pub fn insert(tx: &mut Tx, job: JobId, outcomes: &[Outcome]) -> Result<()> {
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

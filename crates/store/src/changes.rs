//! Changes: a row for every revision of a record, with what it was before. The timeline, the undo and
//! the history are all this row.

use crate::Result;
use crate::tx::Tx;
use model::id::{FieldId, JobId, ModuleId, RecordId, UserId};
use model::time::Timestamp;
use model::value::{Class, Value};
use serde_json::{Map, Value as Json};

/// What happened to the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It was made.
    Create,
    /// Some of its values were written.
    Update,
    /// It was deleted; `before` holds all its values.
    Delete,
}

/// Why it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A request about this record.
    Api,
    /// An import.
    Import,
    /// A job, named in the change.
    Job,
    /// A lock was put on it.
    Lock,
    /// A lock was taken off.
    Unlock,
    /// Its territories changed.
    Territory,
}

impl Cause {
    fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Import => "import",
            Self::Job => "job",
            Self::Lock => "lock",
            Self::Unlock => "unlock",
            Self::Territory => "territory",
        }
    }
}

/// What all changes of one write have in common.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// The module of the records.
    pub module: ModuleId,
    /// What happened.
    pub kind: ChangeKind,
    /// Why.
    pub cause: Cause,
    /// Through which job.
    pub job: Option<JobId>,
    /// Who.
    pub actor: UserId,
    /// When.
    pub at: Timestamp,
}

/// One record's part of a write.
#[derive(Clone, Debug)]
pub struct Change {
    /// The record.
    pub record: RecordId,
    /// The revision that this change made.
    pub rev: i64,
    /// Values before, by field.
    pub before: Vec<(FieldId, Value)>,
}

/// The stored form of values by field: a JSON object with field ids as keys.
pub fn values_json(values: &[(FieldId, Value)]) -> String {
    let object: Map<String, Json> = values
        .iter()
        .map(|(field, value)| {
            let json = match value {
                Value::Null => Json::Null,
                Value::Bool(truth) => (*truth).into(),
                Value::Int(number) => (*number).into(),
                Value::Text(text) => text.as_str().into(),
            };
            (field.to_string(), json)
        })
        .collect();
    Json::Object(object).to_string()
}

/// Stores changes.
pub fn insert(tx: &mut Tx, origin: Origin, changes: &[Change]) -> Result<()> {
    let columns = [
        ("record", Class::Int),
        ("rev", Class::Int),
        ("module", Class::Int),
        ("kind", Class::Text),
        ("job", Class::Int),
        ("actor", Class::Int),
        ("cause", Class::Text),
        ("before", Class::Text),
        ("at", Class::Int),
    ]
    .map(|(name, class)| (name.to_owned(), class));
    let kind = match origin.kind {
        ChangeKind::Create => "create",
        ChangeKind::Update => "update",
        ChangeKind::Delete => "delete",
    };
    let rows: Vec<Vec<Value>> = changes
        .iter()
        .map(|change| {
            vec![
                change.record.0.into(),
                change.rev.into(),
                origin.module.0.into(),
                kind.into(),
                origin.job.map(|job| job.0).into(),
                origin.actor.0.into(),
                origin.cause.as_str().into(),
                values_json(&change.before).into(),
                origin.at.0.into(),
            ]
        })
        .collect();
    tx.insert_rows("changes", &columns, &rows)
}

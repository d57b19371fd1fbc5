//! Changes: a row for every revision of a record, with what it was before. The timeline, the undo and
//! the history are all this row.

use crate::insert::Insert;
use crate::row::columns;
use crate::tx::{Param, Tx};
use crate::{Result, params};
use model::id::{FieldId, JobId, ModuleId, RecordId, RuleId, UserId};
use model::time::Timestamp;
use model::value::Value;
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
    /// It came back from the recycle bin.
    Restore,
}

impl ChangeKind {
    const ALL: [Self; 4] = [Self::Create, Self::Update, Self::Delete, Self::Restore];

    /// The stored and native word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Restore => "restore",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
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
    /// Another hold was put on it.
    Hold,
    /// That hold was taken off.
    Unhold,
    /// It was shared with other users, or no longer.
    Share,
    /// A transition of its blueprint.
    Blueprint,
    /// Its owner was changed by the call for that.
    Owner,
    /// It came back from the recycle bin.
    Restore,
    /// The record that it belongs to was deleted, restored or given away.
    Parent,
    /// A workflow rule, named in the change.
    Automation,
}

impl Cause {
    const ALL: [Self; 14] = [
        Self::Api,
        Self::Import,
        Self::Job,
        Self::Lock,
        Self::Unlock,
        Self::Territory,
        Self::Hold,
        Self::Unhold,
        Self::Share,
        Self::Blueprint,
        Self::Owner,
        Self::Restore,
        Self::Parent,
        Self::Automation,
    ];

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == text)
    }

    /// The stored and native word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Import => "import",
            Self::Job => "job",
            Self::Lock => "lock",
            Self::Unlock => "unlock",
            Self::Territory => "territory",
            Self::Hold => "hold",
            Self::Unhold => "unhold",
            Self::Share => "share",
            Self::Blueprint => "blueprint",
            Self::Owner => "owner",
            Self::Restore => "restore",
            Self::Parent => "parent",
            Self::Automation => "automation",
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
    /// By which workflow rule.
    pub rule: Option<RuleId>,
    /// Who.
    pub actor: UserId,
    /// When.
    pub at: Timestamp,
}

columns! { write Origin { module, kind, cause, job, rule, actor, at } }

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

columns! { write Change { record, rev, before } }

/// A stored change.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    /// The record.
    pub record: RecordId,
    /// The revision that it made.
    pub rev: i64,
    /// The module of the record.
    pub module: ModuleId,
    /// What happened.
    pub kind: ChangeKind,
    /// Why.
    pub cause: Cause,
    /// Through which job.
    pub job: Option<JobId>,
    /// By which workflow rule.
    pub rule: Option<RuleId>,
    /// Who.
    pub actor: UserId,
    /// Values before, by field id.
    pub before: Map<String, Json>,
    /// When.
    pub at: Timestamp,
}

columns! { read Past { record, rev, module, kind, cause, job, actor, before, at, rule } }

/// The changes of these records after a revision, oldest first.
pub fn since(tx: &mut Tx, records: &[RecordId], rev: i64) -> Result<Vec<Past>> {
    let from = "FROM changes WHERE record IN ids($1) AND rev > $2 ORDER BY record, rev";
    tx.select(from, &[ids(records), rev.into()])
}

/// The changes that a job made to these records, oldest first.
pub fn by_job(tx: &mut Tx, job: JobId, records: &[RecordId]) -> Result<Vec<Past>> {
    let from = "FROM changes WHERE record IN ids($1) AND job = $2 ORDER BY record, rev";
    tx.select(from, &[ids(records), job.0.into()])
}

/// Where a list of one record's changes begins, and which way it goes.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Past the change that made this revision.
    pub past: Option<i64>,
    /// The newest change first, or the oldest.
    pub newest_first: bool,
}

/// Changes of one record, at most `limit`.
pub fn of_record(tx: &mut Tx, record: RecordId, window: Window, limit: usize) -> Result<Vec<Past>> {
    let (compared, order, all) = if window.newest_first {
        ("<", "DESC", i64::MAX)
    } else {
        (">", "ASC", 0)
    };
    let from = format!(
        "FROM changes WHERE record = $1 AND rev {compared} $2
         ORDER BY rev {order} LIMIT {limit}"
    );
    tx.select(&from, params![record.0, window.past.unwrap_or(all)])
}

/// The modules of these records, whatever became of them.
pub fn modules_of(tx: &mut Tx, records: &[RecordId]) -> Result<Vec<(RecordId, ModuleId)>> {
    let from = "FROM changes WHERE record IN ids($1) GROUP BY record";
    tx.select_tuples(["record", "MIN(module)"], from, &[ids(records)])
}

fn ids(records: &[RecordId]) -> Param {
    Param::Ids(records.iter().map(|record| record.0).collect())
}

/// The stored form of values by field: a JSON object with field ids as keys.
pub(crate) fn values_json(values: &[(FieldId, Value)]) -> String {
    let mut text = String::from("{");
    for (field, value) in values {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&format!("\"{field}\":"));
        match value {
            Value::Null => text.push_str("null"),
            Value::Bool(truth) => text.push_str(&truth.to_string()),
            Value::Int(number) => text.push_str(&number.to_string()),
            Value::Text(words) => text.push_str(&Json::from(words.as_str()).to_string()),
        }
    }
    text.push('}');
    text
}

/// Stores changes.
pub fn insert(tx: &mut Tx, origin: Origin, changes: &[Change]) -> Result<()> {
    Insert::into("changes").row(&origin).all(tx, changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_before_are_json_by_field() {
        let before = [
            (FieldId(1), Value::Null),
            (FieldId(2), true.into()),
            (FieldId(3), (-7).into()),
            (FieldId(4), "a \"b\"\n\\".into()),
        ];
        let json: Json = serde_json::from_str(&values_json(&before)).unwrap();
        let wanted = serde_json::json!({ "1": null, "2": true, "3": -7, "4": "a \"b\"\n\\" });
        assert_eq!(json, wanted);
        assert_eq!(values_json(&[]), "{}");
    }
}

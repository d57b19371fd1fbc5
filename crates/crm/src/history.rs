//! What records were: their changes rolled back. A change keeps what stood there before it, so a value
//! at some revision is what the first later change of its field found, or what stands there now.

use model::field::Field;
use model::id::{JobId, RecordId};
use model::value::{Class, Value};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::changes::{self, ChangeKind, Past};
use store::{Fault, Tx};

/// The changes of some records after some revision of each, oldest first.
#[derive(Default)]
pub(crate) struct History(HashMap<RecordId, Vec<Past>>);

impl History {
    /// Reads the changes of each record after its revision.
    pub(crate) fn since(tx: &mut Tx, points: &[(RecordId, i64)]) -> Result<Self, Fault> {
        // What was changed often long ago is not read for the sake of what is new.
        let mut after: BTreeMap<i64, Vec<RecordId>> = BTreeMap::new();
        for (record, rev) in points {
            after.entry(*rev).or_default().push(*record);
        }
        let mut of_records: HashMap<RecordId, Vec<Past>> = HashMap::new();
        for (rev, records) in after {
            for past in changes::since(tx, &records, rev)? {
                of_records.entry(past.record).or_default().push(past);
            }
        }
        Ok(Self(of_records))
    }

    /// The changes of a record, oldest first.
    pub(crate) fn of(&self, record: RecordId) -> &[Past] {
        self.0.get(&record).map_or(&[], Vec::as_slice)
    }

    /// The jobs that made any of these changes.
    pub(crate) fn jobs(&self) -> BTreeSet<JobId> {
        let all = self.0.values().flatten();
        all.filter_map(|past| past.job).collect()
    }

    /// The value that a field had at `rev`, if the field was changed since; otherwise it is the one
    /// that stands there now. A value that the field can no longer hold is none.
    pub(crate) fn value(&self, record: RecordId, rev: i64, field: &Field) -> Option<Value> {
        let mut later = self.of(record).iter().filter(|past| past.rev > rev);
        let key = field.id.to_string();
        let first = later.find_map(|past| past.before.get(&key))?;
        Some(value_of(field, first).unwrap_or_default())
    }

    /// Whether the record was deleted or came back after `rev`.
    pub(crate) fn came_or_went(&self, record: RecordId, rev: i64) -> bool {
        let later = self.of(record).iter().filter(|past| past.rev > rev);
        let mut kinds = later.map(|past| past.kind);
        kinds.any(|kind| kind != ChangeKind::Update)
    }
}

/// A stored value of a field; `None` when the field holds values of another type now.
pub(crate) fn value_of(field: &Field, json: &Json) -> Option<Value> {
    match (field.kind.class(), json) {
        (_, Json::Null) => Some(Value::Null),
        (Class::Bool, Json::Bool(truth)) => Some(Value::Bool(*truth)),
        (Class::Int, Json::Number(number)) => number.as_i64().map(Value::Int),
        (Class::Text, Json::String(text)) => Some(text.as_str().into()),
        _ => None,
    }
}

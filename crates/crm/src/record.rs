//! Making, changing and deleting records, always in sets: one record is a set of one.

use crate::actor::Actor;
use crate::change::Change;
use crate::judge::{Columns, Verdict, full_name, held, judge};
use jobs::Settled;
use model::field::{Computed, Field, FieldKind};
use model::id::{JobId, RecordId};
use model::module::{Module, system};
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::value::{Value, fold};
use std::collections::{HashMap, HashSet};
use store::changes::{self, Cause, ChangeKind, Origin};
use store::records::{self, Filter, Record};
use store::{Fault, Tx, holds, territories};

/// Who writes what for which reason: the same for all records of a set.
#[derive(Clone, Copy)]
pub struct Writing<'a> {
    /// Who.
    pub actor: &'a Actor,
    /// Records of which module.
    pub module: &'a Module,
    /// Why.
    pub cause: Cause,
    /// Through which job.
    pub job: Option<JobId>,
    /// When.
    pub now: Timestamp,
}

impl Writing<'_> {
    fn origin(&self, kind: ChangeKind) -> Origin {
        Origin {
            module: self.module.id,
            kind,
            cause: self.cause,
            job: self.job,
            actor: self.actor.user.id,
            at: self.now,
        }
    }

    /// Modified_By and Modified_Time of this write.
    fn stamp(&self) -> Vec<(&Field, Value)> {
        [
            (system::MODIFIED_BY, Value::Int(self.actor.user.id.0)),
            (system::MODIFIED_TIME, Value::Int(self.now.0)),
        ]
        .into_iter()
        .filter_map(|(name, value)| self.module.field(name).map(|field| (field, value)))
        .collect()
    }
}

/// The refusal of an id that names no record of the module (wire API 1.6).
pub fn unknown_id(id: &str) -> Refusal {
    Refusal::new(Code::InvalidData)
        .saying("the id given seems to be invalid")
        .with("id", id)
}

/// Changes records, each by its own change, and answers for each what happened, in order. Records
/// outside `within` are refused as having left the selection. Ids must differ.
pub fn update(
    tx: &mut Tx,
    writing: Writing<'_>,
    items: &[(RecordId, &Change)],
    within: Option<&Filter>,
) -> Result<Vec<Settled>, Fault> {
    let Writing { module, .. } = writing;
    let columns = Columns::for_changes(module, items.iter().map(|(_, change)| *change));
    let ids: Vec<RecordId> = items.iter().map(|(id, _)| *id).collect();
    let found = records::lock(tx, module, &columns.0, &ids)?;
    let selected = within
        .map(|filter| still_selected(tx, module, filter, &ids))
        .transpose()?;
    let found: HashMap<RecordId, Record> = found.into_iter().map(|r| (r.id, r)).collect();
    let mut taken = Uniques::default();
    let mut settled = Vec::with_capacity(items.len());
    let mut plan = Plan::default();
    for (id, change) in items {
        let Some(record) = found.get(id) else {
            let gone = || Refusal::new(Code::Gone).with("id", id.to_string());
            let refusal = if within.is_some() {
                gone()
            } else {
                unknown_id(&id.to_string())
            };
            settled.push(Settled::Failed(refusal));
            continue;
        };
        if selected
            .as_ref()
            .is_some_and(|selected| !selected.contains(id))
        {
            let refusal = Refusal::new(Code::LeftSelection).with("id", id.to_string());
            settled.push(Settled::Failed(refusal));
            continue;
        }
        settled.push(match judge(module, &columns, record, change) {
            Verdict::Refuse(refusal) => Settled::Failed(refusal),
            Verdict::Unchanged => Settled::Unchanged,
            Verdict::Change(writes) => {
                if let Some(refusal) = taken.check(tx, module, Some(*id), &writes)? {
                    Settled::Failed(refusal)
                } else {
                    plan.add(&columns, record, writes);
                    Settled::Changed
                }
            }
        });
    }
    plan.apply(tx, writing)?;
    Ok(settled)
}

fn still_selected(
    tx: &mut Tx,
    module: &Module,
    filter: &Filter,
    ids: &[RecordId],
) -> Result<HashSet<RecordId>, Fault> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let limit = ids.len();
    let filter = Filter {
        ids: Some(ids),
        ..filter.clone()
    };
    let found = records::select_ids(tx, module, &filter, limit)?;
    Ok(found.into_iter().map(|(id, _)| id).collect())
}

/// Records that get the same values.
struct Group<'a> {
    fields: Vec<&'a Field>,
    ids: Vec<RecordId>,
}

/// What a set of verdicts writes: a few statements, one for each different set of new values.
#[derive(Default)]
struct Plan<'a> {
    groups: HashMap<Vec<(&'a str, Value)>, Group<'a>>,
    changes: Vec<changes::Change>,
}

impl<'a> Plan<'a> {
    fn add(&mut self, columns: &Columns<'_>, record: &Record, writes: Vec<(&'a Field, Value)>) {
        let before = writes
            .iter()
            .map(|(field, _)| (field.id, columns.value(record, &field.api_name).clone()))
            .collect();
        self.changes.push(changes::Change {
            record: record.id,
            rev: record.rev + 1,
            before,
        });
        let fields = writes.iter().map(|(field, _)| *field).collect();
        let key = writes
            .into_iter()
            .map(|(f, value)| (f.api_name.as_str(), value))
            .collect();
        let group = self.groups.entry(key).or_insert_with(|| Group {
            fields,
            ids: Vec::new(),
        });
        group.ids.push(record.id);
    }

    fn apply(self, tx: &mut Tx, writing: Writing<'_>) -> Result<(), Fault> {
        for (key, Group { fields, ids }) in self.groups {
            let mut values: Vec<(&Field, Value)> = fields
                .into_iter()
                .zip(key.into_iter().map(|(_, value)| value))
                .collect();
            values.extend(writing.stamp());
            records::update(tx, writing.module, &ids, &values)?;
        }
        Ok(changes::insert(
            tx,
            writing.origin(ChangeKind::Update),
            &self.changes,
        )?)
    }
}

/// Values of unique fields that this set takes.
#[derive(Default)]
struct Uniques(HashSet<(i64, Value)>);

impl Uniques {
    /// Refuses a value that another record has, or that this set gave away already.
    fn check(
        &mut self,
        tx: &mut Tx,
        module: &Module,
        own: Option<RecordId>,
        writes: &[(&Field, Value)],
    ) -> Result<Option<Refusal>, Fault> {
        for (field, value) in writes
            .iter()
            .filter(|(f, value)| f.unique && !value.is_null())
        {
            let key = value
                .as_text()
                .map_or_else(|| value.clone(), |text| fold(text).into());
            let holder = records::find_by_value(tx, module, field, value)?;
            let other = holder.filter(|holder| Some(*holder) != own);
            let duplicate = |id: Option<RecordId>| {
                let refusal =
                    Refusal::new(Code::DuplicateData).with("api_name", field.api_name.as_str());
                id.map_or(refusal.clone(), |id| {
                    let module = serde_json::json!({
                        "api_name": module.api_name, "id": module.id.to_string()
                    });
                    let record = serde_json::json!({ "module": module, "id": id.to_string() });
                    refusal.with("duplicate_record", record)
                })
            };
            if other.is_some() || !self.0.insert((field.id.0, key)) {
                return Ok(Some(duplicate(other)));
            }
        }
        Ok(None)
    }
}

/// Makes records of these values, and answers for each its id or why not, in order.
pub fn create(
    tx: &mut Tx,
    writing: Writing<'_>,
    rows: Vec<Vec<(&Field, Value)>>,
) -> Result<Vec<Result<RecordId, Refusal>>, Fault> {
    let Writing { module, .. } = writing;
    let mut numbers = AutoNumbers::take(tx, module, rows.len())?;
    let mut taken = Uniques::default();
    let mut answers = Vec::with_capacity(rows.len());
    let mut made = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(refusal) = taken.check(tx, module, None, &row)? {
            answers.push(Err(refusal));
            continue;
        }
        let id = RecordId(tx.new_id()?);
        let given: HashMap<&str, Value> = row
            .into_iter()
            .map(|(field, value)| (field.api_name.as_str(), value))
            .collect();
        let values = module
            .fields
            .iter()
            .map(|field| initial_value(writing, field, &given, &mut numbers))
            .collect();
        made.push(Record { id, rev: 1, values });
        answers.push(Ok(id));
    }
    let fields: Vec<&Field> = module.fields.iter().collect();
    records::insert(tx, module, &fields, &made)?;
    let rows: Vec<changes::Change> = made
        .iter()
        .map(|record| changes::Change {
            record: record.id,
            rev: 1,
            before: Vec::new(),
        })
        .collect();
    changes::insert(tx, writing.origin(ChangeKind::Create), &rows)?;
    Ok(answers)
}

/// The next numbers of the module's auto-number fields.
struct AutoNumbers(HashMap<String, (String, i64)>);

impl AutoNumbers {
    fn take(tx: &mut Tx, module: &Module, count: usize) -> Result<Self, Fault> {
        let mut numbers = HashMap::new();
        for field in &module.fields {
            if let FieldKind::AutoNumber { prefix, .. } = &field.kind {
                let first = records::take_numbers(tx, field, count)?;
                numbers.insert(field.api_name.clone(), (prefix.clone(), first));
            }
        }
        Ok(Self(numbers))
    }

    fn next(&mut self, field: &Field) -> Value {
        match self.0.get_mut(&field.api_name) {
            Some((prefix, number)) => {
                *number += 1;
                Value::text(format!("{prefix}{}", *number - 1))
            }
            None => Value::Null,
        }
    }
}

fn initial_value(
    writing: Writing<'_>,
    field: &Field,
    given: &HashMap<&str, Value>,
    numbers: &mut AutoNumbers,
) -> Value {
    let user = Value::Int(writing.actor.user.id.0);
    let now = Value::Int(writing.now.0);
    let value = |name: &str| given.get(name).cloned().unwrap_or(Value::Null);
    let or = |value: Value, default: Value| if value.is_null() { default } else { value };
    match field.api_name.as_str() {
        system::CREATED_BY | system::MODIFIED_BY => return user,
        system::CREATED_TIME | system::MODIFIED_TIME => return now,
        system::OWNER => return or(value(system::OWNER), user),
        system::LAYOUT => {
            let first = writing.module.layouts.first().map(|layout| layout.id.0);
            return or(value(system::LAYOUT), first.into());
        }
        _ => {}
    }
    if field.computed == Some(Computed::FullName) {
        return full_name(&value("First_Name"), &value("Last_Name"));
    }
    match field.kind {
        FieldKind::AutoNumber { .. } => numbers.next(field),
        FieldKind::Boolean => or(value(&field.api_name), Value::Bool(false)),
        _ => value(&field.api_name),
    }
}

/// Deletes records with their holds and territories, and answers for each what happened, in order.
/// Their last values stay in the changes. Ids must differ.
pub fn delete(tx: &mut Tx, writing: Writing<'_>, ids: &[RecordId]) -> Result<Vec<Settled>, Fault> {
    let Writing { module, .. } = writing;
    let columns = Columns::all(module);
    let found = records::lock(tx, module, &columns.0, ids)?;
    let mut refused: HashMap<RecordId, Refusal> = HashMap::new();
    let mut gone = Vec::new();
    let mut rows = Vec::new();
    for record in found {
        // A converted lead may be deleted; only what holds the record speaks against it.
        let hold = held(&record, &columns).filter(|r| r.code != Code::ConvertedRecord);
        if let Some(refusal) = hold {
            refused.insert(record.id, refusal);
            continue;
        }
        let before = columns
            .0
            .iter()
            .map(|field| field.id)
            .zip(record.values)
            .collect();
        rows.push(changes::Change {
            record: record.id,
            rev: record.rev + 1,
            before,
        });
        gone.push(record.id);
    }
    records::delete(tx, module, &gone)?;
    holds::delete_of(tx, &gone)?;
    territories::delete_of(tx, &gone)?;
    changes::insert(tx, writing.origin(ChangeKind::Delete), &rows)?;
    let gone: HashSet<RecordId> = gone.into_iter().collect();
    let settled = ids.iter().map(|id| match refused.remove(id) {
        Some(refusal) => Settled::Failed(refusal),
        None if gone.contains(id) => Settled::Changed,
        None => Settled::Failed(
            Refusal::new(Code::InvalidData)
                .saying("record not deleted")
                .with("id", id.to_string()),
        ),
    });
    Ok(settled.collect())
}

/// Raises the revision of records because something beside their values changed that decides about
/// them, and stores that as a change.
pub(crate) fn touch(
    tx: &mut Tx,
    writing: Writing<'_>,
    record: &Record,
    values: &[(&Field, Value)],
) -> Result<(), Fault> {
    let columns = Columns::all(writing.module);
    let before = values
        .iter()
        .map(|(field, _)| (field.id, columns.value(record, &field.api_name).clone()))
        .collect();
    records::update(tx, writing.module, &[record.id], values)?;
    let change = changes::Change {
        record: record.id,
        rev: record.rev + 1,
        before,
    };
    Ok(changes::insert(
        tx,
        writing.origin(ChangeKind::Update),
        &[change],
    )?)
}

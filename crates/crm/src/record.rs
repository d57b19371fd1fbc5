//! Making, changing and deleting records, always in sets: one record is a set of one.

use crate::actor::Actor;
use crate::change::Change;
use crate::judge::{Columns, Verdict, full_name, held, judge};
use jobs::Settled;
use model::field::{Computed, Field, FieldKind};
use model::id::{FieldId, JobId, RecordId, UserId};
use model::module::{Module, system};
use model::people::User;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::value::{Value, fold};
use serde_json::json;
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
    let named = Filter::default();
    let filter = within.unwrap_or(&named);
    let found = records::lock_within(tx, module, &columns.0, &ids, filter)?;
    let found: HashMap<RecordId, (Record, bool)> = found
        .into_iter()
        .map(|(record, selected)| (record.id, (record, selected)))
        .collect();
    let mut taken = Uniques::default();
    let mut settled = Vec::with_capacity(items.len());
    let mut plan = Plan::default();
    for (id, change) in items {
        let Some((record, selected)) = found.get(id) else {
            let gone = || Refusal::new(Code::Gone).with("id", id.to_string());
            let refusal = if within.is_some() {
                gone()
            } else {
                unknown_id(&id.to_string())
            };
            settled.push(Settled::Failed(refusal));
            continue;
        };
        if !selected {
            let refusal = Refusal::new(Code::LeftSelection).with("id", id.to_string());
            settled.push(Settled::Failed(refusal));
            continue;
        }
        settled.push(match judge(module, &columns, record, change) {
            Verdict::Refuse(refusal) => Settled::Failed(refusal),
            Verdict::Unchanged => Settled::Unchanged,
            Verdict::Change(writes) => {
                if let Some(refusal) = taken.check(tx, writing, Some(*id), &writes)? {
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
struct Uniques {
    taken: HashSet<(FieldId, Value)>,
    /// Who has the values that were asked for beforehand.
    holders: Option<HashMap<(FieldId, Value), RecordId>>,
}

impl Uniques {
    /// Looks all values of these rows up at once, a query for each unique field.
    fn of_rows(tx: &mut Tx, module: &Module, rows: &[Vec<(&Field, Value)>]) -> Result<Self, Fault> {
        let mut holders = HashMap::new();
        for field in module.fields.iter().filter(|field| field.unique) {
            let given = rows.iter().flatten().filter(|(f, _)| f.id == field.id);
            let wanted: Vec<Value> = given
                .filter(|(_, value)| !value.is_null())
                .map(|(_, value)| unique_key(field, value))
                .collect();
            for (value, id) in records::find_by_values(tx, module, field, &wanted)? {
                holders.entry((field.id, value)).or_insert(id);
            }
        }
        Ok(Self {
            taken: HashSet::new(),
            holders: Some(holders),
        })
    }

    /// Refuses a value that another record has, or that this set gave away already.
    fn check(
        &mut self,
        tx: &mut Tx,
        writing: Writing<'_>,
        own: Option<RecordId>,
        writes: &[(&Field, Value)],
    ) -> Result<Option<Refusal>, Fault> {
        let uniques = writes
            .iter()
            .filter(|(field, value)| field.unique && !value.is_null());
        let mut new = Vec::new();
        for (field, value) in uniques {
            let key = (field.id, unique_key(field, value));
            let holder = match &self.holders {
                Some(holders) => holders.get(&key).copied(),
                None => records::find_by_value(tx, writing.module, field, value)?,
            };
            let other = holder.filter(|holder| Some(*holder) != own);
            if other.is_some() || self.taken.contains(&key) || new.contains(&key) {
                return duplicate(tx, writing, field, other).map(Some);
            }
            new.push(key);
        }
        // Only now: a refused row takes nothing.
        self.taken.extend(new);
        Ok(None)
    }
}

/// What makes two values of a unique field the same.
fn unique_key(field: &Field, value: &Value) -> Value {
    match value {
        Value::Text(text) if field.kind.is_text() => fold(text).into(),
        other => other.clone(),
    }
}

/// Says which record has the value, whose it is, and in which module (wire API 9.2).
fn duplicate(
    tx: &mut Tx,
    writing: Writing<'_>,
    field: &Field,
    other: Option<RecordId>,
) -> Result<Refusal, Fault> {
    let refusal = Refusal::new(Code::DuplicateData).with("api_name", field.api_name.as_str());
    let Some(id) = other else {
        return Ok(refusal);
    };
    let Writing { actor, module, .. } = writing;
    let fields: Vec<&Field> = module.field(system::OWNER).into_iter().collect();
    let filter = Filter {
        ids: Some(vec![id.0]),
        ..Filter::default()
    };
    let holder = records::list(tx, module, &fields, &filter, records::Order::BY_ID, (0, 1))?.pop();
    let owner = holder.and_then(|holder| holder.values.first()?.as_int());
    let owner = owner.map(|owner| {
        let user = actor.catalog.user(UserId(owner));
        json!({ "name": user.map(User::full_name), "id": owner.to_string() })
    });
    let module = json!({ "api_name": module.api_name, "id": module.id.to_string() });
    let record = json!({ "Owner": owner, "module": module, "id": id.to_string() });
    Ok(refusal.with("duplicate_record", record))
}

/// Makes records of these values, and answers for each its id or why not, in order.
pub fn create(
    tx: &mut Tx,
    writing: Writing<'_>,
    rows: Vec<Vec<(&Field, Value)>>,
) -> Result<Vec<Result<RecordId, Refusal>>, Fault> {
    let Writing { module, .. } = writing;
    let mut blank = Blank::new(tx, writing, rows.len())?;
    let mut uniques = Uniques::of_rows(tx, module, &rows)?;
    let mut answers = Vec::with_capacity(rows.len());
    let mut made = Vec::with_capacity(rows.len());
    let mut changes = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(refusal) = uniques.check(tx, writing, None, &row)? {
            answers.push(Err(refusal));
            continue;
        }
        let id = RecordId(tx.new_id()?);
        let values = blank.fill(row);
        made.push(Record { id, rev: 1, values });
        changes.push(changes::Change {
            record: id,
            rev: 1,
            before: Vec::new(),
        });
        answers.push(Ok(id));
    }
    let fields: Vec<&Field> = module.fields.iter().collect();
    records::insert(tx, module, &fields, made)?;
    changes::insert(tx, writing.origin(ChangeKind::Create), &changes)?;
    Ok(answers)
}

/// Where a new record's value of a field comes from.
enum Source {
    /// From the caller, or else this.
    Given { or: Value },
    /// Always this.
    Fixed(Value),
    /// A number that goes up.
    Number { prefix: String, next: i64 },
    /// First and last name, at these places.
    FullName(Option<usize>, Option<usize>),
}

/// A new record before anyone gave it values.
struct Blank {
    sources: Vec<Source>,
    places: HashMap<FieldId, usize>,
}

impl Blank {
    /// For so many records of a module.
    fn new(tx: &mut Tx, writing: Writing<'_>, count: usize) -> Result<Self, Fault> {
        let fields = &writing.module.fields;
        let sources = fields
            .iter()
            .map(|field| Source::of(tx, writing, field, count));
        Ok(Self {
            sources: sources.collect::<Result<_, Fault>>()?,
            places: fields.iter().map(|field| field.id).zip(0..).collect(),
        })
    }

    /// The values of one record, in the order of the module's fields.
    fn fill(&mut self, row: Vec<(&Field, Value)>) -> Vec<Value> {
        let mut values = vec![Value::Null; self.sources.len()];
        for (field, value) in row {
            let place = self.places.get(&field.id);
            if let Some(place) = place.and_then(|n| values.get_mut(*n)) {
                *place = value;
            }
        }
        for (n, source) in self.sources.iter_mut().enumerate() {
            let new = match source {
                Source::Fixed(value) => value.clone(),
                Source::Given { or } if !or.is_null() => match values.get(n) {
                    None | Some(Value::Null) => or.clone(),
                    Some(_) => continue,
                },
                Source::Given { .. } => continue,
                Source::Number { prefix, next } => {
                    *next += 1;
                    Value::text(format!("{prefix}{}", *next - 1))
                }
                Source::FullName(first, last) => {
                    let part = |place: &Option<usize>| place.and_then(|n| values.get(n));
                    let part = |place| part(place).unwrap_or(&Value::Null);
                    full_name(part(first), part(last))
                }
            };
            if let Some(place) = values.get_mut(n) {
                *place = new;
            }
        }
        values
    }
}

impl Source {
    fn of(tx: &mut Tx, writing: Writing<'_>, field: &Field, count: usize) -> Result<Self, Fault> {
        let fields = &writing.module.fields;
        let user = Value::Int(writing.actor.user.id.0);
        match field.api_name.as_str() {
            system::CREATED_BY | system::MODIFIED_BY => return Ok(Self::Fixed(user)),
            system::CREATED_TIME | system::MODIFIED_TIME => {
                return Ok(Self::Fixed(Value::Int(writing.now.0)));
            }
            system::OWNER => return Ok(Self::Given { or: user }),
            system::LAYOUT => {
                let first = writing.module.layouts.first().map(|layout| layout.id.0);
                return Ok(Self::Given { or: first.into() });
            }
            _ => {}
        }
        if field.computed == Some(Computed::FullName) {
            let place = |name| fields.iter().position(|field| field.api_name == name);
            return Ok(Self::FullName(place("First_Name"), place("Last_Name")));
        }
        Ok(match &field.kind {
            FieldKind::AutoNumber { prefix, .. } => Self::Number {
                prefix: prefix.clone(),
                next: records::take_numbers(tx, field, count)?,
            },
            FieldKind::Boolean => Self::Given { or: false.into() },
            _ => Self::Given { or: Value::Null },
        })
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

//! Making, changing and deleting records, always in sets: one record is a set of one.

mod along;
mod create;
mod delete;
mod reading;
mod restore;
mod unique;

pub use create::{create, create_by};
pub use delete::delete;
pub(crate) use delete::delete_first;
pub use restore::restore;

use crate::actor::Actor;
use crate::blueprint;
use crate::change::Change;
use crate::judge::{Columns, Verdict, judge};
use crate::owner::Owners;
use crate::rules::{LayoutRules, Rules};
use jobs::Settled;
use model::field::Field;
use model::id::{JobId, RecordId};
use model::module::{Module, system};
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::value::Value;
use reading::Reading;
use std::collections::HashMap;
use store::changes::{self, Cause, ChangeKind, Origin};
use store::records::{self, Filter, Record};
use store::{Fault, Tx, blueprints};
use unique::Uniques;

pub(crate) use reading::Standing;

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
    /// Whether what follows from a write by itself happens too: records enter blueprints
    /// (wire API 1.8).
    pub automation: bool,
}

impl<'a> Writing<'a> {
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
    pub(crate) fn stamp(&self) -> Vec<(&'a Field, Value)> {
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

/// One record with all its values and what decides about it, locked; `None` when it is not there or
/// not shown to the actor.
pub(crate) fn one(
    tx: &mut Tx,
    writing: Writing<'_>,
    id: RecordId,
) -> Result<Option<Standing>, Fault> {
    let columns = Columns::all(writing.module);
    Ok(Reading::new(tx, writing, &columns, &[id], None)?.take(id))
}

/// The same without keeping others from changing it.
pub(crate) fn seen(
    tx: &mut Tx,
    writing: Writing<'_>,
    id: RecordId,
) -> Result<Option<Standing>, Fault> {
    let columns = Columns::all(writing.module);
    Ok(Reading::unlocked(tx, writing, &columns, id)?.take(id))
}

/// Changes records, each by its own change, and answers for each what happened, in order. Records
/// outside `within` are refused as having left the selection. Ids must differ.
pub fn update(
    tx: &mut Tx,
    writing: Writing<'_>,
    items: &[(RecordId, &Change)],
    within: Option<&Filter>,
) -> Result<Vec<Settled>, Fault> {
    update_by(tx, writing, items, within, LayoutRules::Silent)
}

/// The same, where layout rules may bind.
pub fn update_by(
    tx: &mut Tx,
    writing: Writing<'_>,
    items: &[(RecordId, &Change)],
    within: Option<&Filter>,
    layout_rules: LayoutRules,
) -> Result<Vec<Settled>, Fault> {
    let Writing { module, .. } = writing;
    let rules = Rules::of(writing, layout_rules)?;
    let changes = items.iter().map(|(_, change)| *change);
    let columns = Columns::for_changes(module, &rules, changes);
    let ids: Vec<RecordId> = items.iter().map(|(id, _)| *id).collect();
    let reading = Reading::new(tx, writing, &columns, &ids, within)?;
    let mut taken = Uniques::default();
    let mut owners = Owners::default();
    let mut settled = Vec::with_capacity(items.len());
    let mut plan = Plan::default();
    let mut free = Vec::new();
    let mut lapsed = Vec::new();
    for (id, change) in items {
        let standing = match reading.get(*id) {
            Ok(standing) => standing,
            Err(refusal) => {
                settled.push(Settled::Failed(refusal));
                continue;
            }
        };
        let Standing { record, facts, .. } = standing;
        settled.push(
            match judge(module, &columns, record, facts, &rules, change) {
                Verdict::Refuse(refusal) => Settled::Failed(refusal),
                Verdict::Unchanged => Settled::Unchanged,
                Verdict::Change(writes) => {
                    if let Some(refusal) = owners.of_change(writing, &writes) {
                        Settled::Failed(refusal)
                    } else if let Some(refusal) = taken.check(tx, writing, Some(*id), &writes)? {
                        Settled::Failed(refusal)
                    } else {
                        plan.add(&columns, record, writes);
                        if facts.blueprint.is_none() {
                            free.push(*id);
                        }
                        if facts.lapsed {
                            lapsed.push(*id);
                        }
                        Settled::Changed
                    }
                }
            },
        );
    }
    plan.apply(tx, writing)?;
    if !lapsed.is_empty() {
        blueprints::delete_of(tx, &lapsed)?;
    }
    if writing.automation {
        blueprint::enter(tx, writing, &free)?;
    }
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

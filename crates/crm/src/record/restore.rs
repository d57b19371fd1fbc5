//! Restoring deleted records, with what was deleted along with them.

use super::Writing;
use super::unique::Uniques;
use crate::actor::Actor;
use crate::deleted::{denied, sets, unknown};
use crate::history::value_of;
use model::field::Field;
use model::id::{LayoutId, ModuleId, RecordId, UserId};
use model::module::{Module, system};
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::value::Value;
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, HashMap};
use store::changes::{self, Cause, ChangeKind};
use store::deleted::{self, Entry};
use store::records::{self, Record};
use store::{Fault, Tx, beside};

/// A deleted record as it would stand again.
struct Revenant<'a> {
    entry: Entry,
    module: &'a Module,
    values: Vec<(&'a Field, Value)>,
}

/// Restores the records of these ids with all that was deleted along with them, and answers for each
/// id what happened, in order. A record comes back whole or not at all. Ids must differ.
pub fn restore(
    tx: &mut Tx,
    actor: &Actor,
    ids: &[RecordId],
    now: Timestamp,
) -> Result<Vec<Result<(), Refusal>>, Fault> {
    let sets = sets(tx, ids)?;
    let heads = heads(tx, actor, ids)?;
    let all: Vec<RecordId> = sets.values().flatten().map(|entry| entry.record).collect();
    let mut values = deleted::values(tx, &all)?;
    let mut judged: HashMap<RecordId, Result<(), Refusal>> = HashMap::new();
    let mut back: Vec<Vec<Revenant<'_>>> = Vec::new();
    for (root, set) in sets {
        let allowed = denied(actor, root, &set);
        let made: Result<Vec<Revenant<'_>>, Refusal> = allowed.and_then(|()| {
            let each = set.into_iter().map(|entry| {
                let before = values.remove(&entry.record).unwrap_or_default();
                revenant(actor, entry, &before, now)
            });
            each.collect()
        });
        match made {
            Ok(set) => back.push(set),
            Err(refusal) => {
                judged.insert(root, Err(refusal.with("id", root.to_string())));
            }
        }
    }
    let mut uniques = uniques(tx, &back)?;
    let mut good = Vec::new();
    for set in back {
        let root = set.first().map(|one| one.entry.root);
        let refused = take_uniques(tx, actor, &mut uniques, &set, now)?;
        match (root, refused) {
            (Some(root), Some(refusal)) => {
                judged.insert(root, Err(refusal.with("id", root.to_string())));
            }
            (Some(root), None) => {
                judged.insert(root, Ok(()));
                good.extend(set);
            }
            (None, _) => {}
        }
    }
    write(tx, actor, good, now)?;
    let answers = ids.iter().map(|id| answer(*id, &judged, &heads));
    Ok(answers.collect())
}

/// What took each of these records along into the bin, as far as the actor sees them there.
fn heads(
    tx: &mut Tx,
    actor: &Actor,
    ids: &[RecordId],
) -> Result<HashMap<RecordId, RecordId>, Fault> {
    let filter = deleted::Filter {
        ids: Some(ids.to_vec()),
        in_bin: Some(true),
        ..crate::deleted::seen(actor)
    };
    let order = (deleted::Sort::Id, true);
    let found = deleted::list(tx, &filter, order, (0, ids.len()))?;
    let heads = found.into_iter().map(|entry| (entry.record, entry.root));
    Ok(heads.collect())
}

/// The answer for an id: a record that went along comes back with the one that took it.
fn answer(
    id: RecordId,
    judged: &HashMap<RecordId, Result<(), Refusal>>,
    heads: &HashMap<RecordId, RecordId>,
) -> Result<(), Refusal> {
    let Some(head) = heads.get(&id) else {
        return judged.get(&id).cloned().unwrap_or(Err(unknown(id)));
    };
    let alone = || {
        // It was deleted a moment ago, after what is judged was locked.
        if *head == id {
            return Err(unknown(id));
        }
        let refusal = Refusal::new(Code::CannotRestoreWithoutParent);
        Err(refusal.with("id", id.to_string()))
    };
    judged.get(head).cloned().unwrap_or_else(alone)
}

/// A record with the values that it had, as far as the module still has their fields.
fn revenant<'a>(
    actor: &'a Actor,
    entry: Entry,
    before: &Map<String, Json>,
    now: Timestamp,
) -> Result<Revenant<'a>, Refusal> {
    let gone = || {
        let refusal = Refusal::new(Code::InvalidModule);
        refusal.saying("the module of the record was removed")
    };
    let module = actor.catalog.module_by_id(entry.module).ok_or_else(gone)?;
    let mut values = Vec::with_capacity(module.fields.len());
    for field in &module.fields {
        let value = match field.api_name.as_str() {
            system::MODIFIED_BY => actor.user.id.0.into(),
            system::MODIFIED_TIME => now.0.into(),
            _ => {
                let value = stored(field, before.get(&field.id.to_string()))?;
                still_there(actor, module, field, value)
            }
        };
        values.push((field, value));
    }
    Ok(Revenant {
        entry,
        module,
        values,
    })
}

fn stored(field: &Field, value: Option<&Json>) -> Result<Value, Refusal> {
    let changed = || {
        Refusal::new(Code::FieldGone)
            .saying("a field changed its type after the record was deleted")
            .with("api_name", field.api_name.as_str())
    };
    let value = value.unwrap_or(&Json::Null);
    value_of(field, value).ok_or_else(changed)
}

/// An owner or a layout that was removed meanwhile is replaced: by who restores, by the first.
fn still_there(actor: &Actor, module: &Module, field: &Field, value: Value) -> Value {
    let Some(id) = value.as_int() else {
        return value;
    };
    match field.api_name.as_str() {
        system::OWNER if actor.catalog.user(UserId(id)).is_none() => actor.user.id.0.into(),
        system::LAYOUT if module.layout(LayoutId(id)).is_none() => {
            module.layouts.first().map(|layout| layout.id.0).into()
        }
        _ => value,
    }
}

/// Who has the unique values that would come back, by module.
fn uniques<'a>(
    tx: &mut Tx,
    back: &[Vec<Revenant<'a>>],
) -> Result<HashMap<ModuleId, Uniques>, Fault> {
    let mut found = HashMap::new();
    for one in back.iter().flatten() {
        if found.contains_key(&one.module.id) {
            continue;
        }
        let alike = back
            .iter()
            .flatten()
            .filter(|other| other.module.id == one.module.id);
        let unique = |other: &Revenant<'a>| {
            let unique = other.values.iter().filter(|(field, _)| field.unique);
            unique.cloned().collect()
        };
        let rows: Vec<Vec<(&'a Field, Value)>> = alike.map(unique).collect();
        found.insert(one.module.id, Uniques::of_rows(tx, one.module, &rows)?);
    }
    Ok(found)
}

/// Takes the unique values of a set, all or none.
fn take_uniques(
    tx: &mut Tx,
    actor: &Actor,
    uniques: &mut HashMap<ModuleId, Uniques>,
    set: &[Revenant<'_>],
    now: Timestamp,
) -> Result<Option<Refusal>, Fault> {
    for (n, one) in set.iter().enumerate() {
        let writing = writing(actor, one.module, now, Cause::Restore);
        let Some(taken) = uniques.get_mut(&one.module.id) else {
            continue;
        };
        let Some(refusal) = taken.check(tx, writing, None, &one.values)? else {
            continue;
        };
        for before in set.iter().take(n) {
            if let Some(taken) = uniques.get_mut(&before.module.id) {
                taken.release(&before.values);
            }
        }
        return Ok(Some(refusal));
    }
    Ok(None)
}

fn writing<'a>(actor: &'a Actor, module: &'a Module, now: Timestamp, cause: Cause) -> Writing<'a> {
    Writing {
        actor,
        module,
        cause,
        job: None,
        automation: false,
        now,
    }
}

/// Writes what comes back: a few statements for each module.
fn write(tx: &mut Tx, actor: &Actor, good: Vec<Revenant<'_>>, now: Timestamp) -> Result<(), Fault> {
    let ids: Vec<RecordId> = good.iter().map(|one| one.entry.record).collect();
    if ids.is_empty() {
        return Ok(());
    }
    deleted::remove(tx, &ids)?;
    let mut of_modules: BTreeMap<i64, (&Module, Vec<Revenant<'_>>)> = BTreeMap::new();
    for one in good {
        let of_module = of_modules
            .entry(one.module.id.0)
            .or_insert_with(|| (one.module, Vec::new()));
        of_module.1.push(one);
    }
    for (module, ones) in of_modules.into_values() {
        let mut kept = Vec::new();
        let mut rows = Vec::with_capacity(ones.len());
        let (mut heads, mut followers) = (Vec::new(), Vec::new());
        for Revenant { entry, values, .. } in ones {
            let rev = entry.rev + 1;
            let change = changes::Change {
                record: entry.record,
                rev,
                before: Vec::new(),
            };
            if entry.record == entry.root {
                heads.push(change);
            } else {
                followers.push(change);
            }
            kept.extend(entry.beside.map(|beside| (entry.record, beside)));
            rows.push(Record {
                id: entry.record,
                rev,
                values: values.into_iter().map(|(_, value)| value).collect(),
            });
        }
        let fields: Vec<&Field> = module.fields.iter().collect();
        records::insert(tx, module, &fields, rows)?;
        beside::put(tx, module.id, &kept)?;
        for (cause, changes) in [(Cause::Restore, heads), (Cause::Parent, followers)] {
            let origin = writing(actor, module, now, cause).origin(ChangeKind::Restore);
            changes::insert(tx, origin, &changes)?;
        }
    }
    Ok(())
}

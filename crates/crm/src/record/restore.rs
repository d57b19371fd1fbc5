//! Restoring deleted records, with what was deleted along with them.

use super::Writing;
use super::back::Deed;
use super::drift::changed_since_plan;
use super::reading::Reading;
use super::unique::Uniques;
use crate::actor::Actor;
use crate::deleted::{denied, sets, unknown};
use crate::history::value_of;
use crate::judge::Columns;
use crate::triggers::Triggers;
use jobs::{Difference, Forecast, Settled};
use model::field::Field;
use model::id::{FieldId, JobId, LayoutId, ModuleId, RecordId, UserId};
use model::job::Foreseen;
use model::limits::ALONG_PER_CHUNK_MAX;
use model::module::{Module, system};
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::value::Value;
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, HashMap, HashSet};
use store::changes::{self, Cause, ChangeKind};
use store::deleted::{self, Entry};
use store::records::{self, Filter, Record};
use store::targets::Target;
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
    let Judged { of, good } = judge_sets(tx, actor, sets, now)?;
    write(tx, actor, good, (Cause::Restore, None), now)?;
    let answers = ids.iter().map(|id| answer(*id, &of, &heads));
    Ok(answers.collect())
}

/// Restores what a job deleted, the first of these records with what it deleted along with them, as
/// many as one transaction may, at least one, and answers for each what happened, in order.
pub(crate) fn restore_first(
    tx: &mut Tx,
    writing: Writing<'_>,
    targets: &[Target],
    deed: &Deed,
) -> Result<Vec<Settled>, Fault> {
    let Returning { judged, good, .. } = judge_return(tx, writing, targets, deed)?;
    write(
        tx,
        writing.actor,
        good,
        (writing.cause, writing.job),
        writing.now,
    )?;
    let settled = judged.into_iter().map(|(_, judged)| match judged {
        Ok(true) => Settled::Changed,
        Ok(false) => Settled::Unchanged,
        Err(refusal) => Settled::Failed(refusal),
    });
    Ok(settled.collect())
}

/// Says what [`restore_first`] would do, with the revision of each record now, and writes nothing.
pub(crate) fn foresee_return(
    tx: &mut Tx,
    writing: Writing<'_>,
    targets: &[Target],
    deed: &Deed,
) -> Result<Vec<(i64, Forecast)>, Fault> {
    let Returning { judged, good, .. } = judge_return(tx, writing, targets, deed)?;
    let mut names: HashMap<RecordId, (FieldId, Value)> = HashMap::new();
    for one in good {
        let name = one.module.name_field();
        let name_of = one
            .values
            .into_iter()
            .find(|(field, _)| Some(*field) == name);
        names.extend(name_of.map(|(field, value)| (one.entry.record, (field.id, value))));
    }
    let forecasts = targets.iter().zip(judged).map(|(target, (rev, judged))| {
        let forecast = match judged {
            Ok(true) => Forecast::Change(Difference {
                after: names.remove(&target.record).into_iter().collect(),
                ..Difference::default()
            }),
            Ok(false) => Forecast::Unchanged,
            Err(refusal) => Forecast::Refuse(refusal),
        };
        (rev, forecast)
    });
    Ok(forecasts.collect())
}

/// Records that a job deleted: the first of a set, as many as one transaction may restore.
struct Returning<'a> {
    /// Of each its revision now, and whether it comes back; it need not if it is there.
    judged: Vec<(i64, Result<bool, Refusal>)>,
    good: Vec<Revenant<'a>>,
}

fn judge_return<'a>(
    tx: &mut Tx,
    writing: Writing<'a>,
    targets: &[Target],
    deed: &Deed,
) -> Result<Returning<'a>, Fault> {
    let ids: Vec<RecordId> = targets.iter().map(|target| target.record).collect();
    let ids = first(tx, &ids)?;
    let mut sets = sets(tx, &ids)?;
    // Read with the bin locked: what is not in it now is back, or gone for good.
    let entries = deleted::of(tx, &ids)?.into_iter();
    let entries: HashMap<RecordId, Entry> = entries.map(|entry| (entry.record, entry)).collect();
    let by_job = |id: &RecordId| {
        let left = deed.left.get(id);
        let entry = entries.get(id).filter(|entry| entry.purged_at.is_none());
        left.zip(entry)
            .is_some_and(|(left, entry)| left.last() == entry.rev)
    };
    sets.retain(|root, _| by_job(root));
    let everything = Filter::everything();
    let none = Columns(Vec::new());
    let reading = Reading::new(tx, writing, &none, &ids, Some(&everything))?;
    let Judged { of, mut good } = judge_sets(tx, writing.actor, sets, writing.now)?;
    let judge = |(id, target): (&RecordId, &Target)| {
        let judged = match entries.get(id) {
            None => reading
                .get(*id, None)
                .map(|_| false)
                .map_err(|refusal| match refusal.code {
                    Code::Gone => lost(*id),
                    _ => refusal,
                }),
            Some(entry) if entry.purged_at.is_some() => Err(lost(*id)),
            Some(_) if by_job(id) => {
                let judged = of.get(id).cloned().unwrap_or_else(|| Err(lost(*id)));
                judged.map(|()| true).map_err(hidden)
            }
            Some(_) => Err(Refusal::new(Code::ChangedSince)
                .saying("the record came back after the job and was deleted again")
                .with("id", id.to_string())),
        };
        let rev = reading.rev(*id);
        (rev, as_planned(target, rev, judged))
    };
    let judged: Vec<_> = ids.iter().zip(targets).map(judge).collect();
    let back: HashSet<RecordId> = ids
        .iter()
        .zip(&judged)
        .filter(|(_, (_, judged))| *judged == Ok(true))
        .map(|(id, _)| *id)
        .collect();
    good.retain(|one| back.contains(&one.entry.root));
    Ok(Returning { judged, good })
}

/// The first of these records, as many as may come back in one transaction with what they took along.
fn first(tx: &mut Tx, ids: &[RecordId]) -> Result<Vec<RecordId>, Fault> {
    let sizes = deleted::sizes(tx, ids)?;
    let mut along = 0;
    let fits = |id: &&RecordId| {
        let size = sizes.get(id).copied().unwrap_or_default();
        along += size.saturating_sub(1);
        along <= ALONG_PER_CHUNK_MAX
    };
    let first: Vec<RecordId> = ids.iter().take_while(fits).copied().collect();
    // One alone is never too much.
    let one = || ids.iter().take(1).copied().collect();
    Ok(if first.is_empty() { one() } else { first })
}

/// Who may not see a record in the bin is told of it as of any other that is hidden from them.
fn hidden(refusal: Refusal) -> Refusal {
    match (refusal.code, refusal.details.get("id")) {
        (Code::InvalidData, Some(id)) => Refusal::new(Code::NotVisible).with("id", id.clone()),
        _ => refusal,
    }
}

fn lost(id: RecordId) -> Refusal {
    Refusal::new(Code::Gone)
        .saying("the record is no longer in the recycle bin and cannot be restored")
        .with("id", id.to_string())
}

/// Refuses a record that is not as the plan saw it, like `drift.rs` those that stand.
fn as_planned(target: &Target, rev: i64, judged: Result<bool, Refusal>) -> Result<bool, Refusal> {
    let now = match &judged {
        Ok(true) => Foreseen::Change,
        Ok(false) => Foreseen::Unchanged,
        Err(refusal) => Foreseen::Refuse(refusal.code),
    };
    let strayed =
        |foreseen: &Foreseen| *foreseen != now && (now == Foreseen::Change || target.rev != rev);
    match target.foreseen.filter(strayed) {
        Some(foreseen) => Err(changed_since_plan(target.record, foreseen, now)),
        None => judged,
    }
}

/// What may happen to what several records took along into the bin.
struct Judged<'a> {
    of: HashMap<RecordId, Result<(), Refusal>>,
    good: Vec<Revenant<'a>>,
}

fn judge_sets<'a>(
    tx: &mut Tx,
    actor: &'a Actor,
    sets: BTreeMap<RecordId, Vec<Entry>>,
    now: Timestamp,
) -> Result<Judged<'a>, Fault> {
    let all: Vec<RecordId> = sets.values().flatten().map(|entry| entry.record).collect();
    let mut values = deleted::values(tx, &all)?;
    let mut of: HashMap<RecordId, Result<(), Refusal>> = HashMap::new();
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
                of.insert(root, Err(refusal.with("id", root.to_string())));
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
                of.insert(root, Err(refusal.with("id", root.to_string())));
            }
            (Some(root), None) => {
                of.insert(root, Ok(()));
                good.extend(set);
            }
            (None, _) => {}
        }
    }
    Ok(Judged { of, good })
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
        triggers: Triggers::NONE,
        ..Writing::of(actor, module, cause, now)
    }
}

/// Writes what comes back: a few statements for each module.
fn write(
    tx: &mut Tx,
    actor: &Actor,
    good: Vec<Revenant<'_>>,
    (cause, job): (Cause, Option<JobId>),
    now: Timestamp,
) -> Result<(), Fault> {
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
        for (cause, changes) in [(cause, heads), (Cause::Parent, followers)] {
            let mut writing = writing(actor, module, now, cause);
            writing.job = job;
            changes::insert(tx, writing.origin(ChangeKind::Restore), &changes)?;
        }
    }
    Ok(())
}

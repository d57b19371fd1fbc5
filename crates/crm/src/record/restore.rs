//! Restoring deleted records, with what was deleted along with them.

use super::Writing;
use super::drift::strayed;
use super::judged::{Judged, JudgedRecord};
use super::reading::Reading;
use super::unique::Uniques;
use crate::actor::Actor;
use crate::deleted::{denied, sets, unknown};
use crate::history::value_of;
use crate::judge::{Columns, Judgement};
use crate::plan::{Difference, Forecast};
use crate::triggers::Triggers;
use jobs::Settled;
use model::field::Field;
use model::id::{FieldId, JobId, LayoutId, ModuleId, RecordId, UserId};
use model::limits::ALONG_PER_CHUNK_MAX;
use model::module::{Module, system};
use model::reason::Reason;
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
) -> Result<Vec<Settled>, Fault> {
    let sets = sets(tx, ids)?;
    let heads = heads(tx, actor, ids)?;
    let JudgedSets { judgements, back } = judge_sets(tx, actor, sets, now)?;
    let records = ids.iter().map(|id| JudgedRecord {
        id: *id,
        rev: 0,
        judgement: with_head(*id, &judgements, &heads),
    });
    let judged = JudgedReturn {
        actor,
        through: (Cause::Restore, None),
        now,
        records: records.collect(),
        back,
    };
    Box::new(judged).apply(tx)
}

/// Judges the return of what a job deleted: of the first of these records with what it deleted along
/// with them, as many as one transaction may, at least one. Ids must differ; `revs` are the
/// revisions that their deletions made.
pub(crate) fn judge_return<'a>(
    tx: &mut Tx,
    writing: Writing<'a>,
    targets: &[Target],
    revs: &HashMap<RecordId, i64>,
) -> Result<JudgedReturn<'a>, Fault> {
    let ids: Vec<RecordId> = targets.iter().map(|target| target.record).collect();
    let ids = first(tx, &ids)?;
    let mut sets = sets(tx, &ids)?;
    // Read with the bin locked: what is not in it now is back, or gone for good.
    let entries = deleted::of(tx, &ids)?.into_iter();
    let entries: HashMap<RecordId, Entry> = entries.map(|entry| (entry.record, entry)).collect();
    let by_job = |id: &RecordId| {
        let entry = entries.get(id).filter(|entry| entry.purged_at.is_none());
        entry.is_some_and(|entry| revs.get(id) == Some(&entry.rev))
    };
    sets.retain(|root, _| by_job(root));
    let everything = Filter::everything();
    let none = Columns(Vec::new());
    let reading = Reading::new(tx, writing, &none, &ids, Some(&everything))?;
    let JudgedSets {
        judgements,
        mut back,
    } = judge_sets(tx, writing.actor, sets, writing.now)?;
    let judge = |id: RecordId| match entries.get(&id) {
        None => match reading.get(id, None) {
            Ok(_) => Judgement::Unchanged,
            Err(refusal) if refusal.code == Code::Gone => Judgement::Refuse(lost(id)),
            Err(refusal) => Judgement::Refuse(refusal),
        },
        Some(entry) if entry.purged_at.is_some() => Judgement::Refuse(lost(id)),
        Some(_) if by_job(&id) => match judgements.get(&id).cloned() {
            None => Judgement::Refuse(lost(id)),
            Some(Judgement::Refuse(refusal)) => Judgement::Refuse(hidden(refusal)),
            Some(judgement) => judgement,
        },
        Some(_) => Judgement::Refuse(
            Refusal::new(Code::ChangedSince)
                .saying("the record came back after the job and was deleted again")
                .with("id", id.to_string()),
        ),
    };
    let records = ids.iter().zip(targets).map(|(id, target)| {
        let (id, rev, judgement) = (*id, reading.rev(*id), judge(*id));
        let strayed = strayed(target, rev, judgement.word(), || true);
        let judgement = strayed.map_or(judgement, Judgement::Refuse);
        JudgedRecord { id, rev, judgement }
    });
    let records: Vec<JudgedRecord<()>> = records.collect();
    let heads = records.iter().filter(|one| one.judgement.is_change());
    let heads: HashSet<RecordId> = heads.map(|one| one.id).collect();
    back.retain(|one| heads.contains(&one.entry.root));
    Ok(JudgedReturn {
        actor: writing.actor,
        through: (writing.cause, writing.job),
        now: writing.now,
        records,
        back,
    })
}

/// Deleted records that were judged whether they come back.
pub(crate) struct JudgedReturn<'a> {
    actor: &'a Actor,
    /// Why, and through which job.
    through: (Cause, Option<JobId>),
    now: Timestamp,
    records: Vec<JudgedRecord<()>>,
    /// All that comes back, with what went along.
    back: Vec<Revenant<'a>>,
}

impl Judged for JudgedReturn<'_> {
    fn apply(self: Box<Self>, tx: &mut Tx) -> Result<Vec<Settled>, Fault> {
        write(tx, self.actor, self.back, self.through, self.now)?;
        let records = self.records.into_iter();
        let settled = records.map(|one| one.judgement.settled(|()| Settled::Changed));
        Ok(settled.collect())
    }

    fn tell(self: Box<Self>) -> Result<Vec<(i64, Forecast)>, Fault> {
        let mut names: HashMap<RecordId, (FieldId, Value)> = HashMap::new();
        for one in self.back {
            let name = one.module.name_field();
            let mut values = one.values.into_iter();
            let name = values.find(|(field, _)| Some(*field) == name);
            names.extend(name.map(|(field, value)| (one.entry.record, (field.id, value))));
        }
        let told = self.records.into_iter().map(|one| {
            let forecast = one.judgement.forecast(|()| Difference {
                after: names.remove(&one.id).into_iter().collect(),
                ..Difference::default()
            });
            (one.rev, forecast)
        });
        Ok(told.collect())
    }
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
    match (&refusal.reason, refusal.details.get("id")) {
        (Reason::UnknownRecord, Some(id)) => Refusal::new(Code::NotVisible).with("id", id.clone()),
        _ => refusal,
    }
}

fn lost(id: RecordId) -> Refusal {
    Refusal::new(Code::Gone)
        .saying("the record is no longer in the recycle bin and cannot be restored")
        .with("id", id.to_string())
}

/// What may happen to what several records took along into the bin.
struct JudgedSets<'a> {
    /// Of each set, by the record that took it along.
    judgements: HashMap<RecordId, Judgement<()>>,
    /// The records of those sets that come back.
    back: Vec<Revenant<'a>>,
}

fn judge_sets<'a>(
    tx: &mut Tx,
    actor: &'a Actor,
    sets: BTreeMap<RecordId, Vec<Entry>>,
    now: Timestamp,
) -> Result<JudgedSets<'a>, Fault> {
    let all: Vec<RecordId> = sets.values().flatten().map(|entry| entry.record).collect();
    let mut values = deleted::values(tx, &all)?;
    let mut judgements = HashMap::new();
    let mut allowed: Vec<Vec<Revenant<'_>>> = Vec::new();
    for (root, set) in sets {
        let made: Result<Vec<Revenant<'_>>, Refusal> = denied(actor, root, &set).and_then(|()| {
            let each = set.into_iter().map(|entry| {
                let before = values.remove(&entry.record).unwrap_or_default();
                revenant(actor, entry, &before, now)
            });
            each.collect()
        });
        match made {
            Ok(set) => allowed.push(set),
            Err(refusal) => {
                let refusal = refusal.with("id", root.to_string());
                judgements.insert(root, Judgement::Refuse(refusal));
            }
        }
    }
    let mut uniques = uniques(tx, &allowed)?;
    let mut back = Vec::new();
    for set in allowed {
        let Some(root) = set.first().map(|one| one.entry.root) else {
            continue;
        };
        let refused = take_uniques(tx, actor, &mut uniques, &set, now)?;
        let refused = refused.map(|refusal| refusal.with("id", root.to_string()));
        let judgement = Judgement::unless(refused, ());
        if judgement.is_change() {
            back.extend(set);
        }
        judgements.insert(root, judgement);
    }
    Ok(JudgedSets { judgements, back })
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

/// The judgement of an id: a record that went along comes back with the one that took it.
fn with_head(
    id: RecordId,
    judgements: &HashMap<RecordId, Judgement<()>>,
    heads: &HashMap<RecordId, RecordId>,
) -> Judgement<()> {
    let head = heads.get(&id).copied();
    let judgement = judgements.get(&head.unwrap_or(id)).cloned();
    judgement.unwrap_or_else(|| match head {
        Some(head) if head != id => {
            let refusal = Refusal::new(Code::CannotRestoreWithoutParent);
            Judgement::Refuse(refusal.with("id", id.to_string()))
        }
        // It is not in the bin, or was deleted a moment ago, after what is judged was locked.
        _ => Judgement::Refuse(unknown(id)),
    })
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

//! Deleted records: who sees them, brings them back, or takes them out of the recycle bin for good.
//! Roles and sharing reach a deleted record by its owner; its territories and shares are gone with it
//! and come back with it (decision 19).

use crate::actor::Actor;
use crate::record;
use model::id::{ModuleId, RecordId};
use model::limits::{ALONG_PER_RECORD_MAX, VIEW_RECORDS_MAX};
use model::people::Right;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use std::collections::BTreeMap;
use store::deleted::{self, Entry, Filter, Part, Sort};
use store::{Db, Fault, Priority, Tx};

/// Records restored or taken out for good in one transaction.
const AT_ONCE: usize = 1_000;

/// The deleted records that the actor sees, of all modules.
pub fn seen(actor: &Actor) -> Filter {
    let mut whole = Vec::new();
    let mut parts = Vec::new();
    for module in &actor.catalog.modules {
        if !actor.profile.may(Right::View, module.id) {
            continue;
        }
        match actor.reach(module) {
            Some(reach) if !reach.sees_all() => parts.push(Part {
                modules: vec![module.id],
                owners: Some(reach.owners),
            }),
            _ => whole.push(module.id),
        }
    }
    parts.push(Part {
        modules: whole,
        owners: None,
    });
    Filter {
        parts,
        ..Filter::default()
    }
}

/// The same in one module.
pub fn seen_in(actor: &Actor, module: ModuleId) -> Filter {
    Filter {
        modules: Some(vec![module]),
        ..seen(actor)
    }
}

/// The refusal of an id that names no record in the recycle bin.
pub fn unknown(id: RecordId) -> Refusal {
    record::unknown_id(&id.to_string())
}

/// Refuses an actor who may not bring back what `root` took along into the bin, itself included, nor
/// take it out of the bin: that takes all rights over the record, and the right to delete in each
/// module that would be written.
pub(crate) fn denied(actor: &Actor, root: RecordId, set: &[Entry]) -> Result<(), Refusal> {
    let head = set.iter().find(|entry| entry.record == root);
    let head = head.ok_or_else(|| unknown(root))?;
    out_of_reach(actor, head)?;
    for entry in std::iter::once(head).chain(set) {
        if let Some(module) = actor.catalog.module_by_id(entry.module) {
            actor.require(Right::Delete, module)?;
        }
    }
    Ok(())
}

/// Refuses an actor who has not all rights over a record in the bin.
fn out_of_reach(actor: &Actor, entry: &Entry) -> Result<(), Refusal> {
    let Some(module) = actor.catalog.module_by_id(entry.module) else {
        let text = "the module of the record was removed";
        return Err(Refusal::new(Code::InvalidModule).saying(text));
    };
    if !actor.profile.may(Right::View, module.id) {
        return Err(unknown(entry.record));
    }
    let Some(reach) = actor.reach(module) else {
        return Ok(());
    };
    match entry.owner {
        Some(owner) if reach.owners.contains(&owner) => Ok(()),
        _ if reach.sees_all() => Err(Refusal::new(Code::CannotPerformAction)),
        _ => Err(unknown(entry.record)),
    }
}

/// Refuses records that took more along than one call may restore or remove.
pub fn measure(tx: &mut Tx, ids: &[RecordId]) -> Result<(), Fault> {
    let sizes = deleted::sizes(tx, ids)?;
    // One alone is never too much.
    let max = ALONG_PER_RECORD_MAX + 1;
    if sizes.values().sum::<usize>() <= max {
        return Ok(());
    }
    let text = "the records and what was deleted along with them are too many for one call: \
                name fewer";
    Err(Refusal::new(Code::LimitExceeded)
        .saying(text)
        .with("limit", max)
        .into())
}

/// What these records took along into the bin, themselves included, locked until the transaction
/// ends.
pub(crate) fn sets(
    tx: &mut Tx,
    roots: &[RecordId],
) -> Result<BTreeMap<RecordId, Vec<Entry>>, Fault> {
    let mut sets: BTreeMap<RecordId, Vec<Entry>> = BTreeMap::new();
    for entry in deleted::lock(tx, roots)? {
        sets.entry(entry.root).or_default().push(entry);
    }
    Ok(sets)
}

/// Takes records out of the recycle bin for good, with what they took along, and answers for each id
/// what happened, in order.
pub fn purge(
    tx: &mut Tx,
    actor: &Actor,
    ids: &[RecordId],
    now: Timestamp,
) -> Result<Vec<Result<(), Refusal>>, Fault> {
    let filter = Filter {
        ids: Some(ids.to_vec()),
        in_bin: Some(true),
        ..seen(actor)
    };
    // What is judged must be in the bin until it is removed.
    let sets = sets(tx, ids)?;
    let found = deleted::list(tx, &filter, (Sort::Id, true), (0, ids.len()))?;
    let judge = |id: &RecordId| {
        let entry = found.iter().find(|entry| entry.record == *id);
        let entry = entry.ok_or_else(|| unknown(*id))?;
        let named = |refusal: Refusal| refusal.with("id", id.to_string());
        if entry.root != entry.record {
            out_of_reach(actor, entry).map_err(named)?;
            // It would be missing when the other comes back.
            let text = "the record was deleted along with another one: remove that one";
            return Err(named(Refusal::new(Code::CannotPerformAction).saying(text)));
        }
        let set = sets.get(id).map(Vec::as_slice).unwrap_or_default();
        denied(actor, *id, set).map_err(named)
    };
    let judged: Vec<Result<(), Refusal>> = ids.iter().map(judge).collect();
    let good = ids.iter().zip(&judged).filter(|(_, judged)| judged.is_ok());
    let good: Vec<RecordId> = good.map(|(id, _)| *id).collect();
    deleted::purge(tx, &good, now)?;
    Ok(judged)
}

/// What is done to all that a filter finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It comes back, as far as it can.
    Restored,
    /// It leaves the bin for good, as far as the actor may do that.
    Purged,
}

/// Does this to all records in the bin that a filter finds, in transactions of a thousand: a crash
/// leaves some as they were, and none by halves. What cannot be done so stays in the bin.
pub fn all(
    db: &Db,
    actor: impl Fn(&mut Tx) -> Result<Actor, Fault>,
    filter: &Filter,
    fate: Fate,
    now: Timestamp,
) -> Result<(), Fault> {
    let filter = Filter {
        in_bin: Some(true),
        roots: true,
        ..filter.clone()
    };
    let found = db.read(|tx| Ok(deleted::count(tx, &filter)?))?;
    if usize::try_from(found).unwrap_or(usize::MAX) > VIEW_RECORDS_MAX {
        let refusal = Refusal::new(Code::LimitExceeded);
        return Err(refusal.with("limit", VIEW_RECORDS_MAX).into());
    }
    for mut filter in filter.of_each_module() {
        loop {
            let last = db.write(Priority::Chunk, |tx| {
                let actor = actor(tx)?;
                next(tx, &actor, &filter, fate, now)
            })?;
            if last.is_none() {
                break;
            }
            filter.after = last;
        }
    }
    Ok(())
}

/// Does it to the next that a filter finds, as many as one transaction may; answers the last.
fn next(
    tx: &mut Tx,
    actor: &Actor,
    filter: &Filter,
    fate: Fate,
    now: Timestamp,
) -> Result<Option<RecordId>, Fault> {
    let found = deleted::list(tx, filter, (Sort::Id, true), (0, AT_ONCE))?;
    let found: Vec<RecordId> = found.into_iter().map(|entry| entry.record).collect();
    let sizes = deleted::sizes(tx, &found)?;
    let mut ids: Vec<RecordId> = Vec::new();
    let mut total = 0;
    for id in found {
        total += sizes.get(&id).copied().unwrap_or_default();
        if total > AT_ONCE && !ids.is_empty() {
            break;
        }
        ids.push(id);
    }
    match fate {
        Fate::Restored => drop(record::restore(tx, actor, &ids, now)?),
        Fate::Purged => drop(purge(tx, actor, &ids, now)?),
    }
    Ok(ids.last().copied())
}

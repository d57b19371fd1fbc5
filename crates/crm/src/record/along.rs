//! What goes along with records that are deleted or converted, because it belongs to them (decisions 18
//! and 39). What belongs to a record has nothing that belongs to itself, so this looks one step down.

use super::Writing;
use super::reading::{Reading, Standing};
use crate::judge::{Columns, held};
use crate::workflow::Firing;
use model::access::Access;
use model::field::Field;
use model::id::{ModuleId, RecordId, RuleId};
use model::limits::{ALONG_PER_CHUNK_MAX, ALONG_PER_RECORD_MAX};
use model::module::Module;
use model::refusal::{Code, Refusal};
use model::workflow::Trigger;
use std::collections::{HashMap, HashSet};
use store::belonging::{self, Belonging};
use store::records::Record;
use store::{Fault, Tx};

/// A module whose records belong to others, with those that belong to records of a set.
pub(super) struct Part<'a> {
    pub(super) module: &'a Module,
    pub(super) columns: Columns<'a>,
    pub(super) children: Vec<(Record, RecordId)>,
}

/// What belongs to the records of a set, locked.
pub struct Along<'a> {
    /// So many records of the set, from the first on, may go in one transaction.
    pub reach: usize,
    pub(super) parts: Vec<Part<'a>>,
    refused: HashMap<RecordId, Refusal>,
}

impl<'a> Along<'a> {
    /// Nothing goes along with so many records.
    pub(crate) fn none(count: usize) -> Self {
        Self {
            reach: count,
            parts: Vec::new(),
            refused: HashMap::new(),
        }
    }

    /// Finds, locks and judges what belongs to these records, which may go but for that.
    pub fn of(tx: &mut Tx, writing: Writing<'a>, ids: &[RecordId]) -> Result<Self, Fault> {
        let mut along = Self::none(ids.len());
        let mut found = Vec::new();
        // Of records from this one on, not all was read.
        let mut unknown_from: Option<RecordId> = None;
        for module in &writing.actor.catalog.modules {
            let lookups = lookups(writing, module);
            for (n, (lookup, targets)) in lookups.iter().enumerate() {
                if !targets.iter().any(|target| target.id == writing.module.id) {
                    continue;
                }
                let before = lookups.get(..n).unwrap_or_default();
                let limit = ALONG_PER_CHUNK_MAX + 1;
                let some = belonging::of(tx, module, lookup, before, ids, limit)?;
                if let Some(last) = some.last().filter(|_| some.len() == limit) {
                    let known = unknown_from.map_or(last.to, |from| from.min(last.to));
                    unknown_from = Some(known);
                }
                found.extend(some.into_iter().map(|one| (module, one)));
            }
        }
        if found.is_empty() {
            return Ok(along);
        }
        along.measure(ids, &found, unknown_from);
        if along.reach == 0 && ids.len() > 1 {
            // One alone is either known or refused.
            let first = ids.get(..1).unwrap_or_default();
            return Self::of(tx, writing, first);
        }
        let within: HashSet<&RecordId> = ids.iter().take(along.reach).collect();
        found.retain(|(_, one)| within.contains(&one.to) && !along.refused.contains_key(&one.to));
        along.lock(tx, writing, &found)?;
        Ok(along)
    }

    /// Says how far one transaction reaches, and refuses records with too much along.
    fn measure(
        &mut self,
        ids: &[RecordId],
        found: &[(&Module, Belonging)],
        unknown_from: Option<RecordId>,
    ) {
        let mut counts: HashMap<RecordId, usize> = HashMap::new();
        for (_, one) in found {
            *counts.entry(one.to).or_default() += 1;
        }
        let mut total = 0;
        for (n, id) in ids.iter().enumerate() {
            let count = counts.get(id).copied().unwrap_or_default();
            if count > ALONG_PER_RECORD_MAX {
                self.refused.insert(*id, too_many(*id));
                continue;
            }
            let unknown = unknown_from.is_some_and(|from| *id >= from);
            if unknown || total + count > ALONG_PER_CHUNK_MAX {
                self.reach = n;
                return;
            }
            total += count;
        }
    }

    /// Locks what was found. What moved elsewhere meanwhile stays; what is held refuses the record
    /// that it belongs to, because a record never goes by halves.
    fn lock(
        &mut self,
        tx: &mut Tx,
        writing: Writing<'a>,
        found: &[(&'a Module, Belonging)],
    ) -> Result<(), Fault> {
        for module in &writing.actor.catalog.modules {
            let own = found.iter().filter(|(of, _)| of.id == module.id);
            let own: Vec<Belonging> = own.map(|(_, one)| *one).collect();
            if own.is_empty() {
                continue;
            }
            let columns = Columns::all(module);
            let lookups = lookups(writing, module);
            let ids: Vec<RecordId> = own.iter().map(|one| one.record).collect();
            let writing = Writing { module, ..writing };
            let mut reading = Reading::new(tx, writing, &columns, &ids, None)?;
            let there = there(tx, &columns, &reading, &own, &lookups)?;
            let mut children = Vec::with_capacity(own.len());
            for one in own {
                // What moved while it was looked for can have been found twice.
                let fits = reading.standing(one.record).is_some_and(|standing| {
                    belongs_to(&columns, &standing.record, &lookups, &there) == Some(one.to)
                });
                let found = fits.then(|| reading.remove(one.record)).flatten();
                let Some(Standing { record, facts, .. }) = found else {
                    continue;
                };
                if let Some(refusal) = held(record.id, &facts) {
                    let shown = facts.access > Access::None;
                    let refusal = held_along(one, module, shown, &refusal);
                    self.refused.entry(one.to).or_insert(refusal);
                }
                children.push((record, one.to));
            }
            self.parts.push(Part {
                module,
                columns,
                children,
            });
        }
        Ok(())
    }

    /// Refuses these records for these reasons.
    pub(crate) fn refuse(&mut self, refused: HashMap<RecordId, Refusal>) {
        for (record, refusal) in refused {
            self.refused.entry(record).or_insert(refusal);
        }
    }

    /// What goes along, by module, each with the record that it belongs to.
    pub(crate) fn children(&self) -> impl Iterator<Item = (&'a Module, &[(Record, RecordId)])> {
        let parts = self.parts.iter();
        parts.map(|part| (part.module, part.children.as_slice()))
    }

    /// Refuses a record that would have to leave something behind.
    pub fn check(&self, id: RecordId) -> Result<(), Refusal> {
        self.refused.get(&id).cloned().map_or(Ok(()), Err)
    }

    /// How many records of which module go along with each.
    pub fn counts(&self) -> HashMap<RecordId, Vec<(ModuleId, i64)>> {
        let mut counts: HashMap<RecordId, Vec<(ModuleId, i64)>> = HashMap::new();
        for part in &self.parts {
            for (_, root) in &part.children {
                let of_root = counts.entry(*root).or_default();
                match of_root.last_mut() {
                    Some((module, count)) if *module == part.module.id => *count += 1,
                    _ => of_root.push((part.module.id, 1)),
                }
            }
        }
        counts
    }

    /// The workflow rules that deleting what belongs to each record would set off.
    pub(super) fn fires(
        &self,
        writing: Writing<'_>,
    ) -> Result<HashMap<RecordId, Vec<RuleId>>, Refusal> {
        let mut fires: HashMap<RecordId, Vec<RuleId>> = HashMap::new();
        for part in &self.parts {
            let of_part = Writing {
                module: part.module,
                ..writing
            };
            let firing = Firing::of(of_part, Trigger::Delete)?;
            for (record, root) in &part.children {
                let met = firing.by_deletion(&part.columns, record);
                fires.entry(*root).or_default().extend(met);
            }
        }
        Ok(fires)
    }

    /// What goes along with these, by module, each with the record that takes it along.
    pub(super) fn take(
        self,
        gone: &[RecordId],
    ) -> impl Iterator<Item = (&'a Module, Columns<'a>, Vec<(Record, RecordId)>)> {
        let gone: HashSet<RecordId> = gone.iter().copied().collect();
        self.parts.into_iter().map(move |mut part| {
            part.children.retain(|(_, root)| gone.contains(root));
            (part.module, part.columns, part.children)
        })
    }
}

/// The lookups by which records of the module belong to others, each with the modules whose records it
/// can name.
fn lookups<'a>(writing: Writing<'a>, module: &'a Module) -> Vec<(&'a Field, Vec<&'a Module>)> {
    let catalog = &writing.actor.catalog;
    let lookups = module.belongs_by().into_iter();
    lookups
        .map(|field| (field, catalog.pointed_at(&field.kind).collect()))
        .collect()
}

/// The records that these point at and that exist: what was found by a lookup is there.
fn there(
    tx: &mut Tx,
    columns: &Columns<'_>,
    reading: &Reading,
    own: &[Belonging],
    lookups: &[(&Field, Vec<&Module>)],
) -> Result<HashSet<RecordId>, Fault> {
    let mut there: HashSet<RecordId> = own.iter().map(|one| one.to).collect();
    for (lookup, targets) in lookups {
        let named = own.iter().filter_map(|one| {
            let standing = reading.standing(one.record)?;
            let value = columns.value(&standing.record, &lookup.api_name).as_int()?;
            Some(RecordId(value)).filter(|id| !there.contains(id))
        });
        let named: HashSet<RecordId> = named.collect();
        let named: Vec<RecordId> = named.into_iter().collect();
        let found = belonging::modules_of(tx, targets, &named)?;
        there.extend(found.into_iter().map(|(id, _)| id));
    }
    Ok(there)
}

/// What a record belongs to: the first record that exists of those that its lookups name.
fn belongs_to(
    columns: &Columns<'_>,
    record: &Record,
    lookups: &[(&Field, Vec<&Module>)],
    there: &HashSet<RecordId>,
) -> Option<RecordId> {
    let mut named = lookups.iter().filter_map(|(lookup, _)| {
        let value = columns.value(record, &lookup.api_name).as_int();
        value.map(RecordId)
    });
    named.find(|id| there.contains(id))
}

fn too_many(id: RecordId) -> Refusal {
    Refusal::new(Code::LimitExceeded)
        .saying(format!(
            "more than {ALONG_PER_RECORD_MAX} activities belong to the record and would go along \
             with it: delete or move some of them first"
        ))
        .with("id", id.to_string())
        .with("limit", ALONG_PER_RECORD_MAX)
}

/// Names the activity to those who see it.
fn held_along(one: Belonging, module: &Module, shown: bool, refusal: &Refusal) -> Refusal {
    let code = refusal.code.as_str();
    let name = if shown {
        format!("{} {}", module.api_name, one.record)
    } else {
        module.api_name.clone()
    };
    Refusal::new(Code::CannotPerformAction)
        .saying("an activity that would go along with the record may not be changed now")
        .with("id", one.to.to_string())
        .with("reason", format!("{name}: {code}"))
}

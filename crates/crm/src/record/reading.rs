//! Records as they stand, locked until the transaction ends, with all that decides about them.

use super::Writing;
use crate::judge::{Columns, Facts};
use model::access::Access;
use model::hold::HoldKind;
use model::id::RecordId;
use model::refusal::{Code, Refusal};
use model::value::Value;
use std::collections::HashMap;
use store::changes::Cause;
use store::records::{self, Filter, Order, Record};
use store::targets::Target;
use store::{Fault, Tx, access, blueprints, holds};

/// One record as it stands.
pub(crate) struct Standing {
    /// The record with the columns asked for.
    pub(crate) record: Record,
    /// What else decides about it.
    pub(crate) facts: Facts,
    selected: bool,
}

/// Records of a set as they stand.
pub(crate) struct Reading {
    found: HashMap<RecordId, Standing>,
    narrowed: bool,
}

impl Reading {
    /// Locks and reads the records of these ids that exist.
    pub(crate) fn new(
        tx: &mut Tx,
        writing: Writing<'_>,
        columns: &Columns<'_>,
        ids: &[RecordId],
        within: Option<&Filter>,
    ) -> Result<Self, Fault> {
        let named = Filter::everything();
        let filter = within.unwrap_or(&named);
        let rows = records::lock_within(tx, writing.module, &columns.0, ids, filter)?;
        let mut reading = Self::of(tx, writing, columns, ids, rows)?;
        reading.narrowed = within.is_some();
        Ok(reading)
    }

    /// Reads one record, if it exists.
    pub(crate) fn unlocked(
        tx: &mut Tx,
        writing: Writing<'_>,
        columns: &Columns<'_>,
        id: RecordId,
    ) -> Result<Self, Fault> {
        let filter = Filter::everything().of_ids([id]);
        let module = writing.module;
        let rows = records::list(tx, module, &columns.0, &filter, Order::BY_ID, (0, 1))?;
        let rows = rows.into_iter().map(|record| (record, true)).collect();
        Self::of(tx, writing, columns, &[id], rows)
    }

    /// Reads what decides about these records, each of which may be selected.
    fn of(
        tx: &mut Tx,
        writing: Writing<'_>,
        columns: &Columns<'_>,
        ids: &[RecordId],
        rows: Vec<(Record, bool)>,
    ) -> Result<Self, Fault> {
        let Writing { actor, module, .. } = writing;
        let reach = actor.reach(module);
        // Who does not reach everything reaches nothing until it is read below.
        let access = match reach {
            Some(_) => Access::None,
            None => Access::Full,
        };
        let mut found: HashMap<RecordId, Standing> = rows
            .into_iter()
            .map(|(record, selected)| {
                let facts = Facts {
                    access,
                    in_transition: writing.cause == Cause::Blueprint,
                    ..Facts::default()
                };
                let standing = Standing {
                    record,
                    facts,
                    selected,
                };
                (standing.record.id, standing)
            })
            .collect();
        // Read with all rows locked, so that nothing that decides about them can still change.
        let excluded = actor.passes_locks(module);
        for (record, kind) in holds::kinds_of(tx, ids)? {
            if let Some(standing) = found.get_mut(&record)
                && !(excluded && kind == HoldKind::Lock)
            {
                standing.facts.holds.insert(kind);
            }
        }
        if let Some(reach) = reach {
            for (record, access) in access::of(tx, module, &reach, ids)? {
                if let Some(standing) = found.get_mut(&record) {
                    standing.facts.access = access;
                }
            }
        }
        if !module.blueprints.is_empty() {
            for inside in blueprints::of(tx, ids)? {
                let Some(standing) = found.get_mut(&inside.record) else {
                    continue;
                };
                let stays = module.blueprint(inside.blueprint).is_some_and(|blueprint| {
                    let field = module.field_by_id(blueprint.field);
                    let state = field.map(|f| columns.value(&standing.record, &f.api_name));
                    let state = state.and_then(Value::as_text);
                    state.is_some_and(|state| blueprint.leads_on(state))
                });
                // The org can have changed: where nothing leads on, the process is over.
                standing.facts.blueprint = stays.then_some(inside.blueprint);
                standing.facts.entered_by = inside.job;
                standing.facts.lapsed = !stays;
            }
        }
        Ok(Self {
            found,
            narrowed: false,
        })
    }

    /// A record, or why it may not even be judged: it is not there, not shown to the actor, or no
    /// longer selected. `target` is what the job knows of it.
    pub(crate) fn get(&self, id: RecordId, target: Option<&Target>) -> Result<&Standing, Refusal> {
        let found = self.found.get(&id);
        let shown = found.filter(|standing| standing.facts.access > Access::None);
        let Some(standing) = shown else {
            let code = match found {
                Some(_) => Code::NotVisible,
                None => Code::Gone,
            };
            // Named ids could be anything: one that is not shown is as unknown as any other, unless
            // it was shown when the job was accepted.
            let known = self.narrowed || target.is_some_and(|target| target.rev > 0);
            return Err(if known {
                Refusal::new(code).with("id", id.to_string())
            } else {
                super::unknown_id(&id.to_string())
            });
        };
        if standing.selected {
            Ok(standing)
        } else {
            Err(Refusal::new(Code::LeftSelection).with("id", id.to_string()))
        }
    }

    /// The revision of a record that is there and shown to the actor, otherwise 0.
    pub(crate) fn rev(&self, id: RecordId) -> i64 {
        let found = self.found.get(&id);
        let shown = found.filter(|standing| standing.facts.access > Access::None);
        shown.map_or(0, |standing| standing.record.rev)
    }

    /// A record, if it is there.
    pub(crate) fn standing(&self, id: RecordId) -> Option<&Standing> {
        self.found.get(&id)
    }

    /// Takes a record out of the set, if it is there and shown to the actor.
    pub(crate) fn take(mut self, id: RecordId) -> Option<Standing> {
        let found = self.found.remove(&id);
        found.filter(|standing| standing.facts.access > Access::None)
    }

    /// Takes a record out of the set, if it is there.
    pub(crate) fn remove(&mut self, id: RecordId) -> Option<Standing> {
        self.found.remove(&id)
    }
}

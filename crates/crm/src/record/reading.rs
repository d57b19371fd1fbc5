//! Records as they stand, locked until the transaction ends, with all that decides about them.

use super::Writing;
use crate::judge::{Columns, Facts};
use model::access::Access;
use model::id::RecordId;
use model::refusal::{Code, Refusal};
use std::collections::HashMap;
use store::records::{self, Filter, Record};
use store::{Fault, Tx, access, holds};

/// One record as it stands.
pub(crate) struct Standing {
    /// The record with the columns asked for.
    pub(crate) record: Record,
    /// What else decides about it.
    pub(crate) facts: Facts,
    selected: bool,
}

/// Records of a set as they stand.
pub(super) struct Reading {
    found: HashMap<RecordId, Standing>,
    narrowed: bool,
}

impl Reading {
    /// Locks and reads the records of these ids that exist.
    pub(super) fn new(
        tx: &mut Tx,
        writing: Writing<'_>,
        columns: &Columns<'_>,
        ids: &[RecordId],
        within: Option<&Filter>,
    ) -> Result<Self, Fault> {
        let named = Filter::everything();
        let filter = within.unwrap_or(&named);
        let reach = writing.actor.reach(writing.module);
        // Who does not reach everything reaches nothing until it is read below.
        let access = match reach {
            Some(_) => Access::None,
            None => Access::Full,
        };
        let rows = records::lock_within(tx, writing.module, &columns.0, ids, filter)?;
        let mut found: HashMap<RecordId, Standing> = rows
            .into_iter()
            .map(|(record, selected)| {
                let facts = Facts {
                    access,
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
        for (record, kind) in holds::kinds_of(tx, ids)? {
            if let Some(standing) = found.get_mut(&record) {
                standing.facts.holds.insert(kind);
            }
        }
        if let Some(reach) = reach {
            for (record, access) in access::of(tx, writing.module, &reach, ids)? {
                if let Some(standing) = found.get_mut(&record) {
                    standing.facts.access = access;
                }
            }
        }
        Ok(Self {
            found,
            narrowed: within.is_some(),
        })
    }

    /// A record, or why it may not even be judged: it is not there, not shown to the actor, or no
    /// longer selected.
    pub(super) fn get(&self, id: RecordId) -> Result<&Standing, Refusal> {
        let found = self.found.get(&id);
        let shown = found.filter(|standing| standing.facts.access > Access::None);
        let Some(standing) = shown else {
            let code = match found {
                Some(_) => Code::NotVisible,
                None => Code::Gone,
            };
            // Named ids could be anything: one that is not shown is as unknown as any other.
            return Err(if self.narrowed {
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

    /// Takes a record out of the set, if it is there and shown to the actor.
    pub(super) fn take(mut self, id: RecordId) -> Option<Standing> {
        let found = self.found.remove(&id);
        found.filter(|standing| standing.facts.access > Access::None)
    }

    /// Takes a record out of the set, if it is there.
    pub(super) fn remove(&mut self, id: RecordId) -> Option<Standing> {
        self.found.remove(&id)
    }
}

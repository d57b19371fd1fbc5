//! What a job left in one record, put together from all its changes of it and those that automation
//! made because of them.

use super::since::Left;
use crate::change::{Change, FieldWrite, Write};
use crate::history::{History, value_of};
use model::field::Field;
use model::id::{FieldId, ModuleId, RecordId};
use model::module::Module;
use serde_json::Value as Json;
use std::collections::{BTreeMap, HashMap};
use store::changes::{Cause, ChangeKind, Past};
use store::{Fault, Tx};

/// A job's changes of one record, the oldest first: at least one.
pub(super) struct Traces<'a> {
    own: &'a [Past],
    /// All changes of the record, if the job made several.
    all: &'a [Past],
}

/// What puts a record back.
pub(super) struct Back {
    /// The values that stood there, where the job wrote values.
    pub(super) change: Change,
    /// How the job left it.
    pub(super) left: Left,
}

/// The job's changes of several records, and what happened between them.
pub(super) struct Book {
    own: HashMap<RecordId, Vec<Past>>,
    history: History,
}

impl Book {
    /// Of these changes, by record and the oldest first.
    pub(super) fn read(tx: &mut Tx, changes: Vec<Past>) -> Result<Self, Fault> {
        let mut own: HashMap<RecordId, Vec<Past>> = HashMap::new();
        for past in changes {
            own.entry(past.record).or_default().push(past);
        }
        let several = own.values().filter(|own| own.len() > 1);
        let points = several.filter_map(|own| own.first());
        let points: Vec<(RecordId, i64)> = points.map(|past| (past.record, past.rev)).collect();
        let history = History::since(tx, &points)?;
        Ok(Self { own, history })
    }

    pub(super) fn of(&self, record: RecordId) -> Option<Traces<'_>> {
        let own = self.own.get(&record)?;
        let all = self.history.of(record);
        Some(Traces { own, all })
    }
}

/// A field that the job wrote, perhaps several times.
struct Wrote<'a> {
    /// What stood there before the oldest of the last writes between which nobody else wrote it.
    before: &'a Json,
    /// That write.
    since: i64,
    /// The last one.
    last: i64,
    /// Nobody else wrote it so far.
    alone: bool,
}

impl<'a> Traces<'a> {
    /// The module of the record.
    pub(super) fn module(&self) -> Option<ModuleId> {
        self.own.first().map(|past| past.module)
    }

    /// What the job did to the record in the end.
    pub(super) fn kind(&self) -> Option<ChangeKind> {
        let (first, last) = (self.own.first()?, self.own.last()?);
        Some(match (first.kind, last.kind) {
            (_, ChangeKind::Delete) => ChangeKind::Delete,
            (first, _) => first,
        })
    }

    /// Whether only automation changed the record.
    pub(super) fn by_automation(&self) -> bool {
        self.own.iter().all(|past| past.cause == Cause::Automation)
    }

    /// The fields that the job wrote, by their ids.
    fn wrote(&self) -> BTreeMap<&'a str, Wrote<'a>> {
        let mut wrote: BTreeMap<&str, Wrote<'_>> = BTreeMap::new();
        for past in self.own.iter().rev() {
            for (key, before) in &past.before {
                let new = Wrote {
                    before,
                    since: past.rev,
                    last: past.rev,
                    alone: true,
                };
                let Some(known) = wrote.get_mut(key.as_str()) else {
                    wrote.insert(key, new);
                    continue;
                };
                known.alone &= !self.written_between(key, past.rev, known.since);
                if known.alone {
                    (known.before, known.since) = (before, past.rev);
                }
            }
        }
        wrote
    }

    /// Whether somebody else wrote a field between two revisions of the job.
    fn written_between(&self, key: &str, from: i64, to: i64) -> bool {
        let mut between = self
            .all
            .iter()
            .filter(|past| past.rev > from && past.rev < to);
        between.any(|past| {
            let own = self.own.iter().any(|own| own.rev == past.rev);
            !own && past.before.contains_key(key)
        })
    }

    /// The fields that the job wrote and a caller could have written, as far as the module has them.
    pub(super) fn fields<'m>(&self, module: &'m Module) -> Vec<&'m Field> {
        let keys = self.own.iter().flat_map(|past| past.before.keys());
        let fields = keys.filter_map(|key| field_of(module, key));
        fields
            .filter(|field| field.computed.is_none() && !field.read_only)
            .collect()
    }

    /// What puts the record back. What the server computes follows by itself.
    pub(super) fn back(&self, module: &Module) -> Back {
        let mut change = Change::default();
        let whole = matches!(self.kind(), Some(ChangeKind::Create | ChangeKind::Restore));
        let revs: Vec<i64> = self.own.iter().map(|past| past.rev).collect();
        let first = revs.first().copied().unwrap_or_default();
        let last = revs.last().copied().unwrap_or_default();
        let mut left = Left {
            rest: if whole { first } else { last },
            revs,
            ..Left::default()
        };
        for (key, wrote) in self.wrote() {
            let field = field_of(module, key);
            if let Some(field) = field.filter(|_| wrote.last != left.rest) {
                left.fields.insert(field.id, wrote.last);
            }
            if whole || field.is_some_and(|field| field.computed.is_some()) {
                continue;
            }
            match field.and_then(|field| Some((field.id, value_of(field, wrote.before)?))) {
                Some((field, value)) => {
                    let write = Write::Set(value);
                    change.0.push(FieldWrite { field, write });
                }
                None => left.gone += 1,
            }
        }
        Back { change, left }
    }
}

fn field_of<'m>(module: &'m Module, key: &str) -> Option<&'m Field> {
    module.field_by_id(FieldId(key.parse().ok()?))
}

//! Making, changing and deleting records, always in sets: one record is a set of one.

mod adjustment;
mod along;
mod create;
mod delete;
mod drift;
mod heirs;
mod judged;
mod reading;
mod restore;
mod unique;
mod update;

pub(crate) use adjustment::{Adjusted, Adjustment, Spared, Unadjusted};
pub use along::Along;
pub(crate) use create::Newcomers;
pub use create::{create, create_by};
pub use delete::delete;
pub(crate) use delete::{judge_adjusted_deletion, judge_deletion};
pub use heirs::Heirs;
pub(crate) use judged::{Judged, JudgedRecord, Purpose};
pub(crate) use restore::judge_return;
pub use restore::restore;
pub(crate) use update::{JudgedUpdate, Proposal, judge_adjusted_update, judge_update, written};
pub use update::{update, update_by};

use crate::actor::Actor;
use crate::judge::Columns;
use crate::triggers::Triggers;
use model::access::Access;
use model::field::Field;
use model::id::{JobId, RecordId, RuleId};
use model::module::{Module, system};
use model::reason::Reason;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::value::Value;
use std::collections::HashMap;
use store::changes::{self, Cause, ChangeKind, Origin};
use store::records::{self, Filter, Record};
use store::targets::Target;
use store::{Fault, Tx, effects};
use update::before;

pub(crate) use drift::Drift;
pub(crate) use reading::{Reading, Standing};
pub(crate) use unique::Uniques;

/// Who writes what for which reason: the same for all records of a set.
#[derive(Clone, Copy)]
pub struct Writing<'a> {
    /// Who.
    pub actor: &'a Actor,
    /// Records of which module.
    pub module: &'a Module,
    /// Why.
    pub cause: Cause,
    /// Through which job; of a rule's effect, the job whose write led to it.
    pub job: Option<JobId>,
    /// The workflow rules whose effects led here, the first one first: the last one makes this write.
    /// None when a person or a program does.
    pub rules: &'a [RuleId],
    /// So many of those rules, the first ones, led to the records being made.
    pub made: usize,
    /// When.
    pub now: Timestamp,
    /// What follows by itself.
    pub triggers: Triggers,
}

impl<'a> Writing<'a> {
    /// A write that somebody asks for, from which everything follows.
    pub fn of(actor: &'a Actor, module: &'a Module, cause: Cause, now: Timestamp) -> Self {
        Self {
            actor,
            module,
            cause,
            job: None,
            rules: &[],
            made: 0,
            now,
            triggers: Triggers::ALL,
        }
    }

    fn origin(&self, kind: ChangeKind) -> Origin {
        Origin {
            module: self.module.id,
            kind,
            cause: self.cause,
            // What automation does because of a job is not the job's own work.
            job: self.job.filter(|_| self.rules.is_empty()),
            rule: self.rules.last().copied(),
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
        .because(Reason::UnknownRecord)
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

/// Records of a set with the values of these columns and what decides about each, locked; those that
/// are not there or not shown to the actor are left out.
pub(crate) fn each(
    tx: &mut Tx,
    writing: Writing<'_>,
    columns: &Columns<'_>,
    ids: &[RecordId],
) -> Result<HashMap<RecordId, Standing>, Fault> {
    let mut reading = Reading::new(tx, writing, columns, ids, None)?;
    let found = ids.iter().filter_map(|id| {
        let standing = reading.remove(*id)?;
        (standing.facts.access > Access::None).then_some((*id, standing))
    });
    Ok(found.collect())
}

/// How a set's records are expected to be found.
#[derive(Clone, Copy, Default)]
pub struct Expected<'a> {
    /// Still passing this; those that do not are refused as having left the selection.
    pub within: Option<&'a Filter>,
    /// As a plan saw them: the targets, record by record as the set has them. None is no plan.
    pub targets: &'a [Target],
}

impl<'a> Expected<'a> {
    /// Records of a selection, which must still pass it.
    pub fn within(filter: Option<&'a Filter>) -> Self {
        Self {
            within: filter,
            ..Self::default()
        }
    }

    /// What a plan saw of the record at this place.
    pub(crate) fn target(&self, n: usize) -> Option<&'a Target> {
        self.targets.get(n)
    }
}

/// Stores changes; what a rule changed because of a job's writes is also noted with the job.
fn keep(
    tx: &mut Tx,
    writing: Writing<'_>,
    kind: ChangeKind,
    changes: &[changes::Change],
) -> Result<(), Fault> {
    changes::insert(tx, writing.origin(kind), changes)?;
    if let (Some(rule), Some(job)) = (writing.rules.last(), writing.job) {
        let records: Vec<_> = changes.iter().map(|c| (c.record, c.rev)).collect();
        effects::note(tx, job, *rule, &records)?;
    }
    Ok(())
}

/// Raises the revision of records because something beside their values changed that decides about
/// them, and stores that as a change.
pub(crate) fn touch(
    tx: &mut Tx,
    writing: Writing<'_>,
    record: &Record,
    values: &[(&Field, Value)],
) -> Result<(), Fault> {
    let change = before(&Columns::all(writing.module), record, values);
    records::update(tx, writing.module, &[record.id], values)?;
    keep(tx, writing, ChangeKind::Update, &[change])
}

/// Raises the revisions of records because something beside their values changed, and stores a change
/// for each.
pub(crate) fn raise(tx: &mut Tx, writing: Writing<'_>, ids: &[RecordId]) -> Result<(), Fault> {
    if ids.is_empty() {
        return Ok(());
    }
    let change = |found: Record| changes::Change {
        record: found.id,
        rev: found.rev + 1,
        before: Vec::new(),
    };
    let found = records::lock(tx, writing.module, &[], ids)?;
    let changes: Vec<changes::Change> = found.into_iter().map(change).collect();
    records::update(tx, writing.module, ids, &[])?;
    Ok(changes::insert(
        tx,
        writing.origin(ChangeKind::Update),
        &changes,
    )?)
}

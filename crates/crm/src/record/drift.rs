//! Whether records are still as a plan saw them (DESIGN 3): one whose revision moved must be judged as
//! it was foreseen, over the same values; one whose did not must not be changed unforeseen.

use super::reading::Reading;
use crate::history::History;
use crate::judge::{Columns, Verdict};
use model::field::Field;
use model::id::RecordId;
use model::job::Foreseen;
use model::refusal::{Code, Refusal};
use store::records::Record;
use store::targets::Target;
use store::{Fault, Tx};

/// What happened since a plan to those of its records that moved.
pub(crate) struct Drift(History);

impl Drift {
    /// Reads what happened since to the records that moved; without a plan, nothing.
    pub(crate) fn read(tx: &mut Tx, targets: &[Target], reading: &Reading) -> Result<Self, Fault> {
        let planned = targets.iter().filter(|target| target.foreseen.is_some());
        let moved = planned.filter(|target| {
            let found = reading.standing(target.record);
            found.is_some_and(|found| found.record.rev != target.rev)
        });
        let points: Vec<(RecordId, i64)> = moved.map(|t| (t.record, t.rev)).collect();
        Ok(Self(History::since(tx, &points)?))
    }

    /// Refuses a record that is not as the plan saw it. `verdict` is what would happen to it now, and
    /// `kept` the fields that an undo would not put back.
    pub(crate) fn check(
        &self,
        target: &Target,
        columns: &Columns<'_>,
        record: &Record,
        verdict: &Verdict<'_>,
        kept: &[&Field],
    ) -> Option<Refusal> {
        let foreseen = target.foreseen?;
        let now = match verdict {
            Verdict::Change(_) => Foreseen::Change,
            Verdict::Unchanged => Foreseen::Unchanged,
            Verdict::Refuse(refusal) => Foreseen::Refuse(refusal.code),
        };
        let strayed = if record.rev == target.rev {
            // What decides beside the record (rights, rules) may refuse it now, and says why itself.
            now == Foreseen::Change && foreseen != Foreseen::Change
        } else {
            now != foreseen || !self.stands(target, columns, record, verdict, kept)
        };
        strayed.then(|| changed_since_plan(record.id, foreseen, now))
    }

    /// Whether the values that would be written over are those that the plan saw.
    fn stands(
        &self,
        target: &Target,
        columns: &Columns<'_>,
        record: &Record,
        verdict: &Verdict<'_>,
        kept: &[&Field],
    ) -> bool {
        let Verdict::Change(writes) = verdict else {
            return true;
        };
        let same = |field: &Field| {
            let then = self.0.value(record.id, target.rev, field);
            then.is_none_or(|then| then == *columns.value(record, &field.api_name))
        };
        if self.0.came_or_went(record.id, target.rev) {
            return false;
        }
        let written = writes.iter().map(|(field, _)| *field);
        written.chain(kept.iter().copied()).all(same)
    }
}

/// The refusal of a record that is not as the plan saw it.
pub(crate) fn changed_since_plan(record: RecordId, foreseen: Foreseen, now: Foreseen) -> Refusal {
    Refusal::new(Code::ChangedSincePlan)
        .with("id", record.to_string())
        .with("foreseen", foreseen.as_str())
        .with("now", now.as_str())
}

//! Whether records are still as a plan saw them: one whose revision moved must be judged as
//! it was foreseen, over the same values; one whose did not must not be changed unforeseen.

use super::reading::Reading;
use crate::history::History;
use crate::judge::Columns;
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

    /// Refuses a record that is not as the plan saw it. `now` is what would happen to it now, and
    /// `fields` are those that a change is about.
    pub(crate) fn check<'f>(
        &self,
        target: &Target,
        columns: &Columns<'_>,
        record: &Record,
        now: Foreseen,
        fields: impl IntoIterator<Item = &'f Field>,
    ) -> Option<Refusal> {
        let stands = || self.stands(target, columns, record, fields);
        strayed(target, record.rev, now, stands)
    }

    /// Whether the values that would be written over are those that the plan saw.
    fn stands<'f>(
        &self,
        target: &Target,
        columns: &Columns<'_>,
        record: &Record,
        fields: impl IntoIterator<Item = &'f Field>,
    ) -> bool {
        let same = |field: &Field| {
            let then = self.0.value(record.id, target.rev, field);
            then.is_none_or(|then| then == *columns.value(record, &field.api_name))
        };
        !self.0.came_or_went(record.id, target.rev) && fields.into_iter().all(same)
    }
}

/// Refuses a record of revision `rev` that is not as the plan saw it. `now` is what would happen to it
/// now; `stands` says whether a change would write over what the plan saw.
pub(super) fn strayed(
    target: &Target,
    rev: i64,
    now: Foreseen,
    stands: impl FnOnce() -> bool,
) -> Option<Refusal> {
    let foreseen = target.foreseen?;
    let strayed = if rev == target.rev {
        // What decides beside the record (rights, rules) may refuse it now, and says why itself.
        now == Foreseen::Change && foreseen != Foreseen::Change
    } else {
        now != foreseen || (now == Foreseen::Change && !stands())
    };
    let refusal = || {
        Refusal::new(Code::ChangedSincePlan)
            .with("id", target.record.to_string())
            .with("foreseen", foreseen.as_str())
            .with("now", now.as_str())
    };
    strayed.then(refusal)
}

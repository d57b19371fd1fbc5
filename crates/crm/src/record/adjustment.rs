//! What a write becomes when it meets a record as it stands.

use super::Writing;
use super::along::Along;
use super::judged::Purpose;
use super::reading::{Reading, Standing};
use crate::change::Change;
use crate::judge::{Columns, Facts, Judgement};
use model::field::Field;
use model::id::RecordId;
use model::module::Module;
use model::refusal::Refusal;
use std::borrow::Cow;
use store::records::Record;
use store::{Fault, Tx};

/// Adjusts what is asked for to what happened to each record before. What stands here is an ordinary
/// write, which is judged as it was asked for; an undo differs, because it spares what others did.
pub(crate) trait Adjustment {
    /// The fields of records that are to be deleted that it looks at.
    fn needs<'m>(&self, _module: &'m Module) -> &'m [Field] {
        &[]
    }

    /// Reads what it has to know of these records, which are locked: nothing is known before.
    fn read(&mut self, _tx: &mut Tx, _reading: &Reading) -> Result<(), Fault> {
        Ok(())
    }

    /// A change of a record.
    fn change<'c, 'f>(
        &self,
        _module: &Module,
        _columns: &Columns<'f>,
        standing: &'c Standing,
        change: &'c Change,
    ) -> Adjusted<'c, 'f> {
        Adjusted {
            change: Cow::Borrowed(change),
            facts: Cow::Borrowed(&standing.facts),
            spared: Spared::Nothing,
            withdrawn: false,
        }
    }

    /// What decides about the deletion of a record.
    fn deletion<'c>(&self, standing: &'c Standing) -> Cow<'c, Facts> {
        Cow::Borrowed(&standing.facts)
    }

    /// Refuses the deletion of a record that may be deleted but for this.
    fn spare(
        &self,
        _writing: Writing<'_>,
        _columns: &Columns<'_>,
        _record: &Record,
    ) -> Option<Refusal> {
        None
    }

    /// The deletion of a record that may not even be judged, for this reason.
    fn missing(&self, refusal: Refusal) -> Judgement<()> {
        Judgement::Refuse(refusal)
    }

    /// What goes along with these records, which may go but for that.
    fn along<'a>(
        &self,
        tx: &mut Tx,
        writing: Writing<'a>,
        ids: &[RecordId],
        _purpose: &Purpose<'_>,
    ) -> Result<Along<'a>, Fault> {
        Along::of(tx, writing, ids)
    }
}

/// No adjustment: an ordinary write.
pub(crate) struct Unadjusted;

impl Adjustment for Unadjusted {}

/// A change as it meets a record.
pub(crate) struct Adjusted<'c, 'f> {
    /// What is written.
    pub(crate) change: Cow<'c, Change>,
    /// What decides about it beside the record's own values.
    pub(crate) facts: Cow<'c, Facts>,
    /// What is not written.
    pub(crate) spared: Spared<'f>,
    /// The record leaves the approval process that it waits in.
    pub(crate) withdrawn: bool,
}

/// What of a change is not written, and why.
pub(crate) enum Spared<'f> {
    /// All is written.
    Nothing,
    /// These fields are left as they are; there may be others that the module no longer has.
    Part(Vec<&'f Field>, Refusal),
    /// Nothing is written.
    Whole(Refusal),
}

impl<'f> Adjusted<'_, 'f> {
    /// The judgement of the whole, given that of what is written.
    pub(crate) fn of_whole<C>(&self, judgement: Judgement<C>) -> Judgement<C> {
        match (&self.spared, judgement) {
            (Spared::Whole(refusal), _) | (Spared::Part(_, refusal), Judgement::Unchanged) => {
                Judgement::Refuse(refusal.clone())
            }
            (_, judgement) => judgement,
        }
    }

    /// The fields that are left as they are although something is written.
    pub(crate) fn spared_fields(&self) -> impl Iterator<Item = &'f Field> {
        let fields = match &self.spared {
            Spared::Part(fields, _) => fields.as_slice(),
            Spared::Nothing | Spared::Whole(_) => &[],
        };
        fields.iter().copied()
    }
}

impl Spared<'_> {
    /// What says so.
    pub(crate) fn into_refusal(self) -> Option<Refusal> {
        match self {
            Self::Nothing => None,
            Self::Part(_, refusal) | Self::Whole(refusal) => Some(refusal),
        }
    }
}

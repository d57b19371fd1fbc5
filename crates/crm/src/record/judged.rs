//! Sets of records that were judged. Each kind of write has one function that judges; what it found is
//! then either written or told, so that a plan and the job made from it cannot differ.

use crate::judge::Judgement;
use crate::plan::Forecast;
use jobs::{Memory, Settled};
use model::id::RecordId;
use store::{Error, Fault, Tx};

/// A set of records that was judged, in the order in which they were asked about: the first of them, as
/// many as one transaction may, at least one.
pub(crate) trait Judged {
    /// Writes it, and answers for each record what happened.
    fn apply(self: Box<Self>, tx: &mut Tx) -> Result<Vec<Settled>, Fault>;

    /// Says of each record what would happen, with its revision now; 0 where there is no record.
    fn tell(self: Box<Self>) -> Result<Vec<(i64, Forecast)>, Fault>;
}

/// What records are judged for, where that makes a difference.
pub(crate) enum Purpose<'m> {
    /// To be written.
    Write,
    /// To be told in a plan, which keeps this in mind from one set to the next.
    Tell(&'m mut Memory),
}

impl Purpose<'_> {
    /// Whether it will be written.
    pub(crate) fn writes(&self) -> bool {
        matches!(self, Self::Write)
    }

    /// Fails when what was judged to be told is about to be written: not all that takes was read.
    pub(crate) fn must_write(&self) -> Result<(), Error> {
        if self.writes() {
            return Ok(());
        }
        let text = "records that were judged to be told are about to be written";
        Err(Error::Inconsistent(text.to_owned()))
    }
}

/// One record of a set that was judged.
pub(crate) struct JudgedRecord<C> {
    /// Which.
    pub(crate) id: RecordId,
    /// Its revision now; 0 where there is no record.
    pub(crate) rev: i64,
    /// What is to happen to it.
    pub(crate) judgement: Judgement<C>,
}

//! The one form of the mass actions: a job's request is checked once more against the catalog and the
//! actor's rights as they are now, and says what is done to each record. Running, foreseeing and
//! selecting are the same for all.

use super::scheduled::{self, Selection, decode, fires_automation, module_of};
use crate::actor::Actor;
use crate::change::Change;
use crate::convert::{Conversion, Terms, judge_conversion};
use crate::record::{Expected, Judged, Purpose, Writing, judge_deletion, judge_update};
use crate::triggers::Triggers;
use jobs::{Action, Forecast, Memory, Settled};
use model::id::RecordId;
use model::refusal::Refusal;
use model::time::Timestamp;
use serde::Deserialize;
use store::changes::Cause;
use store::jobs::Job;
use store::records::Filter;
use store::targets::Target;
use store::{Fault, Tx};

/// What is done to each record of a job.
pub(super) enum Work {
    /// These values are written.
    Update(Change),
    /// It goes into the recycle bin.
    Delete,
    /// It becomes a contact, an account and a deal.
    Convert(Terms),
}

/// A job's request, ready to be done.
pub(super) struct Ready {
    /// Who.
    pub(super) actor: Actor,
    /// Why, in the changes.
    pub(super) cause: Cause,
    /// What.
    pub(super) work: Work,
    /// What its records must still pass; named ones pass anything.
    pub(super) within: Option<Filter>,
}

impl Ready {
    fn writing(&self, job: &Job, now: Timestamp) -> Result<Writing<'_>, Refusal> {
        Ok(Writing {
            actor: &self.actor,
            module: module_of(&self.actor, job)?,
            cause: self.cause,
            job: Some(job.id),
            rules: &[],
            made: 0,
            now,
            triggers: Triggers::all_if(fires_automation(self.within.is_some(), job)),
        })
    }
}

fn ids(targets: &[Target]) -> Vec<RecordId> {
    targets.iter().map(|target| target.record).collect()
}

fn items<'a>(targets: &[Target], change: &'a Change) -> Vec<(RecordId, &'a Change)> {
    ids(targets).into_iter().map(|id| (id, change)).collect()
}

/// A mass action.
pub(super) struct Mass {
    /// Reads a job's request.
    pub(super) ready: fn(&mut Tx, &Job) -> Result<Ready, Fault>,
}

impl Ready {
    /// Judges the first of these records, as many as one transaction may.
    fn judge<'a>(
        &'a self,
        tx: &mut Tx,
        writing: Writing<'a>,
        targets: &[Target],
        purpose: Purpose<'a>,
    ) -> Result<Box<dyn Judged + 'a>, Fault> {
        let expected = Expected {
            within: self.within.as_ref(),
            // Only what is written is held against what a plan saw.
            targets: if purpose.writes() { targets } else { &[] },
            ..Expected::default()
        };
        Ok(match &self.work {
            Work::Update(change) => {
                let items = items(targets, change);
                Box::new(judge_update(tx, writing, &items, expected)?)
            }
            Work::Delete => {
                let ids = ids(targets);
                Box::new(judge_deletion(tx, writing, &ids, expected, purpose)?)
            }
            Work::Convert(terms) => {
                let conversion = Conversion::new(writing, terms)?;
                let ids = ids(targets);
                Box::new(judge_conversion(tx, conversion, &ids, expected, purpose)?)
            }
        })
    }
}

impl Action for Mass {
    fn run(
        &self,
        tx: &mut Tx,
        job: &Job,
        targets: &[Target],
        now: Timestamp,
    ) -> Result<Vec<Settled>, Fault> {
        let ready = (self.ready)(tx, job)?;
        let writing = ready.writing(job, now)?;
        let judged = ready.judge(tx, writing, targets, Purpose::Write)?;
        judged.apply(tx)
    }

    fn foresee(
        &self,
        tx: &mut Tx,
        job: &Job,
        targets: &[Target],
        now: Timestamp,
        memory: &mut Memory,
    ) -> Result<Vec<(i64, Forecast)>, Fault> {
        let ready = (self.ready)(tx, job)?;
        let writing = ready.writing(job, now)?;
        let judged = ready.judge(tx, writing, targets, Purpose::Tell(memory))?;
        judged.tell()
    }

    fn select(
        &self,
        tx: &mut Tx,
        job: &Job,
        _now: Timestamp,
    ) -> Result<Vec<(RecordId, i64)>, Fault> {
        #[derive(Deserialize)]
        struct Selected {
            selection: Selection,
        }
        let Selected { selection } = decode(job)?;
        scheduled::select(tx, job, selection)
    }
}

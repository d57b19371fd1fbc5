//! What is done to the records of a job.

use model::id::RecordId;
use model::job::{Counts, Foreseen, JobKind};
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::jobs::Job;
use store::outcomes::{self, Outcome};
use store::targets::Target;
use store::{Error, Fault, Tx};

/// What happened to one record. It is stored with the record's change, or not at all.
#[derive(Clone, Debug, PartialEq)]
pub enum Settled {
    /// It was changed, and the action stored its change.
    Changed,
    /// It was changed and its change stored, but a part of it was refused.
    ChangedInPart(Refusal),
    /// It already was as wanted.
    Unchanged,
    /// It was refused and left as it was.
    Failed(Refusal),
}

/// What an action keeps in mind from one read of a plan to the next: how much of what it foresaw, and
/// what later records depend on. Only the action knows what is in it. A copy costs nothing.
#[derive(Clone, Default)]
pub struct Memory(Option<Arc<dyn Any + Send + Sync>>);

impl Memory {
    /// What was kept last; nothing at first.
    pub fn recall<T: Any + Clone + Default>(&self) -> T {
        let kept = self.0.as_ref().and_then(|kept| kept.downcast_ref::<T>());
        kept.cloned().unwrap_or_default()
    }

    /// Keeps this in mind in place of what was kept before.
    pub fn keep<T: Any + Send + Sync>(&mut self, kept: T) {
        self.0 = Some(Arc::new(kept));
    }
}

/// Does one kind of job, a chunk at a time.
pub trait Action: Send + Sync {
    /// Visits the targets, in their order, inside the chunk's transaction, and says for each what
    /// happened. It may leave the last ones to the next chunk when the first cost much, but visits at
    /// least one. A refusal as the whole answer means that the job cannot go on at all.
    fn run(
        &self,
        tx: &mut Tx,
        job: &Job,
        targets: &[Target],
        now: Timestamp,
    ) -> Result<Vec<Settled>, Fault>;

    /// Says of each target, in their order, with its revision now, what [`Self::run`] would do to it, and
    /// keeps in `memory` what the plan says in sum; nothing is written. The transaction may be one that
    /// only reads. A record that is not there has revision 0. Like a run it may leave the last ones.
    fn foresee(
        &self,
        tx: &mut Tx,
        job: &Job,
        targets: &[Target],
        now: Timestamp,
        memory: &mut Memory,
    ) -> Result<Vec<(i64, Foreseen)>, Fault>;

    /// What was foreseen in sum, as the plan keeps it.
    fn summary(&self, memory: &Memory) -> Result<String, Fault>;

    /// The records that a job for later is to visit, with their revisions, selected now.
    fn select(&self, tx: &mut Tx, job: &Job, now: Timestamp)
    -> Result<Vec<(RecordId, i64)>, Fault>;
}

/// Removes a part of what is too old, at most so many rows of each sort; `false` when there is nothing.
pub type Purge = fn(&mut Tx, Timestamp, i64) -> store::Result<bool>;

/// What the engine runs: the action of each kind of job, and what else is purged with old jobs. Both are
/// handed in by who knows what the records are.
#[derive(Clone, Default)]
pub struct Actions {
    by_kind: BTreeMap<JobKind, Arc<dyn Action>>,
    purges: Vec<Purge>,
}

impl Actions {
    /// These actions, one for each kind that is to run.
    pub fn new(actions: impl IntoIterator<Item = (JobKind, Arc<dyn Action>)>) -> Self {
        Self {
            by_kind: actions.into_iter().collect(),
            purges: Vec::new(),
        }
    }

    /// The same, and this is purged with old jobs, in order.
    pub fn with_purges(mut self, purges: impl IntoIterator<Item = Purge>) -> Self {
        self.purges.extend(purges);
        self
    }

    /// The action of a kind.
    pub(crate) fn of(&self, kind: JobKind) -> Result<&dyn Action, Error> {
        let known = self.by_kind.get(&kind).map(Arc::as_ref);
        known.ok_or_else(|| {
            Error::Inconsistent(format!("no action runs jobs of kind {}", kind.as_str()))
        })
    }

    /// What is purged with old jobs.
    pub(crate) fn purges(&self) -> &[Purge] {
        &self.purges
    }
}

/// Runs an action on targets and stores the outcomes of those that it visited and did not change.
pub(crate) fn visit(
    action: &dyn Action,
    tx: &mut Tx,
    job: &Job,
    targets: &[Target],
    now: Timestamp,
) -> Result<Vec<Settled>, Fault> {
    let settled = action.run(tx, job, targets, now)?;
    let (told, asked) = (settled.len(), targets.len());
    if told > asked || (told == 0 && asked > 0) {
        return Err(Error::Inconsistent(format!("{told} outcomes for {asked} targets")).into());
    }
    store_outcomes(tx, job, targets, &settled, now)?;
    Ok(settled)
}

/// Stores the outcomes of records that were not changed.
pub(crate) fn store_outcomes(
    tx: &mut Tx,
    job: &Job,
    targets: &[Target],
    settled: &[Settled],
    now: Timestamp,
) -> Result<(), Fault> {
    let rows: Vec<Outcome> = targets
        .iter()
        .zip(settled)
        .filter_map(|(target, settled)| {
            let (refusal, changed) = match settled {
                Settled::Changed => return None,
                Settled::ChangedInPart(refusal) => (Some(refusal.clone()), true),
                Settled::Unchanged => (None, false),
                Settled::Failed(refusal) => (Some(refusal.clone()), false),
            };
            Some(Outcome {
                seq: target.seq,
                record: target.record,
                refusal,
                changed,
            })
        })
        .collect();
    Ok(outcomes::insert(tx, job.id, &rows, now)?)
}

/// The refusal of a record that an immediate call did not reach, because the records before it cost
/// as much as one transaction may.
pub fn left_over(record: RecordId) -> Refusal {
    Refusal::new(Code::LimitExceeded)
        .saying("the records before this one took too many others along: ask for this one again")
        .with("id", record.to_string())
}

/// The places of those that are no longer as the job's plan saw them.
fn strays(targets: &[Target], settled: &[Settled]) -> impl Iterator<Item = usize> {
    let strayed = |(_, (target, settled)): &(usize, (&Target, &Settled))| {
        let Settled::Failed(refusal) = settled else {
            return false;
        };
        let now = Foreseen::Refuse(refusal.code);
        refusal.code.is_stray() && target.foreseen.is_some_and(|foreseen| foreseen != now)
    };
    let all = targets.iter().zip(settled).enumerate();
    all.filter(strayed).map(|(place, _)| place)
}

/// How many of these are no longer as the job's plan saw them.
pub(crate) fn drifted(targets: &[Target], settled: &[Settled]) -> i64 {
    i64::try_from(strays(targets, settled).count()).unwrap_or(i64::MAX)
}

/// The place of the first stray beyond those that are still tolerated.
pub(crate) fn stray_too_many(
    targets: &[Target],
    settled: &[Settled],
    tolerated: i64,
) -> Option<usize> {
    let tolerated = usize::try_from(tolerated).unwrap_or(0);
    strays(targets, settled).nth(tolerated)
}

/// How many of each there are.
pub(crate) fn counts(settled: &[Settled]) -> Counts {
    let mut counts = Counts::default();
    for one in settled {
        match one {
            Settled::Changed | Settled::ChangedInPart(_) => counts.changed += 1,
            Settled::Unchanged => counts.unchanged += 1,
            Settled::Failed(_) => counts.failed += 1,
        }
    }
    counts
}

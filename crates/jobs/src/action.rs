//! What is done to the records of a job.

use model::id::{FieldId, ModuleId, ProcessId, RecordId, RuleId};
use model::job::{Counts, Foreseen, JobKind};
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::value::Value;
use std::any::Any;
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

/// What would happen to one record.
#[derive(Clone, Debug, PartialEq)]
pub enum Forecast {
    /// It would change.
    Change(Difference),
    /// It already is as wanted.
    Unchanged,
    /// It would be refused and left as it is.
    Refuse(Refusal),
}

impl Forecast {
    /// The same in a word.
    pub fn word(&self) -> Foreseen {
        match self {
            Self::Change(_) => Foreseen::Change,
            Self::Unchanged => Foreseen::Unchanged,
            Self::Refuse(refusal) => Foreseen::Refuse(refusal.code),
        }
    }
}

/// What a change would write.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    /// Values that stand there, by field.
    pub before: Vec<(FieldId, Value)>,
    /// Values that would stand there.
    pub after: Vec<(FieldId, Value)>,
    /// A part that would be refused all the same.
    pub refused: Option<Refusal>,
    /// How many records of which module would be deleted along.
    pub along: Vec<(ModuleId, i64)>,
    /// The modules of records that would be made of it.
    pub makes: Vec<ModuleId>,
    /// The modules of records that exist and that it would become, and by what each was found.
    pub attaches: Vec<(ModuleId, String)>,
    /// The workflow rules that would fire, one as often as it would.
    pub fires: Vec<RuleId>,
    /// The approval process that it would enter.
    pub enters: Option<ProcessId>,
}

/// What an action keeps in mind from one read of a plan to the next. A copy costs nothing.
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

    /// Says of each target, in their order, with its revision now, what [`Self::run`] would do to it;
    /// nothing is written. The transaction may be one that only reads. A record that is not there has
    /// revision 0. Like a run it may leave the last ones. `memory` is of the same plan.
    fn foresee(
        &self,
        tx: &mut Tx,
        job: &Job,
        targets: &[Target],
        now: Timestamp,
        memory: &mut Memory,
    ) -> Result<Vec<(i64, Forecast)>, Fault>;

    /// The records that a job for later is to visit, with their revisions, selected now.
    fn select(&self, tx: &mut Tx, job: &Job, now: Timestamp)
    -> Result<Vec<(RecordId, i64)>, Fault>;
}

/// The action of each kind of job.
#[derive(Clone)]
pub struct Actions {
    /// Writes values into fields.
    pub mass_update: Arc<dyn Action>,
    /// Gives records to another owner.
    pub change_owner: Arc<dyn Action>,
    /// Puts records into the recycle bin.
    pub mass_delete: Arc<dyn Action>,
    /// Makes contacts, accounts and deals of leads.
    pub mass_convert: Arc<dyn Action>,
    /// Puts back what a job changed.
    pub undo: Arc<dyn Action>,
}

impl Actions {
    /// The action of a kind.
    pub fn of(&self, kind: JobKind) -> &dyn Action {
        match kind {
            JobKind::MassUpdate => self.mass_update.as_ref(),
            JobKind::ChangeOwner => self.change_owner.as_ref(),
            JobKind::MassDelete => self.mass_delete.as_ref(),
            JobKind::MassConvert => self.mass_convert.as_ref(),
            JobKind::Undo => self.undo.as_ref(),
        }
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
        let moved = matches!(
            refusal.code,
            Code::ChangedSincePlan | Code::Gone | Code::NotVisible | Code::LeftSelection
        );
        moved && target.foreseen.is_some_and(|foreseen| foreseen != now)
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

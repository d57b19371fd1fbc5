//! What is done to the records of a job.

use model::id::RecordId;
use model::job::{Counts, JobKind};
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
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
    /// It already was as wanted.
    Unchanged,
    /// It was refused and left as it was.
    Failed(Refusal),
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
}

impl Actions {
    pub(crate) fn of(&self, kind: JobKind) -> &dyn Action {
        match kind {
            JobKind::MassUpdate => self.mass_update.as_ref(),
            JobKind::ChangeOwner => self.change_owner.as_ref(),
            JobKind::MassDelete => self.mass_delete.as_ref(),
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
    store_outcomes(tx, job, targets, &settled)?;
    Ok(settled)
}

/// Stores the outcomes of records that were not changed.
pub(crate) fn store_outcomes(
    tx: &mut Tx,
    job: &Job,
    targets: &[Target],
    settled: &[Settled],
) -> Result<(), Fault> {
    let rows: Vec<Outcome> = targets
        .iter()
        .zip(settled)
        .filter_map(|(target, settled)| {
            let refusal = match settled {
                Settled::Changed => return None,
                Settled::Unchanged => None,
                Settled::Failed(refusal) => Some(refusal.clone()),
            };
            Some(Outcome {
                seq: target.seq,
                record: target.record,
                refusal,
            })
        })
        .collect();
    Ok(outcomes::insert(tx, job.id, &rows)?)
}

/// The refusal of a record that an immediate call did not reach, because the records before it cost
/// as much as one transaction may.
pub fn left_over(record: RecordId) -> Refusal {
    Refusal::new(Code::LimitExceeded)
        .saying("the records before this one took too many others along: ask for this one again")
        .with("id", record.to_string())
}

/// How many of each there are.
pub(crate) fn counts(settled: &[Settled]) -> Counts {
    let mut counts = Counts::default();
    for one in settled {
        match one {
            Settled::Changed => counts.changed += 1,
            Settled::Unchanged => counts.unchanged += 1,
            Settled::Failed(_) => counts.failed += 1,
        }
    }
    counts
}

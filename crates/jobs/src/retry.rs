//! Retrying a job: a new job over what failed in it and what it did not visit.

use crate::accept::{TARGETS_AT_ONCE, already, begin, extended, past_given_up, seal, tidied};
use crate::action::{Actions, Memory};
use crate::worker::KEPT_MS;
use model::id::JobId;
use model::job::Relation;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use store::jobs::{self, Job, NewJob};
use store::targets::{self, Copied};
use store::{Db, Error, Fault, Priority, Tx};

/// Makes the new job of the old one, locked, or refuses.
pub type Make<'a> = &'a dyn Fn(&mut Tx, &Job) -> Result<NewJob, Fault>;
/// What is to commit together with the new job.
pub type Sealed<'a, T> = &'a mut dyn FnMut(&mut Tx, &Job) -> Result<T, Fault>;

enum Begun<T> {
    Sealed(T),
    Half(Box<Job>, JobId, Copied),
}

/// Accepts a job that visits once more what failed in `of` and, if that ended early, what it did not
/// visit. Its actor must be able to do it now; each record is judged anew. Refuses while the old job
/// or another that follows from it is unfinished, and when nothing is left to retry.
pub fn retry<T>(
    db: &Db,
    actions: &Actions,
    of: JobId,
    make: Make<'_>,
    now: Timestamp,
    sealed: Sealed<'_, T>,
) -> Result<T, Fault> {
    past_given_up(db, now, || once(db, actions, of, make, now, sealed))
}

fn once<T>(
    db: &Db,
    actions: &Actions,
    of: JobId,
    make: Make<'_>,
    now: Timestamp,
    sealed: Sealed<'_, T>,
) -> Result<T, Fault> {
    let process = db.process()?;
    let begun = db.write(Priority::Interactive, |tx| {
        let unknown = || Refusal::new(Code::NotFound).saying("there is no such job");
        let old = jobs::lock(tx, of)?.ok_or_else(unknown)?;
        let new = make(tx, &old)?;
        check(tx, &old, now)?;
        let left = targets::copy_left(tx, new.id, &old, Copied::default(), TARGETS_AT_ONCE)?;
        if left.records == 0 {
            let text = "no record of the job failed or was left: there is nothing to retry";
            return Err(Refusal::new(Code::NoRecordsFound).saying(text).into());
        }
        begin(tx, &new, Some(process), now)?;
        let job = stored(tx, new.id)?;
        // Asked about no record, this says whether the job can be done at all.
        let nothing = &mut Memory::default();
        actions.of(job.kind)?.foresee(tx, &job, &[], now, nothing)?;
        if left.in_last == TARGETS_AT_ONCE {
            return Ok(Begun::Half(Box::new(old), new.id, left));
        }
        seal(tx, new.id, left.records, now)?;
        let job = stored(tx, new.id)?;
        Ok(Begun::Sealed(sealed(tx, &job)?))
    })?;
    match begun {
        Begun::Sealed(answer) => Ok(answer),
        Begun::Half(old, id, left) => tidied(db, id, rest(db, &old, id, left, now, sealed)),
    }
}

fn rest<T>(
    db: &Db,
    old: &Job,
    id: JobId,
    mut left: Copied,
    now: Timestamp,
    sealed: Sealed<'_, T>,
) -> Result<T, Fault> {
    let mut batches = 0;
    while left.in_last == TARGETS_AT_ONCE {
        batches += 1;
        left = db.write(Priority::Chunk, |tx| {
            extended(tx, id, now, batches)?;
            Ok(targets::copy_left(tx, id, old, left, TARGETS_AT_ONCE)?)
        })?;
    }
    db.write(Priority::Interactive, |tx| {
        seal(tx, id, left.records, now)?;
        let job = stored(tx, id)?;
        sealed(tx, &job)
    })
}

fn check(tx: &mut Tx, old: &Job, now: Timestamp) -> Result<(), Fault> {
    let wrong = |text: String| {
        let refusal = Refusal::new(Code::WrongState).saying(text);
        refusal.with("state", old.state.as_str())
    };
    if !old.state.finished() {
        let text = format!("a job that is {} cannot be retried", old.state);
        return Err(wrong(text).into());
    }
    if is_forgotten(old, now) {
        return Err(wrong("the job's outcomes are no longer kept".to_owned()).into());
    }
    for (relation, text) in [
        (Relation::Retry, "a retry of this job is not finished"),
        (Relation::Undo, "an undo of this job is not finished"),
    ] {
        if let Some(child) = jobs::unfinished_of(tx, old.id, relation)? {
            return Err(already(child).saying(text).into());
        }
    }
    Ok(())
}

/// Whether what a job left may be removed already, in part or wholly.
pub(crate) fn is_forgotten(job: &Job, now: Timestamp) -> bool {
    job.finished_at.is_some_and(|at| now.0 - at.0 >= KEPT_MS)
}

fn stored(tx: &mut Tx, id: JobId) -> Result<Job, Fault> {
    let gone = || Error::Inconsistent(format!("job {id} went while it was made"));
    Ok(jobs::find(tx, id)?.ok_or_else(gone)?)
}

//! Accepting a job: its row and its frozen targets, committed before the caller is answered.

use crate::action::{self, Actions, Settled};
use crate::control;
use model::id::{JobId, RecordId};
use model::job::Relation;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use store::jobs::{InUse, NewJob, Progress};
use store::targets::{self, Target};
use store::{Db, Error, Fault, Priority, Tx, jobs, kill};

/// Targets stored in one transaction, so that no other write waits long.
pub const TARGETS_AT_ONCE: usize = 20_000;
/// Each batch of targets may take so long, or the preparation was given up.
const PREPARING_MS: i64 = 30_000;

/// Runs what may find an unfinished job in its way, and once more after removing jobs whose
/// preparation was given up. Workers remove those too, but a caller should not wait for them.
pub fn past_given_up<T>(
    db: &Db,
    now: Timestamp,
    mut run: impl FnMut() -> Result<T, Fault>,
) -> Result<T, Fault> {
    match run() {
        Err(Fault::Refused(refusal)) if refusal.code == Code::AlreadyScheduled => {
            let process = db.process()?;
            db.write(Priority::Interactive, |tx| {
                Ok(jobs::sweep_preparing(tx, process, InUse::Await, now)?)
            })?;
            // Even if nothing was found: it may have been removed while this waited.
            run()
        }
        answer => answer,
    }
}

/// Accepts a job for these records and their revisions: its targets are stored in batches while
/// nobody may claim it, then it is sealed. Refuses with ALREADY_SCHEDULED when an unfinished job has
/// the same exclusive key; then, and after any failure, nothing of the job is left.
pub fn accept(
    db: &Db,
    new: &NewJob,
    records: &[(RecordId, i64)],
    now: Timestamp,
) -> Result<(), Fault> {
    accept_then(db, new, records, now, &mut |_| Ok(()))
}

/// The same, and what `sealed` does commits together with the job's acceptance.
pub fn accept_then<T>(
    db: &Db,
    new: &NewJob,
    records: &[(RecordId, i64)],
    now: Timestamp,
    sealed: &mut dyn FnMut(&mut Tx) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let total = i64::try_from(records.len()).unwrap_or(i64::MAX);
    let mut batches = records.chunks(TARGETS_AT_ONCE);
    let first = batches.next().unwrap_or_default();
    let only = records.len() <= TARGETS_AT_ONCE;
    let process = if only { None } else { Some(db.process()?) };
    let done = db.write(Priority::Interactive, |tx| {
        begin(tx, new, process, now)?;
        targets::insert(tx, new.id, &numbered(first, 0))?;
        kill::point("accept.begun");
        if !only {
            return Ok(None);
        }
        seal(tx, new.id, total, now)?;
        sealed(tx).map(Some)
    })?;
    if let Some(done) = done {
        return Ok(done);
    }
    let rest = prepare(db, new.id, batches, now).and_then(|()| {
        db.write(Priority::Interactive, |tx| {
            seal(tx, new.id, total, now)?;
            sealed(tx)
        })
    });
    tidied(db, new.id, rest)
}

/// Removes a job whose preparation went wrong half way.
pub(crate) fn tidied<T>(db: &Db, job: JobId, prepared: Result<T, Fault>) -> Result<T, Fault> {
    if prepared.is_err() {
        // The sweep would find it later; a caller who tries again should not wait for that.
        let discarded = db.write(Priority::Interactive, |tx| {
            Ok(jobs::discard_preparing(tx, job)?)
        });
        if let Err(error) = discarded {
            tracing::warn!(%job, %error, "a job that was not accepted is left to the sweep");
        }
    }
    prepared
}

/// Gives a preparation time for one more batch, of which this is the `batches`th after the first.
pub(crate) fn extended(tx: &mut Tx, job: JobId, now: Timestamp, batches: i64) -> Result<(), Fault> {
    let lease_until = now.plus_ms(PREPARING_MS * (batches + 1));
    if jobs::extend_preparing(tx, job, lease_until)? {
        Ok(())
    } else {
        Err(given_up(job))
    }
}

/// Accepts a job inside the caller's transaction whose targets are stored already, as a plan's are, or
/// will be selected when it starts. Refuses like [`accept`].
pub fn accept_in(tx: &mut Tx, new: &NewJob, total: i64, now: Timestamp) -> Result<(), Fault> {
    begin(tx, new, None, now)?;
    seal(tx, new.id, total, now)
}

fn prepare<'a>(
    db: &Db,
    job: JobId,
    batches: impl Iterator<Item = &'a [(RecordId, i64)]>,
    now: Timestamp,
) -> Result<(), Fault> {
    let mut stored = TARGETS_AT_ONCE;
    for (batch, n) in batches.zip(1..) {
        db.write(Priority::Chunk, |tx| {
            extended(tx, job, now, n)?;
            targets::insert(tx, job, &numbered(batch, stored))?;
            kill::point("accept.batch");
            Ok(())
        })?;
        stored += batch.len();
    }
    Ok(())
}

pub(crate) fn begin(
    tx: &mut Tx,
    new: &NewJob,
    process: Option<i64>,
    now: Timestamp,
) -> Result<(), Fault> {
    if let Some((Relation::Undo, parent)) = new.parent {
        control::undoable(tx, parent, now)?;
    }
    // A job for later takes its key when it starts.
    let now_taken = new
        .exclusive
        .as_ref()
        .filter(|_| new.options.run_at.is_none());
    if let Some(key) = now_taken
        && let Some(holder) = jobs::holding(tx, key)?
    {
        return Err(already(holder).into());
    }
    Ok(jobs::insert_preparing(
        tx,
        new,
        process,
        now,
        now.plus_ms(PREPARING_MS),
    )?)
}

/// The refusal of a job that another one has taken the exclusive key of.
pub(crate) fn already(holder: JobId) -> Refusal {
    Refusal::new(Code::AlreadyScheduled).with("job_id", holder.to_string())
}

pub(crate) fn seal(tx: &mut Tx, job: JobId, total: i64, now: Timestamp) -> Result<(), Fault> {
    if jobs::seal(tx, job, total, now)? {
        kill::point("accept.sealed");
        Ok(())
    } else {
        Err(given_up(job))
    }
}

fn given_up(job: JobId) -> Fault {
    Error::Busy(format!(
        "the preparation of job {job} took too long and was given up"
    ))
    .into()
}

pub(crate) fn numbered(records: &[(RecordId, i64)], start: usize) -> Vec<Target> {
    (start..)
        .zip(records)
        .map(|(seq, (record, rev))| Target {
            seq: i64::try_from(seq).unwrap_or(i64::MAX),
            record: *record,
            rev: *rev,
            foreseen: None,
        })
        .collect()
}

/// Accepts a job and runs it to its end inside the caller's transaction: everything commits before
/// the answer, or nothing does.
pub fn run_now(
    tx: &mut Tx,
    actions: &Actions,
    new: &NewJob,
    records: &[(RecordId, i64)],
    now: Timestamp,
) -> Result<Vec<Settled>, Fault> {
    let targets = numbered(records, 0);
    let total = i64::try_from(targets.len()).unwrap_or(i64::MAX);
    begin(tx, new, None, now)?;
    targets::insert(tx, new.id, &targets)?;
    seal(tx, new.id, total, now)?;
    let lease_until = now.plus_ms(PREPARING_MS);
    let job = jobs::claim_this(tx, new.id, now, lease_until)?
        .ok_or_else(|| Error::Inconsistent(format!("job {} was not there to run", new.id)))?;
    let left_before = tx.events_left();
    let mut settled = action::visit(actions.of(job.kind)?, tx, &job, &targets, now)?;
    let rest = targets.get(settled.len()..).unwrap_or_default();
    let left: Vec<Settled> = rest
        .iter()
        .map(|target| Settled::Failed(action::left_over(target.record)))
        .collect();
    action::store_outcomes(tx, &job, rest, &left, now)?;
    settled.extend(left);
    let counts = action::counts(&settled);
    jobs::advance(
        tx,
        &job,
        Progress {
            visited: total,
            counts,
            drifted: 0,
            fired: tx.events_left() - left_before,
            paced_until: None,
            now,
            lease_until,
        },
    )?;
    kill::point("now.counted");
    Ok(settled)
}

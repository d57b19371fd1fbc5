//! Accepting the undo of a job: its records are frozen as the job left them, while automation is kept
//! from them.

use super::super::accept::{Asker, Prepared, Run, Sealed, Targets, accept_prepared, new_job};
use super::super::module_of;
use super::super::request::{decode, encode};
use super::reversal::Done;
use super::{Frozen, UndoRequest};
use crate::actor::Actor;
use jobs::control;
use model::id::{JobId, UserId};
use model::job::{Automation, JobKind, Relation};
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use store::jobs::Job;
use store::{Db, Fault, Priority, Tx, deeds};

/// How long automation is kept from a job that is about to be undone.
const PUT_OFF_MS: i64 = 30_000;
/// How often records are frozen anew because automation changed further ones.
const FREEZES_MAX: usize = 5;

/// The key of which at most one unfinished undo of a job has it.
fn undo_key(job: JobId) -> String {
    format!("undo:{job}")
}

/// Accepts the undo of a finished job. Its targets are frozen and stored when this answers; `sealed`
/// commits with it. Without a word nothing follows from what is put back: it was so before.
pub(in super::super) fn accept<T>(
    db: &Db,
    id: JobId,
    job: &Job,
    asker: &Asker,
    run: &Run,
    now: Timestamp,
    sealed: Sealed<'_, T>,
) -> Result<T, Fault> {
    let run = Run {
        automation: Some(run.automation.unwrap_or(Automation::Suppress)),
        options: run.options.clone(),
    };
    let accepted = jobs::past_given_up(db, now, || {
        let mut tries = 1;
        loop {
            let mut grown = false;
            match once(db, (id, job), (asker, &run), &mut grown, now, sealed) {
                Err(_) if grown && tries < FREEZES_MAX => tries += 1,
                done => return done,
            }
        }
    });
    accepted.map_err(|fault| match fault {
        Fault::Refused(refusal) if refusal.code == Code::AlreadyScheduled => {
            let text = "an undo of this job is not finished";
            refusal.saying(text).into()
        }
        other => other,
    })
}

/// One try of it; `grown` says that automation changed further records meanwhile.
fn once<T>(
    db: &Db,
    (id, job): (JobId, &Job),
    (asker, run): (&Asker, &Run),
    grown: &mut bool,
    now: Timestamp,
    sealed: Sealed<'_, T>,
) -> Result<T, Fault> {
    // Were it to go on while records are frozen, there would be more of them each time.
    db.write(Priority::Interactive, |tx| {
        let actor = Actor::of(&tx.catalog()?, asker.user)?;
        let job = control::undoable(tx, job.id, now)?;
        Done::by(&job)?.authorise(&actor, module_of(&actor, job.module)?)?;
        // Who asks while another undo goes on is refused in the end, and keeps nothing waiting.
        if store::jobs::holding(tx, &undo_key(job.id))?.is_none() {
            deeds::put_off(tx, job.id, now.plus_ms(PUT_OFF_MS))?;
        }
        Ok(())
    })?;
    let (undone, effects, prepared) = prepare_of(db, job.id, asker.user, now)?;
    let new = new_job(id, &prepared, asker, run, None);
    accept_prepared(db, &new, &prepared.targets, now, &mut |tx, id| {
        check_frozen(tx, &undone)?;
        *grown = ended(tx, undone.id)? != effects;
        if *grown {
            return Err(went_on().into());
        }
        sealed(tx, id)
    })
}

/// Ends what automation was still to do because of a job, and answers how many changes it made.
fn ended(tx: &mut Tx, job: JobId) -> Result<i64, Fault> {
    deeds::drop_events(tx, job)?;
    Ok(deeds::effects(tx, job)?)
}

/// Ends the automation of the job whose undo is accepted from a plan; of another action there is none to
/// end. Refuses when it changed records that the plan did not see.
pub(in super::super) fn end_automation_of(
    tx: &mut Tx,
    kind: JobKind,
    request: &str,
) -> Result<(), Fault> {
    if kind != JobKind::Undo {
        return Ok(());
    }
    let UndoRequest { job, effects, .. } = decode(request)?;
    if ended(tx, job)? == effects {
        return Ok(());
    }
    let text = "the job's automation went on since the plan was made: make a new plan";
    let refusal = Refusal::new(Code::PlanOutdated).saying(text);
    Err(refusal.with("reason", "automation").into())
}

/// Prepares the undo of a finished job, whose records are frozen as it left them: a plan is made of it.
pub fn prepare(db: &Db, job: JobId, user: UserId, now: Timestamp) -> Result<Prepared, Fault> {
    prepare_of(db, job, user, now).map(|(_, _, prepared)| prepared)
}

/// The same, with the job as it was when its records were frozen, and how many changes automation had
/// made because of it.
fn prepare_of(
    db: &Db,
    job: JobId,
    user: UserId,
    now: Timestamp,
) -> Result<(Job, i64, Prepared), Fault> {
    let (job, did, catalog) = db.read(|tx| {
        let actor = Actor::of(&tx.catalog()?, user)?;
        // It may have run on since the caller looked at it.
        let job = control::undoable(tx, job, now)?;
        let did = Done::by(&job)?;
        did.authorise(&actor, module_of(&actor, job.module)?)?;
        Ok((job, did, actor.catalog))
    })?;
    let Frozen { records, effects } = Frozen::read(db, &catalog, &job)?;
    let prepared = Prepared {
        kind: JobKind::Undo,
        module: job.module,
        request: encode(&UndoRequest {
            job: job.id,
            did,
            effects,
        })?,
        exclusive: Some(undo_key(job.id)),
        catalog_version: catalog.version,
        targets: Targets::Frozen(records),
        parent: Some((Relation::Undo, job.id)),
    };
    Ok((job, effects, prepared))
}

/// Refuses when a failed job was resumed while its records were frozen: some may be missing.
fn check_frozen(tx: &mut Tx, undone: &Job) -> Result<(), Fault> {
    let now = store::jobs::find(tx, undone.id)?;
    let same = |now: &Job| now.cursor == undone.cursor && now.finished_at == undone.finished_at;
    if now.as_ref().is_some_and(same) {
        return Ok(());
    }
    Err(went_on().into())
}

fn went_on() -> Refusal {
    let text = "the job went on while its undo was accepted: ask again";
    Refusal::new(Code::WrongState).saying(text)
}

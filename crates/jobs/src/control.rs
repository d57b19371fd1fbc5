//! What a person may do to a job while it lives: pause, resume, cancel, throttle. Each is a change of
//! the job's row, so that it takes effect at the next chunk, whoever runs it, and survives a crash.

use crate::accept::already;
use crate::retry::is_forgotten;
use model::id::JobId;
use model::job::{JobState, PausedBy};
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use store::jobs::{self, Bounds, Job};
use store::{Error, Fault, Tx, kill};

/// Stops a job that waits or runs, until it is resumed. A paused one stays so.
pub fn pause(tx: &mut Tx, id: JobId, now: Timestamp) -> Result<Job, Fault> {
    let job = locked(tx, id)?;
    match job.state {
        JobState::Paused => return Ok(job),
        JobState::Queued | JobState::Running => jobs::pause(tx, id, now)?,
        _ => return Err(cannot("paused", &job).into()),
    }
    again(tx, id)
}

/// Lets a job that is paused or failed go on at its cursor. One that was paused because more records
/// strayed from its plan than it tolerates goes on with `tolerance`, without one to its end: what
/// strayed is left as it is in any case. One that its automation cap paused goes on with
/// `automation_cap`, without one for as many events again as were allowed at first, and at least for
/// those of its next record. One that waits or runs stays so.
pub fn resume(
    tx: &mut Tx,
    id: JobId,
    tolerance: Option<i64>,
    automation_cap: Option<Option<i64>>,
    now: Timestamp,
) -> Result<Job, Fault> {
    let job = locked(tx, id)?;
    match job.state {
        JobState::Queued | JobState::Running => return Ok(job),
        JobState::Paused | JobState::Failed => {}
        _ => return Err(cannot("resumed", &job).into()),
    }
    if job.state == JobState::Failed {
        if is_forgotten(&job, now) {
            let refusal = cannot("resumed", &job);
            return Err(refusal
                .saying("the job's targets are no longer kept")
                .into());
        }
        // What it did not visit is the other one's now.
        if let Some(follower) = jobs::follower(tx, id)? {
            let refusal = cannot("resumed", &job).saying("the job was retried or undone since");
            return Err(refusal.with("job_id", follower.to_string()).into());
        }
    }
    if job.state == JobState::Failed
        && let Some(key) = jobs::exclusive(tx, id)?
        && let Some(holder) = jobs::holding(tx, &key)?
    {
        return Err(already(holder).into());
    }
    let kept = match job.paused_by {
        Some(PausedBy::Tolerance) => job.total,
        _ => job.options.tolerance,
    };
    // With less it would pause at the same record for ever.
    let least = job.fired + job.automation_next.max(1);
    let at_cap = job.paused_by == Some(PausedBy::AutomationCap);
    let allowed = match job.automation_step {
        Some(step) if at_cap => Some(least.max(job.fired + step)),
        _ => job.options.automation_cap,
    };
    let given = automation_cap.flatten().map(|cap| cap - job.fired);
    let bounds = Bounds {
        tolerance: tolerance.unwrap_or(kept),
        automation_cap: automation_cap.unwrap_or(allowed),
        // What was asked for at first stays: a bound that is raised once is no larger step.
        automation_step: job.automation_step.or(given.map(|step| step.max(0))),
    };
    if at_cap && bounds.automation_cap.is_some_and(|cap| cap < least) {
        let text = "the job's next record needs more: allow more, or null for any number";
        let refusal = Refusal::invalid("automation_cap", "$.automation_cap").saying(text);
        return Err(refusal.with("minimum", least).into());
    }
    jobs::resume(tx, id, bounds, now)?;
    again(tx, id)
}

/// Ends a job that is not finished; records that it did not visit stay as they are. A cancelled one
/// stays so.
pub fn cancel(tx: &mut Tx, id: JobId, now: Timestamp) -> Result<Job, Fault> {
    let job = locked(tx, id)?;
    match job.state {
        JobState::Cancelled => return Ok(job),
        JobState::Queued | JobState::Running | JobState::Paused => jobs::cancel(tx, id, now)?,
        _ => return Err(cannot("cancelled", &job).into()),
    }
    again(tx, id)
}

/// Sets how many records a second a job that is not finished may visit; `None` is as many as it can.
pub fn throttle(tx: &mut Tx, id: JobId, throttle: Option<i64>) -> Result<Job, Fault> {
    let job = locked(tx, id)?;
    if job.state.finished() {
        return Err(cannot("throttled", &job).into());
    }
    jobs::set_throttle(tx, id, throttle)?;
    again(tx, id)
}

/// A job that can be undone now, locked: it ended, and not so long ago that what it left is forgotten.
pub fn undoable(tx: &mut Tx, id: JobId, now: Timestamp) -> Result<Job, Fault> {
    let job = locked(tx, id)?;
    if !job.state.finished() {
        return Err(cannot("undone", &job).into());
    }
    if is_forgotten(&job, now) {
        let refusal = cannot("undone", &job);
        return Err(refusal
            .saying("the job ended too long ago to be undone")
            .into());
    }
    Ok(job)
}

fn locked(tx: &mut Tx, id: JobId) -> Result<Job, Fault> {
    let none = || Refusal::new(Code::NotFound).saying("there is no such job");
    let job = jobs::lock(tx, id)?.ok_or_else(none)?;
    if job.state == JobState::Preparing {
        return Err(cannot("controlled", &job).into());
    }
    Ok(job)
}

fn again(tx: &mut Tx, id: JobId) -> Result<Job, Fault> {
    kill::point("control");
    let gone = || Error::Inconsistent(format!("job {id} went while it was locked"));
    Ok(jobs::find(tx, id)?.ok_or_else(gone)?)
}

fn cannot(what: &str, job: &Job) -> Refusal {
    Refusal::new(Code::WrongState)
        .saying(format!("a job that is {} cannot be {what}", job.state))
        .with("state", job.state.as_str())
}

//! What a person does to a job: pause, resume, cancel, throttle, retry. Each commits before it is
//! answered, and the engine is woken.

use super::idempotency::{Once, once};
use super::job_request::accept;
use super::jobs::{named, one};
use super::meta::asker;
use super::native::{self, known_keys};
use super::notify_secret::notify_url;
use crate::answer::Answer;
use crate::call::Call;
use crm::Actor;
use crm::actions::accept::{Run, Source};
use crm::actions::undo;
use jobs::control;
use model::id::JobId;
use model::limits::{AUTOMATION_CAP_MAX, THROTTLE_MAX};
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json};
use store::jobs::{Job, JobOptions};
use store::{Fault, Priority, Tx};

/// `POST …/actions/pause`.
pub(super) fn pause(call: &Call<'_>) -> Result<Answer, Fault> {
    known_keys(&body(call)?, &[])?;
    once(call, |once| {
        change(call, Some(once), |tx, id| control::pause(tx, id, call.now))
    })
}

/// `POST …/actions/resume`, with `{"tolerance","automation_cap"}` or no body.
pub(super) fn resume(call: &Call<'_>) -> Result<Answer, Fault> {
    let body = body(call)?;
    known_keys(&body, &["tolerance", "automation_cap"])?;
    let tolerance = native::number_of(&body, "tolerance", 0..=i64::MAX)?;
    let cap = native::number_of(&body, "automation_cap", 0..=AUTOMATION_CAP_MAX)?;
    let cap = body.contains_key("automation_cap").then_some(cap);
    let resumed = once(call, |once| {
        change(call, Some(once), |tx, id| {
            control::resume(tx, id, tolerance, cap, call.now)
        })
    });
    native::in_the_way(resumed)
}

/// `POST …/actions/cancel`.
pub(super) fn cancel(call: &Call<'_>) -> Result<Answer, Fault> {
    known_keys(&body(call)?, &[])?;
    once(call, |once| {
        change(call, Some(once), |tx, id| control::cancel(tx, id, call.now))
    })
}

/// `PATCH …` with `{"throttle": records a second, or null}`.
pub(super) fn throttle(call: &Call<'_>) -> Result<Answer, Fault> {
    let body = call.json_object()?;
    known_keys(&body, &["throttle"])?;
    if !body.contains_key("throttle") {
        return Err(Refusal::mandatory("throttle", "$.throttle").into());
    }
    let throttle = native::number_of(&body, "throttle", 1..=THROTTLE_MAX)?;
    change(call, None, |tx, id| control::throttle(tx, id, throttle))
}

/// `POST …/actions/retry`, with `{"notify_url"}` or no body: 202 with the new job.
pub(super) fn retry(call: &Call<'_>) -> Result<Answer, Fault> {
    let body = body(call)?;
    known_keys(&body, &["notify_url"])?;
    let unknown = || Refusal::new(Code::NotFound).saying("there is no such job");
    let of = JobId::parse(call.param("job")).ok_or_else(unknown)?;
    let run = Run {
        options: JobOptions {
            notify_url: notify_url(call, &body)?,
            ..JobOptions::default()
        },
        automation: None,
    };
    let may = |actor: &Actor, old: &Job| {
        let kind = undo::of_kind(old)?;
        Ok(native::require_scope_of(call, actor, kind, old.module)?)
    };
    let retried = once(call, |once| {
        accept(call, &Source::Retry { of, may: &may }, &run, once)
    });
    call.app.engine.wake();
    native::in_the_way(retried)
}

/// Changes the job that the path names and answers with it as it is now.
fn change(
    call: &Call<'_>,
    once: Option<&Once<'_>>,
    act: impl Fn(&mut Tx, JobId) -> Result<Job, Fault>,
) -> Result<Answer, Fault> {
    let answer = call.app.db.write(Priority::Interactive, |tx| {
        let reader = asker(tx, call)?;
        let id = named(tx, &reader, call)?.id;
        let job = act(tx, id)?;
        let answer = Answer::ok(one(tx, &reader, &job)?);
        if let Some(once) = once {
            once.keep(tx, &answer)?;
        }
        Ok(answer)
    })?;
    call.app.engine.wake();
    Ok(answer)
}

/// A body that may be missing.
fn body(call: &Call<'_>) -> Result<Map<String, Json>, Refusal> {
    if call.body.is_empty() {
        return Ok(Map::new());
    }
    call.json_object()
}

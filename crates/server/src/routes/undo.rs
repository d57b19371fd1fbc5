//! `POST /swathe/v1/jobs/{job}/actions/undo`: what a job changed is put back by a job of its own.

use super::idempotency::once;
use super::job_request::accept;
use super::jobs::named;
use super::meta::asker;
use super::native::{self, in_the_way, require_scope_of};
use super::plans;
use crate::answer::Answer;
use crate::call::Call;
use crm::actions::accept::{Run, Source};
use crm::actions::undo;
use model::job::Automation;
use model::limits::THROTTLE_MAX;
use model::refusal::Refusal;
use store::Fault;
use store::jobs::JobOptions;

/// `POST …/undo` with `{"throttle","automation"}` or no body: 202 with the new job. With `{"plan":true}` a plan of
/// it, 201.
pub(super) fn create(call: &Call<'_>) -> Result<Answer, Fault> {
    let answer = once(call, |once| {
        let (job, request) = call.app.db.read(|tx| {
            let actor = asker(tx, call)?;
            let job = named(tx, &actor, call)?;
            require_scope_of(call, &actor, undo::of_kind(&job)?, job.module)?;
            Ok((job, request(call)?))
        })?;
        match request {
            UndoRequest::Plan => {
                let (db, user) = (&call.app.db, call.actor.user);
                let prepared = undo::prepare(db, job.id, user, call.now)?;
                plans::made(call, once, prepared, Automation::Wire)
            }
            UndoRequest::Job(run) => accept(call, &Source::Undo(&job), &run, once),
        }
    });
    call.app.engine.wake();
    in_the_way(answer)
}

/// What a body asks for.
enum UndoRequest {
    /// To be told what would be put back.
    Plan,
    /// To put it back, in this way.
    Job(Run),
}

fn request(call: &Call<'_>) -> Result<UndoRequest, Refusal> {
    if call.body.is_empty() {
        return Ok(UndoRequest::Job(Run::default()));
    }
    let map = call.json_object()?;
    let body = native::body(&map);
    body.known(&["plan", "throttle", "automation"])?;
    if body.key("plan").flag()? {
        let mut of_jobs = ["throttle", "automation"].into_iter();
        if let Some(key) = of_jobs.find(|key| body.has(key)) {
            let text =
                format!("a plan has no {key}: ask for it with the job that is made from the plan");
            return Err(body.key(key).place().invalid().saying(text));
        }
        return Ok(UndoRequest::Plan);
    }
    let throttle = body.key("throttle").whole(1..=THROTTLE_MAX)?;
    let automation = match body.key("automation").node() {
        None => None,
        Some(node) => {
            let known = [Automation::Fire, Automation::Suppress];
            let mut words = known.into_iter();
            let found = words.find(|known| node.json().as_str() == Some(known.as_str()));
            let unknown = || node.place().no_such_word(known.map(Automation::as_str));
            Some(found.ok_or_else(unknown)?)
        }
    };
    Ok(UndoRequest::Job(Run {
        options: JobOptions {
            throttle,
            ..JobOptions::default()
        },
        automation,
    }))
}

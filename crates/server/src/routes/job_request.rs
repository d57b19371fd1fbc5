//! `POST /swathe/v1/jobs`: a job made from a plan, or directly.

use super::idempotency::{Once, once};
use super::jobs::one;
use super::mass_request::{self, KEYS, SelectAt, Use, strict};
use super::meta::asker;
use super::native::{in_the_way, require_scope_of};
use super::notify_secret::notify_url;
use super::plans;
use crate::answer::Answer;
use crate::call::Call;
use crm::actions::accept::{self, Asker, Run, Source};
use crm::actions::undo;
use model::body::Object;
use model::id::JobId;
use model::limits::{AUTOMATION_CAP_MAX, RUN_AHEAD_MS_MAX, THROTTLE_MAX, TOLERANCE_MAX};
use model::refusal::Refusal;
use model::time::Timestamp;
use store::jobs::{self as stored, JobOptions};
use store::{Error, Fault, Tx};

/// The keys that say how a job runs.
const OPTIONS: [&str; 5] = [
    "run_at",
    "throttle",
    "automation",
    "automation_cap",
    "notify_url",
];

/// `POST /jobs`: 202 with the job, which survives once this answers.
pub(super) fn create(call: &Call<'_>) -> Result<Answer, Fault> {
    let map = call.json_object()?;
    let body = strict(&map);
    let accepted = once(call, |once| {
        if body.has("plan") {
            of_plan(call, &body, once)
        } else {
            directly(call, &body, once)
        }
    });
    call.app.engine.wake();
    in_the_way(accepted)
}

/// Who asks for a job.
pub(super) fn for_caller(call: &Call<'_>) -> Asker {
    Asker {
        user: call.actor.user,
        client: call.actor.client.as_ref().map(ToString::to_string),
    }
}

/// The answer of an accepted job, kept in the transaction that accepts it.
fn accepted(tx: &mut Tx, call: &Call<'_>, id: JobId, once: &Once<'_>) -> Result<Answer, Fault> {
    let reader = asker(tx, call)?;
    let gone = || Error::Inconsistent(format!("job {id} went before it was answered"));
    let job = stored::find(tx, id)?.ok_or_else(gone)?;
    let answer = Answer::json(202, one(tx, &reader, &job)?);
    once.keep(tx, &answer)?;
    Ok(answer)
}

/// `{"plan","tolerance"}`: the job visits what the plan saw.
fn of_plan(call: &Call<'_>, body: &Object<'_>, once: &Once<'_>) -> Result<Answer, Fault> {
    let known: Vec<&str> = ["plan", "tolerance"].into_iter().chain(OPTIONS).collect();
    body.known(&known)?;
    let mut run = run(call, body)?;
    if let Some(tolerance) = body.key("tolerance").whole(0..=TOLERANCE_MAX)? {
        run.options.tolerance = tolerance;
    }
    let named = body.key("plan").required()?;
    let named = named.text()?;
    let find = |tx: &mut Tx| {
        let plan = plans::own(tx, call, named)?;
        let kind = undo::of_plan(&plan)?;
        require_scope_of(call, &asker(tx, call)?, kind, plan.module)?;
        Ok(plan)
    };
    accept(call, &Source::Plan(&find), &run, once)
}

/// A mass action without a plan.
fn directly(call: &Call<'_>, body: &Object<'_>, once: &Once<'_>) -> Result<Answer, Fault> {
    let own = OPTIONS.into_iter().chain(["select_at"]);
    let known: Vec<&str> = KEYS.into_iter().chain(own).collect();
    body.known(&known)?;
    let run = run(call, body)?;
    let made_for = Use {
        select_at: select_at(body, &run.options)?,
        counts_everything: true,
    };
    let prepare = |tx: &mut Tx| {
        let actor = asker(tx, call)?;
        mass_request::prepare(tx, call, &actor, body, made_for)
    };
    accept(call, &Source::Prepared(&prepare), &run, once)
}

/// Accepts a job, and answers with it.
pub(super) fn accept(
    call: &Call<'_>,
    source: &Source<'_>,
    run: &Run,
    once: &Once<'_>,
) -> Result<Answer, Fault> {
    let asker = for_caller(call);
    accept::accept(
        &call.app.db,
        source,
        &asker,
        run,
        call.now,
        &mut |tx, id| accepted(tx, call, id, once),
    )
}

/// How the job is to run, whatever it is.
fn run(call: &Call<'_>, body: &Object<'_>) -> Result<Run, Refusal> {
    let run_at = match body.key("run_at").node() {
        None => None,
        Some(_) => Some(run_at(call, body)?),
    };
    let throttle = body.key("throttle").whole(1..=THROTTLE_MAX)?;
    let automation = mass_request::automation(body)?;
    let automation_cap = body.key("automation_cap").whole(0..=AUTOMATION_CAP_MAX)?;
    Ok(Run {
        options: JobOptions {
            run_at,
            throttle,
            automation_cap,
            notify_url: notify_url(call, body.map())?,
            ..JobOptions::default()
        },
        automation,
    })
}

/// When the job starts: in the future, and not beyond a year.
fn run_at(call: &Call<'_>, body: &Object<'_>) -> Result<Timestamp, Refusal> {
    let node = body.key("run_at").required()?;
    let wrong = || node.place().invalid();
    let written = node.text()?;
    let zoned = written.len() > 19;
    let at = Timestamp::from_wire(written, &jiff::tz::TimeZone::UTC).filter(|_| zoned);
    let at = at.ok_or_else(|| wrong().with("expected_data_type", "datetime"))?;
    let ahead = at.0 - call.now.0;
    if (1..=RUN_AHEAD_MS_MAX).contains(&ahead) {
        return Ok(at);
    }
    let text = "a job can be put off by a year at most, and not into the past";
    Err(wrong().saying(text))
}

/// When the records are selected; at the start only of a job that is put off.
fn select_at(body: &Object<'_>, options: &JobOptions) -> Result<SelectAt, Refusal> {
    let Some(node) = body.key("select_at").node() else {
        return Ok(SelectAt::Now);
    };
    match node.text()? {
        "now" => Ok(SelectAt::Now),
        "start" if options.run_at.is_none() => {
            let refusal = node.place().invalid();
            Err(refusal.saying("a job without `run_at` starts now, with the records of now"))
        }
        "start" => Ok(SelectAt::Start),
        _ => Err(node.place().no_such_word(["now", "start"])),
    }
}

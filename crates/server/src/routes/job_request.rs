//! `POST /swathe/v1/jobs`: a job made from a plan, or directly.

use super::idempotency::{Once, once};
use super::jobs::one;
use super::mass_request::{self, KEYS, SelectAt, Use, text, whole};
use super::meta::asker;
use super::native::{in_the_way, known_keys, require_scope_of};
use super::notify_secret::notify_url;
use super::plans;
use crate::answer::Answer;
use crate::call::Call;
use crm::actions::request::Prepared;
use crm::actions::undo;
use jobs::Outdated;
use model::id::JobId;
use model::job::Relation;
use model::limits::{AUTOMATION_CAP_MAX, RUN_AHEAD_MS_MAX, THROTTLE_MAX, TOLERANCE_MAX};
use model::refusal::Refusal;
use model::time::Timestamp;
use serde_json::{Map, Value as Json};
use store::jobs::{self as stored, NewJob, Terms};
use store::{Error, Fault, Priority, Tx};

/// The keys that say how a job runs.
const TERMS: [&str; 5] = [
    "run_at",
    "throttle",
    "automation",
    "automation_cap",
    "notify_url",
];

/// `POST /jobs`: 202 with the job, which survives once this answers.
pub(super) fn create(call: &Call<'_>) -> Result<Answer, Fault> {
    let body = call.json_object()?;
    let accepted = once(call, |once| {
        if body.contains_key("plan") {
            of_plan(call, &body, once)
        } else {
            directly(call, &body, once)
        }
    });
    call.app.engine.wake();
    in_the_way(accepted)
}

/// The answer of an accepted job, kept in the transaction that accepts it.
pub(super) fn accepted(
    tx: &mut Tx,
    call: &Call<'_>,
    id: JobId,
    once: &Once<'_>,
) -> Result<Answer, Fault> {
    let reader = asker(tx, call)?;
    let gone = || Error::Inconsistent(format!("job {id} went before it was answered"));
    let job = stored::find(tx, id)?.ok_or_else(gone)?;
    let answer = Answer::json(202, one(tx, &reader, &job)?);
    once.keep(tx, &answer)?;
    Ok(answer)
}

/// `{"plan","tolerance"}`: compares the catalog, the actor, the client and the time, no record.
fn of_plan(call: &Call<'_>, body: &Map<String, Json>, once: &Once<'_>) -> Result<Answer, Fault> {
    let known: Vec<&str> = ["plan", "tolerance"].into_iter().chain(TERMS).collect();
    known_keys(body, &known)?;
    let mut terms = terms(call, body)?;
    if let Some(json) = body.get("tolerance") {
        terms.tolerance = whole(json, "tolerance", 0..=TOLERANCE_MAX)?;
    }
    let named = text(body, "plan", "$.plan")?;
    let db = &call.app.db;
    let id = JobId(db.new_id()?);
    jobs::past_given_up(db, call.now, || {
        db.write(Priority::Interactive, |tx| {
            let catalog = tx.catalog()?;
            let plan = plans::own(tx, call, named)?;
            let kind = undo::of_plan(&plan)?;
            require_scope_of(call, &asker(tx, call)?, kind, plan.module)?;
            let outdated = if let Some(job) = plan.job {
                Some(Outdated::Taken(job))
            } else if plan.expires_at <= call.now {
                Some(Outdated::Expired)
            } else {
                (plan.catalog_version != catalog.version).then_some(Outdated::Catalog)
            };
            if let Some(outdated) = outdated {
                return Err(outdated.refusal().into());
            }
            let (plan_id, total) = (plan.id, plan.total);
            let mut terms = terms.clone();
            if !body.contains_key("automation") {
                terms.automation = plan.automation;
            }
            let new = NewJob {
                id,
                kind: plan.kind,
                module: plan.module,
                actor: plan.actor,
                client: plan.client,
                request: plan.request,
                exclusive: plan.exclusive,
                plan: Some(plan_id),
                // Only an undo is planned for a job.
                parent: plan.parent.map(|job| (Relation::Undo, job)),
                terms,
            };
            undo::accept_planned(tx, new.kind, &new.request)?;
            jobs::accept_in(tx, &new, total, call.now)?;
            if store::plans::take(tx, plan_id, id)? {
                return accepted(tx, call, id, once);
            }
            // Another request took it a moment ago: reading it again says which job.
            let text = format!("plan {plan_id} was taken by another request");
            Err(Error::Conflict(text).into())
        })
    })
}

/// A mass action without a plan.
fn directly(call: &Call<'_>, body: &Map<String, Json>, once: &Once<'_>) -> Result<Answer, Fault> {
    let own = TERMS.into_iter().chain(["select_at"]);
    let known: Vec<&str> = KEYS.into_iter().chain(own).collect();
    known_keys(body, &known)?;
    let mut terms = terms(call, body)?;
    let select_at = select_at(body, &terms)?;
    terms.selects = select_at == SelectAt::Start;
    let wanted_for = Use {
        select_at,
        counts_everything: true,
    };
    let db = &call.app.db;
    let id = JobId(db.new_id()?);
    jobs::past_given_up(db, call.now, || {
        let prepared = db.read(|tx| {
            let actor = asker(tx, call)?;
            mass_request::prepare(tx, call, &actor, body, wanted_for)
        })?;
        let Prepared {
            kind,
            module,
            request,
            exclusive,
            targets,
            ..
        } = prepared;
        let new = NewJob {
            id,
            kind,
            module,
            actor: call.actor.user,
            client: call.actor.client.as_ref().map(ToString::to_string),
            request,
            exclusive,
            plan: None,
            parent: None,
            terms: terms.clone(),
        };
        let mut sealed = |tx: &mut Tx| accepted(tx, call, id, once);
        match select_at {
            SelectAt::Now => jobs::accept_then(db, &new, &targets, call.now, &mut sealed),
            SelectAt::Start => db.write(Priority::Interactive, |tx| {
                jobs::accept_in(tx, &new, 0, call.now)?;
                sealed(tx)
            }),
        }
    })
}

/// How the job is to run, whatever it is.
fn terms(call: &Call<'_>, body: &Map<String, Json>) -> Result<Terms, Refusal> {
    let mut terms = Terms::default();
    if body.contains_key("run_at") {
        terms.run_at = Some(run_at(call, body)?);
    }
    if let Some(json) = body.get("throttle") {
        terms.throttle = Some(whole(json, "throttle", 1..=THROTTLE_MAX)?);
    }
    terms.automation = mass_request::automation(body)?;
    if let Some(json) = body.get("automation_cap") {
        let cap = whole(json, "automation_cap", 0..=AUTOMATION_CAP_MAX)?;
        terms.automation_cap = Some(cap);
    }
    terms.notify_url = notify_url(call, body)?;
    Ok(terms)
}

/// When the job starts: in the future, and not beyond a year.
fn run_at(call: &Call<'_>, body: &Map<String, Json>) -> Result<Timestamp, Refusal> {
    let wrong = || Refusal::invalid("run_at", "$.run_at");
    let written = text(body, "run_at", "$.run_at")?;
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
fn select_at(body: &Map<String, Json>, terms: &Terms) -> Result<SelectAt, Refusal> {
    let wrong = || Refusal::invalid("select_at", "$.select_at");
    if !body.contains_key("select_at") {
        return Ok(SelectAt::Now);
    }
    match text(body, "select_at", "$.select_at")? {
        "now" => Ok(SelectAt::Now),
        "start" if terms.run_at.is_none() => {
            Err(wrong().saying("a job without `run_at` starts now, with the records of now"))
        }
        "start" => Ok(SelectAt::Start),
        _ => Err(wrong().with("supported_values", vec!["now", "start"])),
    }
}

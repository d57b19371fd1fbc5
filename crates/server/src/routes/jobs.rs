//! `/swathe/v1/jobs`: every mass action is a job, however it was asked for, and is shown in one form.

use super::meta::asker;
use crate::answer::Answer;
use crate::call::Call;
use crate::wire;
use crm::Actor;
use crm::actions::undo;
use model::id::{JobId, UserId};
use model::job::{JobKind, JobState, PausedBy, Relation};
use model::limits::JOBS_PER_PAGE;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use serde_json::{Map, Value as Json, json};
use store::calls::{self, Call as Notice};
use store::jobs::{Job, JobQuery};
use store::outcomes;
use store::{Fault, Tx};

/// What the query string of the list may have.
const PARAMS: [&str; 5] = ["state", "action", "module", "actor", "page_token"];

/// `GET /jobs?state=&action=&module=&actor=&page_token=`, none of them needed: the newest first.
/// Administrators see every job, others their own.
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    let (data, next) = call.app.db.read(|tx| {
        let reader = asker(tx, call)?;
        let query = query(call, &reader)?;
        let limit = i64::try_from(JOBS_PER_PAGE + 1).unwrap_or(i64::MAX);
        let mut jobs = crm::job::list(tx, &reader, query, limit)?;
        let more = jobs.len() > JOBS_PER_PAGE;
        jobs.truncate(JOBS_PER_PAGE);
        let last = jobs.last().filter(|_| more);
        let next = last.map(|job| format!("{}-{}", job.created_at.0, job.id));
        Ok((shown(tx, &reader, &jobs)?, next))
    })?;
    Ok(Answer::ok(json!({ "data": data, "next_page_token": next })))
}

/// `GET /jobs/{job}`.
pub(super) fn get(call: &Call<'_>) -> Result<Answer, Fault> {
    let job = call.app.db.read(|tx| {
        let reader = asker(tx, call)?;
        let job = named(tx, &reader, call)?;
        one(tx, &reader, &job)
    })?;
    Ok(Answer::ok(job))
}

/// The job that the path names, if it is shown to the reader; to others it is unknown.
pub(super) fn named(tx: &mut Tx, reader: &Actor, call: &Call<'_>) -> Result<Job, Fault> {
    let unknown = || Refusal::new(Code::NotFound).saying("there is no such job");
    let id = JobId::parse(call.param("job")).ok_or_else(unknown)?;
    Ok(crm::job::find(tx, reader, id)?.ok_or_else(unknown)?)
}

fn wrong(param: &str) -> Refusal {
    Refusal::new(Code::InvalidData).with("param_name", param)
}

/// Which jobs the query string asks for. A parameter that is there but empty must not mean every job.
fn query(call: &Call<'_>, reader: &Actor) -> Result<JobQuery, Refusal> {
    let mut query = JobQuery::default();
    for (key, text) in call.query.pairs() {
        let supported = |words: Vec<&'static str>| wrong(key).with("supported_values", words);
        match key {
            "state" => {
                let known = JobState::ALL
                    .into_iter()
                    .filter(|state| *state != JobState::Preparing);
                let words = || known.clone().map(JobState::as_str).collect();
                let found = known.clone().find(|state| state.as_str() == text);
                query.state = Some(found.ok_or_else(|| supported(words()))?);
            }
            "action" => {
                let words = || JobKind::ALL.iter().map(|kind| kind.action()).collect();
                let found = JobKind::of_action(text);
                query.kind = Some(found.ok_or_else(|| supported(words()))?);
            }
            "module" => {
                let found = reader.catalog.module(text);
                let unknown = || wrong(key).saying("there is no such module");
                query.module = Some(found.ok_or_else(unknown)?.id);
            }
            "actor" => {
                let by_email = || reader.catalog.user_by_email(text).map(|user| user.id);
                let found = UserId::parse(text).or_else(by_email);
                let unknown = || wrong(key).saying("neither a user's id nor an e-mail address");
                query.actor = Some(found.ok_or_else(unknown)?);
            }
            "page_token" => query.before = Some(place(text).ok_or_else(|| wrong(key))?),
            _ => {
                let refusal = wrong(key).saying("there is no such parameter");
                return Err(refusal.with("supported_values", PARAMS.to_vec()));
            }
        }
    }
    Ok(query)
}

/// Where a page begins.
fn place(text: &str) -> Option<(Timestamp, JobId)> {
    let (at, id) = text.split_once('-')?;
    let at = at.parse().ok().filter(|at| *at >= 0)?;
    Some((Timestamp(at), JobId::parse(id)?))
}

/// THE form of a job.
pub(super) fn one(tx: &mut Tx, reader: &Actor, job: &Job) -> Result<Json, Fault> {
    let mut shown = shown(tx, reader, std::slice::from_ref(job))?;
    Ok(shown.pop().unwrap_or_default())
}

/// The same of several.
fn shown(tx: &mut Tx, reader: &Actor, jobs: &[Job]) -> Result<Vec<Json>, Fault> {
    let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
    let mut failed = outcomes::failed_by_code(tx, &ids)?;
    let calls = calls::of_jobs(tx, &ids)?;
    let form = |job: &Job| {
        let failed = failed.remove(&job.id).unwrap_or_default();
        let request = crm::job::request(reader, job)?;
        let until = undo::until(job)?;
        let mut form = form(reader, job, failed, (request, until));
        if let Some(object) = form.as_object_mut() {
            let notify = job.options.notify_url.as_ref();
            let notify = notify.map(|_| notice(calls.get(&job.id)));
            object.insert("notify".to_owned(), notify.into());
        }
        Ok(form)
    };
    jobs.iter().map(form).collect()
}

fn form(
    reader: &Actor,
    job: &Job,
    failed: Vec<(String, i64)>,
    (request, until): (Json, Option<Timestamp>),
) -> Json {
    let module = reader.catalog.module_by_id(job.module);
    let parent = |relation: Relation| {
        let parent = job.parent.filter(|(other, _)| *other == relation);
        parent.map(|(_, id)| id.to_string())
    };
    let failed = failed.into_iter().map(|(code, n)| (code, Json::from(n)));
    json!({
        "id": job.id.to_string(),
        "action": job.kind.action(),
        "module": module.map(|module| module.api_name.as_str()),
        "state": job.state.as_str(),
        "paused_by": job.paused_by.map(PausedBy::as_str),
        "actor": wire::user_brief(reader, Some(job.actor)),
        "counts": counts(job),
        "failed_by_code": failed.collect::<Map<String, Json>>(),
        "rate": job.rate(),
        "eta": job.eta().map(Timestamp::to_utc),
        "throttle": job.options.throttle,
        "tolerance": job.options.tolerance,
        "automation": job.options.automation.as_str(),
        "automation_cap": job.options.automation_cap,
        "fired": job.fired,
        "plan": job.plan.map(|plan| plan.to_string()),
        "parent": job.parent.map(|(_, id)| id.to_string()),
        "undo_of": parent(Relation::Undo),
        "retry_of": parent(Relation::Retry),
        "undo_until": until.map(Timestamp::to_utc),
        "run_at": job.options.run_at.map(Timestamp::to_utc),
        "created_at": job.created_at.to_utc(),
        "started_at": job.started_at.map(Timestamp::to_utc),
        "finished_at": job.finished_at.map(Timestamp::to_utc),
        "error": job.error,
        "request": request,
    })
}

/// How it stands with the call to who wants to know of a job's end.
fn notice(call: Option<&Notice>) -> Json {
    json!({
        "state": call.map_or("pending", |call| call.state.as_str()),
        "attempts": call.map_or(0, |call| call.attempts),
        "last_error": call.and_then(|call| call.last_error.as_deref()),
    })
}

/// Every record of a job once, in the words of its outcomes: they sum to the total.
pub(crate) fn counts(job: &Job) -> Json {
    let left = job.total - job.cursor;
    let of = |is: bool| if is { left } else { 0 };
    json!({
        "total": job.total,
        "changed": job.counts.changed,
        "unchanged": job.counts.unchanged,
        "failed": job.counts.failed,
        "cancelled": of(job.state == JobState::Cancelled),
        "not_run": of(job.state == JobState::Failed),
        "pending": of(!job.state.finished()),
    })
}

//! `GET /swathe/v1/automation/failures`: what workflow rules were to do and did not, with why. A user
//! is told of what their own writes set off in modules that they may view; administrators of all.

use super::meta::asker;
use super::plans::rule_brief;
use crate::answer::Answer;
use crate::call::Call;
use crate::wire;
use crm::Actor;
use model::id::{JobId, RuleId};
use model::limits::FAILURES_PER_PAGE;
use model::people::Right;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::workflow::ActionKind;
use serde_json::{Map, Value as Json, json};
use store::effects::{self, Failure, Wanted};

/// What the query string may have.
const PARAMS: [&str; 4] = ["rule", "job", "module", "page_token"];

fn wrong(param: &str) -> Refusal {
    Refusal::new(Code::InvalidData).with("param_name", param)
}

/// The newest first.
pub(super) fn failures(call: &Call<'_>) -> Result<Answer, store::Fault> {
    call.app.db.read(|tx| {
        let reader = asker(tx, call)?;
        let wanted = wanted(call, &reader)?;
        let mut found = effects::list(tx, &wanted, FAILURES_PER_PAGE + 1)?;
        let more = found.len() > FAILURES_PER_PAGE;
        found.truncate(FAILURES_PER_PAGE);
        let last = found.last().filter(|_| more);
        let next = last.map(|last| format!("{}-{}", last.at.0, last.id));
        let data: Vec<Json> = found.iter().map(|one| form(&reader, one)).collect();
        Ok(Answer::ok(json!({ "data": data, "next_page_token": next })))
    })
}

/// Which failures are asked for. A parameter that is there but empty must not mean all.
fn wanted(call: &Call<'_>, reader: &Actor) -> Result<Wanted, Refusal> {
    let mut wanted = Wanted::default();
    if !reader.profile.administrator {
        let modules = reader.catalog.modules.iter();
        let viewed = modules.filter(|module| reader.profile.may(Right::View, module.id));
        wanted.within = Some(viewed.map(|module| module.id).collect());
        wanted.actor = Some(reader.user.id);
    }
    for (key, text) in call.query.pairs() {
        let not_an_id = || wrong(key).saying("it is not an id");
        match key {
            "rule" => wanted.rule = Some(RuleId::parse(text).ok_or_else(not_an_id)?),
            "job" => wanted.job = Some(JobId::parse(text).ok_or_else(not_an_id)?),
            "module" => {
                let unknown = || wrong(key).saying("there is no such module");
                wanted.module = Some(reader.catalog.module(text).ok_or_else(unknown)?.id);
            }
            "page_token" => wanted.before = Some(place(text).ok_or_else(|| wrong(key))?),
            _ => {
                let refusal = wrong(key).saying("there is no such parameter");
                return Err(refusal.with("supported_values", PARAMS.to_vec()));
            }
        }
    }
    Ok(wanted)
}

/// Where a page begins.
fn place(text: &str) -> Option<(Timestamp, i64)> {
    let (at, id) = text.split_once('-')?;
    let at = at.parse().ok().filter(|at| *at >= 0)?;
    Some((Timestamp(at), model::id::parse(id)?))
}

fn form(reader: &Actor, failure: &Failure) -> Json {
    let catalog = &reader.catalog;
    let module = catalog.module_by_id(failure.module);
    let chain = failure.chain.iter().map(|id| rule_brief(catalog, *id));
    let details: Map<String, Json> = serde_json::from_str(&failure.details).unwrap_or_default();
    json!({
        "id": failure.id.to_string(),
        "rule": rule_brief(catalog, failure.rule),
        "action": failure.action.map(ActionKind::as_str),
        "module": module.map(|module| module.api_name.as_str()),
        "record": failure.record.to_string(),
        "trigger": failure.trigger.as_str(),
        "job": failure.job.map(|job| job.to_string()),
        "actor": wire::user_brief(reader, Some(failure.actor)),
        "set_off_by": chain.collect::<Vec<Json>>(),
        "code": failure.code,
        "message": failure.message,
        "details": details,
        "fired_at": failure.fired_at.to_utc(),
        "at": failure.at.to_utc(),
    })
}

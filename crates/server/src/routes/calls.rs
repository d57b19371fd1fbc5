//! `/swathe/v1/calls`: the calls to the outside that are owed, made and dead, for administrators, and
//! owing them anew.

use super::native::{self, administrators_only};
use crate::answer::Answer;
use crate::call::Call;
use model::body::Object;
use model::call::CallState;
use model::catalog::Catalog;
use model::id::{CallId, JobId, RuleId};
use model::limits::{CALLS_PER_PAGE, CALLS_RESENT_MAX};
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use serde_json::{Value as Json, json};
use store::calls::{self, Call as Owed, Wanted};
use store::{Fault, Priority, Tx};

/// What the query string of the list may have.
const PARAMS: [&str; 5] = ["state", "rule", "job", "endpoint", "page_token"];

/// `GET /calls?state=&rule=&job=&endpoint=&page_token=`, none of them needed: those that were owed last
/// first.
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    let wanted = wanted(call)?;
    let (data, next) = call.app.db.read(|tx| {
        administrators_only(tx, call.actor.user)?;
        let catalog = tx.catalog()?;
        let mut found = calls::list(tx, &wanted, CALLS_PER_PAGE + 1)?;
        let more = found.len() > CALLS_PER_PAGE;
        found.truncate(CALLS_PER_PAGE);
        let last = found.last().filter(|_| more);
        let next = last.map(|owed| format!("{}-{}", owed.owed_at.0, owed.id));
        let data: Vec<Json> = found.iter().map(|owed| form(&catalog, owed)).collect();
        Ok((data, next))
    })?;
    Ok(Answer::ok(json!({ "data": data, "next_page_token": next })))
}

/// `GET /calls/{call}`: with what is sent.
pub(super) fn get(call: &Call<'_>) -> Result<Answer, Fault> {
    let shown = call.app.db.read(|tx| {
        administrators_only(tx, call.actor.user)?;
        let owed = named(tx, call)?;
        whole(tx, &owed)
    })?;
    Ok(Answer::ok(shown))
}

/// `POST /calls/{call}/actions/resend`: owes it anew, under the same event. One that waits is due at
/// once; so two who ask for the same call get the same.
pub(super) fn resend(call: &Call<'_>) -> Result<Answer, Fault> {
    if !call.body.is_empty() {
        native::body(&call.json_object()?).known(&[])?;
    }
    let shown = call.app.db.write(Priority::Interactive, |tx| {
        administrators_only(tx, call.actor.user)?;
        let owed = named(tx, call)?;
        calls::resend(tx, &owed, call.now)?;
        let owed = named(tx, call)?;
        whole(tx, &owed)
    })?;
    Ok(Answer::json(202, shown))
}

/// `POST /calls/actions/resend` with one or more of `{"rule","job","endpoint"}`: owes their dead calls
/// anew, the oldest first, at most so many. Answers `{"resent","more"}`.
pub(super) fn resend_dead(call: &Call<'_>) -> Result<Answer, Fault> {
    let body = call.json_object()?;
    let keys = ["rule", "job", "endpoint"];
    let body = native::body(&body);
    body.known(&keys)?;
    if body.map().is_empty() {
        let text = "name the rule, the job or the endpoint whose dead calls are to be sent again";
        let refusal = body.place().clone().called("endpoint").mandatory();
        let refusal = refusal.saying(text);
        return Err(refusal.with("supported_values", keys.to_vec()).into());
    }
    let wanted = Wanted {
        rule: id_of(&body, "rule")?.map(RuleId),
        job: id_of(&body, "job")?.map(JobId),
        endpoint: text_of(&body, "endpoint")?.map(str::to_owned),
        ..Wanted::default()
    };
    let resent = call.app.db.write(Priority::Interactive, |tx| {
        administrators_only(tx, call.actor.user)?;
        let wanted = wanted.clone();
        Ok(calls::resend_dead(tx, wanted, call.now, CALLS_RESENT_MAX)?)
    })?;
    let more = resent == CALLS_RESENT_MAX;
    Ok(Answer::json(202, json!({ "resent": resent, "more": more })))
}

/// A text that must be there if its key is: a null could mean every call.
fn text_of<'a>(body: &Object<'a>, key: &str) -> Result<Option<&'a str>, Refusal> {
    let needed = body.has(key).then(|| body.key(key).required());
    needed.map(|node| node?.text()).transpose()
}

/// An id of a body, likewise.
fn id_of(body: &Object<'_>, key: &str) -> Result<Option<i64>, Refusal> {
    let wrong = || body.key(key).place().invalid().saying("it is not an id");
    let id = text_of(body, key)?.map(|text| model::id::parse(text).ok_or_else(wrong));
    id.transpose()
}

/// The call that the path names.
fn named(tx: &mut Tx, call: &Call<'_>) -> Result<Owed, Fault> {
    let unknown = || Refusal::new(Code::NotFound).saying("there is no such call");
    let id = CallId::parse(call.param("call")).ok_or_else(unknown)?;
    Ok(calls::find(tx, id)?.ok_or_else(unknown)?)
}

fn wrong(param: &str) -> Refusal {
    Refusal::new(Code::InvalidData).with("param_name", param)
}

/// Which calls the query string asks for. A parameter that is there but empty must not mean every call.
fn wanted(call: &Call<'_>) -> Result<Wanted, Refusal> {
    let mut wanted = Wanted::default();
    for (key, text) in call.query.pairs() {
        let id = || model::id::parse(text).ok_or_else(|| wrong(key).saying("it is not an id"));
        match key {
            "state" => {
                let words = || CallState::ALL.map(CallState::as_str).to_vec();
                let state = CallState::parse(text);
                let unknown = || wrong(key).with("supported_values", words());
                wanted.state = Some(state.ok_or_else(unknown)?);
            }
            "rule" => wanted.rule = Some(RuleId(id()?)),
            "job" => wanted.job = Some(JobId(id()?)),
            "endpoint" if !text.is_empty() => wanted.endpoint = Some(text.to_owned()),
            "page_token" => wanted.before = Some(place(text).ok_or_else(|| wrong(key))?),
            "endpoint" => return Err(wrong(key)),
            _ => {
                let refusal = wrong(key).saying("there is no such parameter");
                return Err(refusal.with("supported_values", PARAMS.to_vec()));
            }
        }
    }
    Ok(wanted)
}

/// Where a page begins.
fn place(text: &str) -> Option<(Timestamp, CallId)> {
    let (at, id) = text.split_once('-')?;
    let at = at.parse().ok().filter(|at| *at >= 0)?;
    Some((Timestamp(at), CallId::parse(id)?))
}

/// A call with what is sent: of a job's end that is made when it is sent.
fn whole(tx: &mut Tx, owed: &Owed) -> Result<Json, Fault> {
    let mut form = form(&*tx.catalog()?, owed);
    if let Some(object) = form.as_object_mut() {
        object.insert("body".to_owned(), owed.body.as_deref().into());
    }
    Ok(form)
}

/// The one form of a call. Queries of URLs hold secrets: only the endpoint is told.
fn form(catalog: &Catalog, owed: &Owed) -> Json {
    let module = owed.module.and_then(|id| catalog.module_by_id(id));
    let next_at = (owed.state == CallState::Waiting).then_some(owed.next_at);
    json!({
        "id": owed.id.to_string(),
        "kind": owed.kind.as_str(),
        "event": owed.event,
        "state": owed.state.as_str(),
        "endpoint": owed.endpoint,
        "job": owed.job.map(|job| job.to_string()),
        "rule": owed.rule.map(|rule| rule.to_string()),
        "module": module.map(|module| module.api_name.as_str()),
        "record": owed.record.map(|record| record.to_string()),
        "attempts": owed.attempts,
        "last_error": owed.last_error,
        "made_at": owed.made_at.to_utc(),
        "owed_at": owed.owed_at.to_utc(),
        "tried_at": owed.tried_at.map(Timestamp::to_utc),
        "next_at": next_at.map(Timestamp::to_utc),
    })
}

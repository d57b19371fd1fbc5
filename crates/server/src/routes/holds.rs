//! `/swathe/v1/records/{module}/{id}/holds`: what holds a record, put there by systems that approve,
//! review, check or merge records (DESIGN 10), for administrators.

use super::native::{self, administrators_only};
use super::records::{open, writing};
use crate::answer::Answer;
use crate::call::Call;
use crm::hold::{self, Put};
use model::hold::HoldKind;
use model::id::RecordId;
use model::limits::HOLD_REASON_MAX;
use model::refusal::{Code, Refusal};
use serde_json::{Value as Json, json};
use store::changes::Cause;
use store::holds::Hold;
use store::{Fault, Priority};

/// `GET …/holds`: all of them, locks too, the oldest first.
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    let holds = call.app.db.read(|tx| {
        administrators_only(tx, call.actor.user)?;
        let (actor, module) = open(tx, call)?;
        hold::of(tx, &actor, &module, id(call)?)
    })?;
    let holds = holds.ok_or_else(no_record)?;
    let data: Vec<Json> = holds.iter().map(shown).collect();
    Ok(Answer::ok(json!({ "data": data, "next_page_token": null })))
}

/// `PUT …/holds/{kind}` with `{"reason"}` or no body: 201 for a new one, 200 for one that was there.
pub(super) fn put(call: &Call<'_>) -> Result<Answer, Fault> {
    let kind = kind(call)?;
    let reason = reason(call)?;
    let put = call.app.db.write(Priority::Interactive, |tx| {
        administrators_only(tx, call.actor.user)?;
        let (actor, module) = open(tx, call)?;
        let writing = writing(call, &actor, &module, Cause::Hold);
        hold::put(tx, writing, id(call)?, kind, reason.clone())
    })?;
    let (put, hold) = put.ok_or_else(no_record)?;
    let status = if put == Put::New { 201 } else { 200 };
    Ok(Answer::json(status, shown(&hold)))
}

/// `DELETE …/holds/{kind}`: 204, or 404 when the record is not held so.
pub(super) fn lift(call: &Call<'_>) -> Result<Answer, Fault> {
    let kind = kind(call)?;
    let lifted = call.app.db.write(Priority::Interactive, |tx| {
        administrators_only(tx, call.actor.user)?;
        let (actor, module) = open(tx, call)?;
        let writing = writing(call, &actor, &module, Cause::Unhold);
        hold::lift(tx, writing, id(call)?, kind)
    })?;
    if lifted {
        Ok(Answer::no_content())
    } else {
        let refusal = Refusal::new(Code::NotFound);
        Err(refusal
            .saying("the record is not there or not held so")
            .into())
    }
}

fn no_record() -> Refusal {
    Refusal::new(Code::NotFound).saying("there is no such record")
}

fn id(call: &Call<'_>) -> Result<RecordId, Refusal> {
    RecordId::parse(call.param("id")).ok_or_else(no_record)
}

/// The kind in the path. A lock is put and lifted through the wire API, where its rules are.
fn kind(call: &Call<'_>) -> Result<HoldKind, Refusal> {
    let refusal = |text: &'static str| {
        let kinds = HoldKind::ALL.into_iter().filter(|k| *k != HoldKind::Lock);
        let kinds: Vec<Json> = kinds.map(|kind| kind.as_str().into()).collect();
        Refusal::new(Code::InvalidData)
            .saying(text)
            .with("param_name", "kind")
            .with("supported_values", kinds)
    };
    match HoldKind::parse(call.param("kind")) {
        Some(HoldKind::Lock) => Err(refusal(
            "a lock is put and lifted through Locking_Information__s of the wire API",
        )),
        Some(kind) => Ok(kind),
        None => Err(refusal("there is no such kind of hold")),
    }
}

fn reason(call: &Call<'_>) -> Result<Option<String>, Refusal> {
    if call.body.is_empty() {
        return Ok(None);
    }
    let body = call.json_object()?;
    let body = native::body(&body);
    body.known(&["reason"])?;
    let reason = body.key("reason").text_up_to(HOLD_REASON_MAX)?;
    Ok(reason.map(str::to_owned))
}

fn shown(hold: &Hold) -> Json {
    json!({
        "id": hold.id.to_string(),
        "kind": hold.kind.as_str(),
        "reason": hold.reason,
        "actor": hold.actor.to_string(),
        "at": hold.at.to_utc(),
    })
}

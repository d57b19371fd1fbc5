//! Locking records by hand (wire API 14.1).

use super::records::{self, open, single, writing};
use crate::answer::Answer;
use crate::call::Call;
use crate::wire;
use crm::{Actor, lock};
use model::body::{DataType, Manner, Object};
use model::id::{HoldId, RecordId};
use model::limits::LOCK_REASON_MAX;
use model::module::Module;
use model::people::Right;
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json, json};
use store::changes::Cause;
use store::holds::Hold;
use store::{Fault, Priority, Tx};

const REASON: &str = "Locked_Reason__s";

/// `GET /{module}/{id}/Locking_Information__s`: the lock; `fields` says which of its keys.
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    show(call, |call| {
        if call.query.list("fields").is_empty() {
            return Err(Refusal::new(Code::RequiredParamMissing).with("param_name", "fields"));
        }
        Ok(None)
    })
}

/// `GET /{module}/{id}/Locking_Information__s/{lock_id}`: this lock.
pub(super) fn get(call: &Call<'_>) -> Result<Answer, Fault> {
    show(call, |call| lock_id(call).map(Some))
}

fn show(
    call: &Call<'_>,
    only: fn(&Call<'_>) -> Result<Option<HoldId>, Refusal>,
) -> Result<Answer, Fault> {
    let shown = call.app.db.read(|tx| {
        let (actor, module) = open_for(tx, call, Right::View)?;
        let only = only(call)?;
        let id = path_id(call)?;
        let found = lock::find(tx, &actor, &module, id)?;
        let found = found.filter(|found| only.is_none_or(|only| found.id == only));
        found
            .map(|found| lock_json(tx, &actor, &module, &found))
            .transpose()
    })?;
    let Some(shown) = shown else {
        return Ok(Answer::no_content());
    };
    let info = json!({ "per_page": 200, "count": 1, "page": 1, "more_records": false });
    Ok(Answer::ok(json!({ "data": [shown], "info": info })))
}

fn lock_json(tx: &mut Tx, actor: &Actor, module: &Module, lock: &Hold) -> Result<Json, Fault> {
    let name = wire::name_of(tx, actor, module, lock.record)?;
    let of_module = json!({ "api_name": module.api_name, "id": module.id.to_string() });
    let locked_for = json!({ "module": of_module, "name": name, "id": lock.record.to_string() });
    Ok(json!({
        "id": lock.id.to_string(),
        "Locked_For__s": locked_for,
        "Locked_By__s": wire::user_brief(actor, Some(lock.actor)),
        "Locked_Reason__s": lock.reason,
        "Lock_Source__s": "Manual",
        "Locked_Time__s": lock.at.to_wire(&actor.zone),
        "Record_Locking_Configuration_Id__s": module.id.to_string(),
        "Record_Locking_Rule_Id__s": null,
        "$editable": true,
        "$sharing_permission": "full_access",
    }))
}

/// The id in the path.
fn path_id(call: &Call<'_>) -> Result<RecordId, Refusal> {
    let text = "the related id given seems to be invalid";
    records::path_id(call).map_err(|refusal| refusal.saying(text))
}

/// Who asks, who must have this right, and about which module.
fn open_for(tx: &mut Tx, call: &Call<'_>, right: Right) -> Result<(Actor, Module), Fault> {
    let (actor, module) = open(tx, call)?;
    actor.require(right, &module)?;
    Ok((actor, module))
}

/// A refusal as this call tells it.
fn answered(call: &Call<'_>, answer: Result<Answer, Fault>) -> Result<Answer, Fault> {
    match answer {
        // The only one that is not bare (wire API 14.1).
        Err(Fault::Refused(refusal)) if refusal.code == Code::MandatoryNotFound => {
            Ok(Answer::data(refusal.code.status(), vec![refusal.to_json()]))
        }
        Err(Fault::Refused(refusal)) => Ok(call.refused(*refusal)),
        answer => answer,
    }
}

fn lock_id(call: &Call<'_>) -> Result<HoldId, Refusal> {
    HoldId::parse(call.param("lock_id")).ok_or_else(|| {
        let text = "the relation id given seems to be invalid";
        Refusal::new(Code::InvalidData)
            .saying(text)
            .with("resource_path_index", 3)
    })
}

/// The reason in the one object of `data`.
fn reason(call: &Call<'_>) -> Result<Option<String>, Refusal> {
    const MANNER: Manner = Manner {
        text: DataType::Text,
        ..Manner::WIRE
    };
    let body = call.json_object()?;
    let object = single(&Object::body(&body, MANNER))?;
    let reason = object.key(REASON).or_null().text_up_to(LOCK_REASON_MAX)?;
    let reason = reason.filter(|text| !text.is_empty());
    Ok(reason.map(str::to_owned))
}

fn done(status: u16, message: &str, details: Map<String, Json>) -> Answer {
    Answer::data(status, vec![wire::success(message, details)])
}

fn id_details(id: HoldId) -> Map<String, Json> {
    Map::from_iter([("id".to_owned(), id.to_string().into())])
}

/// `POST /{module}/{id}/Locking_Information__s`: locks the record.
pub(super) fn put(call: &Call<'_>) -> Result<Answer, Fault> {
    let locked = call.app.db.write(Priority::Interactive, |tx| {
        let (actor, module) = open_for(tx, call, Right::Edit)?;
        let id = path_id(call)?;
        let writing = writing(call, &actor, &module, Cause::Lock);
        let lock = lock::put(tx, writing, id, reason(call)?)?;
        let (by, at) = (
            wire::user_brief(&actor, Some(lock.actor)),
            lock.at.to_wire(&actor.zone),
        );
        Ok(Map::from_iter([
            ("Modified_Time".to_owned(), at.clone().into()),
            ("Modified_By".to_owned(), by.clone()),
            ("Created_Time".to_owned(), at.into()),
            ("id".to_owned(), lock.id.to_string().into()),
            ("Created_By".to_owned(), by),
        ]))
    });
    answered(
        call,
        locked.map(|details| done(201, "record added", details)),
    )
}

/// `PUT /{module}/{id}/Locking_Information__s/{lock_id}`: changes the reason.
pub(super) fn update(call: &Call<'_>) -> Result<Answer, Fault> {
    let explained = call.app.db.write(Priority::Interactive, |tx| {
        let (actor, module) = open_for(tx, call, Right::Edit)?;
        let (id, lock) = (path_id(call)?, lock_id(call)?);
        let reason = reason(call)?;
        let writing = writing(call, &actor, &module, Cause::Lock);
        lock::explain(tx, writing, id, lock, reason.as_deref())?;
        Ok(lock)
    });
    answered(
        call,
        explained.map(|lock| done(200, "relation updated", id_details(lock))),
    )
}

/// `DELETE /{module}/{id}/Locking_Information__s/{lock_id}`: unlocks the record.
pub(super) fn delete(call: &Call<'_>) -> Result<Answer, Fault> {
    let lifted = call.app.db.write(Priority::Interactive, |tx| {
        let (actor, module) = open_for(tx, call, Right::Edit)?;
        let (id, lock) = (path_id(call)?, lock_id(call)?);
        let writing = writing(call, &actor, &module, Cause::Unlock);
        lock::lift(tx, writing, id, lock)?;
        Ok(lock)
    });
    answered(
        call,
        lifted.map(|lock| done(200, "relation removed", id_details(lock))),
    )
}

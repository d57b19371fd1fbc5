//! Assigning territories to records and removing them (wire API 12).

use super::records::{batch, data, open, path_id, single, wire_body};
use crate::answer::Answer;
use crate::call::Call;
use crm::territory::{self, Direction};
use crm::{Actor, Triggers, Writing};
use model::body::{DataType, Object, Place};
use model::field::json_id;
use model::id::{RecordId, TerritoryId};
use model::module::Module;
use model::people::Right;
use model::reason::Reason;
use model::refusal::{Code, Refusal};
use serde_json::{Value as Json, json};
use store::changes::Cause;
use store::{Fault, Priority, Tx};

/// `POST /{module}/actions/assign_territories`, and with an id in the path.
pub(super) fn assign(call: &Call<'_>) -> Result<Answer, Fault> {
    change(call, Direction::Assign)
}

/// `POST /{module}/actions/remove_territories`, and with an id in the path.
pub(super) fn remove(call: &Call<'_>) -> Result<Answer, Fault> {
    change(call, Direction::Remove)
}

fn change(call: &Call<'_>, direction: Direction) -> Result<Answer, Fault> {
    let items = call.app.db.write(Priority::Interactive, |tx| {
        let (actor, module) = open(tx, call)?;
        actor.require(Right::Edit, &module)?;
        if !module.territories {
            let text = "Territory is not supported for the given module.";
            let refusal = Refusal::new(Code::InvalidModule).saying(text);
            return Err(refusal.with("resource_path_index", 0).into());
        }
        let only = if call.param("id").is_empty() {
            None
        } else {
            Some(path_id(call)?)
        };
        let body = call.json_object()?;
        let body = wire_body(&body);
        let mut items = Vec::new();
        let objects = if only.is_some() {
            vec![single(&body)?]
        } else {
            data(&body)?
        };
        for object in objects {
            let about = (&actor, &module);
            items.push(one(tx, call, about, direction, &object, only)?);
        }
        Ok(items)
    })?;
    Ok(batch(call, call.version.territories_accepted().0, items))
}

fn one(
    tx: &mut Tx,
    call: &Call<'_>,
    (actor, module): (&Actor, &Module),
    direction: Direction,
    object: &Object<'_>,
    only: Option<RecordId>,
) -> Result<Json, Fault> {
    let place = object.place();
    let (id, wanted) = match read(object, only) {
        Ok(read) => read,
        Err(refusal) => return Ok(refusal.to_json()),
    };
    let writing = Writing {
        triggers: Triggers::NONE,
        ..Writing::of(actor, module, Cause::Territory, call.now)
    };
    if let Err(refusal) = territory::change(tx, writing, id, &wanted, direction, place)? {
        return Ok(
            if only.is_some() && refusal.reason == Reason::UnknownRecord {
                let wrong = Refusal::new(refusal.code).saying(refusal.message);
                wrong.with("resource_path_index", 1).to_json()
            } else {
                refusal.to_json()
            },
        );
    }
    let message = match direction {
        Direction::Assign => "Territory assignment process scheduled successfully",
        Direction::Remove => "Territory removal process scheduled successfully",
    };
    // The change is made with this answer; the job that the wire names is over already.
    let details = json!({ "job_id": tx.new_id()?.to_string(), "id": id.to_string() });
    let code = call.version.territories_accepted().1;
    Ok(json!({ "code": code, "details": details, "message": message, "status": "success" }))
}

fn read(
    object: &Object<'_>,
    only: Option<RecordId>,
) -> Result<(RecordId, Vec<TerritoryId>), Refusal> {
    let wrong_id = |place: &Place| {
        let refusal = place.key("id").invalid();
        refusal.saying("the id given seems to be invalid")
    };
    let read = || {
        let id = json_id(object.key("id").required()?.json());
        id.map(RecordId).ok_or_else(|| wrong_id(object.place()))
    };
    let id = only.map_or_else(read, Ok)?;
    let list = object.key("Territories").required()?;
    let items = list.list()?;
    if items.is_empty() {
        return Err(list.place().wrong_type(DataType::JsonArray));
    }
    let ids = items.iter().map(|item| {
        let id = item.json().get("id").and_then(json_id).map(TerritoryId);
        id.ok_or_else(|| wrong_id(item.place()))
    });
    Ok((id, ids.collect::<Result<_, _>>()?))
}

//! Assigning territories to records and removing them (wire API 12).

use super::records::{batch, data, open, path_id, single};
use crate::answer::Answer;
use crate::call::Call;
use crm::territory::{self, Direction};
use crm::{Actor, Triggers, Writing};
use model::field::json_id;
use model::id::{RecordId, TerritoryId};
use model::module::Module;
use model::people::Right;
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json, json};
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
        let mut items = Vec::new();
        let objects = if only.is_some() {
            vec![single(&body)?]
        } else {
            data(&body)?
        };
        for (n, object) in objects.into_iter().enumerate() {
            items.push(one(
                tx,
                call,
                (&actor, &module),
                direction,
                object,
                only,
                n,
            )?);
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
    object: &Map<String, Json>,
    only: Option<RecordId>,
    n: usize,
) -> Result<Json, Fault> {
    let path = format!("$.data[{n}]");
    let (id, wanted) = match read(object, only, &path) {
        Ok(read) => read,
        Err(refusal) => return Ok(refusal.to_json()),
    };
    let writing = Writing {
        triggers: Triggers::NONE,
        ..Writing::of(actor, module, Cause::Territory, call.now)
    };
    if let Err(refusal) = territory::change(tx, writing, id, &wanted, direction, &path)? {
        let of_record = refusal.details.get("json_path") == Some(&format!("{path}.id").into());
        return Ok(if only.is_some() && of_record {
            let wrong = Refusal::new(refusal.code).saying(refusal.message);
            wrong.with("resource_path_index", 1).to_json()
        } else {
            refusal.to_json()
        });
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
    object: &Map<String, Json>,
    only: Option<RecordId>,
    path: &str,
) -> Result<(RecordId, Vec<TerritoryId>), Refusal> {
    let wrong_id =
        |path: String| Refusal::invalid("id", path).saying("the id given seems to be invalid");
    let id = match (only, object.get("id")) {
        (Some(id), _) => id,
        (None, None) => return Err(Refusal::mandatory("id", format!("{path}.id"))),
        (None, Some(id)) => json_id(id)
            .map(RecordId)
            .ok_or_else(|| wrong_id(format!("{path}.id")))?,
    };
    let list = format!("{path}.Territories");
    let items = object
        .get("Territories")
        .ok_or_else(|| Refusal::mandatory("Territories", list.as_str()))?
        .as_array()
        .filter(|items| !items.is_empty())
        .ok_or_else(|| {
            let refusal = Refusal::invalid("Territories", list.as_str());
            refusal.with("expected_data_type", "jsonarray")
        })?;
    let ids = items.iter().enumerate().map(|(n, item)| {
        let id = item.get("id").and_then(json_id).map(TerritoryId);
        id.ok_or_else(|| wrong_id(format!("{list}[{n}].id")))
    });
    Ok((id, ids.collect::<Result<_, _>>()?))
}

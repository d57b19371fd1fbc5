//! Change of owner of records that are named, with what belongs to them (wire API 5).

use super::mass_action::too_many_ids;
use super::records::{batch, open, path_id, wire_body};
use crate::answer::Answer;
use crate::call::Call;
use crate::wire;
use crm::actions::change_owner::{self, Given, Left, OwnerChange};
use crm::{Actor, owner};
use jobs::Settled;
use model::body::Object;
use model::id::{RecordId, UserId};
use model::limits::IDS_MAX;
use model::module::Module;
use model::people::Right;
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json, json};
use store::{Fault, Priority, Tx};

/// `POST /{module}/actions/change_owner`: gives up to 500 records away; each id has its item.
pub(super) fn many(call: &Call<'_>) -> Result<Answer, Fault> {
    let items = call.app.db.write(Priority::Interactive, |tx| {
        let (actor, module, body) =
            opened(tx, call, &["ids", "owner", "notify", "related_modules"])?;
        let body = wire_body(&body);
        let ids = ids(&body)?;
        let given = give(tx, call, (&actor, &module), &body, &ids)?;
        let items = ids
            .iter()
            .enumerate()
            .map(|(n, id)| match item(&given, *id) {
                Ok(item) => item,
                Err(refusal) => placed(call.tell(refusal), n).to_json(),
            });
        Ok(items.collect::<Vec<_>>())
    });
    Ok(match told(call, items)? {
        Ok(items) => batch(call, 200, items),
        Err(refused) => refused,
    })
}

/// A refusal of the whole request, with the status that it has in this call (wire API 5).
fn told<T>(call: &Call<'_>, done: Result<T, Fault>) -> Result<Result<T, Answer>, Fault> {
    match done {
        Ok(done) => Ok(Ok(done)),
        Err(Fault::Refused(refusal)) => {
            let (status, _) = call.version.tell(call.endpoint, *refusal.clone());
            Ok(Err(Answer::refused(&refusal, status)))
        }
        Err(fault) => Err(fault),
    }
}

/// A refusal of a record that somebody may not give away now, with its place among the ids.
fn placed(refusal: Refusal, n: usize) -> Refusal {
    match refusal.code {
        Code::CannotProcess | Code::CannotPerformAction => refusal.with("index", n),
        _ => refusal,
    }
}

/// `POST /{module}/{id}/actions/change_owner`: gives one record away. Its refusal is bare.
pub(super) fn one(call: &Call<'_>) -> Result<Answer, Fault> {
    let answer = call.app.db.write(Priority::Interactive, |tx| {
        let (actor, module, body) = opened(tx, call, &["owner", "notify", "related_modules"])?;
        let unknown = |refusal: Refusal| refusal.saying("the id given seems to be invalid");
        let id = path_id(call).map_err(unknown)?;
        let given = give(tx, call, (&actor, &module), &wire_body(&body), &[id])?;
        Ok(item(&given, id))
    });
    let answer = match told(call, answer)? {
        Ok(answer) => answer,
        Err(refused) => return Ok(refused),
    };
    match answer {
        Ok(item) => Ok(Answer::data(200, vec![item])),
        Err(refusal) if refusal.code == Code::InvalidData => {
            let unknown = Refusal::new(Code::InvalidData).saying(refusal.message);
            Err(unknown.with("resource_path_index", 1).into())
        }
        Err(refusal) => Ok(call.refused(refusal)),
    }
}

/// Who asks, who may do it, and the body, all of whose keys are known.
fn opened(
    tx: &mut Tx,
    call: &Call<'_>,
    known: &[&str],
) -> Result<(Actor, Module, Map<String, Json>), Fault> {
    let (actor, module) = open(tx, call)?;
    change_owner::authorise(&actor, &module, Right::ChangeOwner)
        .map_err(|refusal| call.tell(refusal))?;
    if serde_json::from_slice::<serde::de::IgnoredAny>(&call.body).is_err() {
        return Err(Refusal::new(Code::UnableToParseDataType).into());
    }
    let body = call.json_object()?;
    // A misspelt key could mean other records than the caller thinks (wire API 22).
    wire_body(&body).known(known)?;
    Ok((actor, module, body))
}

/// The ids of the body: 1 to 500, each a number.
fn ids(body: &Object<'_>) -> Result<Vec<RecordId>, Refusal> {
    let items = body.key("ids").or_null().items()?;
    if items.len() > IDS_MAX {
        return Err(too_many_ids());
    }
    items.iter().map(|id| id.id().map(RecordId)).collect()
}

/// The id of the new owner, as both calls take it.
pub(super) fn new_owner(body: &Object<'_>) -> Result<UserId, Refusal> {
    let owner = body.key("owner").or_null().required()?.object()?;
    // The SDKs may send the name beside the id.
    owner.known(&["id", "name"])?;
    owner.key("id").or_null().required()?.id().map(UserId)
}

fn give(
    tx: &mut Tx,
    call: &Call<'_>,
    (actor, module): (&Actor, &Module),
    body: &Object<'_>,
    ids: &[RecordId],
) -> Result<Given, Fault> {
    let to = new_owner(body)?;
    let notify = body.key("notify").flag()?;
    owner::fit(actor, module, to).map_err(|unfit| call.tell(unfit.of_call(module)))?;
    let related = body.key("related_modules").or_null().node();
    let parts = match related {
        Some(node) => change_owner::parts(tx, (actor, module), node.json(), ids, to)?,
        None => Vec::new(),
    };
    let change = OwnerChange {
        owner: to,
        ids,
        parts: &parts,
        notify,
    };
    change_owner::run_now(tx, actor, module, &change, call.now)
}

/// The item of an id, or why it was refused.
fn item(given: &Given, id: RecordId) -> Result<Json, Refusal> {
    match given.settled.get(&id) {
        Some(Settled::Failed(refusal)) => Err(refusal.clone()),
        Some(_) => {
            let mut details = Map::from_iter([("id".to_owned(), id.to_string().into())]);
            let left = given.left.iter().filter(|left| left.parents.contains(&id));
            let left: Vec<Json> = left.map(left_json).collect();
            if !left.is_empty() {
                details.insert("related_records_left".to_owned(), left.into());
            }
            Ok(wire::success("owner is successfully updated", details))
        }
        None => Err(crm::record::unknown_id(&id.to_string())),
    }
}

/// A record that belongs to a given one and was left: ours, the wire has no word for it.
fn left_json(left: &Left) -> Json {
    json!({
        "module": left.module,
        "id": left.record.to_string(),
        "code": left.refusal.code.as_str(),
        "message": left.refusal.message,
    })
}

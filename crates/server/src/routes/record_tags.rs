//! Putting tags on records and taking them off (wire API 9.8).

use super::mass_action::too_many_ids;
use super::records::{batch, open, path_id, writing};
use super::tags::{name, named, objects};
use crate::answer::{Answer, Body};
use crate::call::Call;
use crate::wire;
use crm::tag::{self, How, Named};
use model::body::{Manner, Node, Object, Place};
use model::id::RecordId;
use model::limits::{IDS_MAX, TAGS_PER_CALL_MAX};
use model::people::Right;
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json};
use store::changes::Cause;
use store::{Fault, Priority};

/// `POST /{module}/actions/add_tags`, and with an id in the path.
pub(super) fn add(call: &Call<'_>) -> Result<Answer, Fault> {
    change(call, true)
}

/// `POST /{module}/actions/remove_tags`, and with an id in the path.
pub(super) fn remove(call: &Call<'_>) -> Result<Answer, Fault> {
    change(call, false)
}

/// A misspelt key is told as the native API tells it.
const MANNER: Manner = Manner {
    unknown_key: Manner::NATIVE.unknown_key,
    ..Manner::WIRE
};

/// What a request asks for.
struct Asked {
    ids: Vec<RecordId>,
    tags: Vec<Named>,
    over_write: bool,
}

fn change(call: &Call<'_>, adds: bool) -> Result<Answer, Fault> {
    let by_path = !call.param("id").is_empty();
    let (items, locked) = call.app.db.write(Priority::Interactive, |tx| {
        let (actor, module) = open(tx, call)?;
        actor.require(Right::Edit, &module)?;
        let asked = read(call, by_path, adds)?;
        let how = match (adds, asked.over_write) {
            (false, _) => How::Remove,
            (true, false) => How::Add,
            (true, true) => How::Replace,
        };
        let writing = writing(call, &actor, &module, Cause::Api);
        let tagged = tag::change(tx, writing, &asked.ids, &asked.tags, how)?;
        let (mut items, mut locked) = (Vec::with_capacity(asked.ids.len()), 0);
        for (n, id) in asked.ids.iter().enumerate() {
            items.push(match tagged.get(id) {
                Some(Ok(tags)) => {
                    let tags: Vec<Json> = tags.iter().map(wire::tag_json).collect();
                    let id = ("id".to_owned(), id.to_string().into());
                    let details = Map::from_iter([id, ("tags".to_owned(), tags.into())]);
                    wire::success("tags updated successfully", details)
                }
                Some(Err(refusal)) if by_path && refusal.code == Code::InvalidData => {
                    let wrong = Refusal::new(refusal.code).saying(refusal.message.clone());
                    return Err(wrong.with("resource_path_index", 1).into());
                }
                Some(Err(refusal)) => {
                    locked += usize::from(refusal.code == Code::RecordLocked);
                    placed(refusal.clone(), n).to_json()
                }
                None => placed(crm::record::unknown_id(&id.to_string()), n).to_json(),
            });
        }
        Ok((items, locked))
    })?;
    let done = items.iter().filter(|item| item["status"] == "success");
    let done = done.count();
    let mut answer = batch(call, 200, items);
    if let Body::Json(Json::Object(body)) = &mut answer.body {
        // Both counts are texts (wire API 9.8).
        body.insert("wf_scheduler".to_owned(), false.into());
        body.insert("success_count".to_owned(), done.to_string().into());
        body.insert("locked_count".to_owned(), locked.to_string().into());
    }
    Ok(answer)
}

/// A refusal of an unknown id, with its place in the request.
fn placed(refusal: Refusal, n: usize) -> Refusal {
    if refusal.code == Code::InvalidData {
        let place = Place::body().key("ids").item(n);
        refusal.with("json_path", place.json_path())
    } else {
        refusal
    }
}

fn read(call: &Call<'_>, by_path: bool, adds: bool) -> Result<Asked, Refusal> {
    let only = if by_path { Some(path_id(call)?) } else { None };
    let by_query = call.version.tags_by_query() && call.query.get("tag_names").is_some();
    // Older versions have all of it in the query, and then no body.
    let body = if by_query && call.body.is_empty() {
        Map::new()
    } else {
        call.json_object()?
    };
    let body = Object::body(&body, MANNER);
    body.known(if adds {
        &["tags", "ids", "over_write"]
    } else {
        &["tags", "ids"]
    })?;
    let ids = match only {
        None => ids(call, &body)?,
        // The SDKs can name the record a second time; another one would be passed over.
        Some(id) if body.has("ids") && ids(call, &body)? != [id] => {
            let text = "the record is named in the path: leave ids out";
            return Err(body.key("ids").place().invalid().saying(text));
        }
        Some(id) => vec![id],
    };
    let tags = if by_query {
        names(call)?
    } else {
        let tags = objects(&body)?;
        tags.iter().map(one).collect::<Result<_, _>>()?
    };
    Ok(Asked {
        ids,
        tags,
        over_write: adds && over_write(call, &body)?,
    })
}

fn over_write(call: &Call<'_>, body: &Object<'_>) -> Result<bool, Refusal> {
    let said = body.key("over_write").or_null().node();
    match (said, call.query.get("over_write")) {
        (Some(said), _) => said.boolean(),
        (None, None | Some("false")) => Ok(false),
        (None, Some("true")) => Ok(true),
        (None, Some(_)) => Err(Refusal::new(Code::InvalidData).with("param_name", "over_write")),
    }
}

/// The ids of the body, or else of the query: 1 to 500.
fn ids(call: &Call<'_>, body: &Object<'_>) -> Result<Vec<RecordId>, Refusal> {
    let of_body = body.key("ids").or_null();
    let texts: Json = call.query.list("ids").into();
    let of_query = Node::standing_at(of_body.place().clone(), &texts, MANNER);
    let items = of_body.node().unwrap_or(of_query).items()?;
    if items.len() > IDS_MAX {
        return Err(too_many_ids());
    }
    items.iter().map(|id| id.id().map(RecordId)).collect()
}

/// A tag of the body, named by its id or its name.
fn one(object: &Object<'_>) -> Result<Named, Refusal> {
    let named = named(object)?;
    if named.id.is_some() || named.name.is_some() {
        return Ok(named);
    }
    let field = |key: &str| object.key(key).place().to_json();
    Err(Refusal::new(Code::ExpectedFieldMissing)
        .with("expected_fields", vec![field("id"), field("name")]))
}

/// The tags that the parameter `tag_names` names.
fn names(call: &Call<'_>) -> Result<Vec<Named>, Refusal> {
    let about = |refusal: Refusal| refusal.with("param_name", "tag_names");
    let texts = call.query.list("tag_names");
    if texts.is_empty() {
        return Err(about(Refusal::new(Code::RequiredParamMissing)));
    }
    if texts.len() > TAGS_PER_CALL_MAX {
        let refusal = Refusal::new(Code::LimitExceeded);
        return Err(about(refusal.with("limit", TAGS_PER_CALL_MAX)));
    }
    let tags = texts.into_iter().enumerate().map(|(n, text)| {
        let place = Place::body().key("tags").item(n);
        Ok(Named {
            name: Some(name(text, &place.key("name"))?),
            place,
            ..Named::default()
        })
    });
    tags.collect()
}

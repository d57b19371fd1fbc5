//! Putting tags on records and taking them off (wire API 9.8).

use super::mass_action::{flag, too_many_ids};
use super::native::known_keys;
use super::records::{batch, open, path_id, writing};
use super::tags::{name, named, objects};
use crate::answer::{Answer, Body};
use crate::call::Call;
use crate::wire;
use crm::tag::{self, How, Named};
use model::field::json_id;
use model::id::RecordId;
use model::limits::{IDS_MAX, TAGS_PER_CALL_MAX};
use model::people::Right;
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json, json};
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
        refusal.with("json_path", format!("$.ids[{n}]"))
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
    known_keys(
        &body,
        if adds {
            &["tags", "ids", "over_write"]
        } else {
            &["tags", "ids"]
        },
    )?;
    let ids = match only {
        None => ids(call, &body)?,
        // The SDKs can name the record a second time; another one would be passed over.
        Some(id) if body.contains_key("ids") && ids(call, &body)? != [id] => {
            let text = "the record is named in the path: leave ids out";
            return Err(Refusal::invalid("ids", "$.ids").saying(text));
        }
        Some(id) => vec![id],
    };
    let tags = if by_query {
        names(call)?
    } else {
        let tags = objects(&body)?.into_iter().enumerate();
        let tags = tags.map(|(n, object)| one(object, &format!("$.tags[{n}]")));
        tags.collect::<Result<_, _>>()?
    };
    Ok(Asked {
        ids,
        tags,
        over_write: adds && over_write(call, &body)?,
    })
}

fn over_write(call: &Call<'_>, body: &Map<String, Json>) -> Result<bool, Refusal> {
    match (body.get("over_write"), call.query.get("over_write")) {
        (Some(Json::Null) | None, None | Some("false")) => Ok(false),
        (Some(Json::Null) | None, Some("true")) => Ok(true),
        (Some(Json::Null) | None, Some(_)) => {
            Err(Refusal::new(Code::InvalidData).with("param_name", "over_write"))
        }
        (Some(_), _) => flag(body, "over_write", "$.over_write"),
    }
}

/// The ids of the body, or else of the query: 1 to 500.
fn ids(call: &Call<'_>, body: &Map<String, Json>) -> Result<Vec<RecordId>, Refusal> {
    let wrong =
        |kind: &str, path: String| Refusal::invalid("ids", path).with("expected_data_type", kind);
    let texts: Vec<Json>;
    let items = match body.get("ids") {
        None | Some(Json::Null) => {
            texts = call.query.list("ids").into_iter().map(Json::from).collect();
            &texts
        }
        Some(Json::Array(items)) => items,
        Some(_) => return Err(wrong("jsonarray", "$.ids".to_owned())),
    };
    if items.is_empty() {
        return Err(Refusal::mandatory("ids", "$.ids"));
    }
    if items.len() > IDS_MAX {
        return Err(too_many_ids());
    }
    let ids = items.iter().enumerate().map(|(n, id)| {
        let id = json_id(id).map(RecordId);
        id.ok_or_else(|| wrong("long", format!("$.ids[{n}]")))
    });
    ids.collect()
}

/// A tag of the body, named by its id or its name.
fn one(object: &Map<String, Json>, path: &str) -> Result<Named, Refusal> {
    let named = named(object, path)?;
    if named.id.is_some() || named.name.is_some() {
        return Ok(named);
    }
    let field = |key: &str| json!({ "api_name": key, "json_path": format!("{path}.{key}") });
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
        let path = format!("$.tags[{n}]");
        Ok(Named {
            name: Some(name(Some(text), &path)?),
            path,
            ..Named::default()
        })
    });
    tags.collect()
}

//! The tags of a module (wire API 9.8).

use super::meta::{asker, module_of};
use super::records::wire_body;
use crate::answer::Answer;
use crate::call::Call;
use crate::wire;
use crm::tag::{self, COLORS, Named};
use crm::{Actor, Writing};
use model::body::{Node, Object, Place};
use model::field::json_id;
use model::id::TagId;
use model::limits::{TAG_NAME_MAX, TAGS_PER_CALL_MAX, TAGS_PER_MODULE_MAX};
use model::module::Module;
use model::people::Right;
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json, json};
use store::changes::Cause;
use store::tags::Tag;
use store::{Fault, Priority};

/// The module of the parameter; the page on tags calls a missing one by the older key.
fn module<'a>(call: &Call<'_>, actor: &'a Actor) -> Result<&'a Module, Refusal> {
    module_of(call, actor).map_err(|refusal| match refusal.code {
        Code::RequiredParamMissing => Refusal::new(refusal.code).with("param", "module"),
        _ => refusal,
    })
}

/// `GET /settings/tags?module=`: all tags of a module; `my_tags=true` for those that the caller made.
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    let body = call.app.db.read(|tx| {
        let actor = asker(tx, call)?;
        let module = module(call, &actor)?;
        let mine = match call.query.get("my_tags") {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                return Err(Refusal::new(Code::InvalidData)
                    .with("param_name", "my_tags")
                    .into());
            }
        };
        let tags = tag::of_module(tx, &actor, module)?;
        let tags = tags
            .iter()
            .filter(|tag| !mine || tag.created_by == actor.user.id);
        let tags: Vec<Json> = tags.map(|tag| whole(&actor, tag)).collect();
        let info = json!({ "count": tags.len(), "allowed_count": TAGS_PER_MODULE_MAX });
        Ok(json!({ "tags": tags, "info": info }))
    })?;
    Ok(Answer::ok(body))
}

fn whole(actor: &Actor, tag: &Tag) -> Json {
    json!({
        "created_time": tag.created_at.to_wire(&actor.zone),
        "modified_time": tag.modified_at.to_wire(&actor.zone),
        "color_code": tag.color,
        "modified_by": wire::user_brief(actor, Some(tag.modified_by)),
        "name": tag.name,
        "id": tag.id.to_string(),
        "created_by": wire::user_brief(actor, Some(tag.created_by)),
    })
}

/// `POST /settings/tags?module=`: makes tags.
pub(super) fn create(call: &Call<'_>) -> Result<Answer, Fault> {
    change(call, Which::New, (201, "tags created successfully"))
}

/// `PUT /settings/tags?module=`: gives tags other names and colours.
pub(super) fn update(call: &Call<'_>) -> Result<Answer, Fault> {
    change(call, Which::Named, (200, "tags updated successfully"))
}

/// `PUT /settings/tags/{id}?module=`: the same of one.
pub(super) fn update_one(call: &Call<'_>) -> Result<Answer, Fault> {
    let id = TagId::parse(call.param("id")).ok_or_else(tag::unknown)?;
    change(call, Which::This(id), (200, "tags updated successfully"))
}

/// Which tags a request writes.
#[derive(Clone, Copy)]
enum Which {
    /// New ones.
    New,
    /// Those whose ids it names.
    Named,
    /// The one of the path.
    This(TagId),
}

fn change(call: &Call<'_>, which: Which, (status, message): (u16, &str)) -> Result<Answer, Fault> {
    let (items, failed) = call.app.db.write(Priority::Interactive, |tx| {
        let actor = asker(tx, call)?;
        let module = module(call, &actor)?;
        match which {
            Which::New => actor.require(Right::Edit, module)?,
            Which::Named | Which::This(_) => tag::authorise_change(&actor)?,
        }
        let body = call.json_object()?;
        let body = wire_body(&body);
        let objects = objects(&body)?;
        if matches!(which, Which::This(_)) && objects.len() > 1 {
            return Err(body.key("tags").place().too_long(1).into());
        }
        let writing = Writing::of(&actor, module, Cause::Api, call.now);
        let (mut items, mut failed) = (Vec::with_capacity(objects.len()), 0);
        for object in objects {
            let changed = match (read(&object, which), which) {
                (Err(refusal), _) => Err(refusal.into()),
                (Ok(wanted), Which::New) => tag::create(tx, writing, &wanted),
                (Ok(wanted), _) => tag::rename(tx, writing, &wanted),
            };
            items.push(match changed {
                Ok(tag) => wire::success(message, details(&actor, &tag)),
                Err(Fault::Refused(refusal)) => {
                    failed += 1;
                    refusal.to_json()
                }
                Err(fault) => return Err(fault),
            });
        }
        Ok((items, failed))
    })?;
    let status = call.version.batch_status(status, failed, items.len());
    Ok(Answer::json(status, json!({ "tags": items })))
}

fn details(actor: &Actor, tag: &Tag) -> Map<String, Json> {
    let by = |user| wire::user_brief(actor, Some(user));
    Map::from_iter([
        (
            "created_time".to_owned(),
            tag.created_at.to_wire(&actor.zone).into(),
        ),
        (
            "modified_time".to_owned(),
            tag.modified_at.to_wire(&actor.zone).into(),
        ),
        ("modified_by".to_owned(), by(tag.modified_by)),
        ("id".to_owned(), tag.id.to_string().into()),
        ("created_by".to_owned(), by(tag.created_by)),
        ("color_code".to_owned(), tag.color.clone().into()),
    ])
}

/// `DELETE /settings/tags/{id}`: removes a tag from wherever it is.
pub(super) fn delete(call: &Call<'_>) -> Result<Answer, Fault> {
    let id = call.app.db.write(Priority::Interactive, |tx| {
        let actor = asker(tx, call)?;
        tag::authorise_change(&actor)?;
        let id = TagId::parse(call.param("id")).ok_or_else(tag::unknown)?;
        tag::delete(tx, &actor, id)?;
        Ok(id)
    })?;
    let details = Map::from_iter([("id".to_owned(), id.to_string().into())]);
    let item = wire::success("tags deleted successfully", details);
    Ok(Answer::ok(json!({ "tags": [item] })))
}

/// The objects of `tags`: at least one, and not too many.
pub(super) fn objects<'a>(body: &Object<'a>) -> Result<Vec<Object<'a>>, Refusal> {
    let items = body.key("tags").or_null().required()?;
    let items = items.items_up_to(TAGS_PER_CALL_MAX)?;
    items.iter().map(Node::object).collect()
}

/// A tag of `settings/tags`: one that is made needs a name, one that is changed an id.
fn read(object: &Object<'_>, which: Which) -> Result<Named, Refusal> {
    let mut named = named(object)?;
    match which {
        Which::New if named.name.is_none() => {
            return Err(object.key("name").place().mandatory());
        }
        Which::New => named.id = None,
        Which::Named if named.id.is_none() => {
            return Err(object.key("id").place().mandatory());
        }
        Which::Named => {}
        Which::This(id) => named.id = Some(id),
    }
    Ok(named)
}

/// What an object says of a tag: id, name, colour, each if it is there.
pub(super) fn named(object: &Object<'_>) -> Result<Named, Refusal> {
    let given = |key: &str| object.key(key).or_null().node();
    let id = given("id").map(|node| {
        let id = json_id(node.json()).map(TagId);
        id.ok_or_else(|| node.place().invalid())
    });
    let name = given("name").map(|node| name(node.text()?, node.place()));
    let color = given("color_code").map(|node| {
        let known = |text: &&str| COLORS.iter().any(|color| color.eq_ignore_ascii_case(text));
        let color = node.json().as_str().filter(known);
        let color = color.map(str::to_ascii_uppercase);
        color.ok_or_else(|| node.place().no_such_word(COLORS))
    });
    Ok(Named {
        id: id.transpose()?,
        name: name.transpose()?,
        color: color.transpose()?,
        place: object.place().clone(),
    })
}

/// A tag's name, which stands there.
pub(super) fn name(text: &str, place: &Place) -> Result<String, Refusal> {
    tag::name(text).ok_or_else(|| place.too_long(TAG_NAME_MAX))
}

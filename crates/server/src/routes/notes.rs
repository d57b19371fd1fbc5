//! Notes on records: through their record, or by their own ids.

use super::meta::{Page, asker, pointer};
use super::records::{batch, data, open, path_id, single, wire_body};
use crate::answer::Answer;
use crate::call::Call;
use crate::wire;
use crm::note::{self, Text};
use crm::{Actor, Writing, hanging};
use model::body::Object;
use model::field::json_id;
use model::id::{NoteId, RecordId};
use model::limits::{NOTE_CONTENT_MAX, NOTE_TITLE_MAX, PER_PAGE_MAX};
use model::module::Module;
use model::people::Right;
use model::reason::Reason;
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json, json};
use store::changes::Cause;
use store::notes::Note;
use store::{Fault, Priority, Tx};

const TITLE: &str = "Note_Title";
const CONTENT: &str = "Note_Content";
const PARENT: &str = "Parent_Id";

/// `GET /{module}/{id}/Notes`: the notes of a record, the newest first.
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    let found = call.app.db.read(|tx| {
        let (actor, module) = open(tx, call)?;
        actor.require(Right::View, &module)?;
        let (fields, page) = (fields(call)?, Page::read(call, PER_PAGE_MAX, PER_PAGE_MAX)?);
        let record = path_id(call)?;
        let notes = note::of(tx, &actor, &module, record, page.window())?;
        let (notes, info) = page.found(notes);
        let shown: Result<Vec<Json>, Fault> = notes
            .iter()
            .map(|note| shown(tx, &actor, &module, note, &fields))
            .collect();
        Ok((shown?, info))
    })?;
    Ok(match found {
        (notes, _) if notes.is_empty() => Answer::no_content(),
        (notes, info) => Answer::ok(json!({ "data": notes, "info": info })),
    })
}

/// The keys that are asked for; none named is all of them, where a list may leave it open.
pub(super) fn fields(call: &Call<'_>) -> Result<Vec<String>, Refusal> {
    let names = call.query.list("fields");
    if names.is_empty() && call.version.list_needs_fields() {
        return Err(Refusal::new(Code::RequiredParamMissing).with("param_name", "fields"));
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// Those keys of an object that are asked for, and its id.
pub(super) fn only(mut object: Map<String, Json>, fields: &[String]) -> Json {
    if !fields.is_empty() {
        object.retain(|key, _| key == "id" || fields.contains(key));
    }
    object.into()
}

/// A note as it is told.
fn shown(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    note: &Note,
    fields: &[String],
) -> Result<Json, Fault> {
    let may_edit = actor.profile.may(Right::Edit, module.id);
    let parent = json!({
        "module": pointer(&module.api_name, module.id),
        "name": wire::name_of(tx, actor, module, note.record)?,
        "id": note.record.to_string(),
    });
    let object = [
        (
            "Modified_Time",
            note.modified_at.to_wire(&actor.zone).into(),
        ),
        ("$attachments", Json::Null),
        ("Owner", wire::user(actor, Some(note.owner))),
        ("Created_Time", note.created_at.to_wire(&actor.zone).into()),
        (PARENT, parent),
        ("$editable", may_edit.into()),
        ("$se_module", module.api_name.as_str().into()),
        ("$is_shared_to_client", false.into()),
        ("Modified_By", wire::user(actor, Some(note.modified_by))),
        ("$size", Json::Null),
        ("$state", "save".into()),
        ("$voice_note", false.into()),
        ("id", note.id.to_string().into()),
        ("Created_By", wire::user(actor, Some(note.created_by))),
        (TITLE, note.title.clone().into()),
        (CONTENT, note.content.as_str().into()),
    ];
    let object = object.map(|(key, value)| (key.to_owned(), value));
    Ok(only(Map::from_iter(object), fields))
}

/// `POST /{module}/{id}/Notes`: puts up to 100 notes on a record.
pub(super) fn add(call: &Call<'_>) -> Result<Answer, Fault> {
    let items = call.app.db.write(Priority::Interactive, |tx| {
        let (actor, module) = open(tx, call)?;
        actor.require(Right::Edit, &module)?;
        let record = path_id(call)?;
        let body = call.json_object()?;
        let writing = Writing::of(&actor, &module, Cause::Api, call.now);
        let mut items = Vec::new();
        for object in data(&wire_body(&body))? {
            items.push(match text(&object, true) {
                Ok(text) => done(
                    &actor,
                    "record added",
                    &note::add(tx, writing, record, text)?,
                ),
                Err(refusal) => refusal.to_json(),
            });
        }
        Ok(items)
    })?;
    Ok(batch(call, 201, items))
}

/// `POST /Notes`: puts notes on records that each of them names.
pub(super) fn create(call: &Call<'_>) -> Result<Answer, Fault> {
    let items = call.app.db.write(Priority::Interactive, |tx| {
        let actor = asker(tx, call)?;
        let body = call.json_object()?;
        let mut items = Vec::new();
        for object in data(&wire_body(&body))? {
            let read = parent(&actor, &object)
                .and_then(|(module, record)| Ok((module, record, text(&object, true)?)));
            let added = match read {
                Ok((module, record, text)) => {
                    let writing = Writing::of(&actor, module, Cause::Api, call.now);
                    note::add(tx, writing, record, text)
                }
                Err(refusal) => Err(refusal.into()),
            };
            items.push(match added {
                Ok(note) => done(&actor, "record added", &note),
                Err(Fault::Refused(refusal)) if refusal.reason == Reason::UnknownRecord => {
                    let place = object.key(PARENT).place().key("id");
                    place.invalid().saying(refusal.message).to_json()
                }
                Err(Fault::Refused(refusal)) if refusal.code != Code::NoPermission => {
                    refusal.to_json()
                }
                Err(fault) => return Err(fault),
            });
        }
        Ok(items)
    })?;
    Ok(batch(call, 201, items))
}

/// The record that a note of its own call names, in the form of newer pages or of older ones.
fn parent<'a>(actor: &'a Actor, object: &Object<'_>) -> Result<(&'a Module, RecordId), Refusal> {
    let node = object.key(PARENT).or_null().required()?;
    let (given, place) = (node.json(), node.place());
    let id = json_id(given.get("id").unwrap_or(given)).map(RecordId);
    let id = id.ok_or_else(|| place.key("id").invalid())?;
    let within = given
        .get("module")
        .and_then(|module| module.get("api_name"));
    let beside = object.key("$se_module");
    let (name, place) = match (within, beside.node()) {
        (Some(name), _) => (name, place.key("module").key("api_name")),
        (None, Some(name)) => (name.json(), beside.place().clone().called("api_name")),
        (None, None) => return Err(place.key("module").mandatory()),
    };
    let module = name.as_str().and_then(|name| actor.catalog.module(name));
    let module = module.ok_or_else(|| place.invalid())?;
    Ok((module, id))
}

/// What an object of `data` says on a note.
fn text(object: &Object<'_>, new: bool) -> Result<Text, Refusal> {
    // A null empties it.
    let part = |key: &str, max: usize| match object.key(key).node() {
        None => Ok(None),
        Some(node) if node.json().is_null() => Ok(Some(String::new())),
        Some(node) => node.text_up_to(max).map(|text| Some(text.to_owned())),
    };
    let text = Text {
        title: part(TITLE, NOTE_TITLE_MAX)?,
        content: part(CONTENT, NOTE_CONTENT_MAX)?,
    };
    let blank = |content: &String| content.trim().is_empty();
    if (new && text.content.is_none()) || text.content.as_ref().is_some_and(blank) {
        return Err(object.key(CONTENT).place().mandatory());
    }
    Ok(text)
}

/// The item of a note that was written.
fn done(actor: &Actor, message: &str, note: &Note) -> Json {
    let time = |at: model::time::Timestamp| at.to_wire(&actor.zone).into();
    let by = |user| wire::user_brief(actor, Some(user));
    let details = [
        ("Modified_Time", time(note.modified_at)),
        ("Modified_By", by(note.modified_by)),
        ("Created_Time", time(note.created_at)),
        ("id", note.id.to_string().into()),
        ("Created_By", by(note.created_by)),
    ];
    let details = details.map(|(key, value)| (key.to_owned(), value));
    wire::success(message, Map::from_iter(details))
}

/// A note as a path names it: with the module of its record.
struct Found {
    actor: Actor,
    module: Module,
    note: Note,
}

impl Found {
    /// By the record and the note, or by the note alone, for somebody with this right over the module;
    /// none where they see no such note.
    fn read(tx: &mut Tx, call: &Call<'_>, right: Right) -> Result<Option<Self>, Fault> {
        let (actor, named) = if call.param("module").is_empty() {
            (asker(tx, call)?, None)
        } else {
            let (actor, module) = open(tx, call)?;
            actor.require(right, &module)?;
            (actor, Some((module.id, path_id(call)?)))
        };
        let id = NoteId::parse(call.param("note_id")).ok_or_else(|| unknown(call))?;
        let found = note::find(tx, &actor, id, right)?;
        let found = found.filter(|(note, _)| {
            let place = (note.module, note.record);
            named.is_none_or(|named| named == place)
        });
        Ok(found.map(|(note, module)| Self {
            actor,
            module,
            note,
        }))
    }

    /// The same of one that is to be changed; refused where there is none.
    fn to_change(tx: &mut Tx, call: &Call<'_>) -> Result<Self, Fault> {
        Ok(Self::read(tx, call, Right::Edit)?.ok_or_else(|| unknown(call))?)
    }

    fn writing(&self, call: &Call<'_>) -> Writing<'_> {
        Writing::of(&self.actor, &self.module, Cause::Api, call.now)
    }
}

/// The refusal of an id that names no note.
fn unknown(call: &Call<'_>) -> Refusal {
    if !call.param("module").is_empty() {
        return hanging::unrelated();
    }
    Refusal::new(Code::InvalidData)
        .saying("the id given seems to be invalid")
        .with("resource_path_index", 1)
}

/// `GET /{module}/{id}/Notes/{note_id}` and `GET /Notes/{note_id}`: one note, or 204.
pub(super) fn get(call: &Call<'_>) -> Result<Answer, Fault> {
    let shown = call.app.db.read(|tx| {
        let Some(found) = Found::read(tx, call, Right::View)? else {
            return Ok(None);
        };
        let names = call.query.list("fields");
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        shown(tx, &found.actor, &found.module, &found.note, &names).map(Some)
    })?;
    Ok(shown.map_or_else(Answer::no_content, |note| Answer::data(200, vec![note])))
}

/// `PUT` of the same: writes the note anew.
pub(super) fn update(call: &Call<'_>) -> Result<Answer, Fault> {
    let item = call.app.db.write(Priority::Interactive, |tx| {
        let found = Found::to_change(tx, call)?;
        let body = call.json_object()?;
        let text = text(&single(&wire_body(&body))?, false)?;
        let Note { record, id, .. } = found.note;
        let note = note::update(tx, found.writing(call), record, id, text)?;
        Ok(done(&found.actor, "record updated", &note))
    })?;
    Ok(Answer::data(200, vec![item]))
}

/// `DELETE` of the same.
pub(super) fn delete(call: &Call<'_>) -> Result<Answer, Fault> {
    let id = call.app.db.write(Priority::Interactive, |tx| {
        let found = Found::to_change(tx, call)?;
        let Note { record, id, .. } = found.note;
        note::delete(tx, found.writing(call), record, id)?;
        Ok(id)
    })?;
    Ok(deleted(&id.to_string()))
}

/// The answer to the deletion of what hung on a record.
pub(super) fn deleted(id: &str) -> Answer {
    let details = Map::from_iter([("id".to_owned(), id.into())]);
    Answer::data(200, vec![wire::success("record deleted", details)])
}

//! Attachments of records: files, sent as a multipart form and read back, and links.

use super::meta::Page;
use super::notes::{deleted, fields, only};
use super::records::{open, path_id};
use crate::answer::Answer;
use crate::call::Call;
use crate::file::{self, Sent};
use crate::stream::{Reader, Source, Step};
use crate::wire;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crm::attachment::{self, Attached};
use crm::{Actor, Writing, hanging};
use model::id::{AttachmentId, ModuleId, RecordId};
use model::limits::{
    ATTACHMENT_LINK_BYTES_MAX, ATTACHMENT_NAME_MAX, ATTACHMENT_PIECE_BYTES, PER_PAGE_MAX,
    RECORDS_PER_CALL_MAX,
};
use model::module::Module;
use model::people::Right;
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json, json};
use store::attachments::{self, Attachment};
use store::changes::Cause;
use store::{Fault, Priority, Tx};

/// Pieces that are stored in one transaction: less than a megabyte, so that others wait shortly.
const PIECES_AT_ONCE: usize = 4;

/// `GET /{module}/{id}/Attachments`: those of a record, the newest first.
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    let found = call.app.db.read(|tx| {
        let (actor, module) = open(tx, call)?;
        actor.require(Right::View, &module)?;
        let fields = fields(call)?;
        let page = Page::read(call, PER_PAGE_MAX, PER_PAGE_MAX)?;
        let record = path_id(call)?;
        let found = attachment::of(tx, &actor, &module, record, page.window())?;
        let (found, info) = page.found(found);
        let parent = json!({
            "name": wire::name_of(tx, &actor, &module, record)?,
            "id": record.to_string(),
        });
        let shown = found.iter();
        let shown = shown.map(|one| only(told(&actor, &module, &parent, one), &fields));
        Ok((shown.collect::<Vec<_>>(), info))
    })?;
    Ok(match found {
        (shown, _) if shown.is_empty() => Answer::no_content(),
        (shown, info) => Answer::ok(json!({ "data": shown, "info": info })),
    })
}

/// An attachment as it is told.
fn told(actor: &Actor, module: &Module, parent: &Json, one: &Attachment) -> Map<String, Json> {
    let at = one.created_at.to_wire(&actor.zone);
    let by = wire::user(actor, Some(one.created_by));
    let kind = if one.link.is_some() {
        "Link URL"
    } else {
        "Attachment"
    };
    let object = [
        ("Owner", wire::user(actor, Some(one.owner))),
        ("Modified_By", by.clone()),
        ("Created_By", by),
        ("Parent_Id", parent.clone()),
        ("$attachment_type", 0.into()),
        ("id", one.id.to_string().into()),
        ("Modified_Time", at.clone().into()),
        ("Created_Time", at.into()),
        ("File_Name", one.name.as_str().into()),
        ("Size", one.size.to_string().into()),
        (
            "$editable",
            actor.profile.may(Right::Edit, module.id).into(),
        ),
        ("$file_id", one.id.to_string().into()),
        ("$type", kind.into()),
        ("$se_module", module.api_name.as_str().into()),
        ("$state", "save".into()),
        ("$link_url", one.link.clone().into()),
    ];
    Map::from_iter(object.map(|(key, value)| (key.to_owned(), value)))
}

/// `POST /{module}/{id}/Attachments`: attaches the part `file` of a multipart form, or the link of
/// `attachmentUrl`.
pub(super) fn add(call: &Call<'_>) -> Result<Answer, Fault> {
    let record = call.app.db.write(Priority::Interactive, |tx| {
        let (actor, module) = open(tx, call)?;
        actor.require(Right::Edit, &module)?;
        let record = path_id(call)?;
        let writing = Writing::of(&actor, &module, Cause::Api, call.now);
        attachment::authorise(tx, writing, record)?;
        Ok(record)
    })?;
    let (name, attached) = match call.query.get("attachmentUrl") {
        Some(link) => link_of(call, link)?,
        None => match file::read(call.header("content-type"), &call.body) {
            Ok(sent) => {
                let attached = store(call, &sent)?;
                (sent.name, attached)
            }
            Err(refusal) => return Ok(call.refused(refusal)),
        },
    };
    let item = call.app.db.write(Priority::Interactive, |tx| {
        let (actor, module) = open(tx, call)?;
        let writing = Writing::of(&actor, &module, Cause::Api, call.now);
        let made = attachment::add(tx, writing, record, &name, &attached)?;
        Ok(done(&actor, &made))
    })?;
    Ok(Answer::data(200, vec![item]))
}

fn done(actor: &Actor, made: &Attachment) -> Json {
    let at = made.created_at.to_wire(&actor.zone);
    let by = wire::user_brief(actor, Some(made.created_by));
    let details = [
        ("Modified_Time", at.clone().into()),
        ("Modified_By", by.clone()),
        ("Created_Time", at.into()),
        ("id", made.id.to_string().into()),
        ("Created_By", by),
    ];
    let details = details.map(|(key, value)| (key.to_owned(), value));
    wire::success("attachment uploaded successfully", Map::from_iter(details))
}

/// Stores the content of a file, a few pieces in a transaction: nothing shows it yet.
fn store(call: &Call<'_>, sent: &Sent) -> Result<Attached, Fault> {
    let db = &call.app.db;
    let id = db.write(Priority::Interactive, |tx| {
        let id = AttachmentId(tx.new_id()?);
        attachments::begin_content(tx, id, call.now)?;
        Ok(id)
    })?;
    let pieces = sent.content.chunks(ATTACHMENT_PIECE_BYTES);
    let pieces: Vec<(i64, &[u8])> = (0..).zip(pieces).collect();
    for some in pieces.chunks(PIECES_AT_ONCE) {
        db.write(Priority::Interactive, |tx| {
            for (place, bytes) in some {
                attachments::insert_piece(tx, id, *place, &STANDARD.encode(bytes))?;
            }
            Ok(())
        })?;
    }
    let size = sent.content.len();
    Ok(Attached::File { id, size })
}

/// A link and what it is called: what the parameter `title` says, or else the link itself.
fn link_of(call: &Call<'_>, link: &str) -> Result<(String, Attached), Refusal> {
    let about = |name: &str| Refusal::new(Code::InvalidData).with("param_name", name);
    let good = ["https://", "http://"].iter().any(|scheme| {
        let rest = link.strip_prefix(scheme);
        rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
    });
    let odd = |c: char| c.is_control() || c.is_whitespace();
    if !good || link.contains(odd) {
        let text = "a link starts with https:// or http:// and has no white space";
        return Err(about("attachmentUrl").saying(text));
    }
    if link.len() > ATTACHMENT_LINK_BYTES_MAX {
        let refusal = about("attachmentUrl");
        return Err(refusal.with("maximum_length", ATTACHMENT_LINK_BYTES_MAX));
    }
    let title = call.query.get("title").map(str::trim);
    let title = title.filter(|title| !title.is_empty());
    if title.is_some_and(|title| title.chars().count() > ATTACHMENT_NAME_MAX) {
        return Err(about("title").with("maximum_length", ATTACHMENT_NAME_MAX));
    }
    if title.is_some_and(|title| title.contains(char::is_control)) {
        return Err(about("title"));
    }
    let whole: String = link.chars().take(ATTACHMENT_NAME_MAX).collect();
    let name = title.map_or(whole, str::to_owned);
    Ok((name, Attached::Link(link.to_owned())))
}

/// The attachment's id in the path.
fn attachment_id(call: &Call<'_>) -> Result<AttachmentId, Refusal> {
    AttachmentId::parse(call.param("attachment_id")).ok_or_else(hanging::unrelated)
}

/// `GET /{module}/{id}/Attachments/{attachment_id}`: the file, or 204.
pub(super) fn get(call: &Call<'_>) -> Result<Answer, Fault> {
    let found = call.app.db.read(|tx| {
        let (actor, module) = open(tx, call)?;
        actor.require(Right::View, &module)?;
        let (record, id) = (path_id(call)?, attachment_id(call)?);
        let found = attachment::find(tx, &actor, &module, record, id)?;
        Ok(found.map(|found| (module.id, found)))
    })?;
    let Some((module, found)) = found else {
        return Ok(Answer::no_content());
    };
    if found.link.is_some() {
        let text = "the attachment is a link, not a file: its $link_url says where it leads";
        return Err(Refusal::new(Code::NotSupported).saying(text).into());
    }
    let disposition = file::disposition(&found.name);
    let pieces = Pieces {
        module,
        record: found.record,
        id: found.id,
        next: 0,
    };
    let mut answer = call.stream("application/octet-stream", pieces)?;
    answer.headers.push(("content-disposition", disposition));
    Ok(answer)
}

/// The content of a file, piece by piece, each for somebody who may still read it.
struct Pieces {
    module: ModuleId,
    record: RecordId,
    id: AttachmentId,
    next: i64,
}

impl Source for Pieces {
    fn next(&mut self, reader: &Reader) -> Result<Step, Fault> {
        let Self { record, id, .. } = *self;
        let piece = reader.read(|tx, holder, _| {
            let catalog = tx.catalog()?;
            let actor = Actor::of(&catalog, holder.user)?;
            let module = catalog.module_by_id(self.module);
            let module = module.ok_or_else(|| Refusal::new(Code::InvalidModule))?;
            let found = attachment::find(tx, &actor, module, record, id)?;
            found.ok_or_else(|| Refusal::new(Code::NotFound))?;
            Ok(attachments::piece(tx, id, self.next)?)
        })?;
        self.next += 1;
        let Some(text) = piece else {
            return Ok(Step::End);
        };
        let broken = |error| store::Error::Inconsistent(format!("content of {id}: {error}"));
        Ok(Step::Piece(STANDARD.decode(text).map_err(broken)?))
    }
}

/// `DELETE /{module}/{id}/Attachments/{attachment_id}`.
pub(super) fn delete(call: &Call<'_>) -> Result<Answer, Fault> {
    let id = call.app.db.write(Priority::Interactive, |tx| {
        let id = attachment_id(call)?;
        remove(tx, call, &[id])?;
        Ok(id)
    })?;
    Ok(deleted(&id.to_string()))
}

/// `DELETE /{module}/{id}/Attachments?ids=`: several, all or none.
pub(super) fn delete_these(call: &Call<'_>) -> Result<Answer, Fault> {
    let ids = call.app.db.write(Priority::Interactive, |tx| {
        let texts = call.query.list("ids");
        let about = |code| Refusal::new(code).with("param_name", "ids");
        if texts.is_empty() {
            return Err(about(Code::RequiredParamMissing).into());
        }
        if texts.len() > RECORDS_PER_CALL_MAX {
            let refusal = about(Code::LimitExceeded);
            return Err(refusal.with("limit", RECORDS_PER_CALL_MAX).into());
        }
        let ids: Option<Vec<AttachmentId>> = texts.into_iter().map(AttachmentId::parse).collect();
        let ids = ids.ok_or_else(|| about(Code::UnableToParseDataType))?;
        remove(tx, call, &ids)?;
        Ok(ids)
    })?;
    let item = |id: AttachmentId| {
        let details = Map::from_iter([("id".to_owned(), id.to_string().into())]);
        wire::success("record deleted", details)
    };
    Ok(Answer::data(200, ids.into_iter().map(item).collect()))
}

fn remove(tx: &mut Tx, call: &Call<'_>, ids: &[AttachmentId]) -> Result<(), Fault> {
    let (actor, module) = open(tx, call)?;
    actor.require(Right::Edit, &module)?;
    let record = path_id(call)?;
    let writing = Writing::of(&actor, &module, Cause::Api, call.now);
    attachment::delete(tx, writing, record, ids)
}

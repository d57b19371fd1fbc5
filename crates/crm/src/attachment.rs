//! Attachments of records: files and links.

use crate::actor::Actor;
use crate::hanging::{self, open, room, seen};
use crate::record::Writing;
use model::id::{AttachmentId, RecordId};
use model::limits::{ATTACHMENTS_PER_RECORD_MAX, LOOSE_CONTENT_MS};
use model::module::Module;
use model::refusal::{Code, Refusal};
use store::attachments::{self, Attachment};
use store::{Fault, Tx};

/// What is attached.
#[derive(Clone, Debug)]
pub enum Attached {
    /// A file of so many bytes, whose content is stored.
    File {
        /// Under which id.
        id: AttachmentId,
        /// How many bytes it has.
        size: usize,
    },
    /// A link.
    Link(String),
}

/// The attachments of a record, the newest first, at most `limit` after skipping `offset`; none where
/// the actor does not see the record.
pub fn of(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    record: RecordId,
    window: (usize, usize),
) -> Result<Vec<Attachment>, Fault> {
    if !seen(tx, actor, module, record)? {
        return Ok(Vec::new());
    }
    Ok(attachments::of(tx, record, window)?)
}

/// The attachment of this id on a record, if the actor sees that.
pub fn find(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    record: RecordId,
    id: AttachmentId,
) -> Result<Option<Attachment>, Fault> {
    if !seen(tx, actor, module, record)? {
        return Ok(None);
    }
    Ok(attachments::find(tx, record, id)?)
}

/// Refuses one more attachment of a record, before its content is stored and when it is made.
pub fn authorise(tx: &mut Tx, writing: Writing<'_>, record: RecordId) -> Result<(), Fault> {
    open(tx, writing, record)?;
    let full = "the record can be given no more attachments: delete some first";
    let count = attachments::count(tx, record)?;
    Ok(room(count, ATTACHMENTS_PER_RECORD_MAX, full)?)
}

/// Attaches something to a record under a name.
pub fn add(
    tx: &mut Tx,
    writing: Writing<'_>,
    record: RecordId,
    name: &str,
    attached: &Attached,
) -> Result<Attachment, Fault> {
    authorise(tx, writing, record)?;
    let (id, size, link) = match attached {
        Attached::File { id, size } => (*id, *size, None),
        Attached::Link(link) => (AttachmentId(tx.new_id()?), 0, Some(link.clone())),
    };
    let by = writing.actor.user.id;
    let attachment = Attachment {
        id,
        record,
        module: writing.module.id,
        name: name.to_owned(),
        size: i64::try_from(size).unwrap_or(i64::MAX),
        link,
        owner: by,
        created_by: by,
        created_at: writing.now,
    };
    let since = writing.now.plus_ms(-LOOSE_CONTENT_MS);
    if attachments::insert(tx, &attachment, since)? {
        return Ok(attachment);
    }
    let text = "the file's content is no longer there: send it again";
    Err(Refusal::new(Code::ServiceUnavailable).saying(text).into())
}

/// Removes attachments of a record, all that are named or none.
pub fn delete(
    tx: &mut Tx,
    writing: Writing<'_>,
    record: RecordId,
    ids: &[AttachmentId],
) -> Result<(), Fault> {
    open(tx, writing, record)?;
    for id in ids {
        attachments::find(tx, record, *id)?.ok_or_else(hanging::unrelated)?;
    }
    Ok(attachments::delete(tx, ids)?)
}

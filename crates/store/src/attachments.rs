//! Attachments of records: files, whose content stands in pieces, and links. They stay while their
//! record is in the recycle bin.
//!
//! Content is stored before its attachment, a piece in a transaction, as loose content: nothing shows
//! it until its attachment is made, and what nobody makes an attachment of is removed.

use crate::insert::Insert;
use crate::row::{Columns, columns};
use crate::tx::{Param, Tx};
use crate::{Result, params};
use model::id::{AttachmentId, ModuleId, RecordId, UserId};
use model::time::Timestamp;

/// An attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// The record that it belongs to.
    pub record: RecordId,
    /// That record's module.
    pub module: ModuleId,
    /// The file's name, or what the link is called.
    pub name: String,
    /// Bytes of the file.
    pub size: i64,
    /// The link, if it is one.
    pub link: Option<String>,
    /// Whose it is.
    pub owner: UserId,
    /// Who attached it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
}

columns! {
    Attachment { id, record, module, name, size, link, owner, created_by, created_at }
}

/// The attachment of this id on a record.
pub fn find(tx: &mut Tx, record: RecordId, id: AttachmentId) -> Result<Option<Attachment>> {
    let from = "FROM attachments WHERE id = $1 AND record = $2";
    tx.select_opt(from, params![id.0, record.0])
}

/// The attachments of a record, the newest first, at most `limit` after skipping `offset`.
pub fn of(
    tx: &mut Tx,
    record: RecordId,
    (offset, limit): (usize, usize),
) -> Result<Vec<Attachment>> {
    let from = format!(
        "FROM attachments WHERE record = $1 ORDER BY id DESC LIMIT {limit} OFFSET {offset}"
    );
    tx.select(&from, params![record.0])
}

/// How many attachments a record has.
pub fn count(tx: &mut Tx, record: RecordId) -> Result<i64> {
    let sql = "SELECT count(*) FROM attachments WHERE record = $1";
    tx.value(sql, params![record.0])
}

/// Makes an attachment. The content of a file must stand as loose content from `since` on; `false`,
/// and nothing made, when it does not.
pub fn insert(tx: &mut Tx, attachment: &Attachment, since: Timestamp) -> Result<bool> {
    if attachment.link.is_none() {
        let sql = "DELETE FROM loose_contents WHERE attachment = $1 AND at >= $2";
        if tx.execute(sql, params![attachment.id.0, since.0])? == 0 {
            return Ok(false);
        }
    }
    Insert::into("attachments").row(attachment).one(tx)?;
    Ok(true)
}

/// Begins the content of an attachment that is to be made.
pub fn begin_content(tx: &mut Tx, id: AttachmentId, now: Timestamp) -> Result<()> {
    Insert::into("loose_contents")
        .set("attachment", id)
        .set("at", now)
        .one(tx)
}

/// Stores a piece of content, at its place from 0 on.
pub fn insert_piece(tx: &mut Tx, id: AttachmentId, place: i64, content: &str) -> Result<()> {
    Insert::into("attachment_pieces")
        .set("attachment", id)
        .set("place", place)
        .set("content", content)
        .one(tx)
}

/// The piece of content at a place.
pub fn piece(tx: &mut Tx, id: AttachmentId, place: i64) -> Result<Option<String>> {
    let sql = "SELECT content FROM attachment_pieces WHERE attachment = $1 AND place = $2";
    tx.find_value(sql, params![id.0, place])
}

/// Removes attachments. Their content goes when there is time.
pub fn delete(tx: &mut Tx, ids: &[AttachmentId]) -> Result<()> {
    let ids = Param::Ids(ids.iter().map(|id| id.0).collect());
    remove(tx, "id IN ids($1)", &[ids])
}

/// Removes the attachments of records, likewise.
pub(crate) fn delete_of(tx: &mut Tx, records: Param) -> Result<()> {
    remove(tx, "record IN ids($1)", &[records])
}

/// What is left of an attachment: its content, unless it was a link.
struct Left {
    id: AttachmentId,
    link: Option<String>,
}

columns! { read Left { id, link } }

fn remove(tx: &mut Tx, condition: &str, params: &[Param]) -> Result<()> {
    let left = Left::list();
    let sql = format!("DELETE FROM attachments WHERE {condition} RETURNING {left}");
    let left: Vec<Left> = tx.query_as(&sql, params)?;
    let files = left.into_iter().filter(|left| left.link.is_none());
    // Older than anything: nobody is still sending it.
    Insert::into("loose_contents").set("at", 0).tuples(
        tx,
        ["attachment"],
        files.map(|file| (file.id,)),
    )
}

/// Removes a part of the loose content from before a time: the first `pieces` of one. `false` when
/// there is none.
pub fn tidy(tx: &mut Tx, before: Timestamp, pieces: i64) -> Result<bool> {
    let sql = format!(
        "SELECT attachment FROM loose_contents WHERE at < $1 ORDER BY at, attachment LIMIT 1{}",
        tx.dialect().for_update_skip_locked()
    );
    let Some(id) = tx.find_value::<i64>(&sql, params![before.0])? else {
        return Ok(false);
    };
    let sql = "DELETE FROM attachment_pieces WHERE attachment = $1 AND place IN
                 (SELECT place FROM attachment_pieces WHERE attachment = $1
                  ORDER BY place LIMIT $2)";
    if tx.execute(sql, params![id, pieces])? == 0 {
        tx.execute(
            "DELETE FROM loose_contents WHERE attachment = $1",
            params![id],
        )?;
    }
    Ok(true)
}

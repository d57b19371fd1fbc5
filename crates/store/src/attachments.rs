//! Attachments of records: files, whose content stands in pieces, and links. They stay while their
//! record is in the recycle bin.
//!
//! Content is stored before its attachment, a piece in a transaction, as loose content: nothing shows
//! it until its attachment is made, and what nobody makes an attachment of is removed.

use crate::tx::{Param, Tx};
use crate::{Result, Row, Same, params};
use model::id::{AttachmentId, ModuleId, RecordId, UserId};
use model::time::Timestamp;
use model::value::{Class, Value};

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

const COLUMNS: &str = "id, record, module, name, size, link, owner, created_by, created_at";

fn attachment(row: &Row) -> Result<Attachment> {
    Ok(Attachment {
        id: AttachmentId(row.int(0)?),
        record: RecordId(row.int(1)?),
        module: ModuleId(row.int(2)?),
        name: row.text(3)?.to_owned(),
        size: row.int(4)?,
        link: row.opt_text(5)?.map(str::to_owned),
        owner: UserId(row.int(6)?),
        created_by: UserId(row.int(7)?),
        created_at: Timestamp(row.int(8)?),
    })
}

/// The attachment of this id on a record.
pub fn find(tx: &mut Tx, record: RecordId, id: AttachmentId) -> Result<Option<Attachment>> {
    let sql = format!("SELECT {COLUMNS} FROM attachments WHERE id = $1 AND record = $2");
    let row = tx.query_opt(&sql, params![id.0, record.0])?;
    row.map(|row| attachment(&row)).transpose()
}

/// The attachments of a record, the newest first, at most `limit` after skipping `offset`.
pub fn of(
    tx: &mut Tx,
    record: RecordId,
    (offset, limit): (usize, usize),
) -> Result<Vec<Attachment>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM attachments WHERE record = $1 ORDER BY id DESC
         LIMIT {limit} OFFSET {offset}"
    );
    let rows = tx.query(&sql, params![record.0])?;
    rows.iter().map(attachment).collect()
}

/// How many attachments a record has.
pub fn count(tx: &mut Tx, record: RecordId) -> Result<i64> {
    let sql = "SELECT count(*) FROM attachments WHERE record = $1";
    tx.query_one(sql, params![record.0])?.int(0)
}

/// Makes an attachment. The content of a file must stand as loose content from `since` on; `false`,
/// and nothing made, when it does not.
pub fn insert(tx: &mut Tx, attachment: &Attachment, since: Timestamp) -> Result<bool> {
    let id = attachment.id.0;
    if attachment.link.is_none() {
        let sql = "DELETE FROM loose_contents WHERE attachment = $1 AND at >= $2";
        if tx.execute(sql, params![id, since.0])? == 0 {
            return Ok(false);
        }
    }
    let sql =
        format!("INSERT INTO attachments ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)");
    let params = params![
        id,
        attachment.record.0,
        attachment.module.0,
        attachment.name.as_str(),
        attachment.size,
        attachment.link.as_deref(),
        attachment.owner.0,
        attachment.created_by.0,
        attachment.created_at.0
    ];
    tx.execute(&sql, params)?;
    Ok(true)
}

/// Begins the content of an attachment that is to be made.
pub fn begin_content(tx: &mut Tx, id: AttachmentId, now: Timestamp) -> Result<()> {
    let sql = "INSERT INTO loose_contents (attachment, at) VALUES ($1, $2)";
    tx.execute(sql, params![id.0, now.0])?;
    Ok(())
}

/// Stores a piece of content, at its place from 0 on.
pub fn insert_piece(tx: &mut Tx, id: AttachmentId, place: i64, content: &str) -> Result<()> {
    let sql = "INSERT INTO attachment_pieces (attachment, place, content) VALUES ($1, $2, $3)";
    tx.execute(sql, params![id.0, place, content])?;
    Ok(())
}

/// The piece of content at a place.
pub fn piece(tx: &mut Tx, id: AttachmentId, place: i64) -> Result<Option<String>> {
    let sql = "SELECT content FROM attachment_pieces WHERE attachment = $1 AND place = $2";
    let row = tx.query_opt(sql, params![id.0, place])?;
    row.map(|row| Ok(row.text(0)?.to_owned())).transpose()
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

fn remove(tx: &mut Tx, condition: &str, params: &[Param]) -> Result<()> {
    let sql = format!("DELETE FROM attachments WHERE {condition} RETURNING id, link");
    let mut files: Vec<Vec<Value>> = Vec::new();
    for row in tx.query(&sql, params)? {
        if row.opt_text(1)?.is_none() {
            files.push(vec![row.int(0)?.into()]);
        }
    }
    // Older than anything: nobody is still sending it.
    let old = [Same::int("at", 0)];
    let columns = [("attachment".to_owned(), Class::Int)];
    tx.insert_rows("loose_contents", &old, &columns, &files)
}

/// Removes a part of the loose content from before a time: the first `pieces` of one. `false` when
/// there is none.
pub fn tidy(tx: &mut Tx, before: Timestamp, pieces: i64) -> Result<bool> {
    let sql = format!(
        "SELECT attachment FROM loose_contents WHERE at < $1 ORDER BY at, attachment LIMIT 1{}",
        tx.dialect().for_update_skip_locked()
    );
    let Some(row) = tx.query_opt(&sql, params![before.0])? else {
        return Ok(false);
    };
    let id = row.int(0)?;
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

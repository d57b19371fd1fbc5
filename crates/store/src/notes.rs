//! Notes on records. They stay while their record is in the recycle bin.

use crate::insert::Insert;
use crate::row::columns;
use crate::tx::Tx;
use crate::{Result, params};
use model::id::{ModuleId, NoteId, RecordId, UserId};
use model::time::Timestamp;

/// A note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its id.
    pub id: NoteId,
    /// The record that it is about.
    pub record: RecordId,
    /// That record's module.
    pub module: ModuleId,
    /// Its title.
    pub title: Option<String>,
    /// Its text.
    pub content: String,
    /// Whose it is.
    pub owner: UserId,
    /// Who made it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// Who changed it last.
    pub modified_by: UserId,
    /// When.
    pub modified_at: Timestamp,
}

columns! {
    Note {
        id, record, module, title, content, owner, created_by, created_at, modified_by, modified_at,
    }
}

/// The note of this id, whether or not its record is in the recycle bin.
pub fn find(tx: &mut Tx, id: NoteId) -> Result<Option<Note>> {
    tx.select_opt("FROM notes WHERE id = $1", params![id.0])
}

/// The notes of a record, the newest first, at most `limit` after skipping `offset`.
pub fn of(tx: &mut Tx, record: RecordId, (offset, limit): (usize, usize)) -> Result<Vec<Note>> {
    let from =
        format!("FROM notes WHERE record = $1 ORDER BY id DESC LIMIT {limit} OFFSET {offset}");
    tx.select(&from, params![record.0])
}

/// How many notes a record has.
pub fn count(tx: &mut Tx, record: RecordId) -> Result<i64> {
    let sql = "SELECT count(*) FROM notes WHERE record = $1";
    tx.value(sql, params![record.0])
}

/// Makes a note.
pub fn insert(tx: &mut Tx, note: &Note) -> Result<()> {
    Insert::into("notes").row(note).one(tx)
}

/// Writes a note's title and text, and who changed it when.
pub fn update(tx: &mut Tx, note: &Note) -> Result<()> {
    let sql = "UPDATE notes SET title = $2, content = $3, modified_by = $4, modified_at = $5
               WHERE id = $1";
    let params = params![
        note.id.0,
        note.title.as_deref(),
        note.content.as_str(),
        note.modified_by.0,
        note.modified_at.0
    ];
    tx.execute(sql, params)?;
    Ok(())
}

/// Removes a note.
pub fn delete(tx: &mut Tx, id: NoteId) -> Result<()> {
    tx.execute("DELETE FROM notes WHERE id = $1", params![id.0])?;
    Ok(())
}

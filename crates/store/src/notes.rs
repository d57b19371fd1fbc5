//! Notes on records. They stay while their record is in the recycle bin.

use crate::tx::Tx;
use crate::{Result, Row, params};
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

const COLUMNS: &str =
    "id, record, module, title, content, owner, created_by, created_at, modified_by,
    modified_at";

fn note(row: &Row) -> Result<Note> {
    Ok(Note {
        id: NoteId(row.int(0)?),
        record: RecordId(row.int(1)?),
        module: ModuleId(row.int(2)?),
        title: row.opt_text(3)?.map(str::to_owned),
        content: row.text(4)?.to_owned(),
        owner: UserId(row.int(5)?),
        created_by: UserId(row.int(6)?),
        created_at: Timestamp(row.int(7)?),
        modified_by: UserId(row.int(8)?),
        modified_at: Timestamp(row.int(9)?),
    })
}

/// The note of this id, whether or not its record is in the recycle bin.
pub fn find(tx: &mut Tx, id: NoteId) -> Result<Option<Note>> {
    let sql = format!("SELECT {COLUMNS} FROM notes WHERE id = $1");
    let row = tx.query_opt(&sql, params![id.0])?;
    row.map(|row| note(&row)).transpose()
}

/// The notes of a record, the newest first, at most `limit` after skipping `offset`.
pub fn of(tx: &mut Tx, record: RecordId, (offset, limit): (usize, usize)) -> Result<Vec<Note>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM notes WHERE record = $1 ORDER BY id DESC
         LIMIT {limit} OFFSET {offset}"
    );
    tx.query(&sql, params![record.0])?
        .iter()
        .map(note)
        .collect()
}

/// How many notes a record has.
pub fn count(tx: &mut Tx, record: RecordId) -> Result<i64> {
    let sql = "SELECT count(*) FROM notes WHERE record = $1";
    tx.query_one(sql, params![record.0])?.int(0)
}

/// Makes a note.
pub fn insert(tx: &mut Tx, note: &Note) -> Result<()> {
    let sql =
        format!("INSERT INTO notes ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)");
    let params = params![
        note.id.0,
        note.record.0,
        note.module.0,
        note.title.as_deref(),
        note.content.as_str(),
        note.owner.0,
        note.created_by.0,
        note.created_at.0,
        note.modified_by.0,
        note.modified_at.0
    ];
    tx.execute(&sql, params)?;
    Ok(())
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

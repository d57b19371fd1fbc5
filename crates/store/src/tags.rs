//! Tags: names of a module that its records can be marked with. A record's tags stay while it is in
//! the recycle bin.

use crate::tx::{Param, Tx};
use crate::{Error, Result, Row, Same, params};
use model::id::{ModuleId, RecordId, TagId, UserId};
use model::time::Timestamp;
use model::value::{Class, Value, fold};

/// A tag of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its id.
    pub id: TagId,
    /// The module whose records it marks.
    pub module: ModuleId,
    /// Its name, unique in the module without regard to case.
    pub name: String,
    /// Its colour.
    pub color: Option<String>,
    /// Who made it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// Who changed it last.
    pub modified_by: UserId,
    /// When.
    pub modified_at: Timestamp,
}

const COLUMNS: &str = "t.id, t.module, t.name, t.color, t.created_by, t.created_at, t.modified_by,
    t.modified_at";

fn tag(row: &Row, from: usize) -> Result<Tag> {
    Ok(Tag {
        id: TagId(row.int(from)?),
        module: ModuleId(row.int(from + 1)?),
        name: row.text(from + 2)?.to_owned(),
        color: row.opt_text(from + 3)?.map(str::to_owned),
        created_by: UserId(row.int(from + 4)?),
        created_at: Timestamp(row.int(from + 5)?),
        modified_by: UserId(row.int(from + 6)?),
        modified_at: Timestamp(row.int(from + 7)?),
    })
}

fn records_of(records: &[RecordId]) -> Param {
    Param::Ids(records.iter().map(|record| record.0).collect())
}

/// The tags of a module, by name.
pub fn of_module(tx: &mut Tx, module: ModuleId) -> Result<Vec<Tag>> {
    let sql = format!("SELECT {COLUMNS} FROM tags t WHERE t.module = $1 ORDER BY t.folded");
    let rows = tx.query(&sql, params![module.0])?;
    rows.iter().map(|row| tag(row, 0)).collect()
}

/// The tag of this id.
pub fn find(tx: &mut Tx, id: TagId) -> Result<Option<Tag>> {
    let sql = format!("SELECT {COLUMNS} FROM tags t WHERE t.id = $1");
    let row = tx.query_opt(&sql, params![id.0])?;
    row.map(|row| tag(&row, 0)).transpose()
}

/// A name that was free a moment ago is somebody's now: look again.
fn again(error: Error) -> Error {
    match error {
        Error::Constraint(why) => Error::Conflict(why),
        other => other,
    }
}

/// Makes a tag.
pub fn insert(tx: &mut Tx, tag: &Tag) -> Result<()> {
    let sql = "INSERT INTO tags (id, module, name, folded, color, created_by, created_at,
                 modified_by, modified_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let params = params![
        tag.id.0,
        tag.module.0,
        tag.name.as_str(),
        fold(&tag.name),
        tag.color.as_deref(),
        tag.created_by.0,
        tag.created_at.0,
        tag.modified_by.0,
        tag.modified_at.0
    ];
    tx.execute(sql, params).map_err(again)?;
    Ok(())
}

/// Gives a tag another name and colour.
pub fn update(tx: &mut Tx, tag: &Tag) -> Result<()> {
    let sql = "UPDATE tags SET name = $2, folded = $3, color = $4, modified_by = $5,
                 modified_at = $6 WHERE id = $1";
    let params = params![
        tag.id.0,
        tag.name.as_str(),
        fold(&tag.name),
        tag.color.as_deref(),
        tag.modified_by.0,
        tag.modified_at.0
    ];
    tx.execute(sql, params).map_err(again)?;
    Ok(())
}

/// Removes a tag. Records that have it no longer show it; their rows go when there is time.
pub fn delete(tx: &mut Tx, id: TagId) -> Result<()> {
    tx.execute("DELETE FROM tags WHERE id = $1", params![id.0])?;
    tx.execute("INSERT INTO loose_tags (tag) VALUES ($1)", params![id.0])?;
    Ok(())
}

/// The tags of records, in the order in which they were put on each.
pub fn of_records(tx: &mut Tx, records: &[RecordId]) -> Result<Vec<(RecordId, Tag)>> {
    let sql = format!(
        "SELECT r.record, {COLUMNS} FROM record_tags r JOIN tags t ON t.id = r.tag
         WHERE r.record IN ids($1) ORDER BY r.record, r.at, r.tag"
    );
    let rows = tx.query(&sql, &[records_of(records)])?;
    rows.iter()
        .map(|row| Ok((RecordId(row.int(0)?), tag(row, 1)?)))
        .collect()
}

/// Puts tags on records that do not have them.
pub fn put(tx: &mut Tx, pairs: &[(RecordId, TagId)], actor: UserId, at: Timestamp) -> Result<()> {
    let same = [Same::int("actor", actor.0), Same::int("at", at.0)];
    let columns = ["record", "tag"].map(|name| (name.to_owned(), Class::Int));
    let row = |(record, tag): &(RecordId, TagId)| vec![record.0.into(), tag.0.into()];
    let rows: Vec<Vec<Value>> = pairs.iter().map(row).collect();
    tx.insert_rows("record_tags", &same, &columns, &rows)
        .map_err(again)
}

/// Takes tags off records, and answers which had which.
pub fn take(tx: &mut Tx, records: &[RecordId], tags: &[TagId]) -> Result<Vec<(RecordId, TagId)>> {
    let ids = Param::Ids(tags.iter().map(|tag| tag.0).collect());
    let sql = "DELETE FROM record_tags WHERE record IN ids($1) AND tag IN ids($2)
               RETURNING record, tag";
    let rows = tx.query(sql, &[records_of(records), ids])?;
    rows.iter()
        .map(|row| Ok((RecordId(row.int(0)?), TagId(row.int(1)?))))
        .collect()
}

/// Removes what is left of deleted tags, at most so many rows; `false` when there is nothing.
pub fn tidy(tx: &mut Tx, rows: i64) -> Result<bool> {
    let sql = "SELECT tag FROM loose_tags ORDER BY tag LIMIT 1";
    let Some(row) = tx.query_opt(sql, &[])? else {
        return Ok(false);
    };
    let tag = row.int(0)?;
    let sql = "DELETE FROM record_tags WHERE tag = $1 AND record IN
                 (SELECT record FROM record_tags WHERE tag = $1 ORDER BY record LIMIT $2)";
    if tx.execute(sql, params![tag, rows])? == 0 {
        tx.execute("DELETE FROM loose_tags WHERE tag = $1", params![tag])?;
    }
    Ok(true)
}

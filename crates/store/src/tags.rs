//! Tags: names of a module that its records can be marked with. A record's tags stay while it is in
//! the recycle bin.

use crate::insert::Insert;
use crate::moves::{self, MoveKind};
use crate::row::{Columns, columns};
use crate::tx::{Param, Tx};
use crate::{Error, Result, params};
use model::id::{ModuleId, RecordId, TagId, UserId};
use model::time::Timestamp;
use model::value::fold;
use std::collections::BTreeMap;

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

columns! { Tag { id, module, name, color, created_by, created_at, modified_by, modified_at } }

fn records_of(records: &[RecordId]) -> Param {
    Param::Ids(records.iter().map(|record| record.0).collect())
}

/// The tags of a module, by name.
pub fn of_module(tx: &mut Tx, module: ModuleId) -> Result<Vec<Tag>> {
    tx.select(
        "FROM tags WHERE module = $1 ORDER BY folded",
        params![module.0],
    )
}

/// The tag of this id.
pub fn find(tx: &mut Tx, id: TagId) -> Result<Option<Tag>> {
    tx.select_opt("FROM tags WHERE id = $1", params![id.0])
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
    Insert::into("tags")
        .row(tag)
        .set("folded", fold(&tag.name))
        .one(tx)
        .map_err(again)
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
    Insert::into("loose_tags").set("tag", id).one(tx)
}

/// A tag that a record has.
struct TagOfRecord {
    record: RecordId,
    tag: Tag,
}

columns! { read TagOfRecord { record: "r.record", tag: .. } }

/// The tags of records, in the order in which they were put on each.
pub fn of_records(tx: &mut Tx, records: &[RecordId]) -> Result<Vec<(RecordId, Tag)>> {
    let sql = format!(
        "SELECT {} FROM record_tags r JOIN tags t ON t.id = r.tag
         WHERE r.record IN ids($1) ORDER BY r.record, r.at, r.tag",
        TagOfRecord::list().of("t")
    );
    let rows: Vec<TagOfRecord> = tx.query_as(&sql, &[records_of(records)])?;
    Ok(rows.into_iter().map(|row| (row.record, row.tag)).collect())
}

/// Puts tags on records that do not have them.
pub fn put(tx: &mut Tx, pairs: &[(RecordId, TagId)], actor: UserId, at: Timestamp) -> Result<()> {
    let mut by_tag: BTreeMap<TagId, Vec<RecordId>> = BTreeMap::new();
    for (record, tag) in pairs {
        by_tag.entry(*tag).or_default().push(*record);
    }
    for (tag, records) in by_tag {
        moves::end_claims(tx, MoveKind::TagTaken, &records, &[tag])?;
    }
    Insert::into("record_tags")
        .set("actor", actor)
        .set("at", at)
        .tuples(tx, ["record", "tag"], pairs.iter().copied())
        .map_err(again)
}

/// That a record has a tag.
struct Tagged {
    record: RecordId,
    tag: TagId,
}

columns! { read Tagged { record, tag } }

/// Takes tags off records, and answers which had which.
pub fn take(tx: &mut Tx, records: &[RecordId], tags: &[TagId]) -> Result<Vec<(RecordId, TagId)>> {
    moves::end_claims(tx, MoveKind::Tag, records, tags)?;
    let ids = Param::Ids(tags.iter().map(|tag| tag.0).collect());
    let tagged = Tagged::list();
    let sql = format!(
        "DELETE FROM record_tags WHERE record IN ids($1) AND tag IN ids($2) RETURNING {tagged}"
    );
    let taken: Vec<Tagged> = tx.query_as(&sql, &[records_of(records), ids])?;
    Ok(taken.into_iter().map(|one| (one.record, one.tag)).collect())
}

/// Removes what is left of deleted tags, at most so many rows; `false` when there is nothing.
pub fn tidy(tx: &mut Tx, rows: i64) -> Result<bool> {
    let sql = "SELECT tag FROM loose_tags ORDER BY tag LIMIT 1";
    let Some(tag) = tx.find_value::<i64>(sql, &[])? else {
        return Ok(false);
    };
    let sql = "DELETE FROM record_tags WHERE tag = $1 AND record IN
                 (SELECT record FROM record_tags WHERE tag = $1 ORDER BY record LIMIT $2)";
    if tx.execute(sql, params![tag, rows])? == 0 {
        tx.execute("DELETE FROM loose_tags WHERE tag = $1", params![tag])?;
    }
    Ok(true)
}

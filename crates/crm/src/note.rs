//! Notes on records.

use crate::actor::Actor;
use crate::hanging::{self, open, room, seen};
use crate::record::Writing;
use model::id::{NoteId, RecordId};
use model::limits::NOTES_PER_RECORD_MAX;
use model::module::Module;
use model::people::Right;
use store::notes::{self, Note};
use store::{Fault, Tx};

/// What somebody writes on a note; what is not said stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Text {
    /// The title; an empty one is none.
    pub title: Option<String>,
    /// The text.
    pub content: Option<String>,
}

/// The notes of a record, the newest first, at most `limit` after skipping `offset`; none where the
/// actor does not see the record.
pub fn of(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    record: RecordId,
    window: (usize, usize),
) -> Result<Vec<Note>, Fault> {
    if !seen(tx, actor, module, record)? {
        return Ok(Vec::new());
    }
    Ok(notes::of(tx, record, window)?)
}

/// The note of this id with the module of its record, if the actor sees that. Refused when they lack
/// this right over the module, as it is where a path names the module.
pub fn find(
    tx: &mut Tx,
    actor: &Actor,
    id: NoteId,
    right: Right,
) -> Result<Option<(Note, Module)>, Fault> {
    let Some(note) = notes::find(tx, id)? else {
        return Ok(None);
    };
    let Some(module) = actor.catalog.module_by_id(note.module) else {
        return Ok(None);
    };
    actor.require(right, module)?;
    let shown = seen(tx, actor, module, note.record)?;
    Ok(shown.then(|| (note, module.clone())))
}

/// Puts a note on a record.
pub fn add(tx: &mut Tx, writing: Writing<'_>, record: RecordId, text: Text) -> Result<Note, Fault> {
    open(tx, writing, record)?;
    let full = "the record can be given no more notes: delete some first";
    room(notes::count(tx, record)?, NOTES_PER_RECORD_MAX, full)?;
    let (by, at) = (writing.actor.user.id, writing.now);
    let note = Note {
        id: NoteId(tx.new_id()?),
        record,
        module: writing.module.id,
        title: text.title.filter(|title| !title.is_empty()),
        content: text.content.unwrap_or_default(),
        owner: by,
        created_by: by,
        created_at: at,
        modified_by: by,
        modified_at: at,
    };
    notes::insert(tx, &note)?;
    Ok(note)
}

/// A note of a record, locked with it.
fn locked(tx: &mut Tx, writing: Writing<'_>, record: RecordId, id: NoteId) -> Result<Note, Fault> {
    open(tx, writing, record)?;
    let found = notes::find(tx, id)?;
    let found = found.filter(|note| note.record == record);
    Ok(found.ok_or_else(hanging::unrelated)?)
}

/// Writes a note anew.
pub fn update(
    tx: &mut Tx,
    writing: Writing<'_>,
    record: RecordId,
    id: NoteId,
    text: Text,
) -> Result<Note, Fault> {
    let mut note = locked(tx, writing, record, id)?;
    if let Some(title) = text.title {
        note.title = Some(title).filter(|title| !title.is_empty());
    }
    if let Some(content) = text.content {
        note.content = content;
    }
    note.modified_by = writing.actor.user.id;
    note.modified_at = writing.now;
    notes::update(tx, &note)?;
    Ok(note)
}

/// Removes a note.
pub fn delete(
    tx: &mut Tx,
    writing: Writing<'_>,
    record: RecordId,
    id: NoteId,
) -> Result<(), Fault> {
    locked(tx, writing, record, id)?;
    Ok(notes::delete(tx, id)?)
}

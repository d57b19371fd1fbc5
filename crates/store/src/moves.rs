//! What goes from a record to another: notes and attachments are moved, tags are copied. A job keeps
//! what it moved, so that an undo can put it back.

use crate::insert::Insert;
use crate::row::columns;
use crate::tx::{Param, Tx};
use crate::{Error, Result, params, tags};
use model::id::{JobId, ModuleId, RecordId, TagId};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MoveKind {
    /// A note.
    Note,
    /// An attachment.
    Attachment,
    /// A tag of the module of the record that got it; where no record gave it, from itself.
    Tag,
    /// A tag that a record lost.
    TagTaken,
}

impl MoveKind {
    const ALL: [Self; 4] = [Self::Note, Self::Attachment, Self::Tag, Self::TagTaken];

    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Attachment => "attachment",
            Self::Tag => "tag",
            Self::TagTaken => "tag_taken",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The table of what belongs to one record and can be given to another.
    pub(crate) fn table(self) -> Option<&'static str> {
        match self {
            Self::Note => Some("notes"),
            Self::Attachment => Some("attachments"),
            Self::Tag | Self::TagTaken => None,
        }
    }
}

/// A record and its module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The record.
    pub record: RecordId,
    /// Its module.
    pub module: ModuleId,
}

/// One thing that went from a record to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Move {
    /// What it is.
    pub kind: MoveKind,
    /// Its id.
    pub item: i64,
    /// Where it was.
    pub from: Place,
    /// Where it went.
    pub to: Place,
}

/// A move as its row has it.
struct MoveRow {
    kind: MoveKind,
    item: i64,
    from_record: RecordId,
    from_module: ModuleId,
    to_record: RecordId,
    to_module: ModuleId,
}

columns! { MoveRow { kind, item, from_record, from_module, to_record, to_module } }

impl From<MoveRow> for Move {
    fn from(row: MoveRow) -> Self {
        Self {
            kind: row.kind,
            item: row.item,
            from: Place {
                record: row.from_record,
                module: row.from_module,
            },
            to: Place {
                record: row.to_record,
                module: row.to_module,
            },
        }
    }
}

impl From<&Move> for MoveRow {
    fn from(one: &Move) -> Self {
        Self {
            kind: one.kind,
            item: one.item,
            from_record: one.from.record,
            from_module: one.from.module,
            to_record: one.to.record,
            to_module: one.to.module,
        }
    }
}

/// Moves all notes, or all attachments, of each first record to the second, and answers what went.
/// The first ones must differ, and be locked: whoever adds to a record locks it too.
pub fn carry(
    tx: &mut Tx,
    kind: MoveKind,
    (from, to): (ModuleId, ModuleId),
    pairs: &[(RecordId, RecordId)],
) -> Result<Vec<Move>> {
    let Some(table) = kind.table() else {
        let text = "tags are copied, not moved".to_owned();
        return Err(Error::Inconsistent(text));
    };
    let heirs: HashMap<RecordId, RecordId> = pairs.iter().copied().collect();
    let givers = Param::Ids(pairs.iter().map(|(giver, _)| giver.0).collect());
    let from_givers = format!("FROM {table} WHERE record IN ids($1) ORDER BY id");
    let rows = tx.select_tuples(["id", "record"], &from_givers, &[givers])?;
    let mut moved = Vec::new();
    let mut of_heirs: BTreeMap<RecordId, Vec<i64>> = BTreeMap::new();
    for (item, giver) in rows {
        let Some(heir) = heirs.get(&giver).copied() else {
            continue;
        };
        of_heirs.entry(heir).or_default().push(item);
        moved.push(Move {
            kind,
            item,
            from: Place {
                record: giver,
                module: from,
            },
            to: Place {
                record: heir,
                module: to,
            },
        });
    }
    let sql = format!("UPDATE {table} SET record = $1, module = $2 WHERE id IN ids($3)");
    for (heir, items) in of_heirs {
        let params = [heir.0.into(), to.0.into(), Param::Ids(items)];
        tx.execute(&sql, &params)?;
    }
    Ok(moved)
}

/// The tags that records got by any of these moves.
pub fn given(tx: &mut Tx, to: &[RecordId]) -> Result<HashSet<(RecordId, TagId)>> {
    let to = Param::Ids(to.iter().map(|record| record.0).collect());
    let from = "FROM job_moves WHERE kind = 'tag' AND to_record IN ids($1)";
    let given = tx.select_tuples(["to_record", "item"], from, &[to])?;
    Ok(given.into_iter().collect())
}

/// Forgets that a record gave these tags to another, and answers those that nobody else gave it too.
fn given_by_nobody(
    tx: &mut Tx,
    job: JobId,
    (from, to): (Place, Place),
    tags: &[i64],
) -> Result<Vec<TagId>> {
    let ids = || Param::Ids(tags.to_vec());
    let sql = "DELETE FROM job_moves WHERE job = $1 AND kind = 'tag' AND from_record = $2
               AND to_record = $3 AND item IN ids($4)";
    tx.execute(
        sql,
        &[
            job.0.into(),
            from.record.0.into(),
            to.record.0.into(),
            ids(),
        ],
    )?;
    let still = given(tx, &[to.record])?;
    let tags = tags.iter().map(|tag| TagId(*tag));
    Ok(tags
        .filter(|tag| !still.contains(&(to.record, *tag)))
        .collect())
}

/// Puts back what a job moved, as far as it still is where it went, and answers what went back. Tags
/// that were copied are taken off again, unless another record gave them too; who got them must be
/// locked.
pub fn put_back(tx: &mut Tx, job: JobId, moves: &[Move]) -> Result<Vec<Move>> {
    let mut alike: BTreeMap<(MoveKind, Place, Place), Vec<&Move>> = BTreeMap::new();
    for one in moves {
        alike
            .entry((one.kind, one.from, one.to))
            .or_default()
            .push(one);
    }
    let mut back = Vec::with_capacity(moves.len());
    for ((kind, from, to), moves) in alike {
        let items: Vec<i64> = moves.iter().map(|one| one.item).collect();
        let went: Vec<i64> = if let Some(table) = kind.table() {
            let sql = format!(
                "UPDATE {table} SET record = $1, module = $2
                 WHERE id IN ids($3) AND record = $4 RETURNING id"
            );
            let params = [
                from.record.0.into(),
                from.module.0.into(),
                Param::Ids(items),
                to.record.0.into(),
            ];
            tx.values(&sql, &params)?
        } else {
            let items = given_by_nobody(tx, job, (from, to), &items)?;
            let taken = tags::take(tx, &[to.record], &items)?;
            taken.into_iter().map(|(_, tag)| tag.0).collect()
        };
        back.extend(moves.into_iter().filter(|one| went.contains(&one.item)));
    }
    Ok(back)
}

/// Keeps what a job moved.
pub fn insert(tx: &mut Tx, job: JobId, moves: &[Move]) -> Result<()> {
    let rows: Vec<MoveRow> = moves.iter().map(MoveRow::from).collect();
    Insert::into("job_moves").set("job", job).all(tx, &rows)
}

/// What a job moved away from these records, in one order always.
pub fn of(tx: &mut Tx, job: JobId, from: &[RecordId]) -> Result<Vec<Move>> {
    let records = Param::Ids(from.iter().map(|record| record.0).collect());
    let from = "FROM job_moves WHERE job = $1 AND from_record IN ids($2)
                ORDER BY from_record, kind, item, to_record";
    let rows: Vec<MoveRow> = tx.select(from, &[job.0.into(), records])?;
    Ok(rows.into_iter().map(Move::from).collect())
}

/// The tags that other records gave to these.
pub fn given_by_others(tx: &mut Tx, to: &[RecordId]) -> Result<HashSet<(RecordId, TagId)>> {
    let to = Param::Ids(to.iter().map(|record| record.0).collect());
    let from = "FROM job_moves WHERE kind = 'tag' AND to_record IN ids($1)
                AND from_record <> to_record";
    let given = tx.select_tuples(["to_record", "item"], from, &[to])?;
    Ok(given.into_iter().collect())
}

/// Ends the claims of jobs that put these tags on these records, or took them off: somebody does the
/// opposite now, and an undo of such a job must leave that alone.
pub(crate) fn end_claims(
    tx: &mut Tx,
    kind: MoveKind,
    records: &[RecordId],
    tags: &[TagId],
) -> Result<()> {
    let sql = match kind {
        // Each names the partial index that serves it.
        MoveKind::TagTaken => {
            "DELETE FROM job_moves WHERE kind = 'tag_taken' AND to_record IN ids($1)
             AND item IN ids($2) AND from_record = to_record"
        }
        _ => {
            "DELETE FROM job_moves WHERE kind = 'tag' AND to_record IN ids($1)
             AND item IN ids($2) AND from_record = to_record"
        }
    };
    let records = Param::Ids(records.iter().map(|record| record.0).collect());
    let tags = Param::Ids(tags.iter().map(|tag| tag.0).collect());
    tx.execute(sql, &[records, tags])?;
    Ok(())
}

/// Forgets what a job moved: at most so many; answers how many they were.
pub(crate) fn forget(tx: &mut Tx, job: JobId, rows: i64) -> Result<usize> {
    let sql = "DELETE FROM job_moves WHERE job = $1 AND (kind, item, to_record, from_record) IN
                 (SELECT kind, item, to_record, from_record FROM job_moves WHERE job = $1 LIMIT $2)";
    tx.execute(sql, params![job.0, rows])
}

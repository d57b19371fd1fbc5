//! What goes from a record to another: notes and attachments are moved, tags are copied. A job keeps
//! what it moved, so that an undo can put it back.

use crate::tx::{Param, Tx};
use crate::{Error, Result, Row, Same, params, tags};
use model::id::{JobId, ModuleId, RecordId, TagId};
use model::value::{Class, Value};
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

    fn parse(text: &str) -> Option<Self> {
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
    let sql = format!("SELECT id, record FROM {table} WHERE record IN ids($1) ORDER BY id");
    let mut moved = Vec::new();
    let mut of_heirs: BTreeMap<RecordId, Vec<i64>> = BTreeMap::new();
    for row in tx.query(&sql, &[givers])? {
        let (item, giver) = (row.int(0)?, RecordId(row.int(1)?));
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
    let sql = "SELECT to_record, item FROM job_moves WHERE kind = 'tag' AND to_record IN ids($1)";
    let to = Param::Ids(to.iter().map(|record| record.0).collect());
    let rows = tx.query(sql, &[to])?;
    rows.iter()
        .map(|row| Ok((RecordId(row.int(0)?), TagId(row.int(1)?))))
        .collect()
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
            let rows = tx.query(&sql, &params)?;
            rows.iter().map(|row| row.int(0)).collect::<Result<_>>()?
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
    let columns = [
        ("kind", Class::Text),
        ("item", Class::Int),
        ("from_record", Class::Int),
        ("from_module", Class::Int),
        ("to_record", Class::Int),
        ("to_module", Class::Int),
    ]
    .map(|(name, class)| (name.to_owned(), class));
    let row = |one: &Move| {
        vec![
            one.kind.as_str().into(),
            one.item.into(),
            one.from.record.0.into(),
            one.from.module.0.into(),
            one.to.record.0.into(),
            one.to.module.0.into(),
        ]
    };
    let rows: Vec<Vec<Value>> = moves.iter().map(row).collect();
    tx.insert_rows("job_moves", &[Same::int("job", job.0)], &columns, &rows)
}

/// What a job moved away from these records, in one order always.
pub fn of(tx: &mut Tx, job: JobId, from: &[RecordId]) -> Result<Vec<Move>> {
    let sql = "SELECT kind, item, from_record, from_module, to_record, to_module FROM job_moves
               WHERE job = $1 AND from_record IN ids($2)
               ORDER BY from_record, kind, item, to_record";
    let from = Param::Ids(from.iter().map(|record| record.0).collect());
    let rows = tx.query(sql, &[job.0.into(), from])?;
    rows.iter().map(one).collect()
}

/// Forgets which tags a job put on these records and took off them.
pub fn forget_tags(tx: &mut Tx, job: JobId, records: &[RecordId]) -> Result<()> {
    let sql = "DELETE FROM job_moves WHERE job = $1 AND kind IN ('tag', 'tag_taken')
               AND from_record IN ids($2) AND to_record = from_record";
    let records = Param::Ids(records.iter().map(|record| record.0).collect());
    tx.execute(sql, &[job.0.into(), records])?;
    Ok(())
}

fn one(row: &Row) -> Result<Move> {
    let word = row.text(0)?;
    let unknown = || Error::Inconsistent(format!("what was moved is a {word}"));
    let place = |n: usize| {
        Ok::<_, Error>(Place {
            record: RecordId(row.int(n)?),
            module: ModuleId(row.int(n + 1)?),
        })
    };
    Ok(Move {
        kind: MoveKind::parse(word).ok_or_else(unknown)?,
        item: row.int(1)?,
        from: place(2)?,
        to: place(4)?,
    })
}

/// Forgets what a job moved: at most so many; answers how many they were.
pub(crate) fn forget(tx: &mut Tx, job: JobId, rows: i64) -> Result<usize> {
    let sql = "DELETE FROM job_moves WHERE job = $1 AND (kind, item, to_record, from_record) IN
                 (SELECT kind, item, to_record, from_record FROM job_moves WHERE job = $1 LIMIT $2)";
    tx.execute(sql, params![job.0, rows])
}

//! The outbox: what somebody outside the transaction is to learn of, written with what caused it.

use crate::tx::Tx;
use crate::{Result, Row, Same, params};
use model::id::{JobId, ModuleId, RecordId, UserId};
use model::time::Timestamp;
use model::value::Class;

/// What somebody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum News {
    /// They got a record.
    OwnerChanged,
    /// A lead of theirs was converted.
    LeadConverted,
    /// A record was made of a lead, and they own it.
    RecordMade,
}

impl News {
    /// The stored and native word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OwnerChanged => "owner_changed",
            Self::LeadConverted => "lead_converted",
            Self::RecordMade => "record_made",
        }
    }
}

/// What somebody is told of records.
#[derive(Clone, Copy, Debug)]
pub struct Notice {
    /// What.
    pub news: News,
    /// The records' module.
    pub module: ModuleId,
    /// Who is told.
    pub recipient: UserId,
    /// Who caused it.
    pub actor: UserId,
    /// Through which job.
    pub job: Option<JobId>,
    /// When.
    pub at: Timestamp,
}

/// An entry as it was stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its place among the others, newest last.
    pub place: Place,
    /// What happened: a word of [`News`].
    pub kind: String,
    /// The record's module.
    pub module: ModuleId,
    /// The record.
    pub record: RecordId,
    /// Whom it tells.
    pub recipient: UserId,
    /// Who caused it.
    pub actor: UserId,
    /// Through which job.
    pub job: Option<JobId>,
}

/// A place in the order of entries: by time, the id deciding between equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// When it was written.
    pub at: Timestamp,
    /// Its id.
    pub id: i64,
}

/// Stores an entry for each of these records. What they are called is not stored: a name must be
/// gone when its record is.
pub fn insert(tx: &mut Tx, new: Notice, records: &[RecordId]) -> Result<()> {
    let same = [
        Same::text("kind", new.news.as_str()),
        Same::int("module", new.module.0),
        Same::int("recipient", new.recipient.0),
        Same::int("actor", new.actor.0),
        Same::int("job", new.job.map(|job| job.0)),
        Same::int("at", new.at.0),
    ];
    let columns = ["id", "record"].map(|name| (name.to_owned(), Class::Int));
    let mut rows = Vec::with_capacity(records.len());
    for record in records {
        rows.push(vec![tx.new_id()?.into(), record.0.into()]);
    }
    tx.insert_rows("outbox", &same, &columns, &rows)
}

/// Entries before a place, the newest first: all, or those that this user caused or is told of.
pub fn list(
    tx: &mut Tx,
    of: Option<UserId>,
    before: Option<Place>,
    limit: usize,
) -> Result<Vec<Entry>> {
    let before = before.unwrap_or(Place {
        at: Timestamp(i64::MAX),
        id: i64::MAX,
    });
    let mut params = params![before.at.0, before.id].to_vec();
    let mut own = "";
    if let Some(user) = of {
        own = " AND (actor = $3 OR recipient = $3)";
        params.push(user.0.into());
    }
    let sql = format!(
        "SELECT id, at, kind, module, record, recipient, actor, job FROM outbox
         WHERE (at, id) < ($1, $2){own} ORDER BY at DESC, id DESC LIMIT {limit}"
    );
    let rows = tx.query(&sql, &params)?;
    rows.iter().map(entry).collect()
}

fn entry(row: &Row) -> Result<Entry> {
    Ok(Entry {
        place: Place {
            id: row.int(0)?,
            at: Timestamp(row.int(1)?),
        },
        kind: row.text(2)?.to_owned(),
        module: ModuleId(row.int(3)?),
        record: RecordId(row.int(4)?),
        recipient: UserId(row.int(5)?),
        actor: UserId(row.int(6)?),
        job: row.opt_int(7)?.map(JobId),
    })
}

/// Removes entries from before this time, at most so many; `true` if there were any.
pub fn purge(tx: &mut Tx, before: Timestamp, rows: i64) -> Result<bool> {
    let sql = "DELETE FROM outbox WHERE id IN
               (SELECT id FROM outbox WHERE at < $1 ORDER BY at, id LIMIT $2)";
    Ok(tx.execute(sql, params![before.0, rows])? > 0)
}

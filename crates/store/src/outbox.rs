//! The outbox: what somebody outside the transaction is to learn of, written with what caused it.

use crate::insert::Insert;
use crate::row::columns;
use crate::tx::Tx;
use crate::{Result, params};
use model::id::{JobId, ModuleId, RecordId, UserId};
use model::time::Timestamp;

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

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let all = [Self::OwnerChanged, Self::LeadConverted, Self::RecordMade];
        all.into_iter().find(|news| news.as_str() == text)
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

columns! { write Notice { news: kind, module, recipient, actor, job, at } }

/// An entry as it was stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its place among the others, newest last.
    pub place: Place,
    /// What happened.
    pub kind: News,
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

columns! { read Entry { place: .., kind, module, record, recipient, actor, job } }

/// A place in the order of entries: by time, the id deciding between equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// When it was written.
    pub at: Timestamp,
    /// Its id.
    pub id: i64,
}

columns! { read Place { at, id } }

/// Stores an entry for each of these records. What they are called is not stored: a name must be
/// gone when its record is.
pub fn insert(tx: &mut Tx, new: Notice, records: &[RecordId]) -> Result<()> {
    let mut rows = Vec::with_capacity(records.len());
    for record in records {
        rows.push((tx.new_id()?, *record));
    }
    Insert::into("outbox")
        .row(&new)
        .tuples(tx, ["id", "record"], rows)
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
    let from = format!(
        "FROM outbox WHERE (at, id) < ($1, $2){own} ORDER BY at DESC, id DESC LIMIT {limit}"
    );
    tx.select(&from, &params)
}

/// Removes entries from before this time, at most so many; `true` if there were any.
pub fn purge(tx: &mut Tx, before: Timestamp, rows: i64) -> Result<bool> {
    let sql = "DELETE FROM outbox WHERE id IN
               (SELECT id FROM outbox WHERE at < $1 ORDER BY at, id LIMIT $2)";
    Ok(tx.execute(sql, params![before.0, rows])? > 0)
}

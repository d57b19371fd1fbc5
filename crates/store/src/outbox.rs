//! The outbox: what somebody outside the transaction is to learn of, written with what caused it.

use crate::tx::Tx;
use crate::{Error, Result, Row, params};
use model::id::{JobId, ModuleId, RecordId, UserId};
use model::time::Timestamp;
use serde_json::{Value as Json, json};

/// A record that has a new owner, whom to tell.
#[derive(Clone, Copy, Debug)]
pub struct OwnerChanged<'a> {
    /// The entry's id.
    pub id: i64,
    /// The record's module.
    pub module: ModuleId,
    /// The record.
    pub record: RecordId,
    /// What the record is called.
    pub name: Option<&'a str>,
    /// The new owner.
    pub owner: UserId,
    /// Who gave it to them.
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
    /// What happened: `owner_changed`.
    pub kind: String,
    /// The record's module.
    pub module: ModuleId,
    /// The record.
    pub record: RecordId,
    /// What the kind has to say.
    pub body: Json,
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

/// Stores an entry.
pub fn insert(tx: &mut Tx, new: &OwnerChanged<'_>) -> Result<()> {
    let sql = "INSERT INTO outbox (id, kind, module, record, body, recipient, actor, job, at)
               VALUES ($1, 'owner_changed', $2, $3, $4, $5, $6, $7, $8)";
    let (module, record) = (new.module.0, new.record.0);
    let body = json!({ "record_name": new.name }).to_string();
    let job = new.job.map(|job| job.0);
    let (owner, actor) = (new.owner.0, new.actor.0);
    tx.execute(
        sql,
        params![new.id, module, record, body, owner, actor, job, new.at.0],
    )?;
    Ok(())
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
        "SELECT id, at, kind, module, record, body, recipient, actor, job FROM outbox
         WHERE (at, id) < ($1, $2){own} ORDER BY at DESC, id DESC LIMIT {limit}"
    );
    let rows = tx.query(&sql, &params)?;
    rows.iter().map(entry).collect()
}

fn entry(row: &Row) -> Result<Entry> {
    let body = row.text(5)?;
    let body = serde_json::from_str(body)
        .map_err(|error| Error::Inconsistent(format!("an entry of the outbox: {error}")))?;
    Ok(Entry {
        place: Place {
            id: row.int(0)?,
            at: Timestamp(row.int(1)?),
        },
        kind: row.text(2)?.to_owned(),
        module: ModuleId(row.int(3)?),
        record: RecordId(row.int(4)?),
        body,
        recipient: UserId(row.int(6)?),
        actor: UserId(row.int(7)?),
        job: row.opt_int(8)?.map(JobId),
    })
}

/// Removes entries from before this time, at most so many; `true` if there were any.
pub fn purge(tx: &mut Tx, before: Timestamp, rows: i64) -> Result<bool> {
    let sql = "DELETE FROM outbox WHERE id IN
               (SELECT id FROM outbox WHERE at < $1 ORDER BY at, id LIMIT $2)";
    Ok(tx.execute(sql, params![before.0, rows])? > 0)
}

//! Holds: why a record may not be changed now.

use crate::tx::Tx;
use crate::{Error, Param, Result, Row, params};
use model::hold::HoldKind;
use model::id::{HoldId, ModuleId, RecordId, UserId};
use model::time::Timestamp;

/// A lock on a record, put there by a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// Its id.
    pub id: HoldId,
    /// The record.
    pub record: RecordId,
    /// The record's module.
    pub module: ModuleId,
    /// Why.
    pub reason: Option<String>,
    /// By whom.
    pub actor: UserId,
    /// When.
    pub at: Timestamp,
}

fn lock(row: &Row) -> Result<Lock> {
    Ok(Lock {
        id: HoldId(row.int(0)?),
        record: RecordId(row.int(1)?),
        module: ModuleId(row.int(2)?),
        reason: row.opt_text(3)?.map(str::to_owned),
        actor: UserId(row.int(4)?),
        at: Timestamp(row.int(5)?),
    })
}

/// The lock on a record.
pub fn find_lock(tx: &mut Tx, record: RecordId) -> Result<Option<Lock>> {
    let sql = "SELECT id, record, module, reason, actor, at FROM holds
               WHERE record = $1 AND kind = 'lock'";
    tx.query_opt(sql, params![record.0])?
        .as_ref()
        .map(lock)
        .transpose()
}

/// What holds these records.
pub fn kinds_of(tx: &mut Tx, records: &[RecordId]) -> Result<Vec<(RecordId, HoldKind)>> {
    let ids = Param::Ids(records.iter().map(|record| record.0).collect());
    let sql = "SELECT record, kind FROM holds WHERE record IN ids($1)";
    let rows = tx.query(sql, &[ids])?;
    let unknown = |word: &str| Error::Inconsistent(format!("a hold's kind is {word}"));
    rows.iter()
        .map(|row| {
            let word = row.text(1)?;
            let kind = HoldKind::parse(word).ok_or_else(|| unknown(word))?;
            Ok((RecordId(row.int(0)?), kind))
        })
        .collect()
}

/// Stores a lock.
pub fn insert_lock(tx: &mut Tx, new: &Lock) -> Result<()> {
    let sql = "INSERT INTO holds (id, record, module, kind, reason, actor, at)
               VALUES ($1, $2, $3, 'lock', $4, $5, $6)";
    let (id, record, module) = (new.id.0, new.record.0, new.module.0);
    tx.execute(
        sql,
        params![
            id,
            record,
            module,
            new.reason.clone(),
            new.actor.0,
            new.at.0
        ],
    )?;
    Ok(())
}

/// Changes the reason of a lock.
pub fn update_reason(tx: &mut Tx, id: HoldId, reason: Option<&str>) -> Result<()> {
    tx.execute(
        "UPDATE holds SET reason = $2 WHERE id = $1",
        params![id.0, reason],
    )?;
    Ok(())
}

/// Removes all holds of records that go.
pub fn delete_of(tx: &mut Tx, records: &[RecordId]) -> Result<()> {
    let ids = Param::Ids(records.iter().map(|record| record.0).collect());
    tx.execute("DELETE FROM holds WHERE record IN ids($1)", &[ids])?;
    Ok(())
}

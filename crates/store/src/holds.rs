//! Holds: why a record may not be changed now.

use crate::tx::Tx;
use crate::{Error, Param, Result, Row, params};
use model::hold::HoldKind;
use model::id::{HoldId, ModuleId, RecordId, UserId};
use model::time::Timestamp;
use model::value::{Class, Value};

/// One hold on one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Its id.
    pub id: HoldId,
    /// The record.
    pub record: RecordId,
    /// The record's module.
    pub module: ModuleId,
    /// What kind it is.
    pub kind: HoldKind,
    /// Why it is there, in the words of whoever put it there.
    pub reason: Option<String>,
    /// By whom.
    pub actor: UserId,
    /// When.
    pub at: Timestamp,
}

fn kind(word: &str) -> Result<HoldKind> {
    let unknown = || Error::Inconsistent(format!("a hold's kind is {word}"));
    HoldKind::parse(word).ok_or_else(unknown)
}

fn hold(row: &Row) -> Result<Hold> {
    Ok(Hold {
        id: HoldId(row.int(0)?),
        record: RecordId(row.int(1)?),
        module: ModuleId(row.int(2)?),
        kind: kind(row.text(3)?)?,
        reason: row.opt_text(4)?.map(str::to_owned),
        actor: UserId(row.int(5)?),
        at: Timestamp(row.int(6)?),
    })
}

/// All that hold a record, the oldest first.
pub fn of(tx: &mut Tx, record: RecordId) -> Result<Vec<Hold>> {
    let sql = "SELECT id, record, module, kind, reason, actor, at FROM holds
               WHERE record = $1 ORDER BY at, id";
    let rows = tx.query(sql, params![record.0])?;
    rows.iter().map(hold).collect()
}

/// The hold of this kind on a record.
pub fn find(tx: &mut Tx, record: RecordId, kind: HoldKind) -> Result<Option<Hold>> {
    let holds = of(tx, record)?;
    Ok(holds.into_iter().find(|hold| hold.kind == kind))
}

/// What holds these records.
pub fn kinds_of(tx: &mut Tx, records: &[RecordId]) -> Result<Vec<(RecordId, HoldKind)>> {
    let ids = Param::Ids(records.iter().map(|record| record.0).collect());
    let sql = "SELECT record, kind FROM holds WHERE record IN ids($1)";
    let rows = tx.query(sql, &[ids])?;
    rows.iter()
        .map(|row| Ok((RecordId(row.int(0)?), kind(row.text(1)?)?)))
        .collect()
}

/// Stores holds.
pub fn insert(tx: &mut Tx, holds: &[Hold]) -> Result<()> {
    let columns = [
        ("id", Class::Int),
        ("record", Class::Int),
        ("module", Class::Int),
        ("kind", Class::Text),
        ("reason", Class::Text),
        ("actor", Class::Int),
        ("at", Class::Int),
    ]
    .map(|(name, class)| (name.to_owned(), class));
    let rows: Vec<Vec<Value>> = holds
        .iter()
        .map(|hold| {
            vec![
                hold.id.0.into(),
                hold.record.0.into(),
                hold.module.0.into(),
                hold.kind.as_str().into(),
                hold.reason.clone().into(),
                hold.actor.0.into(),
                hold.at.0.into(),
            ]
        })
        .collect();
    tx.insert_rows("holds", &[], &columns, &rows)
}

/// Changes why a hold is there.
pub fn update_reason(tx: &mut Tx, id: HoldId, reason: Option<&str>) -> Result<()> {
    tx.execute(
        "UPDATE holds SET reason = $2 WHERE id = $1",
        params![id.0, reason],
    )?;
    Ok(())
}

/// Removes one hold.
pub fn delete(tx: &mut Tx, id: HoldId) -> Result<()> {
    tx.execute("DELETE FROM holds WHERE id = $1", params![id.0])?;
    Ok(())
}

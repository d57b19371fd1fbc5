//! Holds: why a record may not be changed now.

use crate::insert::Insert;
use crate::row::columns;
use crate::tx::Tx;
use crate::{Param, Result, params};
use model::hold::HoldKind;
use model::id::{HoldId, ModuleId, RecordId, UserId};
use model::time::Timestamp;

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

columns! { Hold { id, record, module, kind, reason, actor, at } }

/// All that hold a record, the oldest first.
pub fn of(tx: &mut Tx, record: RecordId) -> Result<Vec<Hold>> {
    let from = "FROM holds WHERE record = $1 ORDER BY at, id";
    tx.select(from, params![record.0])
}

/// The hold of this kind on a record.
pub fn find(tx: &mut Tx, record: RecordId, kind: HoldKind) -> Result<Option<Hold>> {
    let holds = of(tx, record)?;
    Ok(holds.into_iter().find(|hold| hold.kind == kind))
}

/// What holds these records.
pub fn kinds_of(tx: &mut Tx, records: &[RecordId]) -> Result<Vec<(RecordId, HoldKind)>> {
    let ids = Param::Ids(records.iter().map(|record| record.0).collect());
    let from = "FROM holds WHERE record IN ids($1)";
    tx.select_tuples(["record", "kind"], from, &[ids])
}

/// Stores holds.
pub fn insert(tx: &mut Tx, holds: &[Hold]) -> Result<()> {
    Insert::into("holds").all(tx, holds)
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

//! Which territories a record belongs to.

use crate::insert::Insert;
use crate::row::columns;
use crate::tx::{Param, Tx};
use crate::{Result, params};
use model::id::{ModuleId, RecordId, TerritoryId, UserId};
use model::time::Timestamp;
use std::collections::HashSet;

/// A record's place in a territory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The record.
    pub record: RecordId,
    /// The territory.
    pub territory: TerritoryId,
    /// Who put it there.
    pub actor: UserId,
    /// When.
    pub at: Timestamp,
}

columns! { Assignment { record, territory, actor, at } }

/// The territories of records, in the order in which they were assigned.
pub fn of(tx: &mut Tx, records: &[RecordId]) -> Result<Vec<Assignment>> {
    let ids = Param::Ids(records.iter().map(|record| record.0).collect());
    let from = "FROM record_territories WHERE record IN ids($1) ORDER BY record, at, territory";
    tx.select(from, &[ids])
}

/// Which of these records are in any of these territories.
pub(crate) fn members(
    tx: &mut Tx,
    module: ModuleId,
    territories: &[TerritoryId],
    records: &[RecordId],
) -> Result<HashSet<RecordId>> {
    let territories = Param::Ids(territories.iter().map(|t| t.0).collect());
    let records = Param::Ids(records.iter().map(|record| record.0).collect());
    let sql = "SELECT DISTINCT record FROM record_territories
               WHERE territory IN ids($1) AND record IN ids($2) AND module = $3";
    let members = tx.values(sql, &[territories, records, module.0.into()])?;
    Ok(members.into_iter().collect())
}

/// Puts a record into a territory.
pub fn assign(tx: &mut Tx, module: ModuleId, assignment: Assignment) -> Result<()> {
    Insert::into("record_territories")
        .row(&assignment)
        .set("module", module)
        .one(tx)
}

/// Takes a record out of a territory; `false` when it was not in it.
pub fn remove(tx: &mut Tx, record: RecordId, territory: TerritoryId) -> Result<bool> {
    let sql = "DELETE FROM record_territories WHERE record = $1 AND territory = $2";
    Ok(tx.execute(sql, params![record.0, territory.0])? == 1)
}

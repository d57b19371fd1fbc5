//! Which records are in which blueprint. A record's state in it is a value of the record itself.

use crate::Result;
use crate::insert::Insert;
use crate::row::columns;
use crate::tx::{Param, Tx};
use model::id::{BlueprintId, JobId, ModuleId, RecordId};
use model::time::Timestamp;

fn ids_of(records: &[RecordId]) -> Param {
    Param::Ids(records.iter().map(|record| record.0).collect())
}

/// A record that is in a blueprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inside {
    /// The record.
    pub record: RecordId,
    /// The blueprint.
    pub blueprint: BlueprintId,
    /// The job through which it entered.
    pub job: Option<JobId>,
}

columns! { read Inside { record, blueprint, job } }

/// The blueprints that these records are in.
pub fn of(tx: &mut Tx, records: &[RecordId]) -> Result<Vec<Inside>> {
    let from = "FROM record_blueprints WHERE record IN ids($1)";
    tx.select(from, &[ids_of(records)])
}

/// Puts records into a blueprint, out of whichever they were in.
pub fn enter(
    tx: &mut Tx,
    module: ModuleId,
    blueprint: BlueprintId,
    records: &[RecordId],
    (job, now): (Option<JobId>, Timestamp),
) -> Result<()> {
    delete_of(tx, records)?;
    let records = records.iter().map(|record| (*record,));
    Insert::into("record_blueprints")
        .set("blueprint", blueprint)
        .set("module", module)
        .set("job", job)
        .set("at", now)
        .tuples(tx, ["record"], records)
}

/// Takes records out of the blueprint that they are in.
pub fn delete_of(tx: &mut Tx, records: &[RecordId]) -> Result<()> {
    let sql = "DELETE FROM record_blueprints WHERE record IN ids($1)";
    tx.execute(sql, &[ids_of(records)])?;
    Ok(())
}

/// Takes every record out of blueprints that are none of these.
pub fn keep_only(tx: &mut Tx, blueprints: &[BlueprintId]) -> Result<()> {
    let ids = Param::Ids(blueprints.iter().map(|blueprint| blueprint.0).collect());
    let sql = "DELETE FROM record_blueprints WHERE NOT (blueprint IN ids($1))";
    tx.execute(sql, &[ids])?;
    Ok(())
}

//! Which records are in which blueprint. A record's state in it is a value of the record itself.

use crate::Result;
use crate::tx::{Param, Same, Tx};
use model::id::{BlueprintId, JobId, ModuleId, RecordId};
use model::time::Timestamp;
use model::value::{Class, Value};

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

/// The blueprints that these records are in.
pub fn of(tx: &mut Tx, records: &[RecordId]) -> Result<Vec<Inside>> {
    let sql = "SELECT record, blueprint, job FROM record_blueprints WHERE record IN ids($1)";
    let rows = tx.query(sql, &[ids_of(records)])?;
    rows.iter()
        .map(|row| {
            Ok(Inside {
                record: RecordId(row.int(0)?),
                blueprint: BlueprintId(row.int(1)?),
                job: row.opt_int(2)?.map(JobId),
            })
        })
        .collect()
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
    let same = [
        Same::int("blueprint", blueprint.0),
        Same::int("module", module.0),
        Same::int("job", job.map(|job| job.0)),
        Same::int("at", now.0),
    ];
    let columns = [("record".to_owned(), Class::Int)];
    let rows: Vec<Vec<Value>> = records.iter().map(|id| vec![id.0.into()]).collect();
    tx.insert_rows("record_blueprints", &same, &columns, &rows)
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

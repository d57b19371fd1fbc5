//! The catalog: one row, read whole and kept in memory by version.

use crate::insert::Insert;
use crate::tx::Tx;
use crate::{Error, Result, module_table};
use model::catalog::Catalog;
use model::time::Timestamp;

/// The version that this transaction sees; `None` before the first org file.
pub(crate) fn version(tx: &mut Tx) -> Result<Option<i64>> {
    tx.find_value("SELECT version FROM catalog", &[])
}

pub(crate) fn load(tx: &mut Tx) -> Result<Catalog> {
    let body: String = tx.value("SELECT body FROM catalog", &[])?;
    Catalog::from_json(&body)
        .map_err(|error| Error::Inconsistent(format!("the stored catalog: {error}")))
}

/// Stores a catalog and makes or alters the tables of its modules. Runs inside
/// [`crate::Db::change_catalog`], so that nothing sees one without the other.
pub fn save(tx: &mut Tx, catalog: &Catalog, now: Timestamp) -> Result<()> {
    module_table::follow(tx, catalog)?;
    let body = serde_json::to_string(catalog)
        .map_err(|error| Error::Inconsistent(format!("the catalog has no JSON form: {error}")))?;
    let row = Insert::into("catalog")
        .set("one", 1)
        .set("version", catalog.version)
        .set("body", body)
        .set("changed_at", now);
    row.or_update(
        tx,
        "(one) DO UPDATE SET version = excluded.version, body = excluded.body,
           changed_at = excluded.changed_at",
    )?;
    Ok(())
}

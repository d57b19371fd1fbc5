//! The catalog: one row, read whole and kept in memory by version.

use crate::tx::Tx;
use crate::{Error, Result, module_table, params};
use model::catalog::Catalog;
use model::time::Timestamp;

/// The version that this transaction sees; `None` before the first org file.
pub(crate) fn version(tx: &mut Tx) -> Result<Option<i64>> {
    tx.query_opt("SELECT version FROM catalog", &[])?
        .map(|row| row.int(0))
        .transpose()
}

pub(crate) fn load(tx: &mut Tx) -> Result<Catalog> {
    let row = tx.query_one("SELECT body FROM catalog", &[])?;
    Catalog::from_json(row.text(0)?)
        .map_err(|error| Error::Inconsistent(format!("the stored catalog: {error}")))
}

/// Stores a catalog and makes or alters the tables of its modules. Runs inside
/// [`crate::Db::change_catalog`], so that nothing sees one without the other.
pub fn save(tx: &mut Tx, catalog: &Catalog, now: Timestamp) -> Result<()> {
    module_table::follow(tx, catalog)?;
    let body = serde_json::to_string(catalog)
        .map_err(|error| Error::Inconsistent(format!("the catalog has no JSON form: {error}")))?;
    tx.execute(
        "INSERT INTO catalog (one, version, body, changed_at) VALUES (1, $1, $2, $3)
         ON CONFLICT (one) DO UPDATE SET version = excluded.version, body = excluded.body,
         changed_at = excluded.changed_at",
        params![catalog.version, body, now.0],
    )?;
    Ok(())
}

//! Records that belong to others by a lookup.

use crate::Result;
use crate::module_table::{column, table};
use crate::row::columns;
use crate::tx::{Param, Tx};
use model::field::Field;
use model::id::{ModuleId, RecordId};
use model::module::Module;

/// A record and the one that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Belonging {
    /// What it belongs to.
    pub to: RecordId,
    /// The record.
    pub record: RecordId,
}

columns! { read Belonging { to: belongs_to, record: id } }

/// Records of `module` that belong to one of these by `lookup`, where no lookup of `before` names a
/// record that exists in a module beside it: at most `limit`, those of the smallest ids in `to`
/// first.
pub fn of(
    tx: &mut Tx,
    module: &Module,
    lookup: &Field,
    before: &[(&Field, Vec<&Module>)],
    to: &[RecordId],
    limit: usize,
) -> Result<Vec<Belonging>> {
    let sql = query(module, lookup, before);
    let to = Param::Ids(to.iter().map(|record| record.0).collect());
    let limit = i64::try_from(limit).unwrap_or(i64::MAX).into();
    tx.query_as(&sql, &[to, limit])
}

/// In which of these modules each of these records stands; those that stand in none are left out.
pub fn modules_of(
    tx: &mut Tx,
    modules: &[&Module],
    ids: &[RecordId],
) -> Result<Vec<(RecordId, ModuleId)>> {
    if modules.is_empty() || ids.is_empty() {
        return Ok(Vec::new());
    }
    let of_module = |module: &&Module| {
        let (table, id) = (table(module), module.id);
        format!("SELECT id, CAST({id} AS BIGINT) AS module FROM {table} WHERE id IN ids($1)")
    };
    let sql: Vec<String> = modules.iter().map(of_module).collect();
    let ids = Param::Ids(ids.iter().map(|id| id.0).collect());
    let from = format!("FROM ({}) AS found", sql.join(" UNION ALL "));
    tx.select_tuples(["id", "module"], &from, &[ids])
}

fn query(module: &Module, lookup: &Field, before: &[(&Field, Vec<&Module>)]) -> String {
    let (own, by) = (table(module), column(lookup));
    let mut sql = format!("SELECT {by} AS belongs_to, id FROM {own} WHERE {by} IN ids($1)");
    for (field, targets) in before {
        for target in targets {
            // A lookup keeps the id of a record that is deleted.
            sql.push_str(&format!(
                " AND NOT EXISTS (SELECT 1 FROM {} t WHERE t.id = {own}.{})",
                table(target),
                column(field)
            ));
        }
    }
    sql.push_str(&format!(" ORDER BY {by}, id LIMIT $2"));
    sql
}

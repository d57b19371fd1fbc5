//! A table for each module, a typed column for each field, made and altered with the catalog.

use crate::dialect::quote;
use crate::tx::Tx;
use crate::{Result, params};
use model::catalog::Catalog;
use model::field::{Field, FieldKind};
use model::module::{Module, system};

/// The name of a module's table.
pub(crate) fn table_name(module: &Module) -> String {
    format!("m_{}", module.api_name)
}

/// The table of a module, quoted.
pub fn table(module: &Module) -> String {
    quote(&table_name(module))
}

/// The column of a field, quoted.
pub fn column(field: &Field) -> String {
    quote(&field.api_name)
}

/// Makes the tables follow a new catalog: a new module's table, a new field's column; the column of
/// a field that is gone or renamed is renamed, so that nothing stored is lost.
pub(crate) fn follow(tx: &mut Tx, catalog: &Catalog) -> Result<()> {
    let before = tx.find_catalog();
    for module in &catalog.modules {
        let old = before
            .as_ref()
            .and_then(|catalog| catalog.module_by_id(module.id));
        match old {
            None => create(tx, module)?,
            Some(old) => alter(tx, old, module)?,
        }
        for field in &module.fields {
            if let FieldKind::AutoNumber { start, .. } = &field.kind {
                tx.execute(
                    "INSERT INTO autonumbers (field, next) VALUES ($1, $2)
                     ON CONFLICT (field) DO NOTHING",
                    params![field.id.0, *start],
                )?;
            }
        }
    }
    if let Some(before) = before {
        for gone in before
            .modules
            .iter()
            .filter(|m| catalog.module_by_id(m.id).is_none())
        {
            let aside = quote(&format!("removed_{}", gone.id));
            tx.batch(&format!("ALTER TABLE {} RENAME TO {aside}", table(gone)))?;
        }
    }
    Ok(())
}

fn column_definition(tx: &Tx, field: &Field) -> String {
    format!(
        "{} {}",
        column(field),
        tx.dialect().column_type(field.kind.class())
    )
}

fn create(tx: &mut Tx, module: &Module) -> Result<()> {
    let mut columns = vec![
        format!("id {}", tx.dialect().record_key()),
        "rev BIGINT NOT NULL".to_owned(),
    ];
    columns.extend(
        module
            .fields
            .iter()
            .map(|field| column_definition(tx, field)),
    );
    tx.batch(&format!(
        "CREATE TABLE {} ({})",
        table(module),
        columns.join(", ")
    ))?;
    for name in [system::OWNER, system::CREATED_TIME, system::MODIFIED_TIME] {
        if let Some(field) = module.field(name) {
            index(tx, module, field)?;
        }
    }
    for field in &module.fields {
        indexes_of(tx, module, field)?;
    }
    Ok(())
}

/// A name that no other index has: field ids are unique in the org.
fn index_name(field: &Field) -> String {
    quote(&format!("i_{}", field.id))
}

fn index(tx: &mut Tx, module: &Module, field: &Field) -> Result<()> {
    let (name, table, column) = (index_name(field), table(module), column(field));
    tx.batch(&format!("CREATE INDEX {name} ON {table} ({column})"))
}

/// Indexes that the field's own rules need: its values unique without case, or found by reference.
fn indexes_of(tx: &mut Tx, module: &Module, field: &Field) -> Result<()> {
    if field.unique {
        let (name, table, column) = (index_name(field), table(module), column(field));
        let key = if field.kind.is_text() {
            format!("swathe_fold({column})")
        } else {
            column
        };
        return tx.batch(&format!("CREATE UNIQUE INDEX {name} ON {table} ({key})"));
    }
    if matches!(field.kind, FieldKind::Lookup { .. }) {
        return index(tx, module, field);
    }
    Ok(())
}

fn alter(tx: &mut Tx, old: &Module, new: &Module) -> Result<()> {
    if old.api_name != new.api_name {
        tx.batch(&format!(
            "ALTER TABLE {} RENAME TO {}",
            table(old),
            table(new)
        ))?;
    }
    let table = table(new);
    for was in &old.fields {
        let to = match new.field_by_id(was.id) {
            Some(now) if now.api_name == was.api_name => continue,
            Some(now) => column(now),
            None => {
                tx.batch(&format!("DROP INDEX IF EXISTS {}", index_name(was)))?;
                quote(&format!("removed_{}", was.id))
            }
        };
        tx.batch(&format!(
            "ALTER TABLE {table} RENAME COLUMN {} TO {to}",
            column(was)
        ))?;
    }
    for field in &new.fields {
        match old.field_by_id(field.id) {
            None => {
                let definition = column_definition(tx, field);
                tx.batch(&format!("ALTER TABLE {table} ADD COLUMN {definition}"))?;
                indexes_of(tx, new, field)?;
            }
            Some(was) if was.unique != field.unique => {
                tx.batch(&format!("DROP INDEX IF EXISTS {}", index_name(field)))?;
                indexes_of(tx, new, field)?;
            }
            Some(_) => {}
        }
    }
    Ok(())
}

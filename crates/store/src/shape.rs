//! Which tables a database has, with their columns and keys, as the database itself says.

use crate::row::columns;
use crate::tx::Tx;
use crate::{Error, Result};
use model::value::Class;

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    /// Its name, unquoted.
    pub(crate) name: String,
    /// Its columns, in their order.
    pub(crate) columns: Vec<(String, Class)>,
    /// The names of those that make its key, in the key's order.
    pub(crate) key: Vec<String>,
}

fn class(column_type: &str) -> Result<Class> {
    match column_type.to_ascii_uppercase().as_str() {
        "BOOLEAN" => Ok(Class::Bool),
        "BIGINT" | "INTEGER" => Ok(Class::Int),
        "TEXT" => Ok(Class::Text),
        other => Err(Error::Inconsistent(format!("a column of type {other}"))),
    }
}

/// A column as the database itself lists it.
struct ColumnRow {
    table_name: String,
    name: String,
    kind: String,
    key_place: i64,
}

columns! { read ColumnRow { table_name, name: column_name, kind: column_type, key_place } }

/// All tables of the database, by name.
pub(crate) fn tables(tx: &mut Tx) -> Result<Vec<Table>> {
    let sql = tx.dialect().list_columns();
    let mut tables: Vec<Table> = Vec::new();
    let mut keys: Vec<(i64, String)> = Vec::new();
    let close = |table: Option<&mut Table>, keys: &mut Vec<(i64, String)>| {
        keys.sort();
        let key = keys.drain(..).map(|(_, column)| column).collect();
        if let Some(table) = table {
            table.key = key;
        }
    };
    for row in tx.query_as::<ColumnRow>(sql, &[])? {
        if tables
            .last()
            .is_none_or(|table| table.name != row.table_name)
        {
            close(tables.last_mut(), &mut keys);
            tables.push(Table {
                name: row.table_name,
                columns: Vec::new(),
                key: Vec::new(),
            });
        }
        if row.key_place > 0 {
            keys.push((row.key_place, row.name.clone()));
        }
        if let Some(table) = tables.last_mut() {
            table.columns.push((row.name, class(&row.kind)?));
        }
    }
    close(tables.last_mut(), &mut keys);
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tables)
}

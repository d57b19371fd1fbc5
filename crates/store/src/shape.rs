//! Which tables a database has, with their columns and keys, as the database itself says.

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
    for row in tx.query(sql, &[])? {
        let (name, column) = (row.text(0)?, row.text(1)?.to_owned());
        if tables.last().is_none_or(|table| table.name != name) {
            close(tables.last_mut(), &mut keys);
            tables.push(Table {
                name: name.to_owned(),
                columns: Vec::new(),
                key: Vec::new(),
            });
        }
        if row.int(3)? > 0 {
            keys.push((row.int(3)?, column.clone()));
        }
        if let Some(table) = tables.last_mut() {
            table.columns.push((column, class(row.text(2)?)?));
        }
    }
    close(tables.last_mut(), &mut keys);
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tables)
}

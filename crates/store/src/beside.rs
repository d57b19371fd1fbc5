//! What stands beside a record's row in tables of its own: territories, holds, shares and its
//! blueprint and approval. It leaves with a record that is deleted, as one text, and comes back with it. Tags, notes
//! and attachments stay where they are, and go when the record cannot come back.

use crate::row::Cells;
use crate::tx::{Param, Same, Tx};
use crate::{Error, Result, attachments, tags};
use model::id::{ModuleId, RecordId};
use model::limits::LOOSE_CONTENT_MS;
use model::time::Timestamp;
use model::value::{Class, Value};
use serde_json::{Map, Value as Json};
use std::collections::HashMap;

/// Pieces of content that are removed at once: a few megabytes.
const PIECES_AT_ONCE: i64 = 25;

/// A table, its columns beside `record` and `module`, and their classes.
struct Table {
    name: &'static str,
    columns: &'static [(&'static str, Class)],
}

const TABLES: [Table; 5] = [
    Table {
        name: "record_territories",
        columns: &[
            ("territory", Class::Int),
            ("actor", Class::Int),
            ("at", Class::Int),
        ],
    },
    Table {
        name: "holds",
        columns: &[
            ("id", Class::Int),
            ("kind", Class::Text),
            ("reason", Class::Text),
            ("actor", Class::Int),
            ("at", Class::Int),
        ],
    },
    Table {
        name: "record_shares",
        columns: &[
            ("user_id", Class::Int),
            ("permission", Class::Text),
            ("actor", Class::Int),
            ("at", Class::Int),
        ],
    },
    Table {
        name: "record_blueprints",
        columns: &[
            ("blueprint", Class::Int),
            ("at", Class::Int),
            ("job", Class::Int),
        ],
    },
    Table {
        name: "record_approvals",
        columns: &[
            ("process", Class::Int),
            ("step", Class::Int),
            ("state", Class::Text),
            ("job", Class::Int),
            ("submitted_by", Class::Int),
            ("submitted_at", Class::Int),
            ("hold", Class::Int),
        ],
    },
];

/// Takes away what stands beside these records, and answers it for each that had anything: a JSON
/// object of lists of rows, by table.
pub fn take(tx: &mut Tx, records: &[RecordId]) -> Result<HashMap<RecordId, String>> {
    let mut kept: HashMap<RecordId, Map<String, Json>> = HashMap::new();
    for table in &TABLES {
        let own = table.columns.iter().map(|(name, _)| *name);
        let names: Vec<&str> = ["record"].into_iter().chain(own).collect();
        let ids = Param::Ids(records.iter().map(|record| record.0).collect());
        let sql = format!(
            "DELETE FROM {} WHERE record IN ids($1) RETURNING {}",
            table.name,
            names.join(", ")
        );
        let taken: Vec<(RecordId, Json)> = tx.select_by(&sql, &[ids], &names, |cells| {
            Ok((cells.take()?, to_json(cells, table)?))
        })?;
        for (record, row) in taken {
            let rows = kept.entry(record).or_default().entry(table.name);
            let rows = rows.or_insert_with(|| Json::Array(Vec::new()));
            if let Json::Array(rows) = rows {
                rows.push(row);
            }
        }
    }
    let text = |kept| Json::Object(kept).to_string();
    let texts = kept.into_iter();
    Ok(texts.map(|(record, kept)| (record, text(kept))).collect())
}

fn to_json(cells: &mut Cells<'_>, table: &Table) -> Result<Json> {
    let cells = table.columns.iter().map(|(_, class)| {
        Ok(match cells.take_value(*class)? {
            Value::Null => Json::Null,
            Value::Bool(truth) => truth.into(),
            Value::Int(number) => number.into(),
            Value::Text(text) => text.into(),
        })
    });
    Ok(Json::Array(cells.collect::<Result<_>>()?))
}

fn from_json(cell: &Json) -> Value {
    match cell {
        Json::Bool(truth) => Value::Bool(*truth),
        Json::Number(number) => number.as_i64().into(),
        Json::String(text) => text.as_str().into(),
        _ => Value::Null,
    }
}

/// Puts back what stood beside records of a module.
pub fn put(tx: &mut Tx, module: ModuleId, kept: &[(RecordId, String)]) -> Result<()> {
    let mut of_tables: HashMap<String, Vec<Vec<Value>>> = HashMap::new();
    for (record, text) in kept {
        let tables: Map<String, Json> = serde_json::from_str(text).map_err(|error| {
            Error::Inconsistent(format!("what was beside {record} cannot be read: {error}"))
        })?;
        for (table, rows) in tables {
            let rows = rows.as_array().into_iter().flatten();
            let rows = rows.map(|row| {
                let own = row.as_array().into_iter().flatten().map(from_json);
                [Value::from(record.0)].into_iter().chain(own).collect()
            });
            of_tables.entry(table).or_default().extend(rows);
        }
    }
    for table in &TABLES {
        let mut rows = of_tables.remove(table.name).unwrap_or_default();
        for row in &mut rows {
            // What was taken before a column was added knows nothing of it.
            row.resize(table.columns.len() + 1, Value::Null);
        }
        let own = table.columns.iter();
        let columns: Vec<(String, Class)> = [("record", Class::Int)]
            .iter()
            .chain(own)
            .map(|(name, class)| ((*name).to_owned(), *class))
            .collect();
        let same = [Same {
            column: "module",
            class: Class::Int,
            value: module.0.into(),
        }];
        tx.insert_rows(table.name, &same, &columns, &rows)?;
    }
    Ok(())
}

/// Removes what stayed of records that are gone for good.
pub(crate) fn purge(tx: &mut Tx, records: Vec<i64>) -> Result<()> {
    if records.is_empty() {
        return Ok(());
    }
    let records = Param::Ids(records);
    for table in ["record_tags", "notes", "approval_decisions"] {
        let sql = format!("DELETE FROM {table} WHERE record IN ids($1)");
        tx.execute(&sql, std::slice::from_ref(&records))?;
    }
    attachments::delete_of(tx, records)
}

/// Removes a part of what is left of attachments and tags that are gone; `false` when there is nothing.
pub fn tidy(tx: &mut Tx, now: Timestamp, rows: i64) -> Result<bool> {
    let before = now.plus_ms(-LOOSE_CONTENT_MS);
    Ok(attachments::tidy(tx, before, PIECES_AT_ONCE)? || tags::tidy(tx, rows)?)
}

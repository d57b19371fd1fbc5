//! The columns of a module's records, of which the catalog knows.

use super::Record;
use crate::Result;
use crate::cell::ToCell;
use crate::module_table::column;
use crate::row::Cells;
use crate::tx::{Param, Tx};
use model::field::Field;
use model::value::{Class, Value};

/// The columns of records: what every table of a module has, then those of some fields.
pub(super) struct RecordColumns<'a> {
    fields: &'a [&'a Field],
    /// As they stand in a statement.
    pub(super) quoted: Vec<(String, Class)>,
    pub(super) names: Vec<&'a str>,
}

impl<'a> RecordColumns<'a> {
    pub(super) fn of(fields: &'a [&'a Field]) -> Self {
        let own = ["id", "rev"].map(|name| (name.to_owned(), Class::Int));
        let quoted = fields
            .iter()
            .map(|field| (column(field), field.kind.class()));
        let names = fields.iter().map(|field| field.api_name.as_str());
        Self {
            fields,
            quoted: own.into_iter().chain(quoted).collect(),
            names: ["id", "rev"].into_iter().chain(names).collect(),
        }
    }

    pub(super) fn selected(&self) -> Vec<String> {
        self.quoted.iter().map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn read(&self, cells: &mut Cells<'_>) -> Result<Record> {
        Ok(Record {
            id: cells.take()?,
            rev: cells.take()?,
            values: self
                .fields
                .iter()
                .map(|field| cells.take_value(field.kind.class()))
                .collect::<Result<_>>()?,
        })
    }

    pub(super) fn select(&self, tx: &mut Tx, sql: &str, params: &[Param]) -> Result<Vec<Record>> {
        tx.select_by(sql, params, &self.names, |cells| self.read(cells))
    }

    pub(super) fn row(record: Record) -> Vec<Value> {
        let mut row = Vec::with_capacity(record.values.len() + 2);
        row.extend([record.id.to_cell(), record.rev.to_cell()]);
        row.extend(record.values);
        row
    }
}

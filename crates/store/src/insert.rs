//! Inserting: the names of the columns, their values and their classes come from one list.

use crate::Result;
use crate::cell::ToCell;
use crate::row::{FromRow, ToRow, ToTuple};
use crate::tx::{Param, Same, Tx};
use model::value::{Class, Value};

/// An insert into a table: of one row, or of many that have some values in common.
pub(crate) struct Insert {
    table: &'static str,
    columns: Vec<Same<'static>>,
}

impl Insert {
    pub(crate) fn into(table: &'static str) -> Self {
        Self {
            table,
            columns: Vec::new(),
        }
    }

    /// With a value in a column.
    pub(crate) fn set<T: ToCell>(mut self, column: &'static str, value: T) -> Self {
        self.columns.push(Same {
            column,
            class: T::CLASS,
            value: value.to_cell(),
        });
        self
    }

    /// With the columns of this type.
    pub(crate) fn row<T: ToRow>(mut self, row: &T) -> Self {
        let (mut classes, mut values) = (Vec::new(), Vec::new());
        T::classes(&mut classes);
        row.to_row(&mut values);
        let columns = T::list().names().iter().zip(classes).zip(values);
        self.columns
            .extend(columns.map(|((column, class), value)| Same {
                column,
                class,
                value,
            }));
        self
    }

    /// Inserts one row.
    pub(crate) fn one(self, tx: &mut Tx) -> Result<()> {
        let sql = self.sql();
        tx.execute(&sql, &self.params()).map(|_| ())
    }

    /// Inserts one row, or does something else where a row has its key: the words behind `ON CONFLICT`,
    /// to which the row that was not inserted is `excluded`. Answers whether either was done.
    pub(crate) fn or_update(self, tx: &mut Tx, conflict: &str) -> Result<bool> {
        let sql = format!("{} ON CONFLICT {conflict}", self.sql());
        Ok(tx.execute(&sql, &self.params())? == 1)
    }

    /// The same with a value that is in no column: `$$` in those words.
    pub(crate) fn or_update_with(
        self,
        tx: &mut Tx,
        conflict: &str,
        value: impl ToCell,
    ) -> Result<bool> {
        let place = format!("${}", self.columns.len() + 1);
        let conflict = conflict.replace("$$", &place);
        let sql = format!("{} ON CONFLICT {conflict}", self.sql());
        let mut params = self.params();
        params.push(Param::Value(value.to_cell()));
        Ok(tx.execute(&sql, &params)? == 1)
    }

    /// Like [`Self::or_update`], and reads what the row became; none if nothing was done.
    pub(crate) fn or_update_read<T: FromRow>(
        self,
        tx: &mut Tx,
        conflict: &str,
    ) -> Result<Option<T>> {
        let sql = format!(
            "{} ON CONFLICT {conflict} RETURNING {}",
            self.sql(),
            T::list()
        );
        tx.query_as_opt(&sql, &self.params())
    }

    fn sql(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|one| one.column).collect();
        let places: Vec<String> = (1..=names.len()).map(|n| format!("${n}")).collect();
        let (names, places) = (names.join(", "), places.join(", "));
        format!("INSERT INTO {} ({names}) VALUES ({places})", self.table)
    }

    fn params(self) -> Vec<Param> {
        let values = self.columns.into_iter().map(|one| Param::Value(one.value));
        values.collect()
    }

    /// Inserts many rows that have the columns of this type beside what was set for all of them.
    pub(crate) fn all<'a, T: ToRow + 'a>(
        self,
        tx: &mut Tx,
        rows: impl IntoIterator<Item = &'a T>,
    ) -> Result<()> {
        let mut classes = Vec::new();
        T::classes(&mut classes);
        let names = T::list().names();
        let rows = rows.into_iter().map(|one| {
            let mut row = Vec::with_capacity(names.len());
            one.to_row(&mut row);
            row
        });
        self.many(tx, names, classes, rows.collect())
    }

    /// Inserts many rows of a few values each, in these columns.
    pub(crate) fn tuples<T: ToTuple>(
        self,
        tx: &mut Tx,
        names: T::Names,
        rows: impl IntoIterator<Item = T>,
    ) -> Result<()> {
        let rows = rows.into_iter().map(|row| row.to_cells()).collect();
        self.many(tx, names.as_ref(), T::classes(), rows)
    }

    fn many(
        self,
        tx: &mut Tx,
        names: &[&str],
        classes: Vec<Class>,
        rows: Vec<Vec<Value>>,
    ) -> Result<()> {
        let names = names.iter().map(|name| (*name).to_owned());
        let columns: Vec<(String, Class)> = names.zip(classes).collect();
        tx.insert_rows(self.table, &self.columns, &columns, &rows)
    }
}

//! A transaction: the only thing that speaks to a driver, and all that a file of SQL needs.

use crate::cell::FromCell;
use crate::ids::Ids;
use crate::postgres::PgConnection;
use crate::row::{self, Cells, FromRow, Tuple};
use crate::{Dialect, Error, Result, Row};
use model::catalog::Catalog;
use model::value::{Class, Value};
use std::cell::OnceCell;
use std::sync::Arc;

/// A parameter of a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Param {
    /// One value.
    Value(Value),
    /// A list of ids, for `IN ids($n)`.
    Ids(Vec<i64>),
    /// A list of texts, for `IN texts($n)`.
    Texts(Vec<String>),
}

impl<T: Into<Value>> From<T> for Param {
    fn from(value: T) -> Self {
        Self::Value(value.into())
    }
}

/// Makes the parameters of a statement from values of several types.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::Param::from($value)),*][..] };
}

/// Hears the names of a statement's columns, once.
pub(crate) type Head<'a> = Option<&'a mut dyn FnMut(&[&str]) -> Result<()>>;

/// Hears the cells of a row, and may take them.
pub(crate) type Each<'a> = &'a mut dyn FnMut(&mut [Value]) -> Result<()>;

fn at_most_one<T>(mut rows: Vec<T>, sql: &str) -> Result<Option<T>> {
    if rows.len() > 1 {
        let text = format!("{} rows for: {sql}", rows.len());
        return Err(Error::Inconsistent(text));
    }
    Ok(rows.pop())
}

pub(crate) enum Engine<'a> {
    Sqlite(&'a rusqlite::Connection),
    Postgres(&'a mut PgConnection),
}

/// A transaction on either database. It cannot wait for anything but the database.
pub struct Tx<'a> {
    engine: Engine<'a>,
    ids: &'a Ids,
    catalog: Option<Arc<Catalog>>,
    failed: Option<String>,
    reads_only: bool,
    events_left: i64,
}

impl<'a> Tx<'a> {
    pub(crate) fn new(engine: Engine<'a>, ids: &'a Ids) -> Self {
        Self {
            engine,
            ids,
            catalog: None,
            failed: None,
            reads_only: false,
            events_left: 0,
        }
    }

    /// The same, of a snapshot that is only read.
    pub(crate) fn reading_only(mut self) -> Self {
        self.reads_only = true;
        self
    }

    /// Locks the rows that a select reads until the transaction ends. A snapshot that is only read
    /// needs no locks and may take none: so a plan asks by the statements that a run asks by.
    pub(crate) fn for_update(&self) -> &'static str {
        self.unless_only_read(Dialect::for_update)
    }

    /// The same of rows that stay whatever is written into them.
    pub(crate) fn for_change(&self) -> &'static str {
        self.unless_only_read(Dialect::for_change)
    }

    /// Keeps the rows that a select reads from being deleted until the transaction ends.
    pub(crate) fn for_reference(&self) -> &'static str {
        self.unless_only_read(Dialect::for_reference)
    }

    fn unless_only_read(&self, lock: fn(Dialect) -> &'static str) -> &'static str {
        if self.reads_only {
            ""
        } else {
            lock(self.dialect())
        }
    }

    /// The first error of a statement. PostgreSQL ends a transaction there, and answers a later
    /// COMMIT as if nothing were wrong; so a closure that went on must not look committed.
    pub(crate) fn failed(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    /// How many events this transaction has left for automation so far.
    pub fn events_left(&self) -> i64 {
        self.events_left
    }

    pub(crate) fn leave_events(&mut self, count: usize) {
        self.events_left += i64::try_from(count).unwrap_or(i64::MAX);
    }

    fn note<T>(&mut self, answer: Result<T>) -> Result<T> {
        if let Err(error) = &answer {
            self.failed.get_or_insert_with(|| error.to_string());
        }
        answer
    }

    pub(crate) fn set_catalog(&mut self, catalog: Option<Arc<Catalog>>) {
        self.catalog = catalog;
    }

    /// The catalog at the version that this transaction sees.
    pub fn catalog(&self) -> Result<Arc<Catalog>> {
        self.find_catalog()
            .ok_or_else(|| Error::Unusable("the database has no org yet: apply an org file".into()))
    }

    /// The catalog, if an org file was ever applied.
    pub fn find_catalog(&self) -> Option<Arc<Catalog>> {
        self.catalog.clone()
    }

    /// Which database this is.
    pub fn dialect(&self) -> Dialect {
        match self.engine {
            Engine::Sqlite(_) => Dialect::Sqlite,
            Engine::Postgres(_) => Dialect::Postgres,
        }
    }

    /// A new id, unique in the org for ever.
    pub fn new_id(&self) -> Result<i64> {
        self.ids.next()
    }

    /// Runs a statement; answers how many rows it touched.
    pub fn execute(&mut self, sql: &str, params: &[Param]) -> Result<usize> {
        let sql = self.dialect().sql(sql);
        let answer = match &mut self.engine {
            Engine::Sqlite(connection) => crate::sqlite::execute(connection, &sql, params),
            Engine::Postgres(connection) => connection.execute(&sql, params),
        };
        self.note(answer)
    }

    /// Runs statements that take no parameters.
    pub fn batch(&mut self, sql: &str) -> Result<()> {
        let answer = match &mut self.engine {
            Engine::Sqlite(connection) => connection.execute_batch(sql).map_err(Error::from),
            Engine::Postgres(connection) => connection.batch(sql),
        };
        self.note(answer)
    }

    /// Gives the cells of each row to `each`, and first the columns' names to `head`, if it wants them.
    fn run(&mut self, sql: &str, params: &[Param], head: Head<'_>, each: Each<'_>) -> Result<()> {
        let sql = self.dialect().sql(sql);
        let answer = match &mut self.engine {
            Engine::Sqlite(connection) => {
                crate::sqlite::query(connection, &sql, params, head, each)
            }
            Engine::Postgres(connection) => connection.query(&sql, params, head, each),
        };
        self.note(answer)
    }

    /// The rows of a query, cells by name.
    pub fn query(&mut self, sql: &str, params: &[Param]) -> Result<Vec<Row>> {
        let names: OnceCell<Arc<[String]>> = OnceCell::new();
        let mut head = |has: &[&str]| {
            names.get_or_init(|| has.iter().map(|name| (*name).to_owned()).collect());
            Ok(())
        };
        let mut rows = Vec::new();
        self.run(sql, params, Some(&mut head), &mut |row| {
            let names = names.get().cloned().unwrap_or_default();
            let cells = row.iter_mut().map(std::mem::take).collect();
            rows.push(Row::new(names, cells));
            Ok(())
        })?;
        Ok(rows)
    }

    /// The values of a query that has one column.
    pub fn values<T: FromCell>(&mut self, sql: &str, params: &[Param]) -> Result<Vec<T>> {
        let mut values = Vec::new();
        self.run(sql, params, None, &mut |row| {
            if row.len() != 1 {
                let text = format!("{} columns for: {sql}", row.len());
                return Err(Error::Inconsistent(text));
            }
            values.push(Cells::in_order(row, &["value"]).take()?);
            Ok(())
        })?;
        Ok(values)
    }

    /// The value of a query that has one column and at most one row.
    pub fn find_value<T: FromCell>(&mut self, sql: &str, params: &[Param]) -> Result<Option<T>> {
        let values = self.values(sql, params)?;
        at_most_one(values, sql)
    }

    /// The value of a query that has one column and one row.
    pub fn value<T: FromCell>(&mut self, sql: &str, params: &[Param]) -> Result<T> {
        self.find_value(sql, params)?
            .ok_or_else(|| Error::Inconsistent(format!("no row for: {sql}")))
    }

    /// The rows of a query as a type; the words are those behind SELECT and its list, which the type
    /// has.
    pub(crate) fn select<T: FromRow>(&mut self, from: &str, params: &[Param]) -> Result<Vec<T>> {
        let list = T::list();
        let sql = format!("SELECT {list} {from}");
        let mut rows = Vec::new();
        self.run(&sql, params, None, &mut |row| {
            rows.push(T::from_row(&mut Cells::in_order(row, list.names()))?);
            Ok(())
        })?;
        Ok(rows)
    }

    /// The same of a query that has at most one row.
    pub(crate) fn select_opt<T: FromRow>(
        &mut self,
        from: &str,
        params: &[Param],
    ) -> Result<Option<T>> {
        let rows = self.select(from, params)?;
        at_most_one(rows, from)
    }

    /// The rows of a whole statement as a type, whose columns it names in any order.
    pub(crate) fn query_as<T: FromRow>(&mut self, sql: &str, params: &[Param]) -> Result<Vec<T>> {
        let names = T::list().names();
        let places: OnceCell<Vec<usize>> = OnceCell::new();
        let mut head = |has: &[&str]| {
            let found = row::places(names, has)?;
            places.get_or_init(|| found);
            Ok(())
        };
        let mut rows = Vec::new();
        self.run(sql, params, Some(&mut head), &mut |row| {
            let places = places.get().map_or(&[][..], Vec::as_slice);
            rows.push(T::from_row(&mut Cells::at(row, names, places))?);
            Ok(())
        })?;
        Ok(rows)
    }

    /// The same of a statement that has at most one row.
    pub(crate) fn query_as_opt<T: FromRow>(
        &mut self,
        sql: &str,
        params: &[Param],
    ) -> Result<Option<T>> {
        let rows = self.query_as(sql, params)?;
        at_most_one(rows, sql)
    }

    /// The rows of a query of a few columns: names or expressions, and what they are read as.
    pub(crate) fn select_tuples<T: Tuple>(
        &mut self,
        columns: T::Names,
        from: &str,
        params: &[Param],
    ) -> Result<Vec<T>> {
        let columns = columns.as_ref();
        let sql = format!("SELECT {} {from}", columns.join(", "));
        let mut rows = Vec::new();
        self.run(&sql, params, None, &mut |row| {
            rows.push(T::from_cells(&mut Cells::in_order(row, columns))?);
            Ok(())
        })?;
        Ok(rows)
    }

    /// The same of a query that has at most one row.
    pub(crate) fn select_tuple<T: Tuple>(
        &mut self,
        columns: T::Names,
        from: &str,
        params: &[Param],
    ) -> Result<Option<T>> {
        let rows = self.select_tuples(columns, from, params)?;
        at_most_one(rows, from)
    }

    /// Reads the rows of a query whose list of columns only the catalog knows, or the database itself.
    pub(crate) fn select_by<T>(
        &mut self,
        sql: &str,
        params: &[Param],
        names: &[&str],
        mut read: impl FnMut(&mut Cells<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        self.run(sql, params, None, &mut |row| {
            rows.push(read(&mut Cells::in_order(row, names))?);
            Ok(())
        })?;
        Ok(rows)
    }

    /// The same row by row, as they come: for more than memory should hold at once.
    pub(crate) fn stream_by(
        &mut self,
        sql: &str,
        params: &[Param],
        names: &[&str],
        each: &mut dyn FnMut(&mut Cells<'_>) -> Result<()>,
    ) -> Result<()> {
        let sql = self.dialect().sql(sql);
        let each: Each<'_> = &mut |row| each(&mut Cells::in_order(row, names));
        let answer = match &mut self.engine {
            Engine::Sqlite(connection) => {
                crate::sqlite::query(connection, &sql, params, None, each)
            }
            Engine::Postgres(connection) => connection.stream(&sql, params, each),
        };
        self.note(answer)
    }

    /// Inserts many rows. `same` holds the columns whose value every row shares; `columns` those of
    /// `rows`. Names are quoted by the caller where needed.
    pub fn insert_rows(
        &mut self,
        table: &str,
        same: &[Same<'_>],
        columns: &[(String, Class)],
        rows: &[Vec<Value>],
    ) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let sql = self.dialect().insert_rows(table, same, columns);
        self.run_rows(&sql, same, columns, rows).map(|_| ())
    }

    /// Gives many rows values of their own and raises their revisions by one; the last of `columns` is
    /// the id of the row. `same` holds the columns whose new value all rows share. Answers how many
    /// rows there were.
    pub(crate) fn update_rows(
        &mut self,
        table: &str,
        same: &[Same<'_>],
        columns: &[(String, Class)],
        rows: &[Vec<Value>],
    ) -> Result<usize> {
        if rows.is_empty() {
            return Ok(0);
        }
        let sql = self.dialect().update_rows(table, same, columns);
        self.run_rows(&sql, same, columns, rows)
    }

    fn run_rows(
        &mut self,
        sql: &str,
        same: &[Same<'_>],
        columns: &[(String, Class)],
        rows: &[Vec<Value>],
    ) -> Result<usize> {
        let answer = match &mut self.engine {
            Engine::Sqlite(connection) => crate::sqlite::execute_many(connection, sql, same, rows),
            Engine::Postgres(connection) => connection.execute_arrays(sql, same, columns, rows),
        };
        self.note(answer)
    }
}

/// A column that has the same value in every row of an insert.
pub struct Same<'a> {
    /// Its name.
    pub column: &'a str,
    /// Its storage class.
    pub class: Class,
    /// The value.
    pub value: Value,
}

//! The judge's own way into a database: every value as text, past all of the server's code.

use anyhow::{Context, Result, bail};
use postgres::SimpleQueryMessage;
use rusqlite::types::ValueRef;
use std::path::Path;

pub(crate) enum Sql {
    Sqlite(rusqlite::Connection),
    Postgres(postgres::Client),
}

/// A row, each value as text.
pub(crate) type Row = Vec<Option<String>>;

impl Sql {
    pub(crate) fn sqlite(path: &Path) -> Result<Self> {
        Ok(Self::Sqlite(rusqlite::Connection::open(path)?))
    }

    pub(crate) fn postgres(url: &str) -> Result<Self> {
        Ok(Self::Postgres(postgres::Client::connect(
            url,
            postgres::NoTls,
        )?))
    }

    /// All that follows is read as of one moment.
    pub(crate) fn snapshot(&mut self) -> Result<()> {
        match self {
            Self::Sqlite(_) => self.run("BEGIN"),
            Self::Postgres(_) => self.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
        }
    }

    pub(crate) fn run(&mut self, sql: &str) -> Result<()> {
        match self {
            Self::Sqlite(connection) => connection.execute_batch(sql)?,
            Self::Postgres(client) => client.batch_execute(sql)?,
        }
        Ok(())
    }

    pub(crate) fn rows(&mut self, sql: &str) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare(sql).with_context(|| sql.to_owned())?;
                let columns = statement.column_count();
                let mut found = statement.query([])?;
                let mut rows = Vec::new();
                while let Some(row) = found.next()? {
                    let mut values = Vec::with_capacity(columns);
                    for n in 0..columns {
                        values.push(match row.get_ref(n)? {
                            ValueRef::Null => None,
                            ValueRef::Integer(number) => Some(number.to_string()),
                            ValueRef::Text(text) => Some(String::from_utf8(text.to_vec())?),
                            other => bail!("a value of type {}", other.data_type()),
                        });
                    }
                    rows.push(values);
                }
                Ok(rows)
            }
            Self::Postgres(client) => {
                let messages = client.simple_query(sql).with_context(|| sql.to_owned())?;
                let rows = messages.into_iter().filter_map(|message| match message {
                    SimpleQueryMessage::Row(row) => Some(row),
                    _ => None,
                });
                let text = |row: &postgres::SimpleQueryRow, n| row.get(n).map(str::to_owned);
                Ok(rows
                    .map(|row| (0..row.len()).map(|n| text(&row, n)).collect())
                    .collect())
            }
        }
    }

    /// The first column of the first row as a number.
    pub(crate) fn int(&mut self, sql: &str) -> Result<i64> {
        let rows = self.rows(sql)?;
        let first = rows.first().and_then(|row| row.first());
        let text = first.and_then(Option::as_deref);
        let text = text.with_context(|| format!("no row for: {sql}"))?;
        text.parse().with_context(|| format!("{text} for: {sql}"))
    }

    /// The first column of every row as numbers.
    pub(crate) fn ints(&mut self, sql: &str) -> Result<Vec<i64>> {
        let rows = self.rows(sql)?;
        rows.iter().map(|row| number(row, 0)).collect()
    }
}

/// A number of a row.
pub(crate) fn number(row: &Row, n: usize) -> Result<i64> {
    let text = text(row, n)?;
    text.parse().with_context(|| text.to_owned())
}

/// A text of a row.
pub(crate) fn text(row: &Row, n: usize) -> Result<&str> {
    let value = row.get(n).and_then(Option::as_deref);
    value.with_context(|| format!("no column {n} in {row:?}"))
}

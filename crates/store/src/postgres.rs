//! The shared database: connecting, prepared statements, binding and decoding.

use crate::error::broke;
use crate::tx::{Each, Head, Same};
use crate::{Error, Param, Result};
use model::value::{Class, Value};
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::private::BytesMut;
use postgres::types::{IsNull, ToSql, Type};
use postgres::{Client, NoTls, Statement};
use std::collections::HashMap;
use std::time::Duration;

/// Prepared statements kept for each connection; past this all are forgotten and made again.
const STATEMENTS_MAX: usize = 400;

/// A connection and its prepared statements.
pub(crate) struct PgConnection {
    client: Client,
    /// Some error said so; the client itself may take long to see it.
    broken: bool,
    statements: HashMap<String, Statement>,
}

impl PgConnection {
    pub(crate) fn open(url: &str) -> Result<Self> {
        let mut config: postgres::Config = url
            .parse()
            .map_err(|error| Error::Unusable(format!("not a PostgreSQL URL: {error}")))?;
        config
            .application_name("swathe")
            .connect_timeout(Duration::from_secs(5));
        let mut client = config.connect(NoTls)?;
        client.batch_execute(
            "SET idle_in_transaction_session_timeout = '60s'; SET lock_timeout = '10s';
             SET statement_timeout = '60s'; SET client_min_messages = 'warning'",
        )?;
        Ok(Self {
            client,
            broken: false,
            statements: HashMap::new(),
        })
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.broken || self.client.is_closed()
    }

    fn note<T>(&mut self, answer: std::result::Result<T, postgres::Error>) -> Result<T> {
        answer.map_err(|error| {
            self.broken |= broke(&error);
            error.into()
        })
    }

    pub(crate) fn batch(&mut self, sql: &str) -> Result<()> {
        let answer = self.client.batch_execute(sql);
        self.note(answer)
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        if self.statements.len() >= STATEMENTS_MAX {
            self.statements.clear();
        }
        let statement = self.client.prepare(sql);
        let statement = self.note(statement)?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    pub(crate) fn execute(&mut self, sql: &str, params: &[Param]) -> Result<usize> {
        let statement = self.prepare(sql)?;
        let params: Vec<&(dyn ToSql + Sync)> = params
            .iter()
            .map(|param| param as &(dyn ToSql + Sync))
            .collect();
        let touched = self.client.execute(&statement, &params);
        let touched = self.note(touched)?;
        usize::try_from(touched).map_err(|_| Error::Driver("too many rows".to_owned()))
    }

    /// The rows of a query, all at once.
    pub(crate) fn query(
        &mut self,
        sql: &str,
        params: &[Param],
        head: Head<'_>,
        each: Each<'_>,
    ) -> Result<()> {
        let statement = self.prepare(sql)?;
        tell_columns(&statement, head)?;
        let params: Vec<&(dyn ToSql + Sync)> = params
            .iter()
            .map(|param| param as &(dyn ToSql + Sync))
            .collect();
        let rows = self.client.query(&statement, &params);
        let mut cells = Vec::with_capacity(statement.columns().len());
        for row in self.note(rows)? {
            decode(&row, &mut cells)?;
            each(&mut cells)?;
        }
        Ok(())
    }

    /// Takes the rows as they come.
    pub(crate) fn stream(&mut self, sql: &str, params: &[Param], each: Each<'_>) -> Result<()> {
        let statement = self.prepare(sql)?;
        let Self { client, broken, .. } = self;
        let mut failed = |error: postgres::Error| {
            *broken |= broke(&error);
            Error::from(error)
        };
        let mut rows = match client.query_raw(&statement, params) {
            Ok(rows) => rows,
            Err(error) => return Err(failed(error)),
        };
        let mut cells = Vec::with_capacity(statement.columns().len());
        loop {
            match rows.next() {
                Ok(Some(row)) => {
                    decode(&row, &mut cells)?;
                    each(&mut cells)?;
                }
                Ok(None) => return Ok(()),
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// Runs a statement whose parameters are what all rows share, then columns of `rows`, each as one
    /// array.
    pub(crate) fn execute_arrays(
        &mut self,
        sql: &str,
        same: &[Same<'_>],
        columns: &[(String, Class)],
        rows: &[Vec<Value>],
    ) -> Result<usize> {
        let statement = self.prepare(sql)?;
        let arrays: Vec<Vec<Option<Cell<'_>>>> = (0..columns.len())
            .map(|n| {
                rows.iter()
                    .map(|row| row.get(n).and_then(Cell::of))
                    .collect()
            })
            .collect();
        let shared: Vec<Cell<'_>> = same.iter().map(|same| Cell(&same.value)).collect();
        let shared = shared.iter().map(|cell| cell as &(dyn ToSql + Sync));
        let params: Vec<&(dyn ToSql + Sync)> = shared
            .chain(arrays.iter().map(|array| array as &(dyn ToSql + Sync)))
            .collect();
        let touched = self.client.execute(&statement, &params);
        let touched = self.note(touched)?;
        usize::try_from(touched)
            .map_err(|_| Error::Inconsistent(format!("{touched} rows were touched")))
    }
}

/// A value that is there, as PostgreSQL takes it.
#[derive(Debug)]
struct Cell<'a>(&'a Value);

impl<'a> Cell<'a> {
    fn of(value: &'a Value) -> Option<Self> {
        (!value.is_null()).then_some(Self(value))
    }
}

type Bound = std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>>;

impl ToSql for Cell<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Bound {
        match self.0 {
            Value::Null => Ok(IsNull::Yes),
            Value::Bool(truth) => truth.to_sql_checked(ty, out),
            Value::Int(number) => number.to_sql_checked(ty, out),
            Value::Text(text) => text.to_sql_checked(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        bool::accepts(ty) || i64::accepts(ty) || <&str>::accepts(ty)
    }

    postgres::types::to_sql_checked!();
}

impl ToSql for Param {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Bound {
        match self {
            Self::Value(value) => Cell(value).to_sql(ty, out),
            Self::Ids(ids) => ids.to_sql_checked(ty, out),
            Self::Texts(texts) => texts.to_sql_checked(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        Cell::accepts(ty) || <Vec<i64> as ToSql>::accepts(ty) || <Vec<String> as ToSql>::accepts(ty)
    }

    postgres::types::to_sql_checked!();
}

fn tell_columns(statement: &Statement, head: Head<'_>) -> Result<()> {
    let Some(head) = head else {
        return Ok(());
    };
    let columns = statement.columns().iter();
    let names: Vec<&str> = columns.map(postgres::Column::name).collect();
    head(&names)
}

fn decode(row: &postgres::Row, cells: &mut Vec<Value>) -> Result<()> {
    cells.clear();
    for (n, column) in row.columns().iter().enumerate() {
        let value = match *column.type_() {
            Type::BOOL => row.try_get::<_, Option<bool>>(n)?.map(Value::Bool),
            Type::INT8 => row.try_get::<_, Option<i64>>(n)?.map(Value::Int),
            Type::INT4 => row
                .try_get::<_, Option<i32>>(n)?
                .map(|i| Value::Int(i.into())),
            _ => row.try_get::<_, Option<String>>(n)?.map(Value::Text),
        };
        cells.push(value.unwrap_or(Value::Null));
    }
    Ok(())
}

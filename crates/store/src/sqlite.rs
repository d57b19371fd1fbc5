//! The embedded database: opening a file, the owner's lock, binding and decoding.

use crate::tx::{Each, Head, Same};
use crate::{Error, Param, Result};
use model::value::{Value, fold};
use rusqlite::functions::FunctionFlags;
use rusqlite::types::{ToSqlOutput, Value as Cell, ValueRef};
use rusqlite::{Connection, OpenFlags, ToSql};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Marks a file as ours ("SWTH").
const APPLICATION_ID: i64 = 0x5357_5448;

/// Bytes of a page. Twice SQLite's default: records are wide, and a chunk visits neighbours, so that
/// fewer pages are looked for, split and logged (a tenth less processor time for the demo).
const PAGE_BYTES: i64 = 8_192;

/// Bytes in the log at which it is checked in to the file.
const LOG_BYTES_MAX: i64 = 16 * 1024 * 1024;

/// The right to use a SQLite file, held by a lock on a file beside it while the process lives.
pub(crate) struct Owner {
    _lock: File,
}

/// The path of a file that belongs to another one.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Takes the right to use a file, or says that another process has it.
pub(crate) fn own(path: &Path) -> Result<Owner> {
    let lock_path = beside(path, ".lock");
    let away = |error: std::io::Error| {
        Error::Unusable(format!("cannot use {}: {error}", lock_path.display()))
    };
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock_path)
        .map_err(away)?;
    match lock.try_lock() {
        Ok(()) => Ok(Owner { _lock: lock }),
        Err(TryLockError::WouldBlock) => Err(Error::Unusable(format!(
            "another process owns {}: talk to that server with --url and --token, or stop it",
            path.display()
        ))),
        Err(TryLockError::Error(error)) => Err(away(error)),
    }
}

/// Opens the one connection that writes, making the file if there is none.
pub(crate) fn open_writer(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags)?;
    if connection.is_readonly("main")? {
        return Err(Error::ReadOnly(format!(
            "{} can only be read",
            path.display()
        )));
    }
    // Says something to a new file only, and only before its first page is written.
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    claim(&connection, path)?;
    let log_pages = LOG_BYTES_MAX / pragma(&connection, "page_size")?.max(1);
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -32768;
         PRAGMA wal_autocheckpoint = {log_pages};",
    ))?;
    let synchronous: i64 = pragma(&connection, "synchronous")?;
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    if synchronous != 2 || mode != "wal" {
        return Err(Error::Unusable(format!(
            "{} cannot be written durably: journal {mode}, synchronous {synchronous}",
            path.display()
        )));
    }
    Ok(connection)
}

/// Refuses to make a database where there is one, or where another one left its log: that would be
/// taken for the new one's.
pub(crate) fn refuse_taken(path: &Path) -> Result<()> {
    let holds = |path: &Path| path.metadata().is_ok_and(|file| file.len() > 0);
    let taken = |path: &Path, what: &str| {
        let path = path.display();
        Err(Error::Unusable(format!(
            "{path} {what}: restore elsewhere, or move it away"
        )))
    };
    if holds(path) {
        return taken(path, "is there already");
    }
    let log = beside(path, "-wal");
    if holds(&log) {
        return taken(&log, "is the log of a database that was here");
    }
    Ok(())
}

/// Opens a file that nobody else knows of and that is thrown away unless all of it gets written:
/// nothing is logged and nothing made durable until then.
pub(crate) fn open_unsafely(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags)?;
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    claim(&connection, path)?;
    connection.execute_batch(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -32768;",
    )?;
    Ok(connection)
}

/// A read transaction lives at most this long: while it does, the log behind it cannot be checked in
/// and grows.
const READ_TIME: Duration = Duration::from_secs(5);

/// Interrupts whatever this connection still runs when the time of a read is over.
#[expect(
    clippy::disallowed_methods,
    reason = "waiting is measured on the monotonic clock"
)]
pub(crate) fn start_read_time(connection: &mut Connection) -> Result<()> {
    let until = Instant::now() + READ_TIME;
    // Asked every so many steps of SQLite's machine: some hundred times a second.
    Ok(connection.progress_handler(100_000, Some(move || Instant::now() > until))?)
}

/// Opens a connection that only reads.
pub(crate) fn open_reader(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open(path, flags)?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -4096;")?;
    Ok(connection)
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection> {
    let connection = Connection::open_with_flags(path, flags).map_err(|error| {
        Error::Unusable(format!(
            "cannot open the database {}: {error}",
            path.display()
        ))
    })?;
    // Only another program can hold the file: ours hold the owner's lock.
    connection.busy_timeout(Duration::from_secs(3))?;
    connection.set_prepared_statement_cache_capacity(256);
    connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;")?;
    rusqlite::vtab::array::load_module(&connection)?;
    connection.create_scalar_function(
        "swathe_fold",
        1,
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC,
        |context| match context.get_raw(0) {
            ValueRef::Text(bytes) => Ok(Some(fold(&String::from_utf8_lossy(bytes)))),
            _ => Ok(None),
        },
    )?;
    Ok(connection)
}

fn pragma(connection: &Connection, name: &str) -> Result<i64> {
    Ok(connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))?)
}

/// Refuses a file that somebody else made; marks an empty one as ours.
fn claim(connection: &Connection, path: &Path) -> Result<()> {
    if pragma(connection, "application_id")? == APPLICATION_ID {
        return Ok(());
    }
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 {
        let path = path.display();
        return Err(Error::Unusable(format!(
            "{path} is a database of another program"
        )));
    }
    Ok(connection.pragma_update(None, "application_id", APPLICATION_ID)?)
}

impl ToSql for Param {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Value(value) => bind(value),
            Self::Ids(ids) => list(ids.iter().map(|id| Cell::Integer(*id))),
            Self::Texts(texts) => list(texts.iter().map(|text| Cell::Text(text.clone()))),
        })
    }
}

fn list<'a>(cells: impl Iterator<Item = Cell>) -> ToSqlOutput<'a> {
    // The type name that the table-valued function `rarray` asks for.
    ToSqlOutput::from_rc(Rc::new(cells.collect::<Vec<_>>()), c"rarray")
}

fn bind(value: &Value) -> ToSqlOutput<'_> {
    match value {
        Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
        Value::Bool(truth) => ToSqlOutput::Borrowed(ValueRef::Integer(i64::from(*truth))),
        Value::Int(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
        Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
    }
}

pub(crate) fn execute(connection: &Connection, sql: &str, params: &[Param]) -> Result<usize> {
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.execute(rusqlite::params_from_iter(params))?)
}

pub(crate) fn execute_many(
    connection: &Connection,
    sql: &str,
    same: &[Same<'_>],
    rows: &[Vec<Value>],
) -> Result<usize> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut touched = 0;
    // What is bound stays bound from one execution to the next.
    for (n, same) in same.iter().enumerate() {
        statement.raw_bind_parameter(n + 1, bind(&same.value))?;
    }
    for row in rows {
        for (n, value) in row.iter().enumerate() {
            statement.raw_bind_parameter(same.len() + n + 1, bind(value))?;
        }
        touched += statement.raw_execute()?;
    }
    Ok(touched)
}

pub(crate) fn query(
    connection: &Connection,
    sql: &str,
    params: &[Param],
    head: Head<'_>,
    each: Each<'_>,
) -> Result<()> {
    let mut statement = connection.prepare_cached(sql)?;
    if let Some(head) = head {
        let names: Vec<&str> = statement.column_names().collect();
        head(&names)?;
    }
    let columns = statement.column_count();
    let mut found = statement.query(rusqlite::params_from_iter(params))?;
    let mut cells = Vec::with_capacity(columns);
    while let Some(row) = found.next()? {
        cells.clear();
        for n in 0..columns {
            cells.push(decode(row.get_ref(n)?)?);
        }
        each(&mut cells)?;
    }
    Ok(())
}

fn decode(cell: ValueRef<'_>) -> Result<Value> {
    match cell {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(number) => Ok(Value::Int(number)),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Value::Text(text.to_owned())),
            Err(_) => Err(Error::Inconsistent("a text that is not UTF-8".to_owned())),
        },
        other => Err(Error::Inconsistent(format!(
            "a value of type {}",
            other.data_type()
        ))),
    }
}

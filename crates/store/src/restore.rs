//! Restoring a backup into a database that is not there yet, or has no tables: all of it becomes
//! visible at once, or nothing.

use crate::backup::{self, Contents, Line, Reader, check};
use crate::dialect::quote;
use crate::ids::Ids;
use crate::migrate::{self, MIGRATIONS, Migration};
use crate::postgres::PgConnection;
use crate::shape::{self, Table};
use crate::tx::{Engine, Tx};
use crate::{Error, Result, Target, catalog, module_table, params, sqlite};
use model::limits::{BACKUP_PAGE_BYTES, BACKUP_PAGE_ROWS};
use model::time::Timestamp;
use model::value::Value;
use std::fs::{self, File};
use std::path::Path;

/// Ids that are passed over: those that the backed up database handed out after the backup stand in
/// the world outside, and must not come to mean something else.
const IDS_SKIPPED: i64 = 1_000_000_000_000;

/// Restores a backup, which is read twice: to know that it is whole, and to load it. Then the schema
/// is brought to this program's. `told` hears from time to time how many rows are loaded.
pub fn restore(
    file: &Path,
    target: &Target,
    now: Timestamp,
    told: &mut dyn FnMut(u64),
) -> Result<Contents> {
    restore_by(&MIGRATIONS, file, target, now, told)
}

/// The same by a program that has these migrations.
pub(crate) fn restore_by(
    migrations: &[Migration],
    file: &Path,
    target: &Target,
    now: Timestamp,
    told: &mut dyn FnMut(u64),
) -> Result<Contents> {
    check(file)?;
    let mut reader = Reader::open(file)?;
    match target {
        Target::Sqlite(path) => into_sqlite(migrations, &mut reader, path, now, told),
        Target::Postgres(url) => into_postgres(migrations, &mut reader, url, now, told),
    }
}

/// Loads a file beside, and gives it its name when all is in it.
fn into_sqlite(
    migrations: &[Migration],
    reader: &mut Reader,
    path: &Path,
    now: Timestamp,
    told: &mut dyn FnMut(u64),
) -> Result<Contents> {
    let _owner = sqlite::own(path)?;
    sqlite::refuse_taken(path)?;
    let part = sqlite::beside(path, ".part");
    let cannot = |error: std::io::Error| {
        Error::Unusable(format!("cannot write {}: {error}", part.display()))
    };
    remove(&part).map_err(cannot)?;
    let loaded = sqlite::open_unsafely(&part).and_then(|connection| {
        let ids = Ids::default();
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let mut tx = Tx::new(Engine::Sqlite(&connection), &ids);
        let contents = load(&mut tx, migrations, reader, now, told)?;
        connection.execute_batch("COMMIT")?;
        connection
            .close()
            .map_err(|(_, error)| Error::from(error))?;
        Ok(contents)
    });
    let named = loaded.and_then(|contents| {
        File::open(&part)
            .and_then(|file| file.sync_all())
            .map_err(cannot)?;
        fs::rename(&part, path).map_err(cannot)?;
        backup::settle_folder(path).map_err(cannot)?;
        Ok(contents)
    });
    if named.is_err() {
        // What failed is said; a rest that cannot be removed is removed by the next try.
        let _ = remove(&part);
    }
    named
}

fn remove(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Loads everything in one transaction.
fn into_postgres(
    migrations: &[Migration],
    reader: &mut Reader,
    url: &str,
    now: Timestamp,
    told: &mut dyn FnMut(u64),
) -> Result<Contents> {
    let mut connection = PgConnection::open(url)?;
    connection.batch("BEGIN")?;
    let ids = Ids::default();
    let mut tx = Tx::new(Engine::Postgres(&mut connection), &ids);
    migrate::alone(&mut tx)?;
    if !shape::tables(&mut tx)?.is_empty() {
        let text = "the database has tables already: restore into an empty one";
        return Err(Error::Unusable(text.to_owned()));
    }
    let contents = load(&mut tx, migrations, reader, now, told)?;
    match connection.batch("COMMIT") {
        Err(error) if connection.is_closed() => Err(Error::OutcomeUnknown(error.to_string())),
        other => other.map(|()| contents),
    }
}

fn load(
    tx: &mut Tx,
    migrations: &[Migration],
    reader: &mut Reader,
    now: Timestamp,
    told: &mut dyn FnMut(u64),
) -> Result<Contents> {
    let schema = migrate::restored_as(reader.schema())?;
    migrate::make_schema(tx, schema)?;
    let mut missing = shape::tables(tx)?;
    let mut table: Option<Table> = None;
    let mut rows: Vec<Vec<Value>> = Vec::new();
    let (mut loaded, mut bytes) = (0, 0);
    let contents = loop {
        let line = reader.next()?;
        let full = rows.len() >= BACKUP_PAGE_ROWS || bytes >= BACKUP_PAGE_BYTES;
        if (full || !matches!(line, Line::Row(_)))
            && let Some(table) = &table
        {
            let quoted = |(name, class): &(String, _)| (quote(name), *class);
            let columns: Vec<_> = table.columns.iter().map(quoted).collect();
            tx.insert_rows(&quote(&table.name), &[], &columns, &rows)?;
            loaded += rows.len() as u64;
            rows.clear();
            bytes = 0;
            told(loaded);
        }
        match line {
            Line::Row(row) => {
                let texts = row.iter().filter_map(Value::as_text);
                bytes += texts.map(str::len).sum::<usize>();
                rows.push(row);
            }
            Line::Table(next) => {
                take(tx, &mut missing, &next)?;
                table = Some(next);
            }
            Line::End(contents) => break contents,
        }
    };
    if let Some(table) = missing.first() {
        return Err(unfit(&table.name));
    }
    if catalog::version(tx)?.is_some() {
        let catalog = catalog::load(tx)?;
        module_table::make_indexes(tx, &catalog)?;
    }
    let sql = "UPDATE id_blocks SET next = next + $1";
    tx.execute(sql, params![IDS_SKIPPED])?;
    // Whoever had a lease does not work here: jobs go on at once, and what was being accepted was
    // told to nobody and is swept.
    let sql = "UPDATE jobs SET lease_until = 0, worker = NULL, process = NULL
               WHERE state IN ('preparing', 'running')";
    tx.execute(sql, &[])?;
    tx.execute("UPDATE schema_version SET version = $1", params![schema])?;
    migrate::migrate(tx, migrations, now)?;
    Ok(contents)
}

/// Makes ready for the rows of a table: one that every database has, or one of a module.
fn take(tx: &mut Tx, missing: &mut Vec<Table>, next: &Table) -> Result<()> {
    let known = missing.iter().position(|table| table.name == next.name);
    if let Some(known) = known {
        let known = missing.swap_remove(known);
        let sorted = |table: &Table| {
            let mut columns: Vec<_> = table.columns.clone();
            columns.sort_by(|a, b| a.0.cmp(&b.0));
            columns
        };
        return if sorted(&known) == sorted(next) {
            Ok(())
        } else {
            Err(unfit(&next.name))
        };
    }
    if module_table::is_one(&next.name) {
        module_table::make(tx, next)
    } else {
        Err(unfit(&next.name))
    }
}

fn unfit(table: &str) -> Error {
    Error::Unusable(format!(
        "the table {table} in the backup is not that of its schema: nothing was restored"
    ))
}

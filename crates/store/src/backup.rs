//! A backup: one file with every row of every table as one snapshot saw them, the same for both
//! databases. Rows are read in pages by key and written at once, so memory does not grow with them.
//!
//! The file is lines of JSON. The first says what it is; then each table, a line with its name and
//! columns and a line for each row; the last has how many there were and the SHA-256 of all bytes
//! before it. A file that was cut or damaged is told by that line, before anything is made of it.

mod file;

use crate::dialect::quote;
use crate::shape::{self, Table};
use crate::tx::{Param, Tx};
use crate::{Db, Error, Fault, Result, migrate};
use file::{Header, Writer};
pub(crate) use file::{Line, Reader};
use model::limits::BACKUP_PAGE_ROWS;
use model::time::Timestamp;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// What stands in a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The schema of the database that it is of.
    pub schema: i64,
    /// When it was made.
    pub made_at: Timestamp,
    /// Tables.
    pub tables: u64,
    /// Rows of all of them.
    pub rows: u64,
}

/// Writes a backup of a database, while others use it. `told` hears from time to time how many rows
/// are written. What it wrote is good only if this succeeds, and durable once the caller made it so.
pub fn write(
    db: &Db,
    out: impl Write,
    now: Timestamp,
    told: &mut dyn FnMut(u64),
) -> std::result::Result<Contents, Fault> {
    let mut writer = Writer::new(out);
    db.snapshot(&mut |tx| {
        // Asked only once: a snapshot is not run again.
        let header = Header {
            schema: migrate::version(tx)?,
            made_at: now,
        };
        writer.header(header)?;
        for table in shape::tables(tx)? {
            write_table(tx, &table, &mut writer, told)?;
        }
        Ok(writer.end(header)?)
    })
}

fn write_table<W: Write>(
    tx: &mut Tx,
    table: &Table,
    out: &mut Writer<W>,
    told: &mut dyn FnMut(u64),
) -> Result<()> {
    out.table(table)?;
    let place = |column: &String| {
        let found = table.columns.iter().position(|(name, _)| name == column);
        found.ok_or_else(|| Error::Inconsistent(format!("no column {column} in {}", table.name)))
    };
    let key: Vec<usize> = table.key.iter().map(place).collect::<Result<_>>()?;
    if key.is_empty() {
        let text = format!("the table {} has no key to read it by", table.name);
        return Err(Error::Inconsistent(text));
    }
    let names: Vec<&str> = table
        .columns
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let mut after: Vec<Param> = Vec::new();
    loop {
        let (mut count, mut last) = (0, Vec::new());
        // One by one: a page of pieces of files is more than memory should hold.
        tx.stream_by(
            &page_sql(table, !after.is_empty()),
            &after,
            &names,
            &mut |cells| {
                let mut values = Vec::with_capacity(table.columns.len());
                for (_, class) in &table.columns {
                    values.push(cells.take_value(*class)?);
                }
                out.row(&values)?;
                count += 1;
                let at = key.iter().filter_map(|place| values.get(*place));
                last = at.cloned().map(Param::Value).collect();
                Ok(())
            },
        )?;
        after = last;
        told(out.rows());
        if count < BACKUP_PAGE_ROWS {
            return Ok(());
        }
    }
}

/// The next rows in the order of the key.
fn page_sql(table: &Table, goes_on: bool) -> String {
    let list = |names: &mut dyn Iterator<Item = String>| names.collect::<Vec<_>>().join(", ");
    let columns = list(&mut table.columns.iter().map(|(name, _)| quote(name)));
    let key = list(&mut table.key.iter().map(|name| quote(name)));
    let after = if goes_on {
        let marks = list(&mut (1..=table.key.len()).map(|n| format!("${n}")));
        format!(" WHERE ({key}) > ({marks})")
    } else {
        String::new()
    };
    let name = quote(&table.name);
    format!("SELECT {columns} FROM {name}{after} ORDER BY {key} LIMIT {BACKUP_PAGE_ROWS}")
}

/// Reads a backup to its end and says what stands in it; refuses one that was cut or damaged, and one
/// of a schema that this program cannot restore.
pub fn check(path: &Path) -> Result<Contents> {
    let mut reader = Reader::open(path)?;
    let contents = loop {
        if let Line::End(contents) = reader.next()? {
            break contents;
        }
    };
    migrate::restored_as(contents.schema)
        .map_err(|error| Error::Unusable(format!("{} is {error}", path.display())))?;
    Ok(contents)
}

/// Makes what was written to a file, and its name, survive the loss of power.
pub fn settle(file: &File, path: &Path) -> std::io::Result<()> {
    file.sync_all()?;
    settle_folder(path)
}

/// Makes the name of a file survive the loss of power.
pub(crate) fn settle_folder(path: &Path) -> std::io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    // Not every system lets a folder be opened; there the name is durable with the file.
    match File::open(folder.unwrap_or(Path::new("."))) {
        Ok(folder) => folder.sync_all(),
        Err(_) => Ok(()),
    }
}

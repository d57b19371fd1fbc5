//! The form of a backup's file: its lines, written and read.

use super::Contents;
use crate::shape::Table;
use crate::{Error, Result};
use model::limits::BACKUP_LINE_BYTES_MAX;
use model::time::Timestamp;
use model::value::{Class, Value};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::Path;

/// The form that this program writes, and the only one that it reads.
const FORM: i64 = 1;

/// What the first line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) schema: i64,
    pub(super) made_at: Timestamp,
}

/// Writes the lines.
pub(super) struct Writer<W: Write> {
    out: BufWriter<W>,
    line: Vec<u8>,
    hash: Sha256,
    tables: u64,
    rows: u64,
}

fn unwritten(error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            Error::Full(error.to_string())
        }
        _ => Error::Unusable(format!("cannot write the backup: {error}")),
    }
}

impl<W: Write> Writer<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out: BufWriter::with_capacity(1 << 18, out),
            line: Vec::new(),
            hash: Sha256::new(),
            tables: 0,
            rows: 0,
        }
    }

    fn write(&mut self, line: &Json) -> Result<()> {
        self.line = line.to_string().into_bytes();
        self.send()
    }

    fn send(&mut self) -> Result<()> {
        self.line.push(b'\n');
        self.hash.update(&self.line);
        self.out.write_all(&self.line).map_err(unwritten)
    }

    pub(super) fn header(&mut self, header: Header) -> Result<()> {
        self.write(&json!({
            "swathe_backup": FORM,
            "schema": header.schema,
            "program": env!("CARGO_PKG_VERSION"),
            "made_at": header.made_at.0,
        }))
    }

    pub(super) fn table(&mut self, table: &Table) -> Result<()> {
        self.tables += 1;
        let columns = table.columns.iter();
        let columns: Vec<Json> = columns
            .map(|(name, class)| json!([name, word(*class)]))
            .collect();
        self.write(&json!({ "table": table.name, "columns": columns }))
    }

    pub(super) fn row(&mut self, values: &[Value]) -> Result<()> {
        self.rows += 1;
        self.line.clear();
        serde_json::to_writer(&mut self.line, values)
            .map_err(|error| Error::Inconsistent(format!("a row has no JSON form: {error}")))?;
        if self.line.len() >= BACKUP_LINE_BYTES_MAX {
            let text = format!(
                "a row of {} bytes does not fit in a backup",
                self.line.len()
            );
            return Err(Error::Inconsistent(text));
        }
        self.send()
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Writes the last line and hands everything on.
    pub(super) fn end(&mut self, header: Header) -> Result<Contents> {
        let hash = hex(&self.hash.clone().finalize());
        let (tables, rows) = (self.tables, self.rows);
        self.write(&json!({ "end": { "tables": tables, "rows": rows, "sha256": hash } }))?;
        self.out.flush().map_err(unwritten)?;
        Ok(Contents {
            schema: header.schema,
            made_at: header.made_at,
            tables,
            rows,
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn word(class: Class) -> &'static str {
    match class {
        Class::Bool => "boolean",
        Class::Int => "integer",
        Class::Text => "text",
    }
}

/// What a line says.
pub(crate) enum Line {
    /// A table begins.
    Table(Table),
    /// A row of the table that began last.
    Row(Vec<Value>),
    /// The file ends, and is whole.
    End(Contents),
}

/// Reads the lines. Its last answer is [`Line::End`], and only then is the file known to be whole.
pub(crate) struct Reader {
    name: String,
    lines: BufReader<File>,
    line: Vec<u8>,
    hash: Sha256,
    header: Header,
    tables: u64,
    rows: u64,
    classes: Vec<Class>,
}

impl Reader {
    /// Opens a file and reads its first line.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let file = File::open(path)
            .map_err(|error| Error::Unusable(format!("cannot read {name}: {error}")))?;
        let mut reader = Self {
            name,
            lines: BufReader::with_capacity(1 << 18, file),
            line: Vec::new(),
            hash: Sha256::new(),
            header: Header {
                schema: 0,
                made_at: Timestamp(0),
            },
            tables: 0,
            rows: 0,
            classes: Vec::new(),
        };
        reader.read_header()?;
        Ok(reader)
    }

    /// The schema of the database that the file is of.
    pub(crate) fn schema(&self) -> i64 {
        self.header.schema
    }

    fn damaged(&self, what: &str) -> Error {
        let name = &self.name;
        Error::Unusable(format!(
            "{name} is cut or damaged, nothing was restored: {what}"
        ))
    }

    fn read_header(&mut self) -> Result<()> {
        let no_backup =
            |reader: &Self| Error::Unusable(format!("{} is no backup of Swathe", reader.name));
        let Ok(Some(line)) = self.read() else {
            return Err(no_backup(self));
        };
        let number = |key: &str| line.get(key).and_then(Json::as_i64);
        let Some(form) = number("swathe_backup") else {
            return Err(no_backup(self));
        };
        if form != FORM {
            return Err(Error::Unusable(format!(
                "{} is a backup of form {form}, this program reads {FORM}: use a newer program",
                self.name
            )));
        }
        let (Some(schema), Some(made_at)) = (number("schema"), number("made_at")) else {
            return Err(self.damaged("its first line"));
        };
        self.header = Header {
            schema,
            made_at: Timestamp(made_at),
        };
        self.hash.update(&self.line);
        Ok(())
    }

    /// The next line as JSON; `None` at the end of the file.
    fn read(&mut self) -> Result<Option<Json>> {
        self.line.clear();
        let most = u64::try_from(BACKUP_LINE_BYTES_MAX).unwrap_or(u64::MAX);
        let read = (&mut self.lines)
            .take(most)
            .read_until(b'\n', &mut self.line);
        let read =
            read.map_err(|error| Error::Unusable(format!("cannot read {}: {error}", self.name)))?;
        if read == 0 {
            return Ok(None);
        }
        if self.line.last() != Some(&b'\n') {
            return Err(self.damaged("a line without an end"));
        }
        let line = serde_json::from_slice(&self.line);
        line.map(Some)
            .map_err(|_| self.damaged("a line that is no JSON"))
    }

    /// The next line.
    pub(crate) fn next(&mut self) -> Result<Line> {
        let Some(json) = self.read()? else {
            return Err(self.damaged("its last line is missing"));
        };
        if let Json::Array(cells) = json {
            self.hash.update(&self.line);
            return self.row(cells).map(Line::Row);
        }
        if let Some(end) = json.get("end") {
            return self.end(end).map(Line::End);
        }
        self.hash.update(&self.line);
        self.table(&json).map(Line::Table)
    }

    fn row(&mut self, cells: Vec<Json>) -> Result<Vec<Value>> {
        self.rows += 1;
        if self.tables == 0 || cells.len() != self.classes.len() {
            return Err(self.damaged("a row that fits no table"));
        }
        let row: Option<Vec<Value>> = cells
            .into_iter()
            .zip(&self.classes)
            .map(|(cell, class)| match (cell, class) {
                (Json::Null, _) => Some(Value::Null),
                (Json::Bool(truth), Class::Bool) => Some(Value::Bool(truth)),
                (Json::Number(number), Class::Int) => number.as_i64().map(Value::Int),
                (Json::String(text), Class::Text) => Some(Value::Text(text)),
                _ => None,
            })
            .collect();
        row.ok_or_else(|| self.damaged("a value of another type than its column"))
    }

    fn table(&mut self, json: &Json) -> Result<Table> {
        self.tables += 1;
        let name = json.get("table").and_then(Json::as_str);
        let column = |json: &Json| {
            let [name, word] = json.as_array()?.as_slice() else {
                return None;
            };
            let class = match word.as_str()? {
                "boolean" => Class::Bool,
                "integer" => Class::Int,
                "text" => Class::Text,
                _ => return None,
            };
            Some((name.as_str()?.to_owned(), class))
        };
        let columns = json.get("columns").and_then(Json::as_array);
        let columns: Option<Vec<(String, Class)>> =
            columns.and_then(|columns| columns.iter().map(column).collect());
        let (Some(name), Some(columns)) = (name, columns) else {
            return Err(self.damaged("a line that is neither table nor row"));
        };
        self.classes = columns.iter().map(|(_, class)| *class).collect();
        Ok(Table {
            name: name.to_owned(),
            columns,
            key: Vec::new(),
        })
    }

    fn end(&mut self, end: &Json) -> Result<Contents> {
        let number = |key: &str| end.get(key).and_then(Json::as_u64);
        let hash = hex(&self.hash.clone().finalize());
        let whole = number("tables") == Some(self.tables)
            && number("rows") == Some(self.rows)
            && end.get("sha256").and_then(Json::as_str) == Some(hash.as_str());
        if !whole {
            return Err(self.damaged("what it holds is not what was written"));
        }
        if !matches!(self.lines.fill_buf(), Ok([])) {
            return Err(self.damaged("something follows its last line"));
        }
        Ok(Contents {
            schema: self.header.schema,
            made_at: self.header.made_at,
            tables: self.tables,
            rows: self.rows,
        })
    }
}

//! Rows of a CSV file, one after the other and each of bounded size, whatever the file holds.

use csv_core::{ReadRecordResult, Reader};
use std::io::{self, Read};

/// Bytes of a cell.
pub const CELL_BYTES_MAX: usize = 64 * 1024;
/// Bytes of all cells of a row.
pub const ROW_BYTES_MAX: usize = 1024 * 1024;
/// Cells of a row.
pub const CELLS_MAX: usize = 2_000;

const INPUT_BYTES: usize = 64 * 1024;

/// A row as it stands in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// The line it starts at, from 1.
    pub line: u64,
    /// Why it cannot be read; what is not text is still in the cells then, what is too large is not.
    pub flaw: Option<String>,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Row {
    /// How many cells it has.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it has no cells: a row too large to be kept.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Its cells.
    pub fn cells(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts
            .zip(&self.ends)
            .map(|(start, end)| self.bytes.get(*start..*end).unwrap_or_default())
    }

    /// Its cells as texts: all of them, unless there is a flaw.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.cells()
            .map(|cell| std::str::from_utf8(cell).unwrap_or_default())
    }

    /// Notes what is wrong with the row as a whole.
    fn judge(&mut self) {
        let first = |is: fn(&[u8]) -> bool| self.cells().position(is).map(|n| n + 1);
        if let Some(n) = first(|cell| cell.len() > CELL_BYTES_MAX) {
            self.flaw = Some(format!("cell {n} is over {CELL_BYTES_MAX} bytes"));
            self.bytes.clear();
            self.ends.clear();
        } else if let Some(n) = first(|cell| std::str::from_utf8(cell).is_err()) {
            self.flaw = Some(format!("cell {n} is not UTF-8"));
        }
    }
}

/// Reads a CSV file row by row. Lines without anything are no rows.
pub struct Rows<R> {
    source: R,
    csv: Reader,
    input: Vec<u8>,
    at: usize,
    filled: usize,
    ended: bool,
    line: u64,
    read: u64,
}

impl<R: Read> Rows<R> {
    /// Starts reading.
    pub fn new(source: R) -> Self {
        Self {
            source,
            csv: Reader::new(),
            input: vec![0; INPUT_BYTES],
            at: 0,
            filled: 0,
            ended: false,
            line: 1,
            read: 0,
        }
    }

    /// How many bytes of the file were read.
    pub fn bytes_read(&self) -> u64 {
        self.read - self.waiting().len() as u64
    }

    fn waiting(&self) -> &[u8] {
        self.input.get(self.at..self.filled).unwrap_or_default()
    }

    /// Makes sure that something waits, unless the file has ended.
    fn fill(&mut self) -> io::Result<()> {
        while self.at >= self.filled && !self.ended {
            match self.source.read(&mut self.input) {
                Ok(0) => self.ended = true,
                Ok(n) => {
                    (self.at, self.filled) = (0, n);
                    self.read += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Goes on by so many bytes, counting lines.
    fn advance(&mut self, by: usize) {
        let passed = self.waiting().iter().take(by);
        self.line += passed.filter(|byte| **byte == b'\n').count() as u64;
        self.at += by;
    }

    /// Passes the ends of lines before a row, so that its line is the one where it starts.
    fn pass_blank_lines(&mut self) -> io::Result<()> {
        loop {
            self.fill()?;
            let is_end = |byte: &&u8| matches!(byte, b'\n' | b'\r');
            match self.waiting().iter().take_while(is_end).count() {
                0 => return Ok(()),
                n => self.advance(n),
            }
        }
    }

    /// The next row; `None` at the end of the file.
    pub fn next_row(&mut self) -> io::Result<Option<Row>> {
        self.pass_blank_lines()?;
        let mut row = Row {
            line: self.line,
            flaw: None,
            bytes: vec![0; 512],
            ends: vec![0; 64],
        };
        let (mut bytes, mut ends) = (0, 0);
        loop {
            self.fill()?;
            let (result, read, wrote, ended) = self.csv.read_record(
                self.input.get(self.at..self.filled).unwrap_or_default(),
                row.bytes.get_mut(bytes..).unwrap_or_default(),
                row.ends.get_mut(ends..).unwrap_or_default(),
            );
            self.advance(read);
            bytes += wrote;
            ends += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if row.bytes.len() < ROW_BYTES_MAX => {
                    row.bytes.resize(row.bytes.len() * 2, 0);
                }
                ReadRecordResult::OutputEndsFull if row.ends.len() < CELLS_MAX => {
                    row.ends.resize(row.ends.len() * 2, 0);
                }
                // Read on to the row's end, and keep nothing.
                ReadRecordResult::OutputFull => {
                    let quote = "is a quotation mark left open?";
                    row.flaw = Some(format!("the row is over {ROW_BYTES_MAX} bytes: {quote}"));
                    bytes = 0;
                }
                ReadRecordResult::OutputEndsFull => {
                    row.flaw = Some(format!("the row has over {CELLS_MAX} cells"));
                    ends = 0;
                }
                ReadRecordResult::Record => break,
                ReadRecordResult::End => return Ok(None),
            }
        }
        row.bytes.truncate(bytes);
        row.ends.truncate(ends);
        if row.flaw.is_some() {
            row.bytes.clear();
            row.ends.clear();
        } else {
            row.judge();
        }
        Ok(Some(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(text: impl AsRef<[u8]>) -> Vec<Row> {
        let mut rows = Rows::new(text.as_ref());
        std::iter::from_fn(|| rows.next_row().unwrap()).collect()
    }

    fn lines_and_texts(text: &str) -> Vec<(u64, Vec<String>)> {
        all(text)
            .iter()
            .map(|row| {
                assert_eq!(row.flaw, None);
                (row.line, row.texts().map(str::to_owned).collect())
            })
            .collect()
    }

    fn row(line: u64, cells: &[&str]) -> (u64, Vec<String>) {
        (line, cells.iter().map(|cell| (*cell).to_owned()).collect())
    }

    #[test]
    fn a_row_knows_the_line_it_starts_at() {
        let text = "\u{feff}a,b\r\n\r\n\"1\r\n2\",\"x \"\"y\"\"\"\r\n,\r\nlast,";
        assert_eq!(
            lines_and_texts(text),
            [
                row(1, &["a", "b"]),
                row(3, &["1\r\n2", "x \"y\""]),
                row(5, &["", ""]),
                row(6, &["last", ""]),
            ]
        );
        assert_eq!(lines_and_texts("\n\n"), []);
        assert_eq!(
            lines_and_texts("\n\na\n\n\nb"),
            [row(3, &["a"]), row(6, &["b"])]
        );
    }

    #[test]
    fn what_is_too_large_or_no_text_is_told_and_passed() {
        let large = "x".repeat(CELL_BYTES_MAX + 1);
        let fits = "x".repeat(CELL_BYTES_MAX);
        let cells = ",".repeat(CELLS_MAX * 2);
        let open = format!("\"{}\",", "y".repeat(50_000)).repeat(22);
        let mut text = format!("a,{large}\na,{fits}\n{cells}\n{open}\nb,c\nd,").into_bytes();
        text.extend(b"\xff\ne,f\n");
        let rows = all(text);
        let told: Vec<(u64, Option<&str>, usize)> = rows
            .iter()
            .map(|row| (row.line, row.flaw.as_deref(), row.len()))
            .collect();
        assert_eq!(
            told,
            [
                (1, Some("cell 2 is over 65536 bytes"), 0),
                (2, None, 2),
                (3, Some("the row has over 2000 cells"), 0),
                (
                    4,
                    Some("the row is over 1048576 bytes: is a quotation mark left open?"),
                    0
                ),
                (5, None, 2),
                (6, Some("cell 2 is not UTF-8"), 2),
                (7, None, 2),
            ]
        );
    }

    #[test]
    fn a_quotation_mark_left_open_swallows_the_rest_and_no_memory() {
        let text = format!("a,b\nc,\"{}", "line\n".repeat(1_000_000));
        let rows = all(text);
        assert_eq!(rows.len(), 2);
        assert!(rows[1].bytes.capacity() <= ROW_BYTES_MAX);
        assert!(rows[1].flaw.as_deref().unwrap().contains("quotation mark"));
    }

    proptest! {
        #[test]
        fn whatever_the_bytes_rows_are_those_of_a_plain_reader(
            bytes in prop::collection::vec(
                prop::sample::select(vec![b'a', b',', b'"', b'\n', b'\r', 0xc3, 0xa9, 0xff]),
                0..200,
            ),
        ) {
            let mut plain = csv::ReaderBuilder::new();
            let mut plain = plain.has_headers(false).flexible(true).from_reader(&*bytes);
            let plain: Vec<Vec<Vec<u8>>> = plain
                .byte_records()
                .map(|row| row.unwrap().iter().map(<[u8]>::to_vec).collect())
                .collect();
            let rows = all(&bytes);
            let cells = |row: &Row| row.cells().map(<[u8]>::to_vec).collect::<Vec<_>>();
            prop_assert_eq!(rows.iter().map(cells).collect::<Vec<_>>(), plain);
            let lines: Vec<u64> = rows.iter().map(|row| row.line).collect();
            prop_assert!(lines.is_sorted());
            for row in &rows {
                let text = row.cells().all(|cell| std::str::from_utf8(cell).is_ok());
                prop_assert_eq!(row.flaw.is_none(), text);
            }
        }
    }
}

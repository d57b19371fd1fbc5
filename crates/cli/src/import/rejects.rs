//! The file of rejected rows: as they stood in the file, with a column that says why.

use crate::settings::Failure;
use anyhow::Context;
use crm::import::{REASON_COLUMN, Rejected, Row};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The file, made with its first row.
pub(super) struct Rejects {
    file: PathBuf,
    header: Vec<String>,
    /// A column of reasons that the file has from an earlier import; the new reason takes its place.
    old_reason: Option<usize>,
    writer: Option<csv::Writer<File>>,
}

impl Rejects {
    pub(super) fn new(file: PathBuf) -> Self {
        Self {
            file,
            header: Vec::new(),
            old_reason: None,
            writer: None,
        }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// The header of the file that is imported.
    pub(super) fn header(&mut self, header: &[String]) {
        self.header = header.to_vec();
        self.old_reason = header.iter().position(|name| name == REASON_COLUMN);
    }

    /// Adds the rows of a batch that were rejected.
    pub(super) fn write(&mut self, batch: &[Row], rejected: &[Rejected]) -> Result<(), Failure> {
        if rejected.is_empty() {
            return Ok(());
        }
        self.try_write(batch, rejected)
            .with_context(|| format!("cannot write {}", self.file.display()))
    }

    fn try_write(&mut self, batch: &[Row], rejected: &[Rejected]) -> Result<(), Failure> {
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.start()?,
        };
        let columns = self.header.len();
        for Rejected { place, reason } in rejected {
            let Some(row) = batch.get(*place) else {
                continue;
            };
            let missing = columns.saturating_sub(row.len());
            let cells = row.cells().chain(std::iter::repeat_n(&b""[..], missing));
            for (n, cell) in cells.enumerate() {
                if Some(n) != self.old_reason && n < columns {
                    writer.write_field(cell)?;
                }
            }
            // The reason has a column of its own; what a row has too much finds room in it.
            let beyond: Vec<_> = row
                .cells()
                .skip(columns)
                .map(String::from_utf8_lossy)
                .collect();
            if beyond.is_empty() {
                writer.write_field(reason)?;
            } else {
                let beyond = beyond.join(",");
                writer.write_field(format!("{reason}; beyond the header: {beyond}"))?;
            }
            writer.write_record(None::<&[u8]>)?;
        }
        writer.flush()?;
        self.writer = Some(writer);
        Ok(())
    }

    fn start(&self) -> Result<csv::Writer<File>, Failure> {
        let mut writer = csv::Writer::from_writer(File::create_new(&self.file)?);
        for (n, name) in self.header.iter().enumerate() {
            if Some(n) != self.old_reason {
                writer.write_field(name)?;
            }
        }
        writer.write_field(REASON_COLUMN)?;
        writer.write_record(None::<&[u8]>)?;
        Ok(writer)
    }
}

//! `swathe import`: a CSV file becomes records of a module, batch by batch.

mod here;
mod rejects;
mod there;

use crate::Done;
use crate::settings::{self, Failure, Opened, Place, Usage, note, say};
use anyhow::{Context, bail};
use clap::Args;
use crm::import::{Batch, Reader, Rejected, Row, Rows, Unusable};
use indicatif::{ProgressBar, ProgressStyle};
use model::import_map::ImportMap;
use rejects::Rejects;
use serde_json::json;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};

/// A batch of long rows is cut here, because a few of them wait in memory.
const BATCH_BYTES: u64 = 8 * 1024 * 1024;

/// The options.
#[derive(Args)]
pub(crate) struct Import {
    /// Api name of the module
    module: String,
    /// The CSV file: UTF-8, the first row names a field in each column
    file: PathBuf,
    /// Which column becomes which field, and what its cells mean (TOML)
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// E-mail address of the user who imports [default: the first administrator; with --url, the
    /// token's user]
    #[arg(long, value_name = "EMAIL")]
    user: Option<String>,
    /// Where rejected rows go, with a column that says why [default: FILE.rejects.csv]
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// Where rows go.
trait Loader {
    /// Rows that are loaded together.
    fn batch_rows(&self) -> usize;
    /// What reads the rows.
    fn reader(&self) -> &Reader;
    /// Loads rows; answers which of them were rejected.
    fn load(&mut self, batch: &mut Batch) -> Result<Vec<Rejected>, Failure>;
}

/// What became of a file.
#[derive(Default)]
struct Counts {
    imported: u64,
    rejected: u64,
    /// The line at which the last row that was dealt with starts.
    line: u64,
}

impl Import {
    /// Imports.
    pub(crate) fn run(&self) -> Done {
        let map = self.read_map()?;
        let mut rejects = Rejects::new(self.rejects_file()?);
        let file = &self.file;
        let cannot = || format!("cannot read {}", file.display());
        let source = File::open(file).with_context(cannot)?;
        let size = source.metadata().with_context(cannot)?.len();
        let mut rows = Rows::new(source);
        let header = header(rows.next_row().with_context(cannot)?, file)?;
        let mut loader = self.loader(&header, map)?;
        let left_out: Vec<&str> = loader.reader().columns().left_out().collect();
        if !left_out.is_empty() {
            note(format_args!("columns left out: {}", left_out.join(", ")));
        }
        rejects.header(&header);
        let bar = progress(size);
        let start = settings::now();
        let mut counts = Counts::default();
        let done = load_all(&mut *loader, rows, &mut rejects, &mut counts, &bar);
        bar.finish_and_clear();
        let ms = settings::now().0 - start.0;
        done.with_context(|| {
            let Counts { imported, line, .. } = counts;
            format!("stopped after line {line}, with {imported} rows imported")
        })?;
        self.tell(&counts, &rejects, ms)
    }

    fn read_map(&self) -> Result<ImportMap, Failure> {
        let Some(file) = &self.map else {
            return Ok(ImportMap::none());
        };
        ImportMap::parse(&settings::read(file)?)
            .map_err(|problems| settings::mistakes(file, &problems))
    }

    /// Rows of an earlier run that somebody may be mending are not written over.
    fn rejects_file(&self) -> Result<PathBuf, Failure> {
        let file = self.rejects.clone().unwrap_or_else(|| {
            let mut name = self.file.as_os_str().to_owned();
            name.push(".rejects.csv");
            name.into()
        });
        if file.exists() {
            bail!(Usage(format!(
                "{} is there already: move it away, or name another file with --rejects",
                file.display()
            )));
        }
        Ok(file)
    }

    fn loader(&self, header: &[String], map: ImportMap) -> Result<Box<dyn Loader>, Failure> {
        let loader = match self.place.open()? {
            Opened::Here(db) => here::open(db, self.user.as_deref(), &self.module, header, map),
            Opened::There(_) if self.user.is_some() => {
                bail!(Usage(
                    "--user is for --database: a token has its user".to_owned()
                ))
            }
            Opened::There(server) => there::open(server, &self.module, header, map)?,
        };
        loader.map_err(|unusable| match unusable {
            Unusable::Map(problems) => {
                settings::mistakes(self.map.as_deref().unwrap_or(&self.file), &problems)
            }
            Unusable::Header(problems) => {
                let file = self.file.display();
                for problem in &problems {
                    note(format_args!("{file}: {problem}"));
                }
                anyhow::anyhow!("{file} does not fit {}; nothing was imported", self.module)
            }
            Unusable::Fault(fault) => settings::refused(fault),
        })
    }

    fn tell(&self, counts: &Counts, rejects: &Rejects, ms: i64) -> Done {
        let Counts {
            imported, rejected, ..
        } = *counts;
        let rows = imported + rejected;
        let ms = u64::try_from(ms).unwrap_or(0).max(1);
        let rate = rows * 1000 / ms;
        let (seconds, hundredths) = (ms / 1000, ms % 1000 / 10);
        let file = rejects.file().display();
        if self.json {
            say(json!({
                "module": self.module,
                "rows": rows,
                "imported": imported,
                "rejected": rejected,
                "rejects": (rejected > 0).then(|| file.to_string()),
                "milliseconds": ms,
                "rows_per_second": rate,
            }))?;
        } else {
            say(format_args!(
                "{imported} of {rows} rows imported into {} in {seconds}.{hundredths:02} s, \
                 {rate} rows a second",
                self.module
            ))?;
        }
        match rejected {
            0 => Ok(()),
            1 => bail!("1 row was rejected: {file} says why"),
            n => bail!("{n} rows were rejected: {file} says why"),
        }
    }
}

fn header(row: Option<Row>, file: &Path) -> Result<Vec<String>, Failure> {
    let file = file.display();
    match row {
        None => bail!("{file} is empty: its first row must name the columns"),
        Some(Row {
            flaw: Some(flaw), ..
        }) => bail!("{file}: the header cannot be read: {flaw}"),
        Some(row) => Ok(row.texts().map(str::to_owned).collect()),
    }
}

/// Shown on a terminal only.
fn progress(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes);
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}  {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// A batch that was read, and how far into the file that was.
type Read = Result<(Batch, u64), io::Error>;

/// Reads on one thread, works ahead a little, and loads on this one.
fn load_all(
    loader: &mut dyn Loader,
    rows: Rows<File>,
    rejects: &mut Rejects,
    counts: &mut Counts,
    bar: &ProgressBar,
) -> Done {
    let (reader, batch_rows) = (loader.reader().clone(), loader.batch_rows());
    let (sender, batches) = sync_channel(2);
    std::thread::scope(|scope| {
        scope.spawn(move || read_all(rows, &reader, batch_rows, &sender));
        for read in batches {
            let (mut batch, bytes) = read?;
            let rejected = loader.load(&mut batch)?;
            let rows = batch.rows();
            counts.rejected += rejected.len() as u64;
            counts.imported += (rows.len() - rejected.len()) as u64;
            counts.line = rows.last().map_or(counts.line, |row| row.line);
            rejects.write(rows, &rejected)?;
            bar.set_position(bytes);
            bar.set_message(format!("{} rows", counts.imported + counts.rejected));
        }
        Ok(())
    })
}

fn read_all(mut rows: Rows<File>, reader: &Reader, batch_rows: usize, sender: &SyncSender<Read>) {
    loop {
        let read = next_rows(&mut rows, batch_rows);
        let last = read.as_ref().map_or(true, Vec::is_empty);
        if last && read.is_ok() {
            return;
        }
        let read = read.map(|read| (reader.read(read), rows.bytes_read()));
        // Nobody listens when loading failed.
        if sender.send(read).is_err() || last {
            return;
        }
    }
}

fn next_rows(rows: &mut Rows<File>, max: usize) -> io::Result<Vec<Row>> {
    let mut read = Vec::with_capacity(max);
    let start = rows.bytes_read();
    while read.len() < max && rows.bytes_read() - start < BATCH_BYTES {
        match rows.next_row()? {
            Some(row) => read.push(row),
            None => break,
        }
    }
    Ok(read)
}

//! `swathe import`: a CSV file becomes records of a module, batch by batch.

mod here;
mod rejects;

use crate::Done;
use crate::settings::{self, Failure, Opened, Place, Usage, note, say};
use anyhow::{Context, bail};
use clap::Args;
use crm::import::{Rejected, Row, Rows, Unusable};
use indicatif::{ProgressBar, ProgressStyle};
use model::import_map::ImportMap;
use rejects::Rejects;
use serde_json::json;
use std::fs::File;
use std::path::{Path, PathBuf};

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
    /// Headers of columns that are passed by.
    fn left_out(&self) -> Vec<String>;
    /// Loads rows; answers which of them were rejected.
    fn load(&mut self, rows: &[Row]) -> Result<Vec<Rejected>, Failure>;
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
        let left_out = loader.left_out();
        if !left_out.is_empty() {
            note(format_args!("columns left out: {}", left_out.join(", ")));
        }
        rejects.header(&header);
        let bar = progress(size);
        let start = settings::now();
        let mut counts = Counts::default();
        let done = load_all(&mut *loader, &mut rows, &mut rejects, &mut counts, &bar);
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
            Opened::There(_) => bail!(Usage("--url is not there yet".to_owned())),
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

fn load_all(
    loader: &mut dyn Loader,
    rows: &mut Rows<File>,
    rejects: &mut Rejects,
    counts: &mut Counts,
    bar: &ProgressBar,
) -> Done {
    let mut batch = Vec::with_capacity(loader.batch_rows());
    loop {
        batch.clear();
        while batch.len() < loader.batch_rows() {
            match rows.next_row()? {
                Some(row) => batch.push(row),
                None => break,
            }
        }
        let Some(last) = batch.last() else {
            return Ok(());
        };
        let rejected = loader.load(&batch)?;
        counts.rejected += rejected.len() as u64;
        counts.imported += (batch.len() - rejected.len()) as u64;
        counts.line = last.line;
        rejects.write(&batch, &rejected)?;
        bar.set_position(rows.bytes_read());
        bar.set_message(format!("{} rows", counts.imported + counts.rejected));
    }
}

//! `swathe export`: records of a module as CSV or NDJSON, in pages, so that memory does not grow.

mod pages;
mod write;

use crate::Done;
use crate::settings::{Failure, Place, note};
use anyhow::Context;
use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use pages::Pages;
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::PathBuf;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A row a record, columns named by the fields' api names
    Csv,
    /// A JSON object a line
    Ndjson,
}

/// The options.
#[derive(Args)]
pub(crate) struct Export {
    /// Api name of the module
    module: String,
    /// Name or id of a view [default: every record]
    #[arg(long, value_name = "NAME")]
    view: Option<String>,
    /// A criteria that narrows the view: (City:equals:Mumbai)
    #[arg(long, value_name = "TEXT")]
    criteria: Option<String>,
    /// What is written
    #[arg(long, value_enum, default_value = "csv")]
    format: Format,
    /// Where it is written [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// In CSV, write texts as they are: a spreadsheet may run those that start with = + - or @.
    /// Without this they get a ' in front, and the file is not for `swathe import`
    #[arg(long)]
    raw: bool,
    /// E-mail address of the user who exports [default: the first administrator; with --url, the
    /// token's user]
    #[arg(long, value_name = "EMAIL")]
    user: Option<String>,
    #[command(flatten)]
    place: Place,
}

impl Export {
    /// Exports.
    pub(crate) fn run(&self) -> Done {
        let mut pages = Pages::open(self)?;
        // The first page before the file is made: what is refused leaves no file.
        let first = pages.next()?;
        match &self.out {
            None => match self.write(&mut pages, first, io::stdout().lock()) {
                // `swathe export Leads | head`
                Err(error) if is_broken_pipe(&error) => Ok(()),
                done => done.map(drop),
            },
            Some(path) => {
                let cannot = || format!("cannot write {}", path.display());
                let file = File::create(path).with_context(cannot)?;
                let count = self.write(&mut pages, first, file).with_context(cannot)?;
                note(format_args!(
                    "{count} records written to {}",
                    path.display()
                ));
                Ok(())
            }
        }
    }

    fn write(
        &self,
        pages: &mut Pages<'_>,
        first: pages::Page,
        out: impl Write,
    ) -> Result<u64, Failure> {
        let bar = match self.out {
            // Shown on a terminal only, and never between the records.
            Some(_) => ProgressBar::new_spinner(),
            None => ProgressBar::hidden(),
        };
        let mut out = BufWriter::new(out);
        let mut writer = write::Writer::new(self.format, self.raw, &mut out);
        writer.start(&first.fields)?;
        let mut count = 0;
        let mut page = first;
        loop {
            for record in &page.records {
                writer.record(&page.fields, record)?;
            }
            count += page.records.len() as u64;
            bar.set_message(format!("{count} records"));
            bar.tick();
            if pages.ended() {
                break;
            }
            page = pages.next()?;
        }
        writer.finish()?;
        bar.finish_and_clear();
        Ok(count)
    }
}

fn is_broken_pipe(error: &Failure) -> bool {
    let mut causes = error.chain();
    let kind = |cause: &(dyn std::error::Error + 'static)| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        io.or_else(|| match cause.downcast_ref::<csv::Error>()?.kind() {
            csv::ErrorKind::Io(error) => Some(error.kind()),
            _ => None,
        })
    };
    causes.any(|cause| kind(cause) == Some(ErrorKind::BrokenPipe))
}

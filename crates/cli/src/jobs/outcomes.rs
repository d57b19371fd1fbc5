//! `swathe jobs outcomes`: what became of each record, as a table, or whole as CSV or lines of JSON.

use super::{Pages, id};
use crate::Done;
use crate::follow::path;
use crate::remote::{Remote, quoted};
use crate::settings::{Failure, Usage, note};
use crate::terminal::{self, Rows, clean, value};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value as Json, json};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, ErrorKind, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

/// Lines of the table when nobody says how many.
const LIMIT: usize = 100;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// A row a record
    Csv,
    /// A JSON object a line
    Ndjson,
}

/// The options.
#[derive(Args)]
pub(super) struct Outcomes {
    /// Id of the job
    #[arg(value_parser = id)]
    job: String,
    /// Only these: changed, unchanged, failed, cancelled or not_run
    #[arg(long, value_name = "OUTCOME")]
    outcome: Option<String>,
    /// Only those with this code
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// What is written
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Where it is written [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// So many at most [default: 100 in a table, all in JSON]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Answer in JSON
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

impl Outcomes {
    pub(super) fn run(&self, server: &Remote) -> Done {
        let whole = match self.format {
            Format::Table => None,
            Format::Csv => Some("text/csv"),
            Format::Ndjson => Some("application/x-ndjson"),
        };
        match (whole, &self.output) {
            (None, Some(_)) => bail!(Usage(
                "--output is for --format csv or ndjson, which are whole".to_owned()
            )),
            (Some(_), _) if self.limit.is_some() => {
                bail!(Usage(
                    "--limit is for tables and --json: files are whole".to_owned()
                ))
            }
            (None, None) => self.pages(server),
            (Some(accept), Some(file)) => {
                let mut body = server.stream(&self.path(), &[("Accept", accept)])?;
                let bytes = kept(&mut body, file)?;
                note(format_args!("{bytes} bytes written to {}", file.display()));
                Ok(())
            }
            (Some(accept), None) => {
                let body = server.stream(&self.path(), &[("Accept", accept)])?;
                match printed(body) {
                    // `swathe jobs outcomes … | head`
                    Err(error) if is_broken_pipe(&error) => Ok(()),
                    done => done,
                }
            }
        }
    }

    fn path(&self) -> String {
        let mut query = String::new();
        for (key, value) in [("outcome", &self.outcome), ("code", &self.code)] {
            if let Some(value) = value {
                query.push_str(&format!("&{key}={}", quoted(value)));
            }
        }
        let query = query.trim_start_matches('&');
        format!("{}/outcomes?{query}", path(&self.job))
    }

    fn pages(&self, server: &Remote) -> Done {
        let asked = self.limit.and_then(|limit| usize::try_from(limit).ok());
        let limit = asked.unwrap_or(if self.json { usize::MAX } else { LIMIT });
        let pages = Pages {
            server,
            path: self.path(),
        };
        let (told, more) = pages.upto(limit)?;
        if self.json {
            return terminal::say_json(&json!({ "data": told, "more": more }));
        }
        if told.is_empty() {
            note("there is no such outcome");
            return Ok(());
        }
        table(&told)?;
        if more {
            note(format_args!(
                "\nthere are more: --limit N, or all of them with --format csv"
            ));
        }
        Ok(())
    }
}

fn table(told: &[Json]) -> Done {
    let mut rows = Rows::of(&[
        "record",
        "name…",
        "outcome",
        "code",
        "because, or what changed…",
    ]);
    for one in told {
        let of = |key: &str| value(one.get(key).unwrap_or(&Json::Null));
        let text = |key: &str| one.get(key).and_then(Json::as_str).map(clean);
        let why = text("message").unwrap_or_else(|| changed(one));
        rows.row([of("record"), of("name"), of("outcome"), of("code"), why]);
    }
    rows.say()
}

/// `Lead_Source: Cold Call -> Trade Show`, for each field.
fn changed(told: &Json) -> String {
    let side = |key: &str| told.get(key).and_then(Json::as_object);
    let (before, after) = (side("before"), side("after"));
    let Some(fields) = after.or(before) else {
        return String::new();
    };
    // A deletion takes every value: their list says nothing more than the word.
    if after.is_none() {
        return String::new();
    }
    let of = |side: Option<&Map<String, Json>>, field: &str| {
        value(side.and_then(|side| side.get(field)).unwrap_or(&Json::Null))
    };
    let mut said = fields
        .keys()
        .filter(|field| before.is_none_or(|before| before.contains_key(*field)))
        .map(|field| {
            format!(
                "{}: {} -> {}",
                clean(field),
                of(before, field),
                of(after, field)
            )
        })
        .collect::<Vec<String>>();
    // A record that was brought back has all its fields.
    if before.is_none() {
        said.clear();
    }
    said.join("; ")
}

/// Writes a body to a file: beside it first, so that no half of it ever has its name.
fn kept(body: &mut impl Read, file: &Path) -> Result<u64, Failure> {
    // A device, a pipe or a link would be replaced by the file that takes its name.
    if fs::symlink_metadata(file).is_ok_and(|there| !there.is_file()) {
        bail!(
            "{} is there and is no ordinary file: say another name",
            file.display()
        );
    }
    let mut part = file.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let cannot = || format!("cannot write {}", file.display());
    let mut write = || -> Result<u64, Failure> {
        let mut out = File::create(&part).with_context(cannot)?;
        let bytes = io::copy(body, &mut out).with_context(cannot)?;
        out.sync_all().with_context(cannot)?;
        fs::rename(&part, file).with_context(cannot)?;
        Ok(bytes)
    };
    let written = write();
    if written.is_err() {
        // What failed is said; the next try writes over what is left.
        let _ = fs::remove_file(&part);
    }
    written
}

/// Writes a body to standard output: as it is, or so that it does not steer a terminal.
fn printed(body: impl Read) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let mut body = BufReader::new(body);
    if !out.is_terminal() {
        io::copy(&mut body, &mut out)?;
        return Ok(out.flush()?);
    }
    let mut line = Vec::new();
    while body.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        writeln!(out, "{}", clean(text.trim_end_matches(['\r', '\n'])))?;
        line.clear();
    }
    Ok(out.flush()?)
}

fn is_broken_pipe(error: &Failure) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|io| io.kind() == ErrorKind::BrokenPipe)
}

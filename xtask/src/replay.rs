//! `cargo xtask replay`: whether the requests of the server's tests are still answered as recorded.
//!
//! A test that passes says that what it looks at is right; this says that nothing else of any answer
//! has changed, byte for byte. The tests write down what they ask and are answered (`recorder.rs`
//! among them, into the folder that `SWATHE_RECORD` names); here this is made comparable and compared
//! with `tests/answers`.
//!
//! An answer is known by the name of its test's function alone, so files and modules of tests may be
//! renamed, split and joined without a word changing here.

mod answers;
mod compare;
mod transcript;
mod unstable;

use crate::process::{announce, cargo, root, scratch, step};
use crate::test::Postgres;
use answers::Answers;
use anyhow::{Context, Result, bail};
use compare::Differences;
use std::path::{Path, PathBuf};

/// The variable that makes the tests write down what they are answered.
const FOLDER: &str = "SWATHE_RECORD";

/// A database on which tests run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    pub(crate) const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];

    /// The last part of a test's name, and the word in the recorded files.
    fn word(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|database| database.word() == word)
    }
}

#[derive(Default)]
struct Options {
    record: bool,
    sqlite_only: bool,
    filter: Option<String>,
}

impl Options {
    fn parse(arguments: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        for argument in arguments {
            match *argument {
                "--record" => options.record = true,
                "--sqlite" => options.sqlite_only = true,
                word if word.starts_with('-') => bail!("unknown option: {word}"),
                word if options.filter.is_none() => options.filter = Some(word.to_owned()),
                word => bail!("one filter, not also `{word}`"),
            }
        }
        if options.record && options.sqlite_only {
            bail!("answers are recorded on both databases, for they are kept once where equal");
        }
        Ok(options)
    }
}

/// Runs the tests and compares, or records.
pub(crate) fn command(arguments: &[&str]) -> Result<()> {
    let options = Options::parse(arguments)?;
    let folder = empty_folder()?;
    let mut tests = cargo(&["test", "-p", "server", "--test", "it"]);
    tests.args(&options.filter).arg("--").env(FOLDER, &folder);
    let ran = if options.sqlite_only {
        tests.args(["--skip", "::postgres"]);
        for name in Answers::read(&recorded_in())?.only_on(Database::Postgres) {
            tests.args(["--skip", name]);
        }
        step(&mut tests)
    } else {
        let postgres = Postgres::prepare()?;
        step(postgres.named_in(&mut tests))
    };
    let filter = options.filter.as_deref();
    if options.record {
        // A test that failed may have stopped before its last request.
        ran?;
        return record(&folder, filter);
    }
    let databases: &[Database] = if options.sqlite_only {
        &[Database::Sqlite]
    } else {
        &Database::ALL
    };
    // Both are worth knowing: what failed, and what was answered differently.
    let compared = compare(&folder, databases, filter);
    ran.and(compared)
}

/// A folder for the tests to write into, without what earlier ones wrote.
fn empty_folder() -> Result<PathBuf> {
    let folder = scratch()?.join("answers");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)
            .with_context(|| format!("emptying {}", folder.display()))?;
    }
    std::fs::create_dir(&folder).with_context(|| format!("making {}", folder.display()))?;
    Ok(folder)
}

/// Compares what the tests wrote into the folder with what is recorded.
fn compare(folder: &Path, databases: &[Database], filter: Option<&str>) -> Result<()> {
    let recorded = Answers::read(&recorded_in())?;
    let got = Answers::gather(folder)?;
    let mut differences = Differences::default();
    for database in databases {
        differences.look(&recorded, &got, *database, filter);
    }
    announce(&format!("{} tests answered as recorded", differences.equal));
    for name in &differences.new {
        println!("not recorded yet: {name}");
    }
    for text in &differences.found {
        println!("{text}");
    }
    if !differences.found.is_empty() {
        bail!(
            "{} tests are answered otherwise than recorded in {}; if that is meant, \
             `cargo xtask replay --record` records anew",
            differences.found.len(),
            recorded_in().display()
        );
    }
    Ok(())
}

/// Records what the tests wrote into the folder; with a filter, what other tests are answered stays.
fn record(folder: &Path, filter: Option<&str>) -> Result<()> {
    let mut answers = Answers::gather(folder)?;
    if let Some(filter) = filter {
        answers.add_others(Answers::read(&recorded_in())?, filter)?;
    }
    let bytes = answers.write(&recorded_in())?;
    announce(&format!(
        "{} tests recorded in {}, {bytes} bytes",
        answers.len(),
        recorded_in().display()
    ));
    Ok(())
}

fn recorded_in() -> PathBuf {
    root().join("tests/answers")
}

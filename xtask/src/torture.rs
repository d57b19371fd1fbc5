//! `cargo xtask torture`: the server killed again and again under many jobs, on both databases.
//!
//! Builds the program with its kill points, which no other build has, and lets `torture` (a program
//! that shares no code with it) start, kill and judge it.

use crate::postgres::Cluster;
use crate::process::{announce, cargo, root, run, scratch, step};
use crate::test::postgres_url;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// What the person asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Options {
    kills: u64,
    seed: u64,
    databases: Vec<String>,
}

impl Options {
    /// A short one, for the test command.
    pub(crate) fn short(postgres: &str) -> Self {
        Self {
            kills: 30,
            seed: 1,
            databases: vec!["sqlite".to_owned(), postgres.to_owned()],
        }
    }

    fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self {
            kills: 1_000,
            seed: u64::from(std::process::id()),
            databases: vec!["sqlite".to_owned(), "postgres".to_owned()],
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let value = words.next();
            let value = value.with_context(|| format!("{word} needs a value"))?;
            match *word {
                "--kills" => options.kills = value.parse().context("--kills")?,
                "--seed" => options.seed = value.parse().context("--seed")?,
                "--database" => options.databases = vec![(*value).to_owned()],
                _ => bail!("torture has no option {word}"),
            }
        }
        if options.kills == 0 {
            bail!("--kills is at least 1");
        }
        Ok(options)
    }
}

/// The command.
pub(crate) fn command(words: &[&str]) -> Result<()> {
    let mut options = Options::parse(words)?;
    let mut cluster = None;
    for database in &mut options.databases {
        if database == "postgres" {
            *database = match postgres_url() {
                Some(url) => url,
                None => cluster.insert(Cluster::start()?).url().to_owned(),
            };
        }
    }
    torture(&options)
}

/// Tortures, on one database after the other.
pub(crate) fn torture(options: &Options) -> Result<()> {
    let program = build()?;
    let dir = scratch()?.join("torture");
    std::fs::create_dir_all(&dir).with_context(|| format!("making {}", dir.display()))?;
    for database in &options.databases {
        let name = database.split("://").next().unwrap_or_default();
        announce(&format!(
            "torture on {name}: {} kills, --seed {}",
            options.kills, options.seed
        ));
        let mut torture = Command::new(root().join("target/debug/torture"));
        torture.args(["--database", database]);
        torture.args(["--kills", &options.kills.to_string()]);
        torture.args(["--seed", &options.seed.to_string()]);
        torture.arg("--binary").arg(&program).arg("--dir").arg(&dir);
        run(&mut torture)?;
    }
    Ok(())
}

/// Builds the program with kill points and puts it where no other build looks for it, then the usual
/// one again: what lies in `target/debug` must not know how to kill itself.
fn build() -> Result<PathBuf> {
    step(&mut cargo(&[
        "build",
        "-p",
        "cli",
        "--features",
        "kill-points",
    ]))?;
    let program = scratch()?.join("swathe-kill-points");
    let built = root().join("target/debug/swathe");
    std::fs::copy(&built, &program).with_context(|| format!("copying {}", built.display()))?;
    step(&mut cargo(&["build", "-p", "cli"]))?;
    step(&mut cargo(&["build", "-p", "torture"]))?;
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_have_defaults_and_bounds() {
        let options = Options::parse(&[]).unwrap();
        assert_eq!(options.kills, 1_000);
        assert_eq!(options.databases, ["sqlite", "postgres"]);
        let words = ["--kills", "7", "--seed", "3", "--database", "sqlite"];
        let options = Options::parse(&words).unwrap();
        assert_eq!((options.kills, options.seed), (7, 3));
        assert_eq!(options.databases, ["sqlite"]);
        for wrong in [&["--kills", "0"][..], &["--kills"], &["--speed", "1"]] {
            assert!(Options::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}

//! `cargo xtask test`: what must pass before a change is merged, fast checks first.
//!
//! Plain `cargo test`, so that a Rust toolchain is all a newcomer needs; the databases and the SDK
//! that the tests talk to are found or made here and named in the environment.

use crate::postgres::Cluster;
use crate::process::{announce, cargo, step};
use crate::python::{self, Sdk};
use crate::{conformance, tidy, torture};
use anyhow::Result;
use std::process::Command;

const POSTGRES: &str = "SWATHE_TEST_POSTGRES";
/// Which Python has the SDK of which version.
const PYTHONS: [(&str, Sdk); 2] = [
    ("SWATHE_TEST_PYTHON_7", Sdk::Seven),
    ("SWATHE_TEST_PYTHON_8", Sdk::Eight),
];

/// Every step, up to the first that fails.
#[expect(
    clippy::disallowed_methods,
    reason = "tells the maintainer how long the tests took"
)]
pub(crate) fn everything() -> Result<()> {
    let start = std::time::Instant::now();
    step(&mut cargo(&["fmt", "--all", "--check"]))?;
    announce("tidy");
    tidy::run()?;
    conformance::check()?;
    step(&mut cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    let surroundings = Surroundings::prepare()?;
    step(&mut cargo(&["build", "-p", "cli"]))?;
    surroundings.test(&["--workspace"])?;
    torture::torture(&torture::Options::short(&surroundings.postgres.url))?;
    announce(&format!(
        "everything passed, in {:.1} s",
        start.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// Only the tests that these arguments of `cargo test` choose.
pub(crate) fn only(chosen: &[&str]) -> Result<()> {
    let mut arguments = Vec::new();
    if !names_packages(chosen) {
        arguments.push("--workspace");
    }
    arguments.extend(chosen);
    Surroundings::prepare()?.test(&arguments)
}

/// Without a package, `cargo test` would look only into the default member.
fn names_packages(arguments: &[&str]) -> bool {
    let ours = arguments.iter().take_while(|argument| **argument != "--");
    ours.into_iter().any(|argument| {
        argument.starts_with("-p")
            || argument.starts_with("--package")
            || matches!(*argument, "--workspace" | "--all" | "--manifest-path")
    })
}

/// The PostgreSQL server that the maintainer names.
#[expect(
    clippy::disallowed_methods,
    reason = "the variable is this program's one setting"
)]
pub(crate) fn postgres_url() -> Option<String> {
    std::env::var(POSTGRES).ok()
}

/// The PostgreSQL that the tests talk to, for as long as they run.
pub(crate) struct Postgres {
    url: String,
    _cluster: Option<Cluster>,
}

impl Postgres {
    /// The one that the maintainer names, or a throw-away one.
    pub(crate) fn prepare() -> Result<Self> {
        let (url, cluster) = if let Some(url) = postgres_url() {
            announce(&format!("PostgreSQL: the one that {POSTGRES} names"));
            (url, None)
        } else {
            let cluster = Cluster::start()?;
            (cluster.url().to_owned(), Some(cluster))
        };
        Ok(Self {
            url,
            _cluster: cluster,
        })
    }

    /// Tells the tests where it is.
    pub(crate) fn named_in<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env(POSTGRES, &self.url)
    }
}

/// What the tests talk to, for as long as they run.
struct Surroundings {
    postgres: Postgres,
    pythons: Vec<(&'static str, std::path::PathBuf)>,
}

impl Surroundings {
    fn prepare() -> Result<Self> {
        let postgres = Postgres::prepare()?;
        let pythons = PYTHONS.map(|(name, sdk)| Ok((name, python::prepare(sdk)?)));
        Ok(Self {
            postgres,
            pythons: pythons.into_iter().collect::<Result<_>>()?,
        })
    }

    fn test(&self, arguments: &[&str]) -> Result<()> {
        let mut command = cargo(&["test"]);
        self.postgres
            .named_in(&mut command)
            .args(arguments)
            .envs(self.pythons.iter().map(|(name, path)| (name, path)));
        step(&mut command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_alone_means_the_whole_workspace() {
        assert!(names_packages(&["-p", "store"]));
        assert!(names_packages(&["-pstore", "a_name"]));
        assert!(names_packages(&["--package=store"]));
        assert!(!names_packages(&["a_name"]));
        assert!(
            !names_packages(&["a_name", "--", "-p"]),
            "that one is the test program's"
        );
        assert!(!names_packages(&["--", "--nocapture"]));
    }
}

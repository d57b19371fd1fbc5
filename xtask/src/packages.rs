//! Installing what a test needs from the system's packages, which only the superuser may do.
//!
//! A fresh container is the usual place where PostgreSQL or Python is missing, and there we are
//! root. Elsewhere the caller fails with the command that a person should run.

use crate::process::{announce, is_root, on_path, output, run};
use anyhow::{Context, Result};
use std::path::Path;
use std::process::{Command, Stdio};

/// The same thing under the name that each package manager knows.
pub(crate) struct Packages {
    pub(crate) apt: &'static [&'static str],
    pub(crate) dnf: &'static [&'static str],
    pub(crate) apk: &'static [&'static str],
}

/// The server programs of PostgreSQL.
pub(crate) const POSTGRESQL: Packages = Packages {
    apt: &["postgresql"],
    dnf: &["postgresql-server"],
    apk: &["postgresql"],
};

/// Python 3 with the module that makes virtual environments.
pub(crate) const PYTHON: Packages = Packages {
    apt: &["python3", "python3-venv"],
    dnf: &["python3", "python3-pip"],
    apk: &["python3"],
};

/// Installs the packages and says so; false if we are not root or know no package manager here.
pub(crate) fn install(wanted: &Packages) -> Result<bool> {
    if !is_root() {
        return Ok(false);
    }
    if on_path("apt-get").is_some() {
        apt(&["update"])?;
        if wanted.apt == POSTGRESQL.apt {
            apt(&[
                "install",
                "--yes",
                "--no-install-recommends",
                "postgresql-common",
            ])?;
            keep_debian_from_making_a_cluster()?;
        }
        let mut words = vec!["install", "--yes", "--no-install-recommends"];
        words.extend(wanted.apt);
        apt(&words)?;
    } else if on_path("dnf").is_some() {
        quietly(
            Command::new("dnf")
                .args(["install", "--assumeyes"])
                .args(wanted.dnf),
        )?;
    } else if on_path("apk").is_some() {
        quietly(
            Command::new("apk")
                .args(["add", "--no-cache"])
                .args(wanted.apk),
        )?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

fn apt(words: &[&str]) -> Result<()> {
    quietly(
        Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(words),
    )
}

/// Announces and runs; what the package manager tells is noise unless it fails.
fn quietly(command: &mut Command) -> Result<()> {
    let words: Vec<_> = command
        .get_args()
        .map(|word| word.to_string_lossy())
        .collect();
    let program = command.get_program().to_string_lossy();
    announce(&format!(
        "{program} {} (missing here, and we are root)",
        words.join(" ")
    ));
    run(command.stdin(Stdio::null()).stdout(Stdio::null()))
}

/// Debian's package makes and starts a cluster of its own unless told otherwise beforehand.
fn keep_debian_from_making_a_cluster() -> Result<()> {
    let settings = Path::new("/etc/postgresql-common/createcluster.conf");
    if settings.exists() {
        let text = std::fs::read_to_string(settings)?;
        std::fs::write(settings, without_main_cluster(&text))
            .with_context(|| format!("writing {}", settings.display()))?;
    }
    Ok(())
}

fn without_main_cluster(settings: &str) -> String {
    let kept = settings
        .lines()
        .filter(|line| !line.trim_start().starts_with("create_main_cluster"));
    kept.chain(["create_main_cluster = false"])
        .fold(String::new(), |text, line| text + line + "\n")
}

/// The version of a program as it tells it, to say what was found.
pub(crate) fn version(program: &Path) -> String {
    output(Command::new(program).arg("--version")).unwrap_or_else(|_| "version unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_is_told_once_not_to_make_a_cluster() {
        let told = "# comment\ncreate_main_cluster = false\n";
        assert_eq!(
            without_main_cluster("# comment\ncreate_main_cluster = true\n"),
            told
        );
        assert_eq!(without_main_cluster(told), told);
        assert_eq!(without_main_cluster("# comment\n"), told);
    }
}

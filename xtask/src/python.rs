//! The Pythons that run the vendor's SDKs against us: for each version a virtual environment under
//! `target`, with what its file in `tests/sdk` pins, made again only when that file changes. The
//! SDKs of all versions install the same Python package, so one environment holds one of them.

use crate::packages::{self, PYTHON};
use crate::process::{announce, output, root, run, scratch};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A version of the wire API whose SDK is installed.
#[derive(Clone, Copy)]
pub(crate) enum Sdk {
    /// Of v7.
    Seven,
    /// Of v8.
    Eight,
}

impl Sdk {
    /// What to install.
    fn requirements(self) -> &'static str {
        match self {
            Self::Seven => "tests/sdk/requirements-7.txt",
            Self::Eight => "tests/sdk/requirements-8.txt",
        }
    }

    /// The environment's folder.
    fn folder(self) -> &'static str {
        match self {
            Self::Seven => "venv-7",
            Self::Eight => "venv-8",
        }
    }
}

/// Fails unless this is Python 3.9 or later that can make an environment with pip in it.
const SUITABLE: &str =
    "import sys, venv, ensurepip; sys.exit(0 if sys.version_info >= (3, 9) else 1)";

/// The absolute path comes last: the system's package may be hidden by an older one on the PATH.
const NAMES: &[&str] = &["python3", "python", "/usr/bin/python3"];

/// The environment's interpreter, made ready if it is not.
pub(crate) fn prepare(sdk: Sdk) -> Result<PathBuf> {
    let named = sdk.requirements();
    let requirements = root().join(named);
    let wanted = fs::read_to_string(&requirements)
        .with_context(|| format!("reading {}", requirements.display()))?;
    let dir = scratch()?.join(sdk.folder());
    let stamp = dir.join("swathe-requirements.txt");
    let python = dir.join("bin/python");

    if is_fresh(&stamp, &wanted) && output(Command::new(&python).args(["-c", ""])).is_ok() {
        announce(&format!(
            "Python: {} (as {named} asks)",
            packages::version(&python)
        ));
        return Ok(python);
    }
    let base = base_or_install()?;
    announce(&format!(
        "Python: {}, installing {named}",
        packages::version(&base)
    ));
    if dir.exists() {
        fs::remove_dir_all(&dir).with_context(|| format!("removing {}", dir.display()))?;
    }
    run(Command::new(&base).args(["-m", "venv"]).arg(&dir))?;
    run(Command::new(&python)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
        ])
        .arg(&requirements))
    .context("installing the SDK; it needs a package index that pip can reach")?;
    // Written last: an interrupted installation leaves no stamp.
    fs::write(&stamp, wanted).with_context(|| format!("writing {}", stamp.display()))?;
    Ok(python)
}

fn is_fresh(stamp: &Path, wanted: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|installed| installed == wanted)
}

fn base_or_install() -> Result<PathBuf> {
    if let Some(found) = base() {
        return Ok(found);
    }
    if packages::install(&PYTHON)?
        && let Some(found) = base()
    {
        return Ok(found);
    }
    bail!(
        "the tests run the vendor's Python SDK and need Python 3.9 or later with `venv`. Install \
         it (Debian: `apt-get install python3 python3-venv`; Fedora: `dnf install python3`; \
         macOS: `brew install python`)"
    )
}

fn base() -> Option<PathBuf> {
    let suits = |name: &&&str| output(Command::new(name).args(["-c", SUITABLE])).is_ok();
    NAMES.iter().find(suits).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_requirement_makes_the_environment_stale() {
        let stamp = std::env::temp_dir().join(format!("swathe-stamp-{}", std::process::id()));
        assert!(!is_fresh(&stamp, "a==1\n"), "no stamp yet");
        fs::write(&stamp, "a==1\n").unwrap();
        assert!(is_fresh(&stamp, "a==1\n"));
        assert!(!is_fresh(&stamp, "a==2\n"));
        fs::remove_file(&stamp).unwrap();
    }

    #[test]
    fn every_requirement_is_pinned() {
        for sdk in [Sdk::Seven, Sdk::Eight] {
            let text = fs::read_to_string(root().join(sdk.requirements())).unwrap();
            for line in text.lines().filter(|line| !line.starts_with('#')) {
                assert!(line.contains("=="), "not pinned: {line}");
            }
        }
    }
}

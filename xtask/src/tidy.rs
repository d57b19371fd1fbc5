//! `cargo xtask tidy`: house rules that no compiler checks, on the files that git tracks.
//!
//! A rule is a function from a path and a text to findings, so that its tests need no files.
//! Words that the rules look for are put together with `concat!`, or this file would find itself.

use crate::process::{output, root};
use crate::tidy_crates;
use anyhow::{Result, bail};
use std::process::Command;

/// Longer than this, a file holds more than one thing.
const RUST_LINES: usize = 600;
/// A README that is not read is not written for its reader.
const README_LINES: usize = 150;

const UNFINISHED: &[&str] = &[
    concat!("todo", "!"),
    concat!("unimplemented", "!"),
    concat!("#[", "ignore"),
];
const SLEEPS: &[&str] = &[concat!("thread::", "sleep"), concat!("time::", "sleep(")];
const EXCUSE: &str = concat!("// sleeps ", "because");

/// One thing that is wrong, in a line, counted from one.
#[derive(Debug, PartialEq)]
pub(crate) struct Finding {
    pub(crate) line: usize,
    pub(crate) what: String,
}

impl Finding {
    pub(crate) fn new(line: usize, what: impl Into<String>) -> Self {
        Self {
            line,
            what: what.into(),
        }
    }
}

type Rule = fn(path: &str, text: &str) -> Vec<Finding>;

const RULES: &[Rule] = &[
    rust_is_short,
    nothing_is_unfinished,
    sleeps_are_explained,
    tidy_crates::point_to_the_left,
    tidy_crates::kill_points_are_asked_for,
    the_readme_is_short,
    decisions_are_numbered,
    no_tabs_in_rust,
    no_trailing_space,
];

/// Prints every finding and fails if there is one.
pub(crate) fn run() -> Result<()> {
    if !root().join(".git").exists() {
        println!("tidy skipped: not a git checkout, so nothing is tracked");
        return Ok(());
    }
    let mut count = 0;
    for path in tracked()? {
        // Deleted but not yet committed, or not text: nothing to say.
        let Ok(text) = std::fs::read_to_string(root().join(&path)) else {
            continue;
        };
        for finding in RULES.iter().flat_map(|rule| rule(&path, &text)) {
            println!("{path}:{}: {}", finding.line, finding.what);
            count += 1;
        }
    }
    if count > 0 {
        bail!("tidy: {count} findings");
    }
    Ok(())
}

/// The files that git tracks. The trusted directory is named because a container's root rarely owns the checkout.
pub(crate) fn tracked() -> Result<Vec<String>> {
    let trusted = format!("safe.directory={}", root().display());
    let mut git = Command::new("git");
    let listed = output(
        git.current_dir(root())
            .args(["-c", &trusted, "ls-files", "-z"]),
    )?;
    Ok(listed
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(str::to_owned)
        .collect())
}

fn is_rust(path: &str) -> bool {
    ends_in(path, &["rs"])
}

fn ends_in(path: &str, extensions: &[&str]) -> bool {
    path.rsplit_once('.')
        .is_some_and(|(_, extension)| extensions.contains(&extension))
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(
        text.split('\n')
            .map(|line| line.strip_suffix('\r').unwrap_or(line)),
    )
}

fn too_long(text: &str, limit: usize) -> Vec<Finding> {
    let lines = text.lines().count();
    let finding = || Finding::new(lines, format!("{lines} lines; at most {limit}"));
    (lines > limit).then(finding).into_iter().collect()
}

fn rust_is_short(path: &str, text: &str) -> Vec<Finding> {
    if is_rust(path) {
        too_long(text, RUST_LINES)
    } else {
        Vec::new()
    }
}

fn the_readme_is_short(path: &str, text: &str) -> Vec<Finding> {
    if path == "README.md" {
        too_long(text, README_LINES)
    } else {
        Vec::new()
    }
}

fn nothing_is_unfinished(path: &str, text: &str) -> Vec<Finding> {
    if !is_rust(path) {
        return Vec::new();
    }
    let word_in = |line: &str| UNFINISHED.iter().find(|word| line.contains(**word));
    numbered(text)
        .filter_map(|(number, line)| {
            word_in(line).map(|word| Finding::new(number, format!("unfinished: {word}")))
        })
        .collect()
}

fn sleeps_are_explained(path: &str, text: &str) -> Vec<Finding> {
    if !is_rust(path) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let mut above = "";
    for (number, line) in numbered(text) {
        let sleeps = SLEEPS.iter().any(|word| line.contains(word));
        if sleeps && !line.contains(EXCUSE) && !above.contains(EXCUSE) {
            let what = format!("sleeps: wait for an event, or say why with `{EXCUSE}`");
            findings.push(Finding::new(number, what));
        }
        above = line;
    }
    findings
}

fn decisions_are_numbered(path: &str, _text: &str) -> Vec<Finding> {
    let Some(name) = path.strip_prefix("docs/decisions/") else {
        return Vec::new();
    };
    let Some(stem) = name.strip_suffix(".md") else {
        return Vec::new();
    };
    let well_named = stem.split_once('-').is_some_and(|(number, title)| {
        let small = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        number.len() == 4
            && number.chars().all(|c| c.is_ascii_digit())
            && !title.is_empty()
            && title.chars().all(small)
    });
    let finding = || Finding::new(1, "a decision is named NNNN-title.md, in small letters");
    (!well_named).then(finding).into_iter().collect()
}

fn no_tabs_in_rust(path: &str, text: &str) -> Vec<Finding> {
    if !is_rust(path) {
        return Vec::new();
    }
    let indented = |line: &str| {
        line.chars()
            .take_while(|c| c.is_whitespace())
            .any(|c| c == '\t')
    };
    numbered(text)
        .filter(|(_, line)| indented(line))
        .map(|(number, _)| Finding::new(number, "indented with a tab"))
        .collect()
}

fn no_trailing_space(path: &str, text: &str) -> Vec<Finding> {
    if !ends_in(path, &["rs", "md", "toml"]) {
        return Vec::new();
    }
    numbered(text)
        .filter(|(_, line)| line.ends_with([' ', '\t']))
        .map(|(number, _)| Finding::new(number, "space at the end of the line"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines in which the rule finds something.
    fn lines(rule: Rule, path: &str, text: &str) -> Vec<usize> {
        rule(path, text)
            .iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn long_rust_is_found() {
        assert_eq!(lines(rust_is_short, "a.rs", &"x\n".repeat(600)), [0; 0]);
        assert_eq!(lines(rust_is_short, "a.rs", &"x\n".repeat(601)), [601]);
        assert_eq!(lines(rust_is_short, "a.sql", &"x\n".repeat(601)), [0; 0]);
    }

    #[test]
    fn a_long_readme_is_found() {
        assert_eq!(
            lines(the_readme_is_short, "README.md", &"x\n".repeat(150)),
            [0; 0]
        );
        assert_eq!(
            lines(the_readme_is_short, "README.md", &"x\n".repeat(151)),
            [151]
        );
        assert_eq!(
            lines(the_readme_is_short, "docs/api.md", &"x\n".repeat(151)),
            [0; 0]
        );
    }

    #[test]
    fn unfinished_work_is_found() {
        for word in UNFINISHED {
            let text = format!("fn a() {{\n    {word}\n}}\n");
            assert_eq!(lines(nothing_is_unfinished, "a.rs", &text), [2], "{word}");
            assert_eq!(
                lines(nothing_is_unfinished, "a.md", &text),
                [0; 0],
                "{word}"
            );
        }
    }

    #[test]
    fn a_sleep_without_a_reason_is_found() {
        for word in SLEEPS {
            let bare = format!("fn a() {{\n    {word}(second);\n}}\n");
            assert_eq!(lines(sleeps_are_explained, "a.rs", &bare), [2]);
            let beside = format!("{word}(second); {EXCUSE} the disk is slow\n");
            assert_eq!(lines(sleeps_are_explained, "a.rs", &beside), [0; 0]);
            let above = format!("{EXCUSE} the disk is slow\n{word}(second);\n\n{word}(second);\n");
            assert_eq!(lines(sleeps_are_explained, "a.rs", &above), [4]);
        }
    }

    #[test]
    fn a_misnamed_decision_is_found() {
        let check = |path: &str| lines(decisions_are_numbered, path, "");
        assert_eq!(check("docs/decisions/0001-sync-store.md"), [0; 0]);
        assert_eq!(check("docs/sync-store.md"), [0; 0]);
        for bad in [
            "sync-store",
            "001-sync-store",
            "0001_sync",
            "0001-",
            "0001-Sync",
            "00001-a",
        ] {
            assert_eq!(check(&format!("docs/decisions/{bad}.md")), [1], "{bad}");
        }
    }

    #[test]
    fn tabs_are_found() {
        assert_eq!(
            lines(no_tabs_in_rust, "a.rs", "a\n\tb\n  \tc\nd\te\n"),
            [2, 3]
        );
        assert_eq!(lines(no_tabs_in_rust, "Makefile", "\tb\n"), [0; 0]);
    }

    #[test]
    fn trailing_space_is_found() {
        for path in ["a.rs", "a.md", "a.toml"] {
            assert_eq!(
                lines(no_trailing_space, path, "a\nb \nc\t\r\n"),
                [2, 3],
                "{path}"
            );
        }
        assert_eq!(lines(no_trailing_space, "a.csv", "b \n"), [0; 0]);
    }
}

//! `cargo xtask lines`: how long each crate is, its sources and its integration tests.

use crate::process::root;
use crate::tidy::tracked;
use anyhow::Result;
use std::collections::BTreeMap;

/// Of one crate.
#[derive(Clone, Copy, Default, Debug, PartialEq)]
struct Size {
    files: usize,
    src: usize,
    tests: usize,
}

/// Prints the lines of every crate, and all together.
pub(crate) fn run() -> Result<()> {
    let mut sizes = BTreeMap::new();
    for path in tracked()? {
        // Deleted but not yet committed, or not text: no lines.
        if let Ok(text) = std::fs::read_to_string(root().join(&path)) {
            count(&mut sizes, &path, text.lines().count());
        }
    }
    println!("{:<16}{:>6}{:>9}{:>9}", "crate", "files", "src", "tests");
    let all = sizes.values().fold(Size::default(), |one, other| Size {
        files: one.files + other.files,
        src: one.src + other.src,
        tests: one.tests + other.tests,
    });
    for (name, size) in sizes.into_iter().chain([("all".to_owned(), all)]) {
        let Size { files, src, tests } = size;
        println!("{name:<16}{files:>6}{src:>9}{tests:>9}");
    }
    Ok(())
}

/// Counts a Rust file for its crate: the folder above its `src` or `tests`.
fn count(sizes: &mut BTreeMap<String, Size>, path: &str, lines: usize) {
    if !path.to_ascii_lowercase().ends_with(".rs") {
        return;
    }
    for (folder, is_test) in [("/src/", false), ("/tests/", true)] {
        if let Some((name, _)) = path.split_once(folder) {
            let size = sizes.entry(name.to_owned()).or_default();
            size.files += 1;
            *(if is_test {
                &mut size.tests
            } else {
                &mut size.src
            }) += lines;
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_counts_for_the_crate_above_its_folder() {
        let mut sizes = BTreeMap::new();
        for path in [
            "crates/a/src/b/tests/c.rs",
            "crates/a/tests/it/main.rs",
            "crates/a/x.toml",
        ] {
            count(&mut sizes, path, 10);
        }
        let size = Size {
            files: 2,
            src: 10,
            tests: 10,
        };
        assert_eq!(sizes, BTreeMap::from([("crates/a".to_owned(), size)]));
    }
}

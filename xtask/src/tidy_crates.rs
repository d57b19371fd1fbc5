//! The rule of `cargo xtask tidy` that keeps the crates in a line: each uses only those before it.

use crate::tidy::Finding;

/// Our rooms, in the order in which they may use each other.
const LINE: &[&str] = &["model", "store", "jobs", "crm", "server", "cli"];
/// What tests share: it may use these, and only tests may use it.
const TESTKIT: &str = "testkit";
const TESTKIT_USES: &[&str] = &["model", "store"];

/// Manifests under `crates/`; those elsewhere (this program, the bench) use none of our crates.
pub(crate) fn point_to_the_left(path: &str, text: &str) -> Vec<Finding> {
    let Some(package) = path.strip_suffix("/Cargo.toml") else {
        return Vec::new();
    };
    let allowed: &[&str] = match package.strip_prefix("crates/") {
        None => &[],
        Some(TESTKIT) => TESTKIT_USES,
        Some(name) => match LINE.iter().position(|room| *room == name) {
            Some(place) => LINE.get(..place).unwrap_or_default(),
            None => {
                return vec![Finding::new(
                    1,
                    format!("`{name}` has no place in the line"),
                )];
            }
        },
    };
    dependencies(text)
        .filter(|used| LINE.contains(&used.name) || used.name == TESTKIT)
        .filter(|used| !allowed.contains(&used.name))
        .filter(|used| !(used.by_tests && used.name == TESTKIT && package.starts_with("crates/")))
        .map(|used| {
            let what = format!("`{package}` must not use `{}`", used.name);
            Finding::new(used.line, what)
        })
        .collect()
}

/// The feature by which a program kills itself when it is told to: nothing but its own definition may
/// name it, so that only who asks for it by hand gets it.
pub(crate) fn kill_points_are_asked_for(path: &str, text: &str) -> Vec<Finding> {
    if !path.ends_with("Cargo.toml") {
        return Vec::new();
    }
    let named = (1..).zip(text.lines()).filter(|(_, line)| {
        let line = line.trim();
        line.contains("kill-points")
            && !line.starts_with("kill-points = [")
            && !line.starts_with('#')
    });
    named
        .map(|(number, _)| {
            Finding::new(number, "kill points in a build that nobody asked for them")
        })
        .collect()
}

struct Dependency<'a> {
    line: usize,
    name: &'a str,
    by_tests: bool,
}

/// The dependencies that a manifest names, in any of the ways TOML has for it.
fn dependencies(text: &str) -> impl Iterator<Item = Dependency<'_>> {
    let mut section = "";
    (1..).zip(text.lines()).filter_map(move |(line, words)| {
        let words = words.trim();
        if let Some(header) = words.strip_prefix('[') {
            section = header.split(']').next().unwrap_or_default().trim();
            let (table, name) = section.rsplit_once('.')?;
            return listed(line, table, name);
        }
        let (key, _) = words.split_once('=')?;
        listed(line, section, key.split('.').next().unwrap_or_default())
    })
}

fn listed<'a>(line: usize, table: &str, name: &'a str) -> Option<Dependency<'a>> {
    // The last part: a table may be under `target.'cfg(unix)'`.
    let table = table.rsplit('.').next().unwrap_or_default();
    let name = name.trim().trim_matches(['"', '\'']);
    let by_tests = table == "dev-dependencies";
    let lists = by_tests || matches!(table, "dependencies" | "build-dependencies");
    lists.then_some(Dependency {
        line,
        name,
        by_tests,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        point_to_the_left(path, text)
            .iter()
            .map(|finding| finding.line)
            .collect()
    }

    #[test]
    fn a_crate_uses_those_before_it() {
        let text = "[package]\nname = \"jobs\"\n\n[dependencies]\nmodel.workspace = true\n";
        assert_eq!(lines("crates/jobs/Cargo.toml", text), [0; 0]);
        assert_eq!(lines("crates/model/Cargo.toml", text), [5], "itself");
    }

    #[test]
    fn a_step_to_the_right_is_found_however_it_is_written() {
        for text in [
            "[dependencies]\ncrm.workspace = true\n",
            "[dependencies]\ncrm = { path = \"../crm\" }\n",
            "[dependencies]\n\"crm\" = { workspace = true }\n",
            "[dev-dependencies]\ncrm.workspace = true\n",
            "[target.'cfg(unix)'.dependencies]\ncrm.workspace = true\n",
            "\n[dependencies.crm]\nworkspace = true\n",
        ] {
            assert_eq!(lines("crates/store/Cargo.toml", text), [2], "{text}");
            assert_eq!(lines("crates/cli/Cargo.toml", text), [0; 0], "{text}");
        }
    }

    #[test]
    fn only_tests_use_the_testkit() {
        let in_tests = "[dev-dependencies]\ntestkit.workspace = true\n";
        let in_code = "[dependencies]\ntestkit.workspace = true\n";
        assert_eq!(lines("crates/cli/Cargo.toml", in_tests), [0; 0]);
        assert_eq!(lines("crates/cli/Cargo.toml", in_code), [2]);
    }

    #[test]
    fn the_testkit_uses_two() {
        let text = "[dependencies]\nmodel.workspace = true\nstore.workspace = true\n";
        assert_eq!(lines("crates/testkit/Cargo.toml", text), [0; 0]);
        let text = "[dependencies]\njobs.workspace = true\n";
        assert_eq!(lines("crates/testkit/Cargo.toml", text), [2]);
    }

    #[test]
    fn a_bench_and_this_program_use_none() {
        let text = "[dependencies]\nanyhow.workspace = true\nmodel.workspace = true\n";
        assert_eq!(lines("xtask/Cargo.toml", text), [3]);
        assert_eq!(lines("bench/floor/Cargo.toml", text), [3]);
        assert_eq!(
            lines("Cargo.toml", "[workspace.dependencies]\nmodel = {}\n"),
            [0; 0]
        );
    }

    #[test]
    fn kill_points_by_default_are_found() {
        let lines = |text| -> Vec<usize> {
            let findings = kill_points_are_asked_for("crates/cli/Cargo.toml", text);
            findings.iter().map(|finding| finding.line).collect()
        };
        let defined = "[features]\nkill-points = [\"store/kill-points\"]\n";
        assert_eq!(lines(defined), [0; 0]);
        assert_eq!(lines("[features]\ndefault = [\"kill-points\"]\n"), [2]);
        let by_another =
            "[dependencies]\nstore = { workspace = true, features = [\"kill-points\"] }\n";
        assert_eq!(lines(by_another), [2]);
    }

    #[test]
    fn a_crate_outside_the_line_is_found() {
        assert_eq!(lines("crates/utils/Cargo.toml", ""), [1]);
    }
}

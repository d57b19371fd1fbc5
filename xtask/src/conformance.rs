//! `cargo xtask conformance`: the page that says, for each answer that the vendor's documents name,
//! which test gets it from a running server. `docs/conformance.toml` is written by people; the page
//! is made from it, and a row whose test does not exist is a finding.

use crate::process::root;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

const DATA: &str = "docs/conformance.toml";
const PAGE: &str = "docs/conformance.md";
/// Where the tests are that speak HTTP to a server.
const TESTS: &str = "crates/server/tests/it";

/// The whole of the data.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// What a row's sources are called, and what they are.
    sources: BTreeMap<String, String>,
    section: Vec<Section>,
}

/// The answers of one endpoint.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    title: String,
    text: String,
    row: Vec<Row>,
}

/// One answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    code: String,
    /// The HTTP status, by version where it differs.
    status: String,
    message: String,
    details: String,
    /// Where it stands: the whole body, an item of `data` about the request or about a record.
    place: Option<String>,
    source: Vec<String>,
    note: Option<String>,
    /// `file::function` of the test that gets this answer.
    test: Option<String>,
    /// Why there is none.
    open: Option<String>,
}

/// Writes the page.
pub(crate) fn write() -> Result<()> {
    let table = read()?;
    report(&flaws(&table, &source_of))?;
    fs::write(root().join(PAGE), page(&table)).context(PAGE)?;
    println!("{PAGE} is written");
    Ok(())
}

/// Fails if a row is wrong, or if the page is not what the data makes.
pub(crate) fn check() -> Result<()> {
    let table = read()?;
    let mut found = flaws(&table, &source_of);
    let now = fs::read_to_string(root().join(PAGE)).unwrap_or_default();
    if now != page(&table) {
        found.push(format!("{PAGE} is stale: run `cargo xtask conformance`"));
    }
    report(&found)
}

fn report(flaws: &[String]) -> Result<()> {
    for flaw in flaws {
        println!("{DATA}: {flaw}");
    }
    if !flaws.is_empty() {
        bail!("conformance: {} findings", flaws.len());
    }
    Ok(())
}

fn read() -> Result<Table> {
    let text = fs::read_to_string(root().join(DATA)).context(DATA)?;
    toml::from_str(&text).context(DATA)
}

/// The source text of a file of tests.
fn source_of(file: &str) -> Option<String> {
    fs::read_to_string(root().join(TESTS).join(format!("{file}.rs"))).ok()
}

/// What is wrong with the rows.
fn flaws(table: &Table, source_of: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let mut found = Vec::new();
    let mut used = BTreeSet::new();
    for section in &table.section {
        for row in &section.row {
            let name = format!("{}, {} \"{}\"", section.title, row.code, row.message);
            match (&row.test, &row.open) {
                (Some(test), None) => {
                    found.extend(test_flaw(test, source_of).map(|flaw| format!("{name}: {flaw}")));
                }
                (None, Some(reason)) if !reason.trim().is_empty() => {}
                _ => found.push(format!(
                    "{name}: needs either `test` or `open` with a reason"
                )),
            }
            if row.source.is_empty() {
                found.push(format!("{name}: needs a source"));
            }
            for source in &row.source {
                used.insert(source.as_str());
                if !table.sources.contains_key(source) {
                    found.push(format!("{name}: \"{source}\" is not among the sources"));
                }
            }
        }
    }
    let idle = table
        .sources
        .keys()
        .filter(|name| !used.contains(name.as_str()));
    found.extend(idle.map(|name| format!("no row has the source \"{name}\"")));
    found
}

/// Why a named test is none.
fn test_flaw(test: &str, source_of: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let Some((file, function)) = test.split_once("::") else {
        return Some(format!("\"{test}\" is not file::function"));
    };
    let Some(source) = source_of(file) else {
        return Some(format!("there is no {TESTS}/{file}.rs"));
    };
    let runs = listed(&source).contains(function) && source.contains(&format!("fn {function}("));
    (!runs).then(|| format!("{file}.rs does not run a test {function}"))
}

/// What stands in the lists of tests that run on each database.
fn listed(text: &str) -> BTreeSet<&str> {
    let lists = text.split("each_db! {").skip(1);
    let inside = lists.filter_map(|rest| rest.split('}').next());
    inside
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect()
}

/// The page.
fn page(table: &Table) -> String {
    let rows: Vec<&Row> = table.section.iter().flat_map(|s| &s.row).collect();
    let open = rows.iter().filter(|row| row.open.is_some()).count();
    let mut page = format!(
        "<!-- Made by `cargo xtask conformance` from conformance.toml; edit that. -->\n\n\
         # Conformance of the mass actions, and of the state that refuses them\n\n\
         Each row is an answer that the vendor's documents name for an action over many records, or \
         for a call about state that refuses one, as this server gives it.\nThe test in its last \
         column gets it over HTTP from a record, a user, a view or a database that is in that state, \
         on SQLite and on PostgreSQL, and compares status, code, message and details; where it \
         compares less, the note says so.\n{} rows, {open} of them open: no test gets that answer, \
         and the row says why.\n\nStatus: where it differs by version, all are said.\n\
         Place: *bare* is the whole body, *in data* the only item of `data`, *record* the item of one \
         record of the ids form; in a job such a record counts as failed.\n\n## Sources\n\n",
        rows.len()
    );
    for (name, what) in &table.sources {
        page.push_str(&format!("- *{name}*: {what}\n"));
    }
    for Section { title, text, row } in &table.section {
        page.push_str(&format!(
            "\n## {title}\n\n{text}\n\n\
             | code | status | message | details | place | sources | note | test |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- |\n"
        ));
        for row in row {
            page.push_str(&line(row));
        }
    }
    page
}

fn line(row: &Row) -> String {
    let proof = match (&row.test, &row.open) {
        (Some(test), _) => {
            let (file, function) = test.split_once("::").unwrap_or((test, test));
            format!("[{function}](../{TESTS}/{file}.rs)")
        }
        (None, open) => format!("**open**: {}", open.as_deref().unwrap_or_default()),
    };
    let cells = [
        row.code.clone(),
        row.status.clone(),
        row.message.clone(),
        format!("`{}`", row.details),
        row.place.clone().unwrap_or_default(),
        row.source.join("; "),
        row.note.clone().unwrap_or_default(),
        proof,
    ];
    let cells = cells.map(|cell| cell.trim().replace('|', "\\|").replace('\n', " "));
    // Markdown's own look of an empty cell.
    let cells = cells.map(|cell| if cell == "``" { String::new() } else { cell });
    format!("| {} |\n", cells.join(" | ")).replace("|  |", "| |")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "each_db! {\n    a_fact,\n    another,\n}\n\nmod check {\n    \
                        pub(super) fn a_fact(kind: Kind) {}\n    fn helper() {}\n}\n";

    fn table(rows: &str) -> Table {
        let head =
            "[sources]\n\"a page\" = \"what it is\"\n[[section]]\ntitle = \"T\"\ntext = \"X\"\n";
        toml::from_str(&format!("{head}{rows}")).unwrap()
    }

    fn row(end: &str) -> String {
        format!(
            "[[section.row]]\ncode = \"C\"\nstatus = \"400\"\nmessage = \"m | n\"\ndetails = \"{{}}\"\n\
             source = [\"a page\"]\n{end}\n"
        )
    }

    fn told(end: &str) -> Vec<String> {
        let source_of = |file: &str| (file == "here").then(|| TEXT.to_owned());
        flaws(&table(&row(end)), &source_of)
    }

    #[test]
    fn a_test_must_exist_and_run() {
        assert_eq!(told("test = \"here::a_fact\""), Vec::<String>::new());
        for bad in [
            "here::another",
            "here::helper",
            "here::nothing",
            "there::a_fact",
            "a_fact",
        ] {
            assert_eq!(told(&format!("test = \"{bad}\"")).len(), 1, "{bad}");
        }
    }

    #[test]
    fn a_row_has_a_test_or_a_reason() {
        assert_eq!(told("open = \"not yet\""), Vec::<String>::new());
        for bad in ["", "open = \" \"", "open = \"no\"\ntest = \"here::a_fact\""] {
            assert_eq!(told(bad).len(), 1, "{bad}");
        }
    }

    #[test]
    fn sources_are_named_and_used() {
        let good = row("open = \"no\"");
        let none = |_: &str| None;
        assert_eq!(
            flaws(&table(&good.replace("a page", "odd")), &none).len(),
            2
        );
        assert_eq!(
            flaws(&table(&good.replace("\"a page\"", "")), &none).len(),
            2
        );
    }

    #[test]
    fn a_cell_keeps_the_table_whole() {
        let page = page(&table(&row("test = \"here::a_fact\"")));
        let line = "| C | 400 | m \\| n | `{}` | | a page | | \
                    [a_fact](../crates/server/tests/it/here.rs) |\n";
        assert!(page.ends_with(line), "{page}");
        assert!(page.contains("1 rows, 0 of them open"));
    }
}

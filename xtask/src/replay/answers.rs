//! The answers of all tests, as the tests wrote them or as they are recorded.
//!
//! A recorded file holds the tests whose names begin with its letter, after an article: `=== name`,
//! then the exchanges.
//! `=== name (sqlite)` is what is answered on that database only.

use super::transcript::{Transcript, transcript};
use super::{Database, unstable};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What most names begin with.
const ARTICLES: &[&str] = &["a_", "an_", "the_"];

/// By the name of the test's function. Functions of different modules may have one name: then there
/// are several transcripts, in the order of their text.
#[derive(Default, Debug, PartialEq)]
pub(super) struct Answers(BTreeMap<String, OnEach>);

/// Of one name, by database.
#[derive(Default, Debug, PartialEq)]
struct OnEach {
    sqlite: Vec<Transcript>,
    postgres: Vec<Transcript>,
}

impl OnEach {
    fn len(&self) -> usize {
        self.sqlite.len() + self.postgres.len()
    }

    fn of(&mut self, database: Database) -> &mut Vec<Transcript> {
        match database {
            Database::Sqlite => &mut self.sqlite,
            Database::Postgres => &mut self.postgres,
        }
    }
}

impl Answers {
    /// What the tests wrote into a folder.
    pub(super) fn gather(folder: &Path) -> Result<Self> {
        let mut answers = Self::default();
        for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            let lines = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            let test = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .unwrap_or("");
            let (test, database) = test.rsplit_once('@').unwrap_or((test, ""));
            let database = Database::parse(database).context("no test's file")?;
            let name = function_of(test);
            if unstable::reason(name).is_none() && !lines.is_empty() {
                let told = transcript(&lines).with_context(|| path.display().to_string())?;
                answers.add(name, database, told);
            }
        }
        answers.sort();
        Ok(answers)
    }

    /// What is recorded in a folder; nothing where there is none.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let mut answers = Self::default();
        if folder.exists() {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
                answers.parse(&text);
            }
        }
        answers.sort();
        Ok(answers)
    }

    /// Adds what is recorded of tests that did not run, which are those that the filter does not
    /// name; fails where only some tests of one name did run, for which they were is not recorded.
    pub(super) fn add_others(&mut self, recorded: Self, filter: &str) -> Result<()> {
        for (name, each) in recorded.0 {
            let got = self.0.get(&name).map_or(0, OnEach::len);
            if got == 0 && !name.contains(filter) {
                self.0.insert(name, each);
            } else if got < each.len() && !name.contains(filter) {
                bail!("several tests are named {name}: record with that name, or all");
            }
        }
        Ok(())
    }

    /// Writes everything into a folder and says how many bytes that takes.
    pub(super) fn write(&self, folder: &Path) -> Result<usize> {
        if folder.exists() {
            fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let mut files: BTreeMap<char, String> = BTreeMap::new();
        for (name, each) in &self.0 {
            let noun = ARTICLES.iter().find_map(|word| name.strip_prefix(word));
            let letter = noun.unwrap_or(name).chars().next().unwrap_or('_');
            let text = files.entry(letter).or_default();
            section(text, name, each);
        }
        for (letter, text) in &files {
            fs::write(folder.join(format!("{letter}.txt")), text)?;
        }
        Ok(files.values().map(String::len).sum())
    }

    /// Each name that has something on this database and nothing on the other.
    pub(super) fn only_on(&self, database: Database) -> impl Iterator<Item = &str> {
        self.on(database)
            .filter(|(name, told)| {
                self.0
                    .get(*name)
                    .is_some_and(|each| each.len() == told.len())
            })
            .map(|(name, _)| name)
    }

    /// How many names there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Each name that has something on this database.
    pub(super) fn on(&self, database: Database) -> impl Iterator<Item = (&str, &[Transcript])> {
        self.0.iter().filter_map(move |(name, each)| {
            let transcripts = match database {
                Database::Sqlite => &each.sqlite,
                Database::Postgres => &each.postgres,
            };
            (!transcripts.is_empty()).then_some((name.as_str(), transcripts.as_slice()))
        })
    }

    pub(super) fn add(&mut self, name: &str, database: Database, told: Transcript) {
        let each = self.0.entry(name.to_owned()).or_default();
        each.of(database).push(told);
    }

    fn sort(&mut self) {
        for each in self.0.values_mut() {
            each.sqlite.sort();
            each.postgres.sort();
        }
    }

    fn parse(&mut self, text: &str) {
        for section in parts(text, "=== ") {
            let (head, exchanges) = section.split_once('\n').unwrap_or((section, ""));
            let head = head.trim_start_matches("=== ").trim_end();
            let (name, database) = match head.split_once(" (") {
                Some((name, word)) => (name, Database::parse(word.trim_end_matches(')'))),
                None => (head, None),
            };
            let told: Transcript = parts(exchanges, "--- ").map(str::to_owned).collect();
            for each in Database::ALL {
                if database.is_none_or(|only| only == each) {
                    self.add(name, each, told.clone());
                }
            }
        }
    }
}

/// The name of a test's function: of `module::name::sqlite`, say.
fn function_of(test: &str) -> &str {
    let mut parts = test.rsplit("::");
    let is_name = |part: &&str| Database::parse(part).is_none();
    parts.find(is_name).unwrap_or(test)
}

/// The parts of a text that begin with a line that begins with the mark.
fn parts<'a>(text: &'a str, mark: &'a str) -> impl Iterator<Item = &'a str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let next = rest.match_indices('\n').map(|(place, _)| place + 1);
        let end = next
            .into_iter()
            .find(|place| rest[*place..].starts_with(mark));
        let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        Some(part)
    })
}

/// What both databases answer stands once.
fn section(text: &mut String, name: &str, each: &OnEach) {
    let mut sqlite = each.sqlite.clone();
    let mut postgres = Vec::new();
    let mut both = Vec::new();
    for told in &each.postgres {
        match sqlite.iter().position(|other| other == told) {
            Some(place) => both.push(sqlite.remove(place)),
            None => postgres.push(told.clone()),
        }
    }
    for (word, transcripts) in [("", both), (" (sqlite)", sqlite), (" (postgres)", postgres)] {
        for told in transcripts {
            text.push_str(&format!("=== {name}{word}\n"));
            text.extend(told);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_stands_once() {
        let mut answers = Answers::default();
        let told = |what: &str| {
            vec![
                format!("--- GET /{what}\n200\n<=== {what}\n"),
                "--- GET /\n204\n".to_owned(),
            ]
        };
        answers.add("same", Database::Sqlite, told("a"));
        answers.add("same", Database::Postgres, told("a"));
        answers.add("single", Database::Postgres, told("b"));
        answers.add("two", Database::Sqlite, told("c"));
        answers.add("two", Database::Postgres, told("d"));
        let mut text = String::new();
        for (name, each) in &answers.0 {
            section(&mut text, name, each);
        }
        assert_eq!(text.matches("\n=== ").count() + 1, 4, "{text}");
        let mut again = Answers::default();
        again.parse(&text);
        assert_eq!(again, answers);
    }

    #[test]
    fn only_the_function_of_a_test_is_its_name() {
        assert_eq!(function_of("file::part::a_name::sqlite"), "a_name");
        assert_eq!(function_of("a_name::postgres"), "a_name");
        assert_eq!(function_of("file::a_name"), "a_name");
    }
}

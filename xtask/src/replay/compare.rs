//! Where answers differ from those that are recorded.

use super::Database;
use super::answers::Answers;
use super::transcript::Transcript;
use std::fmt::Write;

/// How much of two long lines is shown around their first difference.
const SHOWN_BEFORE: usize = 80;
const SHOWN: usize = 400;

/// What a comparison found.
#[derive(Default)]
pub(super) struct Differences {
    /// How many tests were answered as recorded.
    pub(super) equal: usize,
    /// Tests of which nothing is recorded.
    pub(super) new: Vec<String>,
    /// For each test that was answered otherwise, what to print.
    pub(super) found: Vec<String>,
}

impl Differences {
    /// Compares what is recorded of a database with what was got. A recorded test that the filter
    /// names must have run.
    pub(super) fn look(
        &mut self,
        recorded: &Answers,
        got: &Answers,
        database: Database,
        filter: Option<&str>,
    ) {
        let expected: std::collections::BTreeMap<_, _> = recorded.on(database).collect();
        let mut got: std::collections::BTreeMap<_, _> = got.on(database).collect();
        for (name, expected) in expected {
            let must_run = filter.is_none_or(|filter| name.contains(filter));
            let got = got.remove(name).unwrap_or_default();
            self.test(
                &format!("{name} ({})", database.word()),
                expected,
                got,
                must_run,
            );
        }
        for name in got.keys() {
            self.new.push(format!("{name} ({})", database.word()));
        }
    }

    /// Compares the tests of one name.
    fn test(&mut self, name: &str, expected: &[Transcript], got: &[Transcript], must_run: bool) {
        let mut expected: Vec<&Transcript> = expected.iter().collect();
        let mut others = Vec::new();
        for told in got {
            match expected.iter().position(|one| *one == told) {
                Some(place) => {
                    expected.remove(place);
                    self.equal += 1;
                }
                None => others.push(told),
            }
        }
        for told in others {
            let alike = |one: &Transcript| {
                let pairs = one.iter().zip(told);
                pairs.filter(|(one, other)| one == other).count()
            };
            let places = expected.iter().enumerate();
            let nearest = places.max_by_key(|(_, one)| alike(one));
            match nearest {
                Some((place, _)) => self
                    .found
                    .push(difference(name, expected.remove(place), told)),
                None => self.new.push(name.to_owned()),
            }
        }
        if must_run {
            for _ in expected {
                self.found
                    .push(format!("{name}: is recorded and did not run"));
            }
        }
    }
}

/// What differs between two transcripts of a test.
fn difference(name: &str, expected: &Transcript, got: &Transcript) -> String {
    let mut told = name.to_owned();
    for (expected, got) in expected.iter().zip(got) {
        if expected != got {
            let request = expected.lines().next().unwrap_or_default();
            // Writing to a String cannot fail.
            let _ = write!(told, "\n  {}", request.trim_start_matches("--- "));
            lines(&mut told, expected, got);
        }
    }
    if expected.len() != got.len() {
        let (expected, got) = (expected.len(), got.len());
        let _ = write!(told, "\n  expected {expected} requests\n       got {got}");
    }
    told
}

/// The first line that differs in two exchanges: the others mostly follow from it.
fn lines(told: &mut String, expected: &str, got: &str) {
    let (mut expected_lines, mut got_lines) = (expected.lines(), got.lines());
    loop {
        let (one, other) = (expected_lines.next(), got_lines.next());
        if one == other && one.is_some() {
            continue;
        }
        let (one, other) = (one.unwrap_or("(nothing)"), other.unwrap_or("(nothing)"));
        let same = one.chars().zip(other.chars());
        let same = same.take_while(|(one, other)| one == other).count();
        let _ = write!(told, "\n    expected {}", part(one, same));
        let _ = write!(told, "\n         got {}", part(other, same));
        return;
    }
}

/// The part of a line around a place.
fn part(line: &str, place: usize) -> String {
    let before = place.saturating_sub(SHOWN_BEFORE);
    let mut told = String::new();
    if before > 0 {
        told.push('…');
    }
    let mut characters = line.chars().skip(before);
    told.extend(characters.by_ref().take(SHOWN));
    if characters.next().is_some() {
        told.push('…');
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(parts: &[&str]) -> Transcript {
        parts
            .iter()
            .map(|part| format!("--- GET /{part}\n200\n<{part}\n"))
            .collect()
    }

    fn answers(tests: &[(&str, Transcript)]) -> Answers {
        let mut answers = Answers::default();
        for (name, told) in tests {
            answers.add(name, Database::Sqlite, told.clone());
        }
        answers
    }

    fn look(recorded: &Answers, got: &Answers, filter: Option<&str>) -> Differences {
        let mut differences = Differences::default();
        differences.look(recorded, got, Database::Sqlite, filter);
        differences
    }

    #[test]
    fn tests_of_one_name_are_a_multiset() {
        let one = answers(&[("a", told(&["x"])), ("a", told(&["y"]))]);
        let other = answers(&[("a", told(&["y"])), ("a", told(&["x"]))]);
        assert_eq!(look(&one, &other, None).equal, 2);
        let changed = answers(&[("a", told(&["z"])), ("a", told(&["x"]))]);
        let found = look(&one, &changed, None).found;
        assert_eq!(
            found,
            ["a (sqlite)\n  GET /y\n    expected --- GET /y\n         got --- GET /z"]
        );
    }

    #[test]
    fn a_test_that_is_gone_is_a_difference_and_a_new_one_is_named() {
        let one = answers(&[("a", told(&["x"])), ("b", told(&["x"]))]);
        let other = answers(&[("a", told(&["x", "y"])), ("c", told(&["x"]))]);
        let all = look(&one, &other, None);
        assert_eq!(
            all.found,
            [
                "a (sqlite)\n  expected 1 requests\n       got 2",
                "b (sqlite): is recorded and did not run"
            ]
        );
        assert_eq!(all.new, ["c (sqlite)"]);
        assert_eq!(look(&one, &other, Some("c")).found.len(), 1);
    }
}

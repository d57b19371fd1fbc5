//! Reads TOML tables key by key. A mistake is noted with its place and reading goes on, so that
//! one look at a file finds all of them; a derived deserializer would stop at the first.

use serde_json::Value as Json;
use std::fmt;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A mistake in a file that people write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// A sentence.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for Problem {}

/// A mistake at a byte of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) at: usize,
    pub(crate) message: String,
}

impl Flaw {
    pub(crate) fn new(at: usize, message: impl Into<String>) -> Self {
        Self {
            at,
            message: message.into(),
        }
    }
}

/// Flaws as problems, in the order of the file and each once.
pub(crate) fn problems(source: &str, mut flaws: Vec<Flaw>) -> Vec<Problem> {
    flaws.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.message.cmp(&b.message)));
    flaws.dedup();
    flaws
        .into_iter()
        .map(|flaw| {
            let (line, column) = place(source, flaw.at);
            Problem {
                line,
                column,
                message: flaw.message,
            }
        })
        .collect()
}

/// Line and column of a byte.
fn place(source: &str, at: usize) -> (usize, usize) {
    let mut line = 1;
    let mut column = 1;
    for (offset, c) in source.char_indices() {
        if offset >= at {
            break;
        }
        if c == '\n' {
            line += 1;
            column = 1;
        } else {
            column += 1;
        }
    }
    (line, column)
}

/// A value with the byte at which it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) at: usize,
}

/// A string.
pub(crate) type Text = At<String>;

/// An array of strings.
pub(crate) type Texts = At<Vec<Text>>;

/// A table that is being read: what was not taken at the end is unknown.
pub(crate) struct Table<'i> {
    entries: DeTable<'i>,
    noun: &'static str,
    pub(crate) at: usize,
    known: Vec<&'static str>,
}

/// Reads a whole document.
pub(crate) fn document<'i>(source: &'i str, flaws: &mut Vec<Flaw>) -> Table<'i> {
    let (root, errors) = DeTable::parse_recoverable(source);
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        flaws.push(Flaw::new(at, error.message().trim_end()));
    }
    Table {
        entries: root.into_inner(),
        noun: "the file",
        at: 0,
        known: Vec::new(),
    }
}

impl<'i> Table<'i> {
    fn of(value: Spanned<DeValue<'i>>, noun: &'static str, flaws: &mut Vec<Flaw>) -> Option<Self> {
        let at = value.span().start;
        match value.into_inner() {
            DeValue::Table(entries) => Some(Self {
                entries,
                noun,
                at,
                known: Vec::new(),
            }),
            other => {
                flaws.push(mismatch(at, noun, "a table", &other));
                None
            }
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'i>>> {
        self.known.push(key);
        self.entries.remove(key)
    }

    fn take_as<T>(
        &mut self,
        key: &'static str,
        wanted: &str,
        flaws: &mut Vec<Flaw>,
        read: impl FnOnce(&DeValue<'i>) -> Option<T>,
    ) -> Option<At<T>> {
        let value = self.take(key)?;
        let at = value.span().start;
        let found = read(value.get_ref());
        if found.is_none() {
            flaws.push(mismatch(at, key, wanted, value.get_ref()));
        }
        found.map(|value| At { value, at })
    }

    /// A string.
    pub(crate) fn text(&mut self, key: &'static str, flaws: &mut Vec<Flaw>) -> Option<At<String>> {
        self.take_as(key, "a string", flaws, |v| v.as_str().map(str::to_owned))
    }

    /// A string that must be there and not be empty.
    pub(crate) fn required(
        &mut self,
        key: &'static str,
        flaws: &mut Vec<Flaw>,
    ) -> Option<At<String>> {
        let there = self.entries.contains_key(key);
        let found = self.text(key, flaws);
        if !there {
            let message = format!("{} needs `{key}`", self.noun);
            flaws.push(Flaw::new(self.at, message));
        }
        if let Some(empty) = found.as_ref().filter(|found| found.value.trim().is_empty()) {
            flaws.push(Flaw::new(empty.at, format!("`{key}` is empty")));
        }
        found
    }

    /// A boolean.
    pub(crate) fn truth(&mut self, key: &'static str, flaws: &mut Vec<Flaw>) -> Option<At<bool>> {
        self.take_as(key, "true or false", flaws, DeValue::as_bool)
    }

    /// An integer.
    pub(crate) fn integer(&mut self, key: &'static str, flaws: &mut Vec<Flaw>) -> Option<At<i64>> {
        self.take_as(key, "a whole number", flaws, |value| {
            let number = value.as_integer()?;
            i64::from_str_radix(number.as_str(), number.radix()).ok()
        })
    }

    /// An array of strings.
    pub(crate) fn texts(&mut self, key: &'static str, flaws: &mut Vec<Flaw>) -> Option<Texts> {
        let value = self.take(key)?;
        texts_of(key, value, flaws)
    }

    /// An array of tables; absent is none.
    pub(crate) fn tables(
        &mut self,
        key: &'static str,
        noun: &'static str,
        flaws: &mut Vec<Flaw>,
    ) -> Vec<Table<'i>> {
        let Some(value) = self.take(key) else {
            return Vec::new();
        };
        let at = value.span().start;
        match value.into_inner() {
            DeValue::Array(items) => items
                .into_iter()
                .filter_map(|item| Self::of(item, noun, flaws))
                .collect(),
            other => {
                let wanted = format!("an array of tables, written [[{key}]]");
                flaws.push(mismatch(at, key, &wanted, &other));
                Vec::new()
            }
        }
    }

    /// A table.
    pub(crate) fn table(
        &mut self,
        key: &'static str,
        noun: &'static str,
        flaws: &mut Vec<Flaw>,
    ) -> Option<Table<'i>> {
        let value = self.take(key)?;
        Self::of(value, noun, flaws)
    }

    /// Whether a key is there; it is not taken.
    pub(crate) fn holds(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Whether a key holds a string; it is not taken.
    pub(crate) fn holds_text(&self, key: &str) -> bool {
        self.entries
            .get(key)
            .is_some_and(|value| value.get_ref().is_str())
    }

    /// Every entry, for tables whose keys are names that the org chose.
    pub(crate) fn all(self) -> Vec<(At<String>, Value<'i>)> {
        self.entries
            .into_iter()
            .map(|(key, value)| {
                let at = key.span().start;
                let value_of = key.into_inner().into_owned();
                (
                    At {
                        value: value_of,
                        at,
                    },
                    Value(value),
                )
            })
            .collect()
    }

    /// Notes what nobody took as unknown.
    pub(crate) fn finish(self, flaws: &mut Vec<Flaw>) {
        for key in self.entries.keys() {
            let known = self.known.join(", ");
            flaws.push(Flaw::new(
                key.span().start,
                format!(
                    "unknown key `{}` in {}; it takes {known}",
                    key.get_ref(),
                    self.noun
                ),
            ));
        }
    }
}

/// A value under a key that the org chose.
pub(crate) struct Value<'i>(Spanned<DeValue<'i>>);

impl<'i> Value<'i> {
    /// A string.
    pub(crate) fn text(self, noun: &str, flaws: &mut Vec<Flaw>) -> Option<At<String>> {
        let at = self.0.span().start;
        if let DeValue::String(text) = self.0.get_ref() {
            return Some(At {
                value: text.to_string(),
                at,
            });
        }
        flaws.push(mismatch(at, noun, "a string", self.0.get_ref()));
        None
    }

    /// A string, or an array of strings.
    pub(crate) fn texts(self, noun: &str, flaws: &mut Vec<Flaw>) -> Option<Texts> {
        if self.0.get_ref().is_str() {
            let one = self.text(noun, flaws)?;
            let at = one.at;
            return Some(At {
                value: vec![one],
                at,
            });
        }
        texts_of(noun, self.0, flaws)
    }

    /// A table.
    pub(crate) fn table(self, noun: &'static str, flaws: &mut Vec<Flaw>) -> Option<Table<'i>> {
        Table::of(self.0, noun, flaws)
    }

    /// A value of a field, in its wire form: numbers keep every digit.
    pub(crate) fn json(self, noun: &str, flaws: &mut Vec<Flaw>) -> Option<At<Json>> {
        let at = self.0.span().start;
        let value = json_of(self.0.get_ref());
        if value.is_none() {
            let wanted = "a text, a number, true, false or an array of texts";
            flaws.push(mismatch(at, noun, wanted, self.0.get_ref()));
        }
        value.map(|value| At { value, at })
    }
}

fn json_of(value: &DeValue<'_>) -> Option<Json> {
    let number = |text: &str| text.parse().ok().map(Json::Number);
    match value {
        DeValue::String(text) => Some(Json::from(text.as_ref())),
        DeValue::Integer(whole) => {
            let value = i64::from_str_radix(whole.as_str(), whole.radix()).ok()?;
            Some(Json::from(value))
        }
        DeValue::Float(float) => number(float.as_str().trim_start_matches('+')),
        DeValue::Boolean(truth) => Some(Json::Bool(*truth)),
        DeValue::Datetime(at) => Some(Json::from(at.to_string())),
        DeValue::Array(items) => {
            let texts = items.iter().map(|item| item.get_ref().as_str());
            let texts: Option<Vec<&str>> = texts.collect();
            texts.map(Json::from)
        }
        DeValue::Table(_) => None,
    }
}

fn texts_of(noun: &str, value: Spanned<DeValue<'_>>, flaws: &mut Vec<Flaw>) -> Option<Texts> {
    let at = value.span().start;
    let items = match value.into_inner() {
        DeValue::Array(items) => items,
        other => {
            flaws.push(mismatch(at, noun, "an array of strings", &other));
            return None;
        }
    };
    let mut texts = Vec::new();
    for item in items {
        texts.extend(Value(item).text(noun, flaws));
    }
    Some(At { value: texts, at })
}

fn mismatch(at: usize, noun: &str, wanted: &str, found: &DeValue<'_>) -> Flaw {
    let found = found.type_str();
    let article = if found.starts_with(['a', 'e', 'i', 'o']) {
        "an"
    } else {
        "a"
    };
    Flaw::new(at, format!("{noun} takes {wanted}, not {article} {found}"))
}

/// The byte of the source at which a byte of a string's content stands. `start` is where the
/// string's first quote is.
pub(crate) fn inside(source: &str, start: usize, offset: usize) -> usize {
    let raw = source.get(start..).unwrap_or_default();
    let (quotes, basic) = ["\"\"\"", "'''", "\"", "'"]
        .into_iter()
        .find(|quotes| raw.starts_with(quotes))
        .map_or(("", false), |quotes| (quotes, quotes.starts_with('"')));
    let mut at = quotes.len();
    let mut left = offset;
    if quotes.len() == 3 {
        // The line end right after the opening quotes is no content.
        let rest = raw.get(at..).unwrap_or_default();
        at += if rest.starts_with("\r\n") {
            2
        } else {
            usize::from(rest.starts_with('\n'))
        };
    }
    while left > 0 {
        let rest = raw.get(at..).unwrap_or_default();
        let Some(first) = rest.chars().next() else {
            break;
        };
        let (taken, made) = if basic && first == '\\' {
            escape(rest)
        } else {
            (first.len_utf8(), first.len_utf8())
        };
        at += taken;
        left = left.saturating_sub(made);
    }
    start + at
}

/// How many bytes an escape sequence takes, and of how many bytes its character is.
fn escape(rest: &str) -> (usize, usize) {
    let digits = match rest.as_bytes().get(1) {
        Some(b'x') => 2,
        Some(b'u') => 4,
        Some(b'U') => 8,
        Some(b' ' | b'\t' | b'\r' | b'\n') => {
            // A backslash at the end of a line swallows all white space after it.
            let after = rest.get(1..).unwrap_or_default();
            return (rest.len() - after.trim_start().len(), 0);
        }
        _ => return (rest.len().min(2), 1),
    };
    let made = rest
        .get(2..2 + digits)
        .and_then(|hex| u32::from_str_radix(hex, 16).ok())
        .and_then(char::from_u32)
        .map_or(1, char::len_utf8);
    (rest.len().min(2 + digits), made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_of_a_string_is_found_in_its_source() {
        for (source, offset, expected) in [
            ("\"abc\"", 1, 2),
            ("'abc'", 2, 3),
            ("\"\"\"\nabc\"\"\"", 0, 4),
            ("\"\"\"\r\nabc\"\"\"", 1, 6),
            ("'''abc'''", 0, 3),
            (r#""a\"b""#, 2, 4),
            (r#""\u00e9b""#, 2, 7),
            ("\"\"\"a\\\n   b\"\"\"", 2, 10),
            ("\"é\"", 2, 3),
        ] {
            assert_eq!(inside(source, 0, offset), expected, "{source} {offset}");
        }
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(place("é\nüx = 1", 5), (2, 2));
        assert_eq!(place("abc", 99), (1, 4));
    }
}

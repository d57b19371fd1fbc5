//! An import map: which column of a CSV file becomes which field, and what its cells mean.

use crate::field::{Field, FieldKind, Misfit};
use crate::module::Module;
use crate::org::Problem;
use crate::org::read::{At, Flaw, Table, Text, Texts, document, problems};
use crate::value::Value;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// How the columns of a CSV file become the fields of a module.
#[derive(Clone, Debug, Default)]
pub struct ImportMap {
    source: String,
    /// Texts are read with the blanks around them: there is no map, so the file may be our own.
    exact: bool,
    empty: Vec<String>,
    truths: Vec<Text>,
    falsehoods: Vec<Text>,
    columns: Vec<(Text, Text)>,
    constants: Vec<(Text, Text)>,
    ignore: Vec<Text>,
    values: Vec<(Text, BTreeMap<String, String>)>,
}

/// What a map says about a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column<'a> {
    /// It becomes the field of this api name.
    Field(&'a str),
    /// It is left out.
    Ignored,
    /// Nothing: the file has a column that the map does not know.
    Unknown,
}

impl ImportMap {
    /// The map of a file that needs none, as an export writes it: texts to the letter, `true` and
    /// `false`, every column named as its field.
    pub fn none() -> Self {
        Self {
            exact: true,
            ..Self::default()
        }
    }

    /// Reads a map. Every mistake of form is in the answer, in the order of the file.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let mut flaws = Vec::new();
        let mut root = document(text, &mut flaws);
        let read = &mut flaws;
        let plain = |list: Option<Texts>| list.map(|list| list.value).unwrap_or_default();
        let empty = root.texts("empty", read).map(|list| list.value);
        let ignore = plain(root.texts("ignore", read));
        let (mut truths, mut falsehoods) = (Vec::new(), Vec::new());
        if let Some(mut words) = root.table("booleans", "[booleans]", read) {
            truths = plain(words.texts("true", read));
            falsehoods = plain(words.texts("false", read));
            words.finish(read);
        }
        let columns = pairs(root.table("columns", "[columns]", read), "a column", read);
        let constants = pairs(
            root.table("constants", "[constants]", read),
            "a constant",
            read,
        );
        let mut values = Vec::new();
        if let Some(of_columns) = root.table("values", "[values]", read) {
            for (header, value) in of_columns.all() {
                let words = pairs(value.table("values of a column", read), "a value", read);
                let words = words.into_iter().map(|(from, to)| (from.value, to.value));
                values.push((header, words.collect()));
            }
        }
        root.finish(read);
        let map = Self {
            source: text.to_owned(),
            exact: false,
            empty: empty.map_or_else(
                || vec![String::new()],
                |list| list.into_iter().map(|text| text.value).collect(),
            ),
            truths,
            falsehoods,
            columns,
            constants,
            ignore,
            values,
        };
        map.check_form(read);
        if flaws.is_empty() {
            Ok(map)
        } else {
            Err(problems(text, flaws))
        }
    }

    /// What contradicts itself whatever the module.
    fn check_form(&self, flaws: &mut Vec<Flaw>) {
        for word in &self.falsehoods {
            if self.truths.iter().any(|truth| same(&truth.value, word)) {
                let message = format!("\"{}\" is both true and false", word.value);
                flaws.push(Flaw::new(word.at, message));
            }
        }
        for header in &self.ignore {
            if self
                .columns
                .iter()
                .any(|(known, _)| same(&known.value, header))
            {
                let message = format!("column \"{}\" is mapped and ignored", header.value);
                flaws.push(Flaw::new(header.at, message));
            }
        }
        for (header, _) in &self.values {
            if !self
                .columns
                .iter()
                .any(|(known, _)| same(&known.value, header))
            {
                let message = format!("column \"{}\" is not mapped", header.value);
                flaws.push(Flaw::new(header.at, message));
            }
        }
    }

    /// Whether every field named is one of the module that a caller may write, each from one
    /// column, with constants that it takes. Whether users and records exist is not decided here.
    pub fn check(&self, module: &Module) -> Result<(), Vec<Problem>> {
        let mut flaws = Vec::new();
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        for (header, name) in &self.columns {
            if writable(module, name, &mut flaws).is_none() {
                continue;
            }
            if let Some(first) = seen.insert(&name.value, &header.value) {
                let message = format!("field {} comes from \"{first}\", too", name.value);
                flaws.push(Flaw::new(name.at, message));
            }
        }
        for (name, text) in &self.constants {
            let Some(field) = writable(module, name, &mut flaws) else {
                continue;
            };
            let known = self
                .text("", field, &text.value)
                .is_some_and(|text| match field.kind {
                    FieldKind::Picklist => field.pick(text).is_some(),
                    _ if field.kind.is_reference() => true,
                    _ => self.value(field, text, &TimeZone::UTC).is_ok(),
                });
            if !known {
                let message = format!("\"{}\" is no value of {}", text.value, name.value);
                flaws.push(Flaw::new(text.at, message));
            }
        }
        if flaws.is_empty() {
            Ok(())
        } else {
            Err(problems(&self.source, flaws))
        }
    }

    /// What becomes of a column, by its header.
    pub fn column(&self, header: &str) -> Column<'_> {
        let header = header.trim();
        let mut columns = self.columns.iter();
        if let Some((_, field)) = columns.find(|(known, _)| known.value == header) {
            Column::Field(&field.value)
        } else if self.ignore.iter().any(|known| known.value == header) {
            Column::Ignored
        } else {
            Column::Unknown
        }
    }

    /// Headers that the file must have.
    pub fn headers(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(header, _)| header.value.as_str())
    }

    /// Fields and texts for records whose columns give no value. A text is read as a cell is.
    pub fn constants(&self) -> impl Iterator<Item = (&str, &str)> {
        let constants = self.constants.iter();
        constants.map(|(field, text)| (field.value.as_str(), text.value.as_str()))
    }

    /// What a cell says, or none when it is empty.
    pub fn text<'t>(&'t self, header: &str, field: &Field, text: &'t str) -> Option<&'t str> {
        let one_text = field.kind.is_text() || field.kind == FieldKind::Picklist;
        let text = if self.exact && one_text {
            text
        } else {
            text.trim()
        };
        let mut values = self.values.iter();
        let text = values
            .find(|(known, _)| known.value == header)
            .and_then(|(_, words)| words.get(text))
            .map_or(text, String::as_str);
        let empty = text.is_empty() || self.empty.iter().any(|empty| empty == text);
        (!empty).then_some(text)
    }

    /// The value of a text that [`Self::text`] answered, for a field that refers to nothing.
    pub fn value(&self, field: &Field, text: &str, zone: &TimeZone) -> Result<Value, Misfit> {
        match field.kind {
            FieldKind::Boolean => match self.truth(text) {
                Some(truth) => Ok(truth.into()),
                None => field.kind.parse_str(text, zone),
            },
            FieldKind::MultiSelectPicklist => field.kind.parse(&elements(text).into(), zone),
            _ => field.kind.parse_str(text, zone),
        }
    }

    fn truth(&self, text: &str) -> Option<bool> {
        let among = |words: &[Text]| words.iter().any(|word| same(text, word));
        if among(&self.truths) {
            return Some(true);
        }
        if among(&self.falsehoods) {
            return Some(false);
        }
        let unsaid = self.truths.is_empty() && self.falsehoods.is_empty();
        let is = |word: &str| unsaid && text.eq_ignore_ascii_case(word);
        if is("true") {
            return Some(true);
        }
        is("false").then_some(false)
    }
}

/// Several values in one cell, between semicolons; as a JSON list where a value has one itself.
fn elements(text: &str) -> Vec<String> {
    if text.starts_with('[')
        && let Ok(list) = serde_json::from_str(text)
    {
        return list;
    }
    let elements = text.split(';').map(str::trim);
    elements
        .filter(|element| !element.is_empty())
        .map(str::to_owned)
        .collect()
}

fn same(text: &str, word: &At<String>) -> bool {
    text == word.value
}

/// Entries whose keys the writer of the map chose, in the order of the file.
fn pairs(table: Option<Table<'_>>, noun: &str, flaws: &mut Vec<Flaw>) -> Vec<(Text, Text)> {
    let mut found = Vec::new();
    for (key, value) in table.map(Table::all).unwrap_or_default() {
        found.extend(value.text(noun, flaws).map(|text| (key, text)));
    }
    found.sort_by_key(|(key, _)| key.at);
    found
}

/// The field of this name, if a caller may write it.
fn writable<'m>(module: &'m Module, name: &Text, flaws: &mut Vec<Flaw>) -> Option<&'m Field> {
    let Some(field) = module.field(&name.value) else {
        let message = format!("unknown field {}.{}", module.api_name, name.value);
        flaws.push(Flaw::new(name.at, message));
        return None;
    };
    let by_server = field.read_only
        || field.computed.is_some()
        || matches!(field.kind, FieldKind::AutoNumber { .. });
    if by_server {
        let message = format!("only the server writes {}", name.value);
        flaws.push(Flaw::new(name.at, message));
        return None;
    }
    Some(field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::org::{OrgFile, plan};

    fn leads() -> Module {
        let file = OrgFile::parse(include_str!("../../../examples/course-leads/org.toml"));
        let mut last = 0;
        let catalog = plan(&file.unwrap(), None).unwrap().resolve(
            &mut || {
                last += 1;
                last
            },
            false,
        );
        catalog.unwrap().module("Leads").unwrap().clone()
    }

    fn example() -> ImportMap {
        ImportMap::parse(include_str!("../../../examples/course-leads/map.toml")).unwrap()
    }

    fn told(problems: Vec<Problem>) -> Vec<String> {
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_example_fits_its_module() {
        let (map, module) = (example(), leads());
        assert_eq!(map.check(&module), Ok(()));
        assert_eq!(map.headers().count(), 37);
        assert_eq!(map.column("Converted"), Column::Field("Enrolled"));
        assert_eq!(map.column("converted"), Column::Unknown);
        let cell = |header: &str, text: &str| {
            let Column::Field(name) = map.column(header) else {
                panic!("{header}");
            };
            let field = module.field(name).unwrap();
            let text = map.text(header, field, text);
            text.map_or(Value::Null, |text| {
                map.value(field, text, &TimeZone::UTC).unwrap()
            })
        };
        assert_eq!(cell("Converted", "1"), true.into());
        assert_eq!(cell("Do Not Email", "No"), false.into());
        assert_eq!(cell("City", "Select"), Value::Null);
        assert_eq!(
            cell("City", " Thane & Outskirts "),
            "Thane & Outskirts".into()
        );
        assert_eq!(cell("Lead Source", "google"), "Google".into());
        assert_eq!(cell("TotalVisits", "3"), 3.into());
    }

    #[test]
    fn mistakes_of_form_are_told_with_their_places() {
        let text = "empty = \"\"\nignore = [\"A\"]\nextra = 1\n[booleans]\ntrue = [\"x\"]\n\
                    false = [\"x\"]\n[columns]\nA = \"Email\"\nB = 5\n[values.C]\nx = \"y\"\n";
        assert_eq!(
            told(ImportMap::parse(text).unwrap_err()),
            [
                "1:9: empty takes an array of strings, not a string",
                "2:11: column \"A\" is mapped and ignored",
                "3:1: unknown key `extra` in the file; it takes empty, ignore, booleans, columns, \
                 constants, values",
                "6:10: \"x\" is both true and false",
                "9:5: a column takes a string, not an integer",
                "10:9: column \"C\" is not mapped",
            ]
        );
    }

    #[test]
    fn what_does_not_fit_the_module_is_told_with_its_place() {
        let text = "[columns]\nA = \"Email\"\nB = \"Email\"\nC = \"Nothing\"\nD = \"Full_Name\"\n\
                    [constants]\nLead_Status = \"Odd\"\nEmail_Opt_Out = \"perhaps\"\n";
        let map = ImportMap::parse(text).unwrap();
        assert_eq!(
            told(map.check(&leads()).unwrap_err()),
            [
                "3:5: field Email comes from \"A\", too",
                "4:5: unknown field Leads.Nothing",
                "5:5: only the server writes Full_Name",
                "7:15: \"Odd\" is no value of Lead_Status",
                "8:17: \"perhaps\" is no value of Email_Opt_Out",
            ]
        );
    }
}

//! What stands in a cell: one of three storage classes or nothing, and how two texts compare.

use serde::{Deserialize, Serialize};

/// A stored value. Ids, times and scaled decimals are `Int`; lists are JSON in `Text`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// No value. Empty text is stored as this, so that empty has one form.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer, an id, a time in milliseconds, a day, or a scaled decimal.
    Int(i64),
    /// A text.
    Text(String),
}

/// The storage class of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// BOOLEAN
    Bool,
    /// BIGINT
    Int,
    /// TEXT
    Text,
}

impl Value {
    /// Whether nothing is stored.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text, if this is one.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self {
            Some(text)
        } else {
            None
        }
    }

    /// The integer, if this is one.
    pub fn as_int(&self) -> Option<i64> {
        if let Self::Int(number) = self {
            Some(*number)
        } else {
            None
        }
    }

    /// The elements of a multi-select value; none when it is empty or not a list.
    pub fn elements(&self) -> Vec<String> {
        self.as_text()
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    }

    /// A multi-select value of these elements; an empty list is no value.
    pub fn from_elements(elements: &[String]) -> Self {
        if elements.is_empty() {
            return Self::Null;
        }
        // A list of strings always has a JSON form.
        Self::Text(serde_json::Value::from(elements).to_string())
    }

    /// A text, with the empty one as no value.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() {
            Self::Null
        } else {
            Self::Text(text)
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The lower form of one character where Unicode gives it exactly one; itself otherwise. Every
/// evaluator of criteria folds by this function, PostgreSQL by a table made from it.
pub fn fold_char(c: char) -> char {
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// A text as criteria compare it: without case, character by character.
pub fn fold(text: &str) -> String {
    // The common case; the same by the definition of ASCII, and many times as fast.
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().map(fold_char).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_keeps_the_number_of_characters() {
        assert_eq!(
            fold("ÉCOLE Straße İ ΑΣ"),
            "école straße İ ας".replace('ς', "σ")
        );
        for c in '\0'..=char::MAX {
            assert_eq!(fold_char(fold_char(c)), fold_char(c), "{c:?}");
        }
    }

    #[test]
    fn a_list_keeps_its_order_and_an_empty_one_is_no_value() {
        let list = vec!["b".to_owned(), "a \"quoted\"".to_owned()];
        assert_eq!(Value::from_elements(&list).elements(), list);
        assert_eq!(Value::from_elements(&[]), Value::Null);
        assert_eq!(Value::text(""), Value::Null);
    }
}

//! A criteria made typed and literal: no names of users or days to come are left in it, so it
//! selects the same records whenever it is evaluated again.

use crate::field::FieldKind;
use crate::id::FieldId;
use crate::module::Module;
use crate::value::{Class, Value, fold};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A bound criteria. Every node is true or false for a record, never unknown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Each holds; true when there are none.
    All(Vec<Bound>),
    /// At least one holds; false when there are none.
    Any(Vec<Bound>),
    /// It does not hold.
    Not(Box<Bound>),
    /// A test of one field.
    Test {
        /// The field.
        field: FieldId,
        /// Its api name at binding, the column's name.
        column: String,
        /// What its value must be.
        test: Test,
    },
}

/// What a stored value must be. No test but [`Test::IsEmpty`] is true of no value. Texts are
/// folded by [`crate::value::fold`], and so is the stored text before it is compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// There is none.
    IsEmpty,
    /// This truth value.
    Is(bool),
    /// One of these integers (numbers, ids).
    OneOf(Vec<i64>),
    /// An integer (number, day, time) from `from` on and below `to`; open where `None`.
    Within {
        /// The first.
        from: Option<i64>,
        /// The first after the last.
        to: Option<i64>,
    },
    /// One of these texts.
    TextOneOf(Vec<String>),
    /// A text that contains this one.
    Contains(String),
    /// A text that starts with this one.
    StartsWith(String),
    /// A text that ends with this one.
    EndsWith(String),
    /// A list with at least one of these elements.
    HasElement(Vec<String>),
    /// A list with an element that starts with this.
    ElementStartsWith(String),
    /// A list that has each of these elements and no other.
    ElementsAre(Vec<String>),
}

impl Bound {
    /// Whether it holds for a record with these values. It is the same as the SQL form says: a test
    /// of no value is false, and so its negation is true.
    pub fn holds<'v>(&self, value_of: &dyn Fn(FieldId) -> &'v Value) -> bool {
        match self {
            Self::All(items) => items.iter().all(|item| item.holds(value_of)),
            Self::Any(items) => items.iter().any(|item| item.holds(value_of)),
            Self::Not(item) => !item.holds(value_of),
            Self::Test { field, test, .. } => test.holds(value_of(*field)),
        }
    }

    /// The first field, by its api name at binding, that the module no longer has or now has with
    /// values of another class. A stored criteria outlives the catalog it was bound to.
    pub fn misfit(&self, module: &Module) -> Option<&str> {
        match self {
            Self::All(items) | Self::Any(items) => {
                items.iter().find_map(|item| item.misfit(module))
            }
            Self::Not(item) => item.misfit(module),
            Self::Test {
                field,
                column,
                test,
            } => {
                let known = module.field_by_id(*field);
                let fits = known.is_some_and(|field| test.fits(&field.kind));
                (!fits).then_some(column)
            }
        }
    }
}

impl Test {
    /// Whether a stored value is as this says.
    pub fn holds(&self, value: &Value) -> bool {
        let number = |is: &dyn Fn(i64) -> bool| value.as_int().is_some_and(is);
        let text = |is: &dyn Fn(&str) -> bool| value.as_text().is_some_and(|text| is(&fold(text)));
        let elements = || value.elements().into_iter().map(|element| fold(&element));
        match self {
            Self::IsEmpty => value.is_null(),
            Self::Is(truth) => *value == Value::Bool(*truth),
            Self::OneOf(numbers) => number(&|n| numbers.contains(&n)),
            Self::Within { from, to } => {
                number(&|n| from.is_none_or(|from| n >= from) && to.is_none_or(|to| n < to))
            }
            Self::TextOneOf(texts) => text(&|text| texts.iter().any(|known| known == text)),
            Self::Contains(part) => text(&|text| text.contains(part.as_str())),
            Self::StartsWith(part) => text(&|text| text.starts_with(part.as_str())),
            Self::EndsWith(part) => text(&|text| text.ends_with(part.as_str())),
            Self::HasElement(texts) => elements().any(|element| texts.contains(&element)),
            Self::ElementStartsWith(part) => elements().any(|e| e.starts_with(part.as_str())),
            Self::ElementsAre(texts) => {
                !value.is_null()
                    && elements().collect::<BTreeSet<_>>()
                        == texts.iter().cloned().collect::<BTreeSet<_>>()
            }
        }
    }

    /// Whether values of a kind can be tested so.
    pub fn fits(&self, kind: &FieldKind) -> bool {
        let list = *kind == FieldKind::MultiSelectPicklist;
        match self {
            Self::IsEmpty => true,
            Self::Is(_) => kind.class() == Class::Bool,
            Self::OneOf(_) | Self::Within { .. } => kind.class() == Class::Int,
            Self::TextOneOf(_) | Self::Contains(_) | Self::StartsWith(_) | Self::EndsWith(_) => {
                kind.class() == Class::Text && !list
            }
            Self::HasElement(_) | Self::ElementStartsWith(_) | Self::ElementsAre(_) => list,
        }
    }
}

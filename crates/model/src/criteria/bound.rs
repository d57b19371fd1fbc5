//! A criteria made typed and literal: no names of users or days to come are left in it, so it
//! selects the same records whenever it is evaluated again.

use crate::field::FieldKind;
use crate::id::FieldId;
use crate::module::Module;
use crate::value::Class;
use serde::{Deserialize, Serialize};

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

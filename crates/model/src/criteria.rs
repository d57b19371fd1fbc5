//! Criteria: a tree of conditions over the fields of one module. One type and two spellings, the
//! wire's JSON (wire API 10.2) and its search text (9.6); binding makes it typed and literal.

mod bind;
mod bound;
mod dates;
mod json;
#[cfg(test)]
mod tests;
mod text;
mod tree;

pub use bind::BindContext;
pub use bound::{Bound, Test};
pub use tree::{Comparator, Condition, Criteria, GroupOp, Literal};

use thiserror::Error;

/// What is wrong with a criteria, for callers whose answers differ by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Not of the grammar.
    Syntax,
    /// More conditions than a criteria may have.
    TooManyConditions,
    /// Larger than another limit allows: bytes, nesting or values.
    TooLarge,
    /// Neither a field nor a group.
    NoField,
    /// A field without an api name.
    NoFieldName,
    /// The field's api name and id name different fields.
    FieldMismatch,
    /// A condition without a comparator.
    NoComparator,
    /// A condition without a value.
    NoValue,
    /// No field of the module.
    UnknownField,
    /// Not a comparator, or not one for the field's kind.
    Comparator,
    /// Not a value for the field's kind or the comparator.
    Value,
}

/// Why a criteria is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct CriteriaError {
    /// What is wrong.
    pub fault: Fault,
    /// A sentence.
    pub message: String,
    /// Where in the text form, in bytes; 0 when there was no text.
    pub offset: usize,
    /// Where in the JSON form, such as `$.criteria.group[1].field.api_name`.
    pub path: Option<String>,
}

impl CriteriaError {
    fn at_offset(fault: Fault, offset: usize, message: impl Into<String>) -> Self {
        Self {
            fault,
            message: message.into(),
            offset,
            path: None,
        }
    }

    fn at_path(fault: Fault, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            fault,
            message: message.into(),
            offset: 0,
            path: Some(path.into()),
        }
    }
}

/// Where the JSON form hangs in a request body.
const ROOT: &str = "$.criteria";

//! Criteria: a tree of conditions. One type, two spellings here: the wire's JSON and its search text.

use crate::module::Module;
use serde::{Deserialize, Serialize};

/// A tree of conditions over the fields of one module, as written: fields by api name, values as
/// given. Binding makes it typed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Criteria {
    /// Placeholder until the parser lands.
    Group(Vec<Criteria>),
}

/// Why a criteria is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CriteriaError {
    /// A sentence.
    pub message: String,
    /// Where in the text form, in bytes.
    pub offset: usize,
}

impl Criteria {
    /// Reads the text form.
    pub fn parse(text: &str) -> Result<Self, CriteriaError> {
        Err(CriteriaError {
            message: "not yet".to_owned(),
            offset: text.len(),
        })
    }

    /// Whether every condition names a field of the module, with a comparator and a value that the
    /// field's kind allows.
    pub fn check(&self, module: &Module) -> Result<(), CriteriaError> {
        let _ = module;
        Ok(())
    }
}

/// A typed criteria (placeholder).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Bound {
    /// Placeholder.
    All(Vec<Bound>),
}

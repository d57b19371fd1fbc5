//! What stands in a cell, as a type that reads and writes itself. A new id or enum that is to stand in a
//! column gets its place in one of the two lists below.

use crate::changes::{Cause, ChangeKind, values_json};
use crate::events::{chain_of, chain_text};
use crate::moves::MoveKind;
use crate::outbox::News;
use crate::tokens::TokenKind;
use model::access::Permission;
use model::approval::{ApprovalState, Decision};
use model::call::{CallKind, CallState};
use model::hold::HoldKind;
use model::id;
use model::job::{Automation, Foreseen, JobKind, JobState, OutcomeWord, PausedBy, Relation};
use model::time::Timestamp;
use model::value::{Class, Value};
use model::workflow::{ActionKind, Trigger};
use serde_json::{Map, Value as Json};

/// A type that a cell can be read as.
pub trait FromCell: Sized {
    /// What must stand in the cell, for the error when something else does.
    const WANTED: &'static str;

    /// Takes the value out of the cell; none if something else stands there.
    fn from_cell(cell: &mut Value) -> Option<Self>;
}

/// A type that can be written into a cell.
pub trait ToCell {
    /// The storage class of the column.
    const CLASS: Class;

    /// What is stored.
    fn to_cell(&self) -> Value;
}

/// Types around a number.
macro_rules! numbers {
    ($($type:path),* $(,)?) => {$(
        impl FromCell for $type {
            const WANTED: &'static str = i64::WANTED;

            fn from_cell(cell: &mut Value) -> Option<Self> {
                i64::from_cell(cell).map($type)
            }
        }

        impl ToCell for $type {
            const CLASS: Class = Class::Int;

            fn to_cell(&self) -> Value {
                Value::Int(self.0)
            }
        }
    )*};
}

numbers! {
    id::AttachmentId, id::BlueprintId, id::CallId, id::ClientId, id::HoldId, id::JobId, id::ModuleId,
    id::NoteId, id::PlanId, id::ProcessId, id::RecordId, id::RuleId, id::TagId, id::TerritoryId,
    id::UserId, Timestamp,
}

/// Types that are stored as the word that `as_str` says and `parse` reads.
macro_rules! words {
    ($($type:ident),* $(,)?) => {$(
        impl FromCell for $type {
            const WANTED: &'static str = concat!("a word of ", stringify!($type));

            fn from_cell(cell: &mut Value) -> Option<Self> {
                cell.as_text().and_then($type::parse)
            }
        }

        impl ToCell for $type {
            const CLASS: Class = Class::Text;

            fn to_cell(&self) -> Value {
                Value::Text(self.as_str().to_owned())
            }
        }
    )*};
}

words! {
    ActionKind, ApprovalState, Automation, CallKind, CallState, Cause, ChangeKind, Decision, Foreseen,
    HoldKind, JobKind, JobState, MoveKind, News, OutcomeWord, PausedBy, Permission, Relation, TokenKind,
    Trigger,
}

impl FromCell for i64 {
    const WANTED: &'static str = "a number";

    fn from_cell(cell: &mut Value) -> Option<Self> {
        cell.as_int()
    }
}

impl ToCell for i64 {
    const CLASS: Class = Class::Int;

    fn to_cell(&self) -> Value {
        Value::Int(*self)
    }
}

impl FromCell for usize {
    const WANTED: &'static str = "a number of things";

    fn from_cell(cell: &mut Value) -> Option<Self> {
        cell.as_int().and_then(|number| Self::try_from(number).ok())
    }
}

/// SQLite keeps truth values as 0 and 1.
impl FromCell for bool {
    const WANTED: &'static str = "a truth value";

    fn from_cell(cell: &mut Value) -> Option<Self> {
        match cell {
            Value::Bool(truth) => Some(*truth),
            Value::Int(number) => Some(*number != 0),
            _ => None,
        }
    }
}

impl ToCell for bool {
    const CLASS: Class = Class::Bool;

    fn to_cell(&self) -> Value {
        Value::Bool(*self)
    }
}

impl FromCell for String {
    const WANTED: &'static str = "a text";

    fn from_cell(cell: &mut Value) -> Option<Self> {
        match cell {
            Value::Text(text) => Some(std::mem::take(text)),
            _ => None,
        }
    }
}

/// An empty text is stored as no value, so that empty has one form.
impl ToCell for str {
    const CLASS: Class = Class::Text;

    fn to_cell(&self) -> Value {
        Value::text(self)
    }
}

impl ToCell for String {
    const CLASS: Class = Class::Text;

    fn to_cell(&self) -> Value {
        self.as_str().to_cell()
    }
}

impl<T: FromCell> FromCell for Option<T> {
    const WANTED: &'static str = T::WANTED;

    fn from_cell(cell: &mut Value) -> Option<Self> {
        if cell.is_null() {
            return Some(None);
        }
        T::from_cell(cell).map(Some)
    }
}

impl<T: ToCell> ToCell for Option<T> {
    const CLASS: Class = T::CLASS;

    fn to_cell(&self) -> Value {
        self.as_ref().map_or(Value::Null, ToCell::to_cell)
    }
}

impl<T: ToCell + ?Sized> ToCell for &T {
    const CLASS: Class = T::CLASS;

    fn to_cell(&self) -> Value {
        (*self).to_cell()
    }
}

/// Rules that led to an event. The first one has no chain, and that empty text must not become none.
impl FromCell for Vec<id::RuleId> {
    const WANTED: &'static str = "a chain of rules";

    fn from_cell(cell: &mut Value) -> Option<Self> {
        cell.as_text().and_then(chain_of)
    }
}

impl ToCell for [id::RuleId] {
    const CLASS: Class = Class::Text;

    fn to_cell(&self) -> Value {
        Value::Text(chain_text(self))
    }
}

impl ToCell for Vec<id::RuleId> {
    const CLASS: Class = Class::Text;

    fn to_cell(&self) -> Value {
        self.as_slice().to_cell()
    }
}

/// Values by field id, as a change keeps them.
impl FromCell for Map<String, Json> {
    const WANTED: &'static str = "values by field";

    fn from_cell(cell: &mut Value) -> Option<Self> {
        serde_json::from_str(cell.as_text()?).ok()
    }
}

impl ToCell for Vec<(id::FieldId, Value)> {
    const CLASS: Class = Class::Text;

    fn to_cell(&self) -> Value {
        Value::Text(values_json(self))
    }
}

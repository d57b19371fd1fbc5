//! A row as it was read: values by position, with getters that say where a wrong one stands.

use crate::{Error, Result};
use model::value::{Class, Value};

/// A row of a result.
#[derive(Clone, Debug, PartialEq)]
pub struct Row(Vec<Value>);

impl Row {
    pub(crate) fn new(values: Vec<Value>) -> Self {
        Self(values)
    }

    fn at(&self, column: usize) -> Result<&Value> {
        self.0
            .get(column)
            .ok_or_else(|| Error::Inconsistent(format!("no column {column}")))
    }

    fn wrong<T>(&self, column: usize, wanted: &str) -> Result<T> {
        let found = self.at(column)?;
        Err(Error::Inconsistent(format!(
            "column {column} holds {found:?}, not {wanted}"
        )))
    }

    /// A number.
    pub fn int(&self, column: usize) -> Result<i64> {
        self.at(column)?
            .as_int()
            .map_or_else(|| self.wrong(column, "a number"), Ok)
    }

    /// A number or none.
    pub fn opt_int(&self, column: usize) -> Result<Option<i64>> {
        if self.at(column)?.is_null() {
            Ok(None)
        } else {
            self.int(column).map(Some)
        }
    }

    /// A text.
    pub fn text(&self, column: usize) -> Result<&str> {
        self.at(column)?
            .as_text()
            .map_or_else(|| self.wrong(column, "a text"), Ok)
    }

    /// A text or none.
    pub fn opt_text(&self, column: usize) -> Result<Option<&str>> {
        if self.at(column)?.is_null() {
            Ok(None)
        } else {
            self.text(column).map(Some)
        }
    }

    /// A truth value; SQLite keeps these as 0 and 1.
    pub fn bool(&self, column: usize) -> Result<bool> {
        match self.at(column)? {
            Value::Bool(truth) => Ok(*truth),
            Value::Int(number) => Ok(*number != 0),
            _ => self.wrong(column, "a truth value"),
        }
    }

    /// A value of a storage class, or none. It is moved out: what stays behind is none.
    pub fn take(&mut self, column: usize, class: Class) -> Result<Value> {
        if self.at(column)?.is_null() {
            return Ok(Value::Null);
        }
        match class {
            Class::Bool => self.bool(column).map(Value::Bool),
            Class::Int => self.int(column).map(Value::Int),
            Class::Text => {
                self.text(column)?;
                Ok(self.0.get_mut(column).map_or(Value::Null, std::mem::take))
            }
        }
    }
}

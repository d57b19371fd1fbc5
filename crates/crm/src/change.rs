//! What is to be written into a record, before anyone looked at the record.

use model::id::FieldId;
use model::value::Value;
use serde::{Deserialize, Serialize};

/// How a field's new value comes about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Write {
    /// This value.
    Set(Value),
    /// What is there and these elements behind it, each once.
    Append(Vec<String>),
}

impl Write {
    /// The new value, given the one that is there.
    pub fn onto(&self, before: &Value) -> Value {
        match self {
            Self::Set(value) => value.clone(),
            Self::Append(more) => {
                let mut elements = before.elements();
                for element in more {
                    if !elements.contains(element) {
                        elements.push(element.clone());
                    }
                }
                Value::from_elements(&elements)
            }
        }
    }
}

/// One field's part of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldWrite {
    /// The field.
    pub field: FieldId,
    /// Its new value.
    pub write: Write,
}

/// What is to be written into a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change(pub Vec<FieldWrite>);

impl Change {
    /// The write of a field, if this changes it.
    pub fn of(&self, field: FieldId) -> Option<&Write> {
        self.0
            .iter()
            .find(|part| part.field == field)
            .map(|part| &part.write)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appending_keeps_the_old_order_and_adds_each_once() {
        let list = |items: &[&str]| {
            Value::from_elements(&items.iter().map(|i| (*i).to_owned()).collect::<Vec<_>>())
        };
        let more = Write::Append(vec!["French".to_owned(), "Tamil".to_owned()]);
        assert_eq!(
            more.onto(&list(&["Tamil", "Ewe"])),
            list(&["Tamil", "Ewe", "French"])
        );
        assert_eq!(more.onto(&Value::Null), list(&["French", "Tamil"]));
    }
}

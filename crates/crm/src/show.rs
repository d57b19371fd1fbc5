//! The native form of a record's values: the wire's form, but users by e-mail address, records by id and
//! layouts by name, as an import takes them.

use crate::actor::Actor;
use model::field::{Field, FieldKind};
use model::id::LayoutId;
use model::module::Module;
use model::value::Value;
use serde_json::Value as Json;
use std::collections::HashMap;

/// How values of a module's records are shown to somebody.
pub struct Show<'a> {
    actor: &'a Actor,
    module: &'a Module,
    emails: HashMap<i64, &'a str>,
}

impl<'a> Show<'a> {
    /// To `actor`, of the records of `module`.
    pub fn new(actor: &'a Actor, module: &'a Module) -> Self {
        let users = actor.catalog.users.iter();
        Self {
            actor,
            module,
            emails: users.map(|user| (user.id.0, user.email.as_str())).collect(),
        }
    }

    /// One value of a field.
    pub fn value(&self, field: &Field, value: Value) -> Json {
        match (&field.kind, value) {
            (FieldKind::MultiSelectPicklist, value) => value.elements().into(),
            (_, Value::Text(text)) => text.into(),
            (FieldKind::OwnerLookup | FieldKind::UserLookup, Value::Int(id)) => {
                let email = self.emails.get(&id).map(|email| (*email).to_owned());
                email.unwrap_or_else(|| id.to_string()).into()
            }
            (FieldKind::Layout, Value::Int(id)) => {
                let layout = self.module.layout(LayoutId(id));
                layout
                    .map_or_else(|| id.to_string(), |layout| layout.name.clone())
                    .into()
            }
            (kind, value) => kind.show(&value, &self.actor.zone),
        }
    }
}

//! Blueprints as the file of a running org has them.

use super::super::facts::{self, Names};
use super::{Out, list};
use crate::blueprint::{Blueprint, Transition};
use crate::criteria::Criteria;
use crate::module::Module;

impl Out {
    pub(super) fn blueprint(&mut self, of: &Blueprint, module: &Module, names: &Names<'_>) {
        self.head("[[module.blueprint]]");
        self.text("name", &of.name);
        self.text("field", &facts::field_names(module, &[of.field]).join(""));
        if let Some(layout) = of.layout.and_then(|id| module.layout(id)) {
            self.text("layout", &layout.name);
        }
        self.criteria(of.criteria.as_ref());
        for transition in &of.transitions {
            self.transition(transition, module, names);
        }
    }

    fn transition(&mut self, of: &Transition, module: &Module, names: &Names<'_>) {
        self.head("[[module.blueprint.transition]]");
        self.text("name", &of.name);
        self.key("from", list(&of.from));
        self.text("to", &of.to);
        self.criteria(of.criteria.as_ref());
        if !of.fields.is_empty() {
            self.key("fields", list(facts::field_names(module, &of.fields)));
        }
        if !of.profiles.is_empty() {
            self.key("profiles", list(names.profiles(&of.profiles)));
        }
        self.unless("owner_only", of.owner_only, false);
    }

    fn criteria(&mut self, criteria: Option<&Criteria>) {
        if let Some(criteria) = criteria {
            self.text("criteria", &criteria.to_text());
        }
    }
}

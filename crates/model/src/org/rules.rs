//! Rules of an org file: validation rules, layout rules, the values that a layout offers, and
//! picklists that depend on others.

use super::build::{Draft, Meant, Scope};
use super::export::{Out, list};
use super::facts::Facts;
use super::file::{FieldEntry, Head, LayoutEntry, ModuleEntry, head, plain};
use super::read::{Flaw, Table, Text, Texts};
use super::views::{rename_in, unknown};
use crate::criteria::Criteria;
use crate::field::{Field, FieldKind};
use crate::id::{LayoutId, RuleId};
use crate::limits::{RULE_MESSAGE_MAX, RULES_MAX};
use crate::module::{Layout, Module};
use crate::rule::{Dependency, LayoutRule, ValidationRule};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub(super) struct ValidationRuleEntry {
    head: Head,
    layout: Option<Text>,
    criteria: Option<Text>,
    message: Option<Text>,
}

#[derive(Clone, Debug)]
pub(super) struct LayoutRuleEntry {
    head: Head,
    layout: Option<Text>,
    criteria: Option<Text>,
    required: Vec<Text>,
}

pub(super) fn validation_rule(
    mut t: Table<'_>,
    flaws: &mut Vec<Flaw>,
) -> Option<ValidationRuleEntry> {
    let head = head(&mut t, "name", flaws);
    let layout = t.text("layout", flaws);
    let criteria = t.text("criteria", flaws);
    let message = t.text("message", flaws);
    t.finish(flaws);
    Some(ValidationRuleEntry {
        head: head?,
        layout,
        criteria,
        message,
    })
}

pub(super) fn layout_rule(mut t: Table<'_>, flaws: &mut Vec<Flaw>) -> Option<LayoutRuleEntry> {
    let head = head(&mut t, "name", flaws);
    let layout = t.text("layout", flaws);
    let criteria = t.text("criteria", flaws);
    let required = plain(t.texts("required", flaws));
    t.finish(flaws);
    Some(LayoutRuleEntry {
        head: head?,
        layout,
        criteria,
        required,
    })
}

impl Draft<'_> {
    /// The picklist that a field depends on. Whether it exists is checked when all fields do.
    pub(super) fn dependency(
        &mut self,
        entry: &FieldEntry,
        kind: &FieldKind,
        standard: Option<&Field>,
    ) -> Option<Dependency> {
        let Some(parent) = &entry.depends_on else {
            if let Some((value, _)) = entry.maps.first() {
                self.flaw(
                    value,
                    "`maps` needs `depends_on`, the picklist that decides",
                );
            }
            return standard.and_then(|standard| standard.depends_on.clone());
        };
        if !matches!(kind, FieldKind::Picklist | FieldKind::MultiSelectPicklist) {
            let message = format!("a field of type {} depends on no other", kind.data_type());
            self.flaw(parent, message);
            return None;
        }
        Some(Dependency {
            parent: parent.value.clone(),
            maps: texts_by_key(&entry.maps),
        })
    }

    /// The values that a layout offers of each picklist that it narrows.
    pub(super) fn layout_values(
        &mut self,
        module: &Module,
        entry: &LayoutEntry,
    ) -> BTreeMap<String, Vec<String>> {
        for (name, values) in &entry.values {
            match module.field(&name.value) {
                None => self.flaw(name, unknown(module, name)),
                Some(field) if !field.is_picklist() => {
                    self.flaw(name, format!("{} is no picklist", name.value));
                }
                Some(field) => self.check_values(field, values),
            }
        }
        texts_by_key(&entry.values)
    }

    fn check_values(&mut self, field: &Field, values: &Texts) {
        if values.value.is_empty() {
            self.flaw(
                values,
                format!("{} is left without a value", field.api_name),
            );
        }
        for value in &values.value {
            if field.pick(&value.value).is_none() {
                let message = format!("{} has no value \"{}\"", field.api_name, value.value);
                self.flaw(value, message);
            }
        }
    }

    /// Rules of a module, and what its fields depend on, once its fields and layouts are there.
    pub(super) fn rules(&mut self, module: &mut Module, entry: &ModuleEntry) {
        self.validation_rules(module, entry);
        self.layout_rules(module, entry);
        for (noun, count, at) in [
            (
                "validation",
                module.rules.validation.len(),
                entry.validation_rules.get(RULES_MAX).map(|e| &e.head),
            ),
            (
                "layout",
                module.rules.layout.len(),
                entry.layout_rules.get(RULES_MAX).map(|e| &e.head),
            ),
        ] {
            if count > RULES_MAX {
                let at = at.unwrap_or(&entry.head);
                let message = format!("more than {RULES_MAX} {noun} rules");
                self.flaw(&at.name, message);
            }
        }
        for stated in &entry.fields {
            if let Some(field) = module.field(&stated.head.name.value) {
                self.check_dependency(module, field, stated);
            }
        }
    }

    fn check_dependency(&mut self, module: &Module, field: &Field, stated: &FieldEntry) {
        let (Some(name), Some(_)) = (&stated.depends_on, &field.depends_on) else {
            return;
        };
        let parent = module
            .field(&name.value)
            .filter(|parent| parent.kind == FieldKind::Picklist && parent.id != field.id);
        let Some(parent) = parent else {
            let message = format!("{} is no other picklist of the module", name.value);
            self.flaw(name, message);
            return;
        };
        if in_a_circle(module, field) {
            self.flaw(name, format!("{} depends on itself", field.api_name));
        }
        if stated.maps.is_empty() {
            self.flaw(name, "`depends_on` needs `maps`");
        }
        for (value, allowed) in &stated.maps {
            if parent.pick(&value.value).is_none() {
                let message = format!("{} has no value \"{}\"", parent.api_name, value.value);
                self.flaw(value, message);
            }
            self.check_values(field, allowed);
        }
    }

    /// The criteria of a rule, if it can be read.
    fn rule_criteria(
        &mut self,
        module: &Module,
        head: &Head,
        text: Option<&Text>,
        known: Option<&Criteria>,
    ) -> Option<Criteria> {
        let Some(text) = text else {
            let message = format!("rule \"{}\" needs criteria", head.name.value);
            self.flaw(&head.name, message);
            return None;
        };
        match Criteria::parse(&text.value) {
            Ok(criteria) => {
                if let Err(error) = criteria.check(module) {
                    self.criteria_flaw(text, &error);
                }
                // The same criteria may stand in the catalog in another form.
                let same = known.filter(|known| known.to_text() == criteria.to_text());
                Some(same.cloned().unwrap_or(criteria))
            }
            Err(error) => {
                self.criteria_flaw(text, &error);
                None
            }
        }
    }

    fn rule_layout(&mut self, module: &Module, name: &Text) -> Option<LayoutId> {
        let found = layout_named(module, &name.value);
        if found.is_none() {
            let message = format!("{} has no layout \"{}\"", module.api_name, name.value);
            self.flaw(name, message);
        }
        found.map(|layout| layout.id)
    }

    fn remove_rule(&mut self, module: &Module, head: &Head, noun: &str) {
        let what = format!("{noun} rule {}/\"{}\"", module.api_name, head.name.value);
        self.removal(head, &what);
    }

    fn validation_rules(&mut self, module: &mut Module, entry: &ModuleEntry) {
        let heads = entry.validation_rules.iter().map(|e| &e.head);
        let scope = Scope::of("validation rule", heads, self);
        for stated in &entry.validation_rules {
            let rules = &module.rules.validation;
            let names: Vec<_> = rules.iter().map(|rule| rule.name.clone()).collect();
            let known = match scope.meant(&stated.head, &names, self) {
                Meant::Existing(index) => Some(index),
                Meant::New => None,
                Meant::Remove(index) => {
                    module.rules.validation.remove(index);
                    self.remove_rule(module, &stated.head, "validation");
                    continue;
                }
                Meant::Nothing => continue,
            };
            let current = known.and_then(|index| module.rules.validation.get(index));
            let current = current.cloned();
            let Some(rule) = self.validation_rule(module, stated, current.as_ref()) else {
                continue;
            };
            match known.and_then(|index| module.rules.validation.get_mut(index)) {
                Some(place) => *place = rule,
                None => module.rules.validation.push(rule),
            }
        }
    }

    fn validation_rule(
        &mut self,
        module: &Module,
        stated: &ValidationRuleEntry,
        current: Option<&ValidationRule>,
    ) -> Option<ValidationRule> {
        let head = &stated.head;
        self.touched.extend(current.map(|rule| rule.id.0));
        let known = current.map(|rule| &rule.criteria);
        let criteria = self.rule_criteria(module, head, stated.criteria.as_ref(), known);
        let layout = stated.layout.as_ref();
        let layout = layout.map(|name| self.rule_layout(module, name));
        let Some(message) = &stated.message else {
            let text = format!("rule \"{}\" needs `message`", head.name.value);
            self.flaw(&head.name, text);
            return None;
        };
        if message.value.trim().is_empty() {
            self.flaw(message, "`message` is empty");
        } else if message.value.chars().count() > RULE_MESSAGE_MAX {
            let text = format!("`message` is longer than {RULE_MESSAGE_MAX} characters");
            self.flaw(message, text);
        }
        Some(ValidationRule {
            id: current.map_or_else(|| RuleId(self.new_id()), |rule| rule.id),
            name: head.name.value.clone(),
            layout: layout.flatten(),
            criteria: criteria?,
            message: message.value.clone(),
        })
    }

    fn layout_rules(&mut self, module: &mut Module, entry: &ModuleEntry) {
        let heads = entry.layout_rules.iter().map(|e| &e.head);
        let scope = Scope::of("layout rule", heads, self);
        for stated in &entry.layout_rules {
            let rules = &module.rules.layout;
            let names: Vec<_> = rules.iter().map(|rule| rule.name.clone()).collect();
            let known = match scope.meant(&stated.head, &names, self) {
                Meant::Existing(index) => Some(index),
                Meant::New => None,
                Meant::Remove(index) => {
                    module.rules.layout.remove(index);
                    self.remove_rule(module, &stated.head, "layout");
                    continue;
                }
                Meant::Nothing => continue,
            };
            let current = known.and_then(|index| module.rules.layout.get(index));
            let current = current.cloned();
            let Some(rule) = self.layout_rule(module, stated, current.as_ref()) else {
                continue;
            };
            match known.and_then(|index| module.rules.layout.get_mut(index)) {
                Some(place) => *place = rule,
                None => module.rules.layout.push(rule),
            }
        }
    }

    fn layout_rule(
        &mut self,
        module: &Module,
        stated: &LayoutRuleEntry,
        current: Option<&LayoutRule>,
    ) -> Option<LayoutRule> {
        let head = &stated.head;
        self.touched.extend(current.map(|rule| rule.id.0));
        let known = current.map(|rule| &rule.criteria);
        let criteria = self.rule_criteria(module, head, stated.criteria.as_ref(), known);
        if stated.required.is_empty() {
            let text = format!("rule \"{}\" needs `required`", head.name.value);
            self.flaw(&head.name, text);
        }
        for name in &stated.required {
            match module.field(&name.value) {
                None => self.flaw(name, unknown(module, name)),
                Some(field)
                    if field.read_only
                        || field.computed.is_some()
                        || matches!(field.kind, FieldKind::AutoNumber { .. }) =>
                {
                    let text = format!("{} is written by the server alone", name.value);
                    self.flaw(name, text);
                }
                Some(_) => {}
            }
        }
        let Some(layout) = &stated.layout else {
            let text = format!("rule \"{}\" needs `layout`", head.name.value);
            self.flaw(&head.name, text);
            return None;
        };
        let layout = self.rule_layout(module, layout);
        let required = stated.required.iter().map(|name| name.value.clone());
        Some(LayoutRule {
            id: current.map_or_else(|| RuleId(self.new_id()), |rule| rule.id),
            name: head.name.value.clone(),
            layout: layout?,
            criteria: criteria?,
            required: required.collect(),
        })
    }

    /// Checks what the file leaves alone against the modules as they are now.
    pub(super) fn check_rules(&mut self) {
        let mut flaws = Vec::new();
        for module in &self.catalog.modules {
            let mut entries = self.file.modules.iter();
            let entry = entries.find(|entry| entry.head.name.value == module.api_name);
            let stated = |name: &str| {
                let validation = entry.iter().flat_map(|e| &e.validation_rules);
                let layout = entry.iter().flat_map(|e| &e.layout_rules);
                let heads = validation
                    .map(|e| &e.head)
                    .chain(layout.map(|e| &e.head))
                    .chain(entry.iter().flat_map(|e| &e.layouts).map(|e| &e.head))
                    .chain(entry.iter().flat_map(|e| &e.fields).map(|e| &e.head));
                heads.into_iter().any(|head| head.name.value == name)
            };
            for (name, why) in broken(module) {
                if !stated(&name) {
                    let at = entry.map_or(0, |entry| entry.head.name.at);
                    let message = format!(
                        "{}/\"{name}\", which the file leaves alone, would break: {why}",
                        module.api_name
                    );
                    flaws.push(Flaw::new(at, message));
                }
            }
        }
        self.flaws.append(&mut flaws);
    }
}

fn texts_by_key(lists: &[(Text, Texts)]) -> BTreeMap<String, Vec<String>> {
    let lists = lists.iter().map(|(key, list)| {
        let texts = list.value.iter().map(|text| text.value.clone());
        (key.value.clone(), texts.collect())
    });
    lists.collect()
}

fn layout_named<'a>(module: &'a Module, name: &str) -> Option<&'a Layout> {
    module.layouts.iter().find(|layout| layout.name == name)
}

/// Whether a field's parents lead back to it.
fn in_a_circle(module: &Module, field: &Field) -> bool {
    let mut at = field;
    for _ in &module.fields {
        let parent = at.depends_on.as_ref().and_then(|d| module.field(&d.parent));
        match parent {
            Some(parent) if parent.id == field.id => return true,
            Some(parent) => at = parent,
            None => return false,
        }
    }
    true
}

/// What of a module's rules, layouts and fields names something that is not there: the name of the
/// thing, and why.
fn broken(module: &Module) -> Vec<(String, String)> {
    let mut broken = Vec::new();
    let layout = |id: LayoutId| module.layout(id).is_some();
    let criteria = |criteria: &Criteria| criteria.check(module).err().map(|error| error.message);
    for rule in &module.rules.validation {
        let gone = rule.layout.is_some_and(|id| !layout(id));
        let why = gone.then(|| "its layout is removed".to_owned());
        broken.extend(
            why.or_else(|| criteria(&rule.criteria))
                .map(|why| (rule.name.clone(), why)),
        );
    }
    for rule in &module.rules.layout {
        let none = rule
            .required
            .is_empty()
            .then(|| "it requires no field".to_owned());
        let gone = (!layout(rule.layout)).then(|| "its layout is removed".to_owned());
        let why = gone.or(none).or_else(|| criteria(&rule.criteria));
        broken.extend(why.map(|why| (rule.name.clone(), why)));
    }
    let missing = |field: &Field, values: &[String]| {
        let gone = values.iter().find(|value| field.pick(value).is_none());
        gone.map(|value| format!("{} has no value \"{value}\"", field.api_name))
    };
    for layout in &module.layouts {
        for (name, values) in &layout.values {
            let why = module.field(name).and_then(|field| missing(field, values));
            broken.extend(why.map(|why| (layout.name.clone(), why)));
        }
    }
    for field in &module.fields {
        let Some(dependency) = &field.depends_on else {
            continue;
        };
        let why = match module.field(&dependency.parent) {
            None => Some(format!("there is no field {}", dependency.parent)),
            Some(parent) => {
                let keys: Vec<String> = dependency.maps.keys().cloned().collect();
                let mut lists = dependency.maps.values();
                missing(parent, &keys).or_else(|| lists.find_map(|list| missing(field, list)))
            }
        };
        broken.extend(why.map(|why| (field.api_name.clone(), why)));
    }
    broken
}

/// Puts a field's new name wherever the rules and layouts of its module use the old one.
pub(super) fn rename_in_rules(module: &mut Module, old: &str, new: &str) {
    for rule in &mut module.rules.validation {
        rename_in(&mut rule.criteria, old, new);
    }
    for rule in &mut module.rules.layout {
        rename_in(&mut rule.criteria, old, new);
        for name in rule.required.iter_mut().filter(|name| *name == old) {
            new.clone_into(name);
        }
    }
    let of_workflow = module.rules.workflow.iter_mut().map(|r| &mut r.criteria);
    let of_approval = module.rules.approval.iter_mut().map(|p| &mut p.criteria);
    for criteria in of_workflow.chain(of_approval).flatten() {
        rename_in(criteria, old, new);
    }
    for layout in &mut module.layouts {
        if let Some(values) = layout.values.remove(old) {
            layout.values.insert(new.to_owned(), values);
        }
    }
    for dependency in module
        .fields
        .iter_mut()
        .filter_map(|f| f.depends_on.as_mut())
    {
        if dependency.parent == old {
            new.clone_into(&mut dependency.parent);
        }
    }
}

/// What is said of each rule of a module: its id, what a line calls it, and the rest.
pub(super) fn facts_of_rules(module: &Module) -> Vec<(i64, String, Facts)> {
    let fact = |name: &str, value: String| (name.to_owned(), value);
    let layout = |id: LayoutId| module.layout(id).map_or("?", |layout| &layout.name);
    let validation = module.rules.validation.iter().map(|rule| {
        let facts = vec![
            fact("name", rule.name.clone()),
            fact("layout", rule.layout.map_or("every", layout).to_owned()),
            fact("criteria", rule.criteria.to_text()),
            fact("message", rule.message.clone()),
        ];
        let title = format!("validation rule {}/\"{}\"", module.api_name, rule.name);
        (rule.id.0, title, facts)
    });
    let layout = module.rules.layout.iter().map(|rule| {
        let facts = vec![
            fact("name", rule.name.clone()),
            fact("layout", layout(rule.layout).to_owned()),
            fact("criteria", rule.criteria.to_text()),
            fact("required", rule.required.join(", ")),
        ];
        let title = format!("layout rule {}/\"{}\"", module.api_name, rule.name);
        (rule.id.0, title, facts)
    });
    validation.chain(layout).collect()
}

impl Out {
    /// The rules of a module.
    pub(super) fn rules(&mut self, module: &Module) {
        let layout = |id: LayoutId| module.layout(id).map_or("", |layout| &layout.name);
        for rule in &module.rules.validation {
            self.head("[[module.validation_rule]]");
            self.text("name", &rule.name);
            if let Some(id) = rule.layout {
                self.text("layout", layout(id));
            }
            self.text("criteria", &rule.criteria.to_text());
            self.text("message", &rule.message);
        }
        for rule in &module.rules.layout {
            self.head("[[module.layout_rule]]");
            self.text("name", &rule.name);
            self.text("layout", layout(rule.layout));
            self.text("criteria", &rule.criteria.to_text());
            self.key("required", list(&rule.required));
        }
    }
}

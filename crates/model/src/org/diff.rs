//! The difference between two catalogs, a line for people each.

use super::approvals::facts_of_approval_processes;
use super::facts::{self, Facts, Names};
use super::kinds::told;
use super::rules::facts_of_rules;
use super::standard::BuiltIn;
use super::workflow::facts_of_workflow_rules;
use super::workflow_actions::WEB_HOOK;
use crate::catalog::Catalog;
use crate::field::Field;
use crate::module::Module;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

/// What would happen to something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is made.
    Add,
    /// It becomes different.
    Modify,
    /// It goes.
    Remove,
    /// Nothing: the running org has it, the file does not speak of it.
    LeftAlone,
}

impl ChangeKind {
    const ALL: [(Self, &str); 4] = [
        (Self::Add, "add"),
        (Self::Modify, "modify"),
        (Self::Remove, "remove"),
        (Self::LeftAlone, "left_alone"),
    ];

    /// Its word in the native API.
    pub fn as_str(self) -> &'static str {
        let word = Self::ALL.iter().find(|(kind, _)| *kind == self);
        word.map_or("", |(_, word)| word)
    }

    /// The kind that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        let kind = Self::ALL.iter().find(|(_, known)| *known == word);
        kind.map(|(kind, _)| *kind)
    }
}

/// One line of a diff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What would happen.
    pub kind: ChangeKind,
    /// To what, and how: `field Leads.Course_Interest (text of at most 255 characters)`.
    pub what: String,
}

impl Change {
    /// Whether anything would be different.
    pub fn matters(&self) -> bool {
        self.kind != ChangeKind::LeftAlone
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = &self.what;
        match self.kind {
            ChangeKind::Add => write!(f, "+ {what}"),
            ChangeKind::Modify => write!(f, "~ {what}"),
            ChangeKind::Remove => write!(f, "- {what} (needs --allow-remove)"),
            ChangeKind::LeftAlone => write!(f, "= left alone: {what}"),
        }
    }
}

/// Lines in the making.
struct Diff<'a> {
    old: &'a Catalog,
    new: &'a Catalog,
    changes: Vec<Change>,
}

/// One thing of a list: its id, what a line calls it, and what is said about it.
struct Item {
    id: i64,
    title: String,
    facts: Facts,
}

/// What leads from one catalog to the other. A new module that `whole` names is one line, because
/// what is built in needs no telling.
pub(super) fn diff(old: &Catalog, new: &Catalog, whole: &BTreeSet<i64>) -> Vec<Change> {
    let mut diff = Diff {
        old,
        new,
        changes: Vec::new(),
    };
    diff.facts("org", &facts::of_org(&old.org), &facts::of_org(&new.org));
    let limits = |catalog: &Catalog| facts::of_limits(catalog.org.limits);
    diff.facts("limits", &limits(old), &limits(new));
    diff.list(|catalog, names| {
        let items = catalog.roles.iter();
        items
            .map(|role| Item {
                id: role.id.0,
                title: format!("role \"{}\"", role.name),
                facts: facts::of_role(role, names),
            })
            .collect()
    });
    diff.list(|catalog, names| {
        let items = catalog.profiles.iter();
        items
            .map(|profile| Item {
                id: profile.id.0,
                title: format!("profile \"{}\"", profile.name),
                facts: facts::of_profile(profile, names),
            })
            .collect()
    });
    diff.list(|catalog, names| {
        let items = catalog.territories.iter();
        items
            .map(|territory| Item {
                id: territory.id.0,
                title: format!("territory \"{}\"", territory.name),
                facts: facts::of_territory(territory, names),
            })
            .collect()
    });
    diff.list(|catalog, names| {
        let items = catalog.users.iter();
        items
            .map(|user| Item {
                id: user.id.0,
                title: format!("user {}", user.email),
                facts: facts::of_user(user, names),
            })
            .collect()
    });
    diff.modules(whole);
    diff.changes
}

/// What is shown of an attribute: queries of web hooks hold secrets.
fn without_query<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    let Some((url, rest)) = value.split_once(' ').filter(|_| name.starts_with(WEB_HOOK)) else {
        return value.into();
    };
    match url.find(['?', '#']) {
        Some(at) => format!("{}?… {rest}", url.get(..at).unwrap_or_default()).into(),
        None => value.into(),
    }
}

impl Diff<'_> {
    fn line(&mut self, kind: ChangeKind, what: impl Into<String>) {
        self.changes.push(Change {
            kind,
            what: what.into(),
        });
    }

    fn facts(&mut self, title: &str, old: &Facts, new: &Facts) {
        let value = |facts: &Facts, name: &str| {
            let mut all = facts.iter();
            all.find(|(known, _)| known == name).map(|(_, v)| v.clone())
        };
        let shown = |value: Option<String>| match value {
            Some(text) if text.is_empty() => "empty".to_owned(),
            Some(text) => text,
            None => "none".to_owned(),
        };
        let mut names: Vec<&String> = old.iter().map(|(name, _)| name).collect();
        for (name, _) in new {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        for name in names {
            let (before, after) = (value(old, name), value(new, name));
            if before != after {
                let (before, after) = (shown(before), shown(after));
                let (old, new) = (without_query(name, &before), without_query(name, &after));
                let other = if old == new { " (another query)" } else { "" };
                let line = format!("{title} {name}: {old} -> {new}{other}");
                self.line(ChangeKind::Modify, line);
            }
        }
    }

    fn list(&mut self, items: impl Fn(&Catalog, &Names<'_>) -> Vec<Item>) {
        let names = Names(vec![self.new, self.old]);
        let old = items(self.old, &names);
        let new = items(self.new, &names);
        self.items(old, new, |_| String::new());
    }

    /// Compares two lists by id. `detail` is what a line says of something new.
    fn items(&mut self, old: Vec<Item>, new: Vec<Item>, detail: impl Fn(i64) -> String) {
        for item in &new {
            match old.iter().find(|known| known.id == item.id) {
                Some(before) => self.facts(&before.title, &before.facts, &item.facts),
                None => self.line(
                    ChangeKind::Add,
                    format!("{}{}", item.title, detail(item.id)),
                ),
            }
        }
        for item in &old {
            if !new.iter().any(|known| known.id == item.id) {
                self.line(ChangeKind::Remove, item.title.clone());
            }
        }
    }

    fn modules(&mut self, whole: &BTreeSet<i64>) {
        let (old, new) = (self.old, self.new);
        for module in &new.modules {
            let name = &module.api_name;
            match old.module_by_id(module.id) {
                Some(before) => {
                    let title = format!("module {}", before.api_name);
                    let names = Names(vec![new, old]);
                    let facts = |of: &Module| facts::of_module(of, &names);
                    self.facts(&title, &facts(before), &facts(module));
                    self.parts(Some(before), module);
                }
                None if whole.contains(&module.id.0) => self.line(
                    ChangeKind::Add,
                    format!(
                        "module {name} (standard, {} fields, {} views)",
                        module.fields.len(),
                        module.views.len()
                    ),
                ),
                None => {
                    let title = format!("module {name} ({})", module.plural);
                    self.line(ChangeKind::Add, title);
                    self.parts(None, module);
                }
            }
        }
        for module in &old.modules {
            if new.module_by_id(module.id).is_none() {
                let title = format!("module {} with its records", module.api_name);
                self.line(ChangeKind::Remove, title);
            }
        }
    }

    fn parts(&mut self, before: Option<&Module>, module: &Module) {
        let fields = |of: &Module| {
            let items = of.fields.iter().map(|field| Item {
                id: field.id.0,
                title: format!("field {}.{}", of.api_name, field.api_name),
                facts: facts::of_field(field),
            });
            items.collect::<Vec<_>>()
        };
        let old = before.map(fields).unwrap_or_default();
        self.items(old, fields(module), |id| {
            let mut all = module.fields.iter();
            let field = all.find(|field| field.id.0 == id);
            field
                .map(|field| format!(" ({})", told(&field.kind)))
                .unwrap_or_default()
        });
        for field in &module.fields {
            if let Some(old) = before.and_then(|before| before.field_by_id(field.id)) {
                self.values(module, old, field);
            }
        }
        let layouts = |of: &Module| {
            let items = of.layouts.iter().map(|layout| Item {
                id: layout.id.0,
                title: format!("layout {}/\"{}\"", of.api_name, layout.name),
                facts: facts::of_layout(layout),
            });
            items.collect::<Vec<_>>()
        };
        let old = before.map(layouts).unwrap_or_default();
        self.items(old, layouts(module), |_| String::new());
        let names = Names(vec![self.new, self.old]);
        let views = |of: &Module| {
            let items = of.views.iter().map(|view| Item {
                id: view.id.0,
                title: format!("view {}/\"{}\"", of.api_name, view.name),
                facts: facts::of_view(view, &names),
            });
            items.collect::<Vec<_>>()
        };
        let (old, new) = (before.map(views).unwrap_or_default(), views(module));
        self.items(old, new, |_| String::new());
        let rules = |of: &Module| {
            let items = facts_of_rules(of).into_iter();
            let item = |(id, title, facts)| Item { id, title, facts };
            items.map(item).collect::<Vec<_>>()
        };
        let (old, new) = (before.map(rules).unwrap_or_default(), rules(module));
        self.items(old, new, |_| String::new());
        let workflow = |of: &Module| {
            let items = facts_of_workflow_rules(of, &names).into_iter();
            let item = |(id, title, facts)| Item { id, title, facts };
            items.map(item).collect::<Vec<_>>()
        };
        let (old, new) = (before.map(workflow).unwrap_or_default(), workflow(module));
        self.items(old, new, |_| String::new());
        let approval = |of: &Module| {
            let items = facts_of_approval_processes(of, &names).into_iter();
            let item = |(id, title, facts)| Item { id, title, facts };
            items.map(item).collect::<Vec<_>>()
        };
        let (old, new) = (before.map(approval).unwrap_or_default(), approval(module));
        self.items(old, new, |_| String::new());
        let blueprints = |of: &Module| {
            let items = of.blueprints.iter().map(|blueprint| Item {
                id: blueprint.id.0,
                title: format!("blueprint {}/\"{}\"", of.api_name, blueprint.name),
                facts: facts::of_blueprint(of, blueprint, &names),
            });
            items.collect::<Vec<_>>()
        };
        let old = before.map(blueprints).unwrap_or_default();
        self.items(old, blueprints(module), |_| String::new());
    }

    fn values(&mut self, module: &Module, old: &Field, new: &Field) {
        let (before, after) = (facts::values_of(old), facts::values_of(new));
        let missing = |from: &[&str], of: &[&str]| {
            let gone = of.iter().filter(|value| !from.contains(value));
            gone.map(|value| format!("\"{value}\"")).collect::<Vec<_>>()
        };
        let title = format!("{}.{}", module.api_name, new.api_name);
        let added = missing(&before, &after);
        let gone = missing(&after, &before);
        let place = |noun: &str, list: &[String]| format!("{noun} {} of {title}", list.join(", "));
        if !added.is_empty() {
            self.line(ChangeKind::Add, place("values", &added));
        }
        if !gone.is_empty() {
            self.line(ChangeKind::Remove, place("values", &gone));
        }
        let stay = |list: &[&str], other: &[&str]| -> Vec<String> {
            let both = list.iter().filter(|value| other.contains(value));
            both.map(ToString::to_string).collect()
        };
        if stay(&before, &after) != stay(&after, &before) {
            let line = format!("field {title} order of values: {}", after.join(", "));
            self.line(ChangeKind::Modify, line);
        }
    }
}

/// What the running org has and the file does not speak of, unless it is built in.
pub(super) fn left_alone(
    current: &Catalog,
    new: &Catalog,
    touched: &BTreeSet<i64>,
    built_in: &BuiltIn,
) -> Vec<Change> {
    let mut lines = Vec::new();
    let mut note = |id: i64, what: String| {
        if !touched.contains(&id) {
            lines.push(Change {
                kind: ChangeKind::LeftAlone,
                what,
            });
        }
    };
    for role in new
        .roles
        .iter()
        .filter(|role| current.role(role.id).is_some())
    {
        note(role.id.0, format!("role \"{}\"", role.name));
    }
    for profile in new
        .profiles
        .iter()
        .filter(|p| p.custom && current.profile(p.id).is_some())
    {
        note(profile.id.0, format!("profile \"{}\"", profile.name));
    }
    for territory in &new.territories {
        if current.territory(territory.id).is_some() {
            note(territory.id.0, format!("territory \"{}\"", territory.name));
        }
    }
    for user in new
        .users
        .iter()
        .filter(|user| current.user(user.id).is_some())
    {
        note(user.id.0, format!("user {}", user.email));
    }
    for module in &new.modules {
        let Some(before) = current.module_by_id(module.id) else {
            continue;
        };
        let name = &module.api_name;
        if module.custom && !touched.contains(&module.id.0) {
            note(module.id.0, format!("module {name}"));
            continue;
        }
        let standard = built_in.module(name).or(built_in.every.as_ref());
        for field in &module.fields {
            if before.field_by_id(field.id).is_none() {
                continue;
            }
            let known = standard.and_then(|s| s.field(&field.api_name));
            if field.custom {
                note(field.id.0, format!("field {name}.{}", field.api_name));
            } else if known.is_some_and(|k| facts::of_field(k) != facts::of_field(field)) {
                let what = format!("field {name}.{}, which is not as built in", field.api_name);
                note(field.id.0, what);
            }
            let stated = field
                .values
                .iter()
                .any(|value| touched.contains(&value.id.0));
            for value in &field.values {
                let built_in = known.is_some_and(|k| k.pick(&value.value).is_some());
                if stated || (!field.custom && !built_in) {
                    let what = format!("value \"{}\" of {name}.{}", value.value, field.api_name);
                    note(value.id.0, what);
                }
            }
        }
        for view in &module.views {
            if view.system_name.is_none() && before.views.iter().any(|v| v.id == view.id) {
                note(view.id.0, format!("view {name}/\"{}\"", view.name));
            }
        }
        let known = facts_of_rules(before);
        for (id, title, _) in facts_of_rules(module) {
            if known.iter().any(|(known, ..)| *known == id) {
                note(id, title);
            }
        }
        for rule in &module.rules.workflow {
            if before
                .rules
                .workflow
                .iter()
                .any(|known| known.id == rule.id)
            {
                note(rule.id.0, format!("workflow rule {name}/\"{}\"", rule.name));
            }
        }
        for process in &module.rules.approval {
            if before.rules.approval_process(process.id).is_some() {
                let what = format!("approval process {name}/\"{}\"", process.name);
                note(process.id.0, what);
            }
        }
        for blueprint in &module.blueprints {
            if before.blueprint(blueprint.id).is_some() {
                let what = format!("blueprint {name}/\"{}\"", blueprint.name);
                note(blueprint.id.0, what);
            }
        }
    }
    lines
}

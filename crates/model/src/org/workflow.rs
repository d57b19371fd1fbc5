//! Workflow rules of an org file.

use super::build::{Draft, Meant, Scope};
use super::export::{Out, list, quoted, quoted_key};
use super::facts::{Facts, Names, criteria_text, field_names};
use super::file::{Head, ModuleEntry, each, head};
use super::read::{At, Flaw, Table, Text, Texts};
use super::views::unknown;
use super::workflow_actions::{
    TaskEntry, WebHookEntry, broken_actions, facts_of_actions, task, web_hook,
};
use crate::catalog::Catalog;
use crate::field::{Field, FieldKind, Misfit};
use crate::id::{FieldId, RuleId};
use crate::limits::{WORKFLOW_FIELDS_MAX, WORKFLOW_RULES_MAX};
use crate::module::Module;
use crate::value::Value;
use crate::workflow::{FieldUpdate, Literal, Trigger, WorkflowRule};
use jiff::tz::TimeZone;
use serde_json::Value as Json;

#[derive(Clone, Debug)]
pub(super) struct WorkflowRuleEntry {
    head: Head,
    on: Option<Texts>,
    fields: Option<Texts>,
    criteria: Option<Text>,
    active: Option<At<bool>>,
    update: Vec<(Text, At<Json>)>,
    tasks: Vec<TaskEntry>,
    web_hooks: Vec<WebHookEntry>,
}

pub(super) fn workflow_rule(mut t: Table<'_>, flaws: &mut Vec<Flaw>) -> Option<WorkflowRuleEntry> {
    let head = head(&mut t, "name", flaws);
    let on = t.texts("on", flaws);
    let fields = t.texts("fields", flaws);
    let criteria = t.text("criteria", flaws);
    let active = t.truth("active", flaws);
    let mut update = Vec::new();
    if let Some(values) = t.table("update", "update of [[module.workflow_rule]]", flaws) {
        for (field, value) in values.all() {
            let noun = format!("{} in `update`", field.value);
            update.extend(value.json(&noun, flaws).map(|value| (field, value)));
        }
    }
    let noun = "[[module.workflow_rule.task]]";
    let tasks = each(&mut t, "task", noun, flaws, task);
    let noun = "[[module.workflow_rule.web_hook]]";
    let web_hooks = each(&mut t, "web_hook", noun, flaws, web_hook);
    t.finish(flaws);
    Some(WorkflowRuleEntry {
        head: head?,
        on,
        fields,
        criteria,
        active,
        update,
        tasks,
        web_hooks,
    })
}

impl Draft<'_> {
    /// The workflow rules of a module, once its fields and the users are there.
    pub(super) fn workflow_rules(&mut self, module: &mut Module, entry: &ModuleEntry) {
        let heads = entry.workflow_rules.iter().map(|e| &e.head);
        let scope = Scope::of("workflow rule", heads, self);
        for stated in &entry.workflow_rules {
            let rules = module.rules.workflow.iter();
            let names: Vec<_> = rules.map(|rule| rule.name.clone()).collect();
            match scope.meant(&stated.head, &names, self) {
                Meant::Existing(index) => {
                    let before = module.rules.workflow.get(index).cloned();
                    self.touched.extend(before.as_ref().map(|rule| rule.id.0));
                    let made = self.workflow_rule(module, stated, before.as_ref());
                    if let (Some(made), Some(place)) = (made, module.rules.workflow.get_mut(index))
                    {
                        *place = made;
                    }
                }
                Meant::New => {
                    let made = self.workflow_rule(module, stated, None);
                    module.rules.workflow.extend(made);
                }
                Meant::Remove(index) => {
                    let gone = module.rules.workflow.remove(index);
                    let what = format!("workflow rule {}/\"{}\"", module.api_name, gone.name);
                    self.removal(&stated.head, &what);
                }
                Meant::Nothing => {}
            }
        }
        if module.rules.workflow.len() > WORKFLOW_RULES_MAX {
            let at = entry.workflow_rules.get(WORKFLOW_RULES_MAX);
            let at = at.map_or(&entry.head, |entry| &entry.head);
            let message = format!("more than {WORKFLOW_RULES_MAX} workflow rules");
            self.flaw(&at.name, message);
        }
    }

    fn workflow_rule(
        &mut self,
        module: &Module,
        entry: &WorkflowRuleEntry,
        before: Option<&WorkflowRule>,
    ) -> Option<WorkflowRule> {
        let name = &entry.head.name;
        let noun = format!("rule \"{}\"", name.value);
        let on = self.triggers((name, &noun), entry.on.as_ref(), &Trigger::ALL);
        let fields = self.watched(module, entry.fields.as_ref(), on.as_deref());
        let was = before.and_then(|before| before.criteria.as_ref());
        let criteria = self.criteria_of(module, entry.criteria.as_ref(), was);
        let update = self.updates(module, &entry.update);
        let tasks = self.tasks(&entry.tasks);
        let web_hooks = self.web_hooks(module, &entry.web_hooks);
        let nothing = entry.tasks.is_empty() && entry.web_hooks.is_empty();
        if entry.update.is_empty() {
            if nothing {
                let message = format!(
                    "rule \"{}\" does nothing: it needs `update`, a `task` or a `web_hook`",
                    name.value
                );
                self.flaw(name, message);
            }
        } else if on.as_ref().is_some_and(|on| on.contains(&Trigger::Delete)) {
            let message = "a record that was deleted has no fields to update: leave \"delete\" to \
                           a rule of its own";
            self.flaw(name, message);
        }
        let id = before.map(|before| before.id);
        Some(WorkflowRule {
            id: id.unwrap_or_else(|| RuleId(self.new_id())),
            name: name.value.clone(),
            on: on?,
            fields,
            criteria,
            active: entry.active.as_ref().is_none_or(|active| active.value),
            update,
            tasks,
            web_hooks,
        })
    }

    /// What sets a rule off, or brings a record into a process: some of these.
    pub(super) fn triggers(
        &mut self,
        (name, noun): (&Text, &str),
        stated: Option<&Texts>,
        known: &[Trigger],
    ) -> Option<Vec<Trigger>> {
        let words = || words(known).join(", ");
        let Some(stated) = stated else {
            let message = format!("{noun} needs `on`: {}", words());
            self.flaw(name, message);
            return None;
        };
        if stated.value.is_empty() {
            self.flaw(stated, format!("`on` is empty: it takes {}", words()));
        }
        let mut on = Vec::new();
        for word in &stated.value {
            match Trigger::parse(&word.value).filter(|trigger| known.contains(trigger)) {
                None => {
                    let message = format!("`on` takes {}, not \"{}\"", words(), word.value);
                    self.flaw(word, message);
                }
                Some(trigger) if on.contains(&trigger) => {
                    self.flaw(word, format!("\"{}\" stands twice", word.value));
                }
                Some(trigger) => on.push(trigger),
            }
        }
        on.sort_unstable();
        Some(on)
    }

    /// The fields whose change sets a rule off.
    pub(super) fn watched(
        &mut self,
        module: &Module,
        stated: Option<&Texts>,
        on: Option<&[Trigger]>,
    ) -> Vec<FieldId> {
        let Some(stated) = stated else {
            return Vec::new();
        };
        if stated.value.is_empty() {
            self.flaw(
                stated,
                "`fields` is empty: leave it out where every edit counts",
            );
        } else if on.is_some_and(|on| !on.contains(&Trigger::Edit)) {
            self.flaw(
                stated,
                "`fields` is for rules on \"edit\": only an edit changes some",
            );
        }
        self.at_most(stated.value.get(WORKFLOW_FIELDS_MAX), "fields");
        for name in &stated.value {
            let stamped = ["Modified_By", "Modified_Time"].contains(&name.value.as_str());
            if stamped && module.field(&name.value).is_some() {
                self.flaw(name, format!("every change writes {}", name.value));
            }
        }
        self.fields_named(module, &stated.value)
    }

    /// Notes the first of a list that is one too many.
    fn at_most(&mut self, too_many: Option<&Text>, key: &str) {
        if let Some(first) = too_many {
            let message = format!("`{key}` takes at most {WORKFLOW_FIELDS_MAX} fields");
            self.flaw(first, message);
        }
    }

    /// What a rule writes, in the order of the module's fields.
    fn updates(&mut self, module: &Module, stated: &[(Text, At<Json>)]) -> Vec<FieldUpdate> {
        let too_many = stated.get(WORKFLOW_FIELDS_MAX).map(|(name, _)| name);
        self.at_most(too_many, "update");
        for (name, _) in stated {
            if module.field(&name.value).is_none() {
                self.flaw(name, unknown(module, name));
            }
        }
        let mut updates = Vec::new();
        for field in &module.fields {
            let mut found = stated
                .iter()
                .filter(|(name, _)| name.value == field.api_name);
            let Some((name, value)) = found.next() else {
                continue;
            };
            if let Some(why) = not_written(field) {
                self.flaw(name, why);
                continue;
            }
            match literal(&self.catalog, field, &value.value) {
                Ok(to) => updates.push(FieldUpdate {
                    field: field.id,
                    to,
                }),
                Err(why) => self.flaw(value, why),
            }
        }
        updates
    }

    /// Checks the workflow rules that the file leaves alone against the org as it is now.
    pub(super) fn check_other_workflow_rules(&mut self) {
        let mut flaws = Vec::new();
        for module in &self.catalog.modules {
            let mut entries = self.file.modules.iter();
            let entry = entries.find(|entry| entry.head.name.value == module.api_name);
            let at = entry.map_or(0, |entry| entry.head.name.at);
            for rule in &module.rules.workflow {
                let mut stated = entry.iter().flat_map(|entry| &entry.workflow_rules);
                if stated.any(|stated| stated.head.name.value == rule.name) {
                    continue;
                }
                if let Some(why) = broken(&self.catalog, module, rule) {
                    let message = format!(
                        "workflow rule {}/\"{}\", which the file leaves alone, would break: {why}",
                        module.api_name, rule.name
                    );
                    flaws.push(Flaw::new(at, message));
                }
            }
        }
        self.flaws.append(&mut flaws);
    }
}

/// Why a rule cannot write a field, if it cannot.
fn not_written(field: &Field) -> Option<String> {
    let name = &field.api_name;
    let by_server = field.read_only || field.computed.is_some();
    match &field.kind {
        FieldKind::AutoNumber { .. } => Some(format!("only the server writes {name}")),
        _ if by_server => Some(format!("only the server writes {name}")),
        FieldKind::Lookup { .. } | FieldKind::RelatedTo => Some(format!(
            "{name} names a record, and an org file knows none: a rule cannot write it"
        )),
        FieldKind::Layout => Some(format!("a rule cannot write {name}")),
        _ if field.unique => Some(format!(
            "{name} is unique: two records could not both get the value"
        )),
        _ => None,
    }
}

/// The time zone in which an org file's days and times are meant.
fn zone(catalog: &Catalog) -> TimeZone {
    TimeZone::get(&catalog.org.time_zone).unwrap_or(TimeZone::UTC)
}

/// The value that a field gets, or why it cannot.
pub(super) fn literal(catalog: &Catalog, field: &Field, json: &Json) -> Result<Literal, String> {
    let name = &field.api_name;
    if let (FieldKind::OwnerLookup | FieldKind::UserLookup, Json::String(email)) =
        (&field.kind, json)
        && !email.is_empty()
    {
        let mut users = catalog.users.iter();
        let found = users.find(|user| user.email.eq_ignore_ascii_case(email));
        let unknown = || format!("unknown user {email}");
        return found.map(|user| Literal::User(user.id)).ok_or_else(unknown);
    }
    let misfit = |misfit: Misfit| {
        let details = misfit.details.iter();
        let details: Vec<String> = details
            .map(|(key, value)| format!("{key} {value}"))
            .collect();
        format!("{name} does not take this value: {}", details.join(", "))
    };
    let value = field.kind.parse(json, &zone(catalog)).map_err(misfit)?;
    let always = field.mandatory || field.kind == FieldKind::OwnerLookup;
    if value.is_null() && always {
        return Err(format!("every record needs a value of {name}"));
    }
    match no_pick(field, &value) {
        Some(why) => Err(why),
        None => Ok(Literal::Value(value)),
    }
}

fn no_pick(field: &Field, value: &Value) -> Option<String> {
    let picked = field.picked(value).into_iter();
    let mut wrong = picked.filter(|value| field.pick(value).is_none());
    let value = wrong.next()?;
    Some(format!("{} has no value \"{value}\"", field.api_name))
}

/// What a rule needs and the org no longer has.
fn broken(catalog: &Catalog, module: &Module, rule: &WorkflowRule) -> Option<String> {
    if rule
        .fields
        .iter()
        .any(|id| module.field_by_id(*id).is_none())
    {
        return Some("a field whose change sets it off is gone".to_owned());
    }
    for update in &rule.update {
        let Some(field) = module.field_by_id(update.field) else {
            return Some("a field that it writes is gone".to_owned());
        };
        if let Some(why) = not_written(field) {
            return Some(why);
        }
        match &update.to {
            Literal::User(id) if catalog.user(*id).is_none() => {
                return Some(format!(
                    "the user whom it writes into {} is gone",
                    field.api_name
                ));
            }
            Literal::User(_) => {}
            Literal::Value(value) => {
                // Its wire form, read again, is what the field as it is now makes of it.
                let shown = field.kind.show(value, &zone(catalog));
                if let Err(why) = literal(catalog, field, &shown) {
                    return Some(why);
                }
            }
        }
    }
    if let Some(why) = broken_actions(catalog, module, rule) {
        return Some(why);
    }
    let criteria = rule.criteria.as_ref();
    let error = criteria.and_then(|criteria| criteria.check(module).err());
    error.map(|error| error.message)
}

/// A literal as an org file writes it.
fn shown(names: &Names<'_>, field: &Field, to: &Literal) -> String {
    match to {
        Literal::User(id) => quoted(names.user(*id)),
        Literal::Value(value) => {
            let catalog = names.0.first();
            let zone = catalog.map_or(TimeZone::UTC, |catalog| zone(catalog));
            match field.kind.show(value, &zone) {
                Json::Null => quoted(""),
                Json::String(text) => quoted(&text),
                Json::Array(items) => list(items.iter().filter_map(Json::as_str)),
                other => other.to_string(),
            }
        }
    }
}

fn updates_shown(module: &Module, rule: &WorkflowRule, names: &Names<'_>) -> Vec<(String, String)> {
    let updates = rule.update.iter().filter_map(|update| {
        let field = module.field_by_id(update.field)?;
        Some((field.api_name.clone(), shown(names, field, &update.to)))
    });
    updates.collect()
}

pub(super) fn words(on: &[Trigger]) -> Vec<&'static str> {
    on.iter().map(|trigger| trigger.as_str()).collect()
}

/// What is said of each workflow rule of a module: its id, what a line calls it, and the rest.
pub(super) fn facts_of_workflow_rules(
    module: &Module,
    names: &Names<'_>,
) -> Vec<(i64, String, Facts)> {
    let fact = |name: &str, value: String| (name.to_owned(), value);
    let rules = module.rules.workflow.iter().map(|rule| {
        let mut facts = vec![
            fact("name", rule.name.clone()),
            fact("on", words(&rule.on).join(", ")),
            fact("fields", field_names(module, &rule.fields).join(", ")),
            fact("criteria", criteria_text(rule.criteria.as_ref())),
            fact("active", rule.active.to_string()),
        ];
        for (field, value) in updates_shown(module, rule, names) {
            facts.push(fact(&format!("update.{field}"), value));
        }
        facts.extend(facts_of_actions(module, rule, names));
        let title = format!("workflow rule {}/\"{}\"", module.api_name, rule.name);
        (rule.id.0, title, facts)
    });
    rules.collect()
}

impl Out {
    /// The workflow rules of a module.
    pub(super) fn workflow_rules(&mut self, module: &Module, names: &Names<'_>) {
        for rule in &module.rules.workflow {
            self.head("[[module.workflow_rule]]");
            self.text("name", &rule.name);
            self.key("on", list(words(&rule.on)));
            if !rule.fields.is_empty() {
                self.key("fields", list(field_names(module, &rule.fields)));
            }
            if let Some(criteria) = &rule.criteria {
                self.text("criteria", &criteria.to_text());
            }
            if !rule.active {
                self.key("active", false);
            }
            let updates = updates_shown(module, rule, names);
            let updates: Vec<String> = updates
                .iter()
                .map(|(field, value)| format!("{} = {value}", quoted_key(field)))
                .collect();
            if !updates.is_empty() {
                self.key("update", format!("{{ {} }}", updates.join(", ")));
            }
            self.workflow_actions(module, rule, names);
        }
    }
}

//! The tasks and web hooks of workflow rules in an org file.

use super::build::Draft;
use super::export::{Out, list, quoted};
use super::facts::{Facts, Names, field_names};
use super::read::{At, Flaw, Table, Text, Texts};
use super::workflow::literal;
use crate::catalog::Catalog;
use crate::field::Field;
use crate::id::UserId;
use crate::limits::{
    NOTIFY_URL_BYTES_MAX, WORKFLOW_ACTIONS_MAX, WORKFLOW_DUE_DAYS_MAX, WORKFLOW_FIELDS_MAX,
};
use crate::module::{Module, TASKS};
use crate::workflow::{TaskAction, WebHookAction, WorkflowRule};
use serde_json::Value as Json;

/// Stands for the owner of the record.
const RECORD_OWNER: &str = "record_owner";

#[derive(Clone, Debug)]
pub(super) struct TaskEntry {
    subject: Text,
    due_in_days: Option<At<i64>>,
    priority: Option<Text>,
    status: Option<Text>,
    description: Option<Text>,
    owner: Option<Text>,
}

#[derive(Clone, Debug)]
pub(super) struct WebHookEntry {
    url: Text,
    fields: Option<Texts>,
}

pub(super) fn task(mut t: Table<'_>, flaws: &mut Vec<Flaw>) -> Option<TaskEntry> {
    let subject = t.required("subject", flaws);
    let due_in_days = t.integer("due_in_days", flaws);
    let priority = t.text("priority", flaws);
    let status = t.text("status", flaws);
    let description = t.text("description", flaws);
    let owner = t.text("owner", flaws);
    t.finish(flaws);
    Some(TaskEntry {
        subject: subject?,
        due_in_days,
        priority,
        status,
        description,
        owner,
    })
}

pub(super) fn web_hook(mut t: Table<'_>, flaws: &mut Vec<Flaw>) -> Option<WebHookEntry> {
    let url = t.required("url", flaws);
    let fields = t.texts("fields", flaws);
    t.finish(flaws);
    Some(WebHookEntry { url: url?, fields })
}

impl Draft<'_> {
    /// The tasks that a rule makes.
    pub(super) fn tasks(&mut self, stated: &[TaskEntry]) -> Vec<TaskAction> {
        if let Some(first) = stated.get(WORKFLOW_ACTIONS_MAX) {
            let message = format!("a rule makes at most {WORKFLOW_ACTIONS_MAX} tasks");
            self.flaw(&first.subject, message);
        }
        let tasks = stated.iter().map(|entry| {
            for (name, text) in [
                ("Subject", Some(&entry.subject)),
                ("Priority", entry.priority.as_ref()),
                ("Status", entry.status.as_ref()),
                ("Description", entry.description.as_ref()),
            ] {
                if let Some(text) = text
                    && let Some(why) = not_of_task(&self.catalog, name, &text.value)
                {
                    self.flaw(text, why);
                }
            }
            let days = entry.due_in_days.as_ref();
            if let Some(days) = days.filter(|d| !(0..=WORKFLOW_DUE_DAYS_MAX).contains(&d.value)) {
                let message = format!("`due_in_days` is from 0 to {WORKFLOW_DUE_DAYS_MAX}");
                self.flaw(days, message);
            }
            let text = |text: &Option<Text>| text.as_ref().map(|text| text.value.clone());
            TaskAction {
                subject: entry.subject.value.clone(),
                due_in_days: days.map(|days| days.value),
                priority: text(&entry.priority),
                status: text(&entry.status),
                description: text(&entry.description),
                owner: entry
                    .owner
                    .as_ref()
                    .and_then(|owner| self.task_owner(owner)),
            }
        });
        tasks.collect()
    }

    fn task_owner(&mut self, stated: &Text) -> Option<UserId> {
        if stated.value == RECORD_OWNER {
            return None;
        }
        let found = self
            .catalog
            .user_by_email(&stated.value)
            .map(|user| user.id);
        if found.is_none() {
            let message = format!(
                "unknown user {}: `owner` is \"{RECORD_OWNER}\" or an e-mail address",
                stated.value
            );
            self.flaw(stated, message);
        }
        found
    }

    /// Whom a rule tells.
    pub(super) fn web_hooks(
        &mut self,
        module: &Module,
        stated: &[WebHookEntry],
    ) -> Vec<WebHookAction> {
        if let Some(first) = stated.get(WORKFLOW_ACTIONS_MAX) {
            let message = format!("a rule has at most {WORKFLOW_ACTIONS_MAX} web hooks");
            self.flaw(&first.url, message);
        }
        let hooks = stated.iter().map(|entry| {
            if !is_callable(&entry.url.value) {
                let message = format!(
                    "a web hook needs http://… or https://… with a host and without a password, \
                     at most {NOTIFY_URL_BYTES_MAX} bytes"
                );
                self.flaw(&entry.url, message);
            }
            let fields = entry.fields.as_ref().map_or(&[][..], |list| &list.value);
            if let Some(first) = fields.get(WORKFLOW_FIELDS_MAX) {
                let message = format!("`fields` takes at most {WORKFLOW_FIELDS_MAX} fields");
                self.flaw(first, message);
            }
            WebHookAction {
                url: entry.url.value.clone(),
                fields: self.fields_named(module, fields),
            }
        });
        hooks.collect()
    }
}

/// Whether a text is the URL of something that could be called; the server asks more when it calls.
fn is_callable(text: &str) -> bool {
    let rest = ["http://", "https://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    let host = |at: &str| !at.contains('@') && !at.split(':').next().unwrap_or_default().is_empty();
    text.len() <= NOTIFY_URL_BYTES_MAX
        && text.bytes().all(|b| b.is_ascii_graphic())
        && authority.is_some_and(host)
}

/// The field of a task.
fn of_task<'a>(catalog: &'a Catalog, name: &str) -> Option<&'a Field> {
    catalog.module(TASKS)?.field(name)
}

/// Why a field of a task does not take a text, if it does not.
fn not_of_task(catalog: &Catalog, name: &str, text: &str) -> Option<String> {
    let field = of_task(catalog, name)?;
    literal(catalog, field, &Json::from(text)).err()
}

/// What the actions of a rule need and the org no longer has.
pub(super) fn broken_actions(
    catalog: &Catalog,
    module: &Module,
    rule: &WorkflowRule,
) -> Option<String> {
    for task in &rule.tasks {
        if task.owner.is_some_and(|id| catalog.user(id).is_none()) {
            return Some("the owner of a task that it makes is gone".to_owned());
        }
        for (name, text) in [("Priority", &task.priority), ("Status", &task.status)] {
            let why = text
                .as_ref()
                .and_then(|text| not_of_task(catalog, name, text));
            if why.is_some() {
                return why;
            }
        }
    }
    let mut sent = rule.web_hooks.iter().flat_map(|hook| &hook.fields);
    let gone = sent.any(|id| module.field_by_id(*id).is_none());
    gone.then(|| "a field that its web hook sends is gone".to_owned())
}

/// A task's keys, each as an org file writes it.
fn keys_of(task: &TaskAction, names: &Names<'_>) -> Vec<(&'static str, String)> {
    let mut keys = vec![("subject", quoted(&task.subject))];
    keys.extend(
        task.due_in_days
            .map(|days| ("due_in_days", days.to_string())),
    );
    for (key, text) in [
        ("priority", &task.priority),
        ("status", &task.status),
        ("description", &task.description),
    ] {
        keys.extend(text.as_ref().map(|text| (key, quoted(text))));
    }
    keys.extend(task.owner.map(|id| ("owner", quoted(names.user(id)))));
    keys
}

/// The attribute of a web hook begins so.
pub(super) const WEB_HOOK: &str = "web_hook ";

/// What is said of a rule's tasks and web hooks.
pub(super) fn facts_of_actions(module: &Module, rule: &WorkflowRule, names: &Names<'_>) -> Facts {
    let tasks = rule.tasks.iter().zip(1..).map(|(task, n)| {
        let keys = keys_of(task, names);
        let told: Vec<String> = keys
            .iter()
            .map(|(key, value)| format!("{key} {value}"))
            .collect();
        (format!("task {n}"), told.join(", "))
    });
    let hooks = rule.web_hooks.iter().zip(1..).map(|(hook, n)| {
        let fields = field_names(module, &hook.fields).join(", ");
        (
            format!("{WEB_HOOK}{n}"),
            format!("{} with {fields}", hook.url),
        )
    });
    tasks.chain(hooks).collect()
}

impl Out {
    /// The tasks and web hooks of a rule.
    pub(super) fn workflow_actions(
        &mut self,
        module: &Module,
        rule: &WorkflowRule,
        names: &Names<'_>,
    ) {
        for task in &rule.tasks {
            self.head("[[module.workflow_rule.task]]");
            for (key, value) in keys_of(task, names) {
                self.key(key, value);
            }
        }
        for hook in &rule.web_hooks {
            self.head("[[module.workflow_rule.web_hook]]");
            self.text("url", &hook.url);
            if !hook.fields.is_empty() {
                self.key("fields", list(field_names(module, &hook.fields)));
            }
        }
    }
}

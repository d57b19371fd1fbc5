//! Approval processes of an org file.

use super::build::{Draft, Meant, Scope};
use super::export::{Out, list};
use super::facts::{Facts, Names, criteria_text, field_names};
use super::file::{Head, ModuleEntry, head};
use super::read::{At, Flaw, Table, Text, Texts};
use super::workflow::words;
use crate::approval::{ApprovalProcess, ApprovalStep};
use crate::catalog::Catalog;
use crate::id::{ProcessId, RoleId, UserId};
use crate::limits::{APPROVAL_APPROVERS_MAX, APPROVAL_PROCESSES_MAX, APPROVAL_STEPS_MAX};
use crate::module::Module;
use crate::people::UserStatus;
use crate::rule::Rules;
use crate::workflow::Trigger;

const STEP: &str = "[[module.approval_process.step]]";

#[derive(Clone, Debug)]
pub(super) struct ApprovalEntry {
    head: Head,
    on: Option<Texts>,
    fields: Option<Texts>,
    criteria: Option<Text>,
    active: Option<At<bool>>,
    steps: Vec<StepEntry>,
}

#[derive(Clone, Debug)]
struct StepEntry {
    at: usize,
    users: Option<Texts>,
    roles: Option<Texts>,
    manager: Option<At<bool>>,
}

pub(super) fn approval_process(mut t: Table<'_>, flaws: &mut Vec<Flaw>) -> Option<ApprovalEntry> {
    let head = head(&mut t, "name", flaws);
    let on = t.texts("on", flaws);
    let fields = t.texts("fields", flaws);
    let criteria = t.text("criteria", flaws);
    let active = t.truth("active", flaws);
    let steps = t.tables("step", STEP, flaws).into_iter();
    let steps = steps.map(|table| step(table, flaws)).collect();
    t.finish(flaws);
    Some(ApprovalEntry {
        head: head?,
        on,
        fields,
        criteria,
        active,
        steps,
    })
}

fn step(mut t: Table<'_>, flaws: &mut Vec<Flaw>) -> StepEntry {
    let at = t.at;
    let users = t.texts("users", flaws);
    let roles = t.texts("roles", flaws);
    let manager = t.truth("manager", flaws);
    t.finish(flaws);
    StepEntry {
        at,
        users,
        roles,
        manager,
    }
}

impl Draft<'_> {
    /// The approval processes of a module, once its fields, the users and the roles are there.
    pub(super) fn approval_processes(&mut self, module: &mut Module, entry: &ModuleEntry) {
        let heads = entry.approval_processes.iter().map(|e| &e.head);
        let scope = Scope::of("approval process", heads, self);
        for stated in &entry.approval_processes {
            let known = module.rules.approval.iter();
            let names: Vec<_> = known.map(|process| process.name.clone()).collect();
            match scope.meant(&stated.head, &names, self) {
                Meant::Existing(index) => {
                    let before = module.rules.approval.get(index).cloned();
                    self.touched.extend(before.as_ref().map(|known| known.id.0));
                    let made = self.approval_process(module, stated, before.as_ref());
                    if let (Some(made), Some(place)) = (made, module.rules.approval.get_mut(index))
                    {
                        *place = made;
                    }
                }
                Meant::New => {
                    let made = self.approval_process(module, stated, None);
                    module.rules.approval.extend(made);
                }
                Meant::Remove(index) => {
                    let gone = module.rules.approval.remove(index);
                    let what = format!("approval process {}/\"{}\"", module.api_name, gone.name);
                    self.removal(&stated.head, &what);
                }
                Meant::Nothing => {}
            }
        }
        if module.rules.approval.len() > APPROVAL_PROCESSES_MAX {
            let at = entry.approval_processes.get(APPROVAL_PROCESSES_MAX);
            let at = at.map_or(&entry.head, |entry| &entry.head);
            let message = format!("more than {APPROVAL_PROCESSES_MAX} approval processes");
            self.flaw(&at.name, message);
        }
    }

    fn approval_process(
        &mut self,
        module: &Module,
        entry: &ApprovalEntry,
        before: Option<&ApprovalProcess>,
    ) -> Option<ApprovalProcess> {
        let name = &entry.head.name;
        let known = [Trigger::Create, Trigger::Edit];
        let noun = format!("approval process \"{}\"", name.value);
        let on = self.triggers((name, &noun), entry.on.as_ref(), &known);
        let fields = self.watched(module, entry.fields.as_ref(), on.as_deref());
        let was = before.and_then(|before| before.criteria.as_ref());
        let criteria = self.criteria_of(module, entry.criteria.as_ref(), was);
        if entry.steps.is_empty() {
            let message = format!("{noun} has no steps: it needs {STEP}");
            self.flaw(name, message);
        }
        if let Some(first) = entry.steps.get(APPROVAL_STEPS_MAX) {
            let message = format!("{noun} has more than {APPROVAL_STEPS_MAX} steps");
            self.flaws.push(Flaw::new(first.at, message));
        }
        let steps = entry.steps.iter().map(|step| self.approval_step(step));
        let steps = steps.collect();
        let id = before.map(|before| before.id);
        Some(ApprovalProcess {
            id: id.unwrap_or_else(|| ProcessId(self.new_id())),
            name: name.value.clone(),
            on: on?,
            fields,
            criteria,
            active: entry.active.as_ref().is_none_or(|active| active.value),
            steps,
        })
    }

    fn approval_step(&mut self, entry: &StepEntry) -> ApprovalStep {
        let mut step = ApprovalStep {
            manager: entry.manager.as_ref().is_some_and(|stated| stated.value),
            ..ApprovalStep::default()
        };
        let users = entry.users.iter().flat_map(|users| &users.value);
        for email in users.clone() {
            let Some(id) = self.user_named(email) else {
                continue;
            };
            let user = self.catalog.user(id);
            if user.is_some_and(|user| user.status != UserStatus::Active) {
                let message = format!("{} is not active: nobody would approve", email.value);
                self.flaw(email, message);
            } else if step.users.contains(&id) {
                self.flaw(email, format!("user {} stands twice", email.value));
            } else {
                step.users.push(id);
            }
        }
        let roles = entry.roles.iter().flat_map(|roles| &roles.value);
        for name in roles.clone() {
            let Some(id) = self.role_named(name) else {
                continue;
            };
            if step.roles.contains(&id) {
                self.flaw(name, format!("role \"{}\" stands twice", name.value));
            } else {
                step.roles.push(id);
            }
        }
        let stated = users.chain(roles);
        if stated.clone().next().is_none() && !step.manager {
            let message = format!("{STEP} needs an approver: `users`, `roles` or `manager = true`");
            self.flaws.push(Flaw::new(entry.at, message));
        }
        if let Some(first) = stated.clone().nth(APPROVAL_APPROVERS_MAX) {
            let message = format!("a step has at most {APPROVAL_APPROVERS_MAX} approvers");
            self.flaw(first, message);
        }
        step
    }

    /// Checks the approval processes that the file leaves alone against the org as it is now.
    pub(super) fn check_other_approval_processes(&mut self) {
        let mut flaws = Vec::new();
        for module in &self.catalog.modules {
            let mut entries = self.file.modules.iter();
            let entry = entries.find(|entry| entry.head.name.value == module.api_name);
            let at = entry.map_or(0, |entry| entry.head.name.at);
            for process in &module.rules.approval {
                let mut stated = entry.iter().flat_map(|entry| &entry.approval_processes);
                if stated.any(|stated| stated.head.name.value == process.name) {
                    continue;
                }
                if let Some(why) = broken(&self.catalog, module, process) {
                    let message = format!(
                        "approval process {}/\"{}\", which the file leaves alone, would break: {why}",
                        module.api_name, process.name
                    );
                    flaws.push(Flaw::new(at, message));
                }
            }
        }
        self.flaws.append(&mut flaws);
    }
}

/// What a process needs and the org no longer has.
fn broken(catalog: &Catalog, module: &Module, process: &ApprovalProcess) -> Option<String> {
    let mut fields = process.fields.iter();
    if fields.any(|id| module.field_by_id(*id).is_none()) {
        return Some("a field whose change matters is gone".to_owned());
    }
    let mut users = process.steps.iter().flat_map(|step| &step.users);
    if users.any(|id| catalog.user(*id).is_none()) {
        return Some("an approver is gone".to_owned());
    }
    let mut roles = process.steps.iter().flat_map(|step| &step.roles);
    if roles.any(|id| catalog.role(*id).is_none()) {
        return Some("the role of an approver is gone".to_owned());
    }
    let criteria = process.criteria.as_ref();
    let error = criteria.and_then(|criteria| criteria.check(module).err());
    error.map(|error| error.message)
}

/// Gives the processes of a module, and what they name, the ids that they keep.
pub(super) fn resolve(rules: &mut Rules, real: &mut impl FnMut(i64) -> i64) {
    for process in &mut rules.approval {
        process.id = ProcessId(real(process.id.0));
        for field in &mut process.fields {
            field.0 = real(field.0);
        }
        for step in &mut process.steps {
            for UserId(user) in &mut step.users {
                *user = real(*user);
            }
            for RoleId(role) in &mut step.roles {
                *role = real(*role);
            }
        }
    }
}

fn emails<'a>(step: &ApprovalStep, names: &Names<'a>) -> Vec<&'a str> {
    step.users.iter().map(|id| names.user(*id)).collect()
}

fn roles<'a>(step: &ApprovalStep, names: &Names<'a>) -> Vec<&'a str> {
    step.roles.iter().map(|id| names.role(*id)).collect()
}

/// What is said of each approval process of a module: its id, what a line calls it, and the rest.
pub(super) fn facts_of_approval_processes(
    module: &Module,
    names: &Names<'_>,
) -> Vec<(i64, String, Facts)> {
    let fact = |name: &str, value: String| (name.to_owned(), value);
    let processes = module.rules.approval.iter().map(|process| {
        let mut facts = vec![
            fact("name", process.name.clone()),
            fact("on", words(&process.on).join(", ")),
            fact("fields", field_names(module, &process.fields).join(", ")),
            fact("criteria", criteria_text(process.criteria.as_ref())),
            fact("active", process.active.to_string()),
        ];
        for (n, step) in process.steps.iter().enumerate() {
            let manager = step.manager.then_some("the owner's manager");
            let who = emails(step, names).into_iter().chain(roles(step, names));
            let who: Vec<&str> = who.chain(manager).collect();
            facts.push(fact(&format!("step {}", n + 1), who.join(", ")));
        }
        let title = format!("approval process {}/\"{}\"", module.api_name, process.name);
        (process.id.0, title, facts)
    });
    processes.collect()
}

impl Out {
    /// The approval processes of a module.
    pub(super) fn approval_processes(&mut self, module: &Module, names: &Names<'_>) {
        for process in &module.rules.approval {
            self.head("[[module.approval_process]]");
            self.text("name", &process.name);
            self.key("on", list(words(&process.on)));
            if !process.fields.is_empty() {
                self.key("fields", list(field_names(module, &process.fields)));
            }
            if let Some(criteria) = &process.criteria {
                self.text("criteria", &criteria.to_text());
            }
            if !process.active {
                self.key("active", false);
            }
            for step in &process.steps {
                self.head(STEP);
                if !step.users.is_empty() {
                    self.key("users", list(emails(step, names)));
                }
                if !step.roles.is_empty() {
                    self.key("roles", list(roles(step, names)));
                }
                if step.manager {
                    self.key("manager", true);
                }
            }
        }
    }
}

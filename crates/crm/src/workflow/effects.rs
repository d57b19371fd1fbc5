//! What workflow rules do. The rule acts, not the user who caused it: their name stands in what is
//! written, none of their rights is asked, and what binds everybody (holds, blueprints, validation
//! rules) binds it too (decision 41).

use super::met::Records;
use crate::actor::Actor;
use crate::change::{Change, FieldWrite, Write};
use crate::record::{self, Expected, Writing};
use crate::triggers::Triggers;
use jiff::tz::TimeZone;
use jobs::{Effects, Settled};
use model::catalog::Catalog;
use model::field::Field;
use model::id::{RecordId, RuleId};
use model::limits::{WEB_HOOK_BODY_BYTES_MAX, WORKFLOW_BATCH_ACTIONS_MAX, WORKFLOW_DEPTH_MAX};
use model::module::{ACTIVITY_MODULES, Module, PERSON, RELATED_TO, TASKS, system};
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::value::Value;
use model::workflow::{ActionKind, TaskAction, WorkflowRule};
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;
use store::calls::{self, NewHook};
use store::changes::Cause;
use store::events::Event;
use store::records::{self, Filter};
use store::{Fault, Tx, effects};

/// Runs the org's workflow rules.
pub struct Automation;

impl Effects for Automation {
    fn reach(&self, tx: &mut Tx, events: &[Event]) -> store::Result<usize> {
        let catalog = tx.catalog()?;
        let mut actions = 0;
        let fits = events.iter().take_while(|event| {
            let rule = catalog.workflow_rule(event.rule);
            actions += rule.map_or(1, |(_, rule)| rule.actions());
            actions <= WORKFLOW_BATCH_ACTIONS_MAX
        });
        Ok(fits.count())
    }

    fn run(&self, tx: &mut Tx, events: &[Event], now: Timestamp) -> Result<(), Fault> {
        let catalog = tx.catalog()?;
        lock(tx, &catalog, events)?;
        for alike in groups(events) {
            run(tx, &catalog, &alike, now)?;
        }
        Ok(())
    }
}

/// Locks the records of all events before any group is written: of each module in the order of their
/// ids, as jobs lock theirs, and activities last, as what goes along with others.
fn lock(tx: &mut Tx, catalog: &Catalog, events: &[Event]) -> Result<(), Fault> {
    let (last, first): (Vec<&Module>, Vec<&Module>) = catalog
        .modules
        .iter()
        .partition(|module| ACTIVITY_MODULES.contains(&module.api_name.as_str()));
    for module in first.into_iter().chain(last) {
        let of_module = events.iter().filter(|event| event.module == module.id);
        let ids: Vec<RecordId> = of_module.map(|event| event.record).collect();
        if !ids.is_empty() {
            records::lock(tx, module, &[], &ids)?;
        }
    }
    Ok(())
}

/// Events whose effects are written at once: of one rule, set off in the same way by the same user.
fn groups(events: &[Event]) -> Vec<Vec<&Event>> {
    let mut groups: Vec<Vec<&Event>> = Vec::new();
    for event in events {
        let alike = |group: &&mut Vec<&Event>| {
            group.first().is_some_and(|first| {
                first.rule == event.rule
                    && first.trigger == event.trigger
                    && first.actor == event.actor
                    && first.job == event.job
                    && first.chain == event.chain
                    && first.made == event.made
            })
        };
        match groups.iter_mut().find(alike) {
            Some(group) => group.push(event),
            None => groups.push(vec![event]),
        }
    }
    groups
}

fn run(
    tx: &mut Tx,
    catalog: &Arc<Catalog>,
    events: &[&Event],
    now: Timestamp,
) -> Result<(), Fault> {
    let Some(first) = events.first() else {
        return Ok(());
    };
    let ready = find(catalog, first).and_then(|(module, rule)| {
        within_depth(catalog, first, rule)?;
        no_offspring(catalog, first, rule)?;
        Ok((module, rule, Actor::of_automation(catalog, first.actor)?))
    });
    let (module, rule, actor) = match ready {
        Ok(ready) => ready,
        Err(refusal) => return fail_all(tx, events, None, &refusal, now),
    };
    let mut rules = first.chain.clone();
    rules.push(rule.id);
    let writing = Writing {
        actor: &actor,
        module,
        cause: Cause::Automation,
        job: first.job,
        rules: &rules,
        made: first.made,
        now,
        triggers: Triggers::ALL,
    };
    if !rule.update.is_empty() {
        update(tx, writing, rule, events)?;
    }
    if !rule.tasks.is_empty() {
        make_tasks(tx, writing, rule, events)?;
    }
    if !rule.web_hooks.is_empty() {
        owe_hooks(tx, writing, rule, events)?;
    }
    Ok(())
}

/// The rule of an event, if it still is there and switched on.
fn find<'a>(
    catalog: &'a Catalog,
    event: &Event,
) -> Result<(&'a Module, &'a WorkflowRule), Refusal> {
    let gone = |what: &str| {
        let text = format!("the workflow rule was {what} before it was run");
        Refusal::new(Code::RuleGone).saying(text)
    };
    match catalog.workflow_rule(event.rule) {
        None => Err(gone("removed")),
        Some((_, rule)) if !rule.active => Err(gone("switched off")),
        Some(found) => Ok(found),
    }
}

/// Refuses a rule at the end of too long a chain, and names the chain.
fn within_depth(catalog: &Catalog, event: &Event, rule: &WorkflowRule) -> Result<(), Refusal> {
    if event.chain.len() < WORKFLOW_DEPTH_MAX {
        return Ok(());
    }
    let text = format!(
        "rule \"{}\" was not run: {WORKFLOW_DEPTH_MAX} rules had set one another off: {}",
        rule.name,
        named(catalog, &event.chain)
    );
    Err(Refusal::new(Code::RuleLoop).saying(text))
}

/// Refuses a rule on a record whose making it led to itself: it would make more and more of them.
fn no_offspring(catalog: &Catalog, event: &Event, rule: &WorkflowRule) -> Result<(), Refusal> {
    let makers = event.chain.get(..event.made).unwrap_or(&event.chain);
    if !makers.contains(&rule.id) {
        return Ok(());
    }
    let text = format!(
        "rule \"{}\" was not run: the record was made because of it: {}",
        rule.name,
        named(catalog, makers)
    );
    Err(Refusal::new(Code::RuleLoop).saying(text))
}

/// A chain of rules in words.
fn named(catalog: &Catalog, chain: &[RuleId]) -> String {
    let name = |id: &RuleId| {
        let found = catalog.workflow_rule(*id);
        found.map_or_else(|| id.to_string(), |(_, rule)| format!("\"{}\"", rule.name))
    };
    let names: Vec<String> = chain.iter().map(name).collect();
    names.join(" > ")
}

fn fail_all(
    tx: &mut Tx,
    events: &[&Event],
    action: Option<ActionKind>,
    refusal: &Refusal,
    now: Timestamp,
) -> Result<(), Fault> {
    for event in events {
        effects::fail(tx, event, action, refusal, now)?;
    }
    Ok(())
}

/// Writes a rule's values into the records that met it.
fn update(
    tx: &mut Tx,
    writing: Writing<'_>,
    rule: &WorkflowRule,
    events: &[&Event],
) -> Result<(), Fault> {
    let parts = rule.update.iter().map(|update| FieldWrite {
        field: update.field,
        write: Write::Set(update.to.value()),
    });
    let change = Change(parts.collect());
    let items: Vec<(RecordId, &Change)> = events.iter().map(|e| (e.record, &change)).collect();
    // A record that is not there is gone, not unknown.
    let there = Filter::everything();
    let settled = match record::update(tx, writing, &items, Expected::within(Some(&there))) {
        Err(Fault::Refused(refusal)) => {
            return fail_all(tx, events, Some(ActionKind::Update), &refusal, writing.now);
        }
        settled => settled?,
    };
    for (event, settled) in events.iter().zip(settled) {
        if let Settled::Failed(refusal) = settled {
            let refusal = said(refusal);
            effects::fail(tx, event, Some(ActionKind::Update), &refusal, writing.now)?;
        }
    }
    Ok(())
}

/// Makes a rule's tasks about the records that met it, for who is to do them now: their owner may be
/// one whom the rule has just written.
fn make_tasks(
    tx: &mut Tx,
    writing: Writing<'_>,
    rule: &WorkflowRule,
    events: &[&Event],
) -> Result<(), Fault> {
    let Writing {
        actor, module, now, ..
    } = writing;
    let failed = Some(ActionKind::Task);
    let Some(tasks) = actor.catalog.module(TASKS) else {
        let refusal = Refusal::new(Code::InvalidModule).saying("the org has no tasks");
        return fail_all(tx, events, failed, &refusal, now);
    };
    let owner = module.field(system::OWNER);
    let records = Records::read(tx, module, owner.into_iter().collect(), events)?;
    let mut rows = Vec::with_capacity(events.len() * rule.tasks.len());
    for event in events {
        let own = owner.map(|owner| {
            let now = records.now(event, owner);
            now.unwrap_or_else(|| records.then(event, owner))
        });
        let gone = owner.is_none_or(|owner| records.now(event, owner).is_none());
        for task in &rule.tasks {
            let row = task_row(writing, tasks, task, own.as_ref());
            let about = about(module, tasks).filter(|_| !gone);
            let about = about.map(|field| (field, Value::Int(event.record.0)));
            rows.push(row.into_iter().chain(about).collect());
        }
    }
    let writing = Writing {
        module: tasks,
        made: writing.rules.len(),
        ..writing
    };
    let made = match record::create(tx, writing, rows) {
        Err(Fault::Refused(refusal)) => return fail_all(tx, events, failed, &refusal, now),
        made => made?,
    };
    let of_event = events
        .iter()
        .flat_map(|event| rule.tasks.iter().map(move |_| event));
    for (event, made) in of_event.zip(made) {
        if let Err(refusal) = made {
            effects::fail(tx, event, failed, &refusal, now)?;
        }
    }
    Ok(())
}

/// The lookup by which a task is about a record of this module; activities are about nothing.
fn about<'a>(module: &Module, tasks: &'a Module) -> Option<&'a Field> {
    if module.may_be_related() {
        return tasks.field(RELATED_TO);
    }
    let person = tasks.field(PERSON)?;
    person.kind.points_at(module).then_some(person)
}

/// The values of a task, but for what it is about.
fn task_row<'a>(
    writing: Writing<'_>,
    tasks: &'a Module,
    task: &TaskAction,
    owner: Option<&Value>,
) -> Vec<(&'a Field, Value)> {
    let due = task.due_in_days.and_then(|days| {
        let today = writing.now.day(&writing.actor.zone)?;
        Some(Value::Int(today.0 + days))
    });
    let text = |text: &Option<String>| text.as_deref().map(Value::from);
    let owner = match task.owner {
        Some(user) => Some(Value::Int(user.0)),
        None => owner.filter(|owner| !owner.is_null()).cloned(),
    };
    let values = [
        ("Subject", Some(task.subject.as_str().into())),
        ("Due_Date", due),
        ("Priority", text(&task.priority)),
        ("Status", text(&task.status)),
        ("Description", text(&task.description)),
        (system::OWNER, owner),
    ];
    let values = values.into_iter();
    values
        .filter_map(|(name, value)| Some((tasks.field(name)?, value?)))
        .collect()
}

/// Owes a rule's calls, with the values that the records had when they met it.
fn owe_hooks(
    tx: &mut Tx,
    writing: Writing<'_>,
    rule: &WorkflowRule,
    events: &[&Event],
) -> Result<(), Fault> {
    let Writing {
        actor, module, now, ..
    } = writing;
    let catalog = &actor.catalog;
    let sent = rule.web_hooks.iter().flat_map(|hook| &hook.fields);
    let sent: Vec<&Field> = sent.filter_map(|id| module.field_by_id(*id)).collect();
    let records = Records::read(tx, module, sent, events)?;
    let zone = TimeZone::get(&catalog.org.time_zone).unwrap_or(TimeZone::UTC);
    let mut owed = Vec::with_capacity(events.len() * rule.web_hooks.len());
    for event in events {
        for (hook, n) in rule.web_hooks.iter().zip(1..) {
            let fields = hook.fields.iter().filter_map(|id| module.field_by_id(*id));
            let values = fields.map(|field| {
                let shown = field.kind.show(&records.then(event, field), &zone);
                (field.api_name.clone(), shown)
            });
            let id = format!("event_{}_{}_{}_{n}", event.record, event.rev, event.place);
            let chain: Vec<String> = event.chain.iter().map(ToString::to_string).collect();
            let body = json!({
                "type": "workflow_rule.met",
                "timestamp": event.at.to_utc(),
                "data": {
                    "event_id": id,
                    "rule": { "id": rule.id.to_string(), "name": rule.name },
                    "module": module.api_name,
                    "record_id": event.record.to_string(),
                    "trigger": event.trigger.as_str(),
                    "cause": {
                        "actor": event.actor.to_string(),
                        "job": event.job.map(|job| job.to_string()),
                        "rules": chain,
                    },
                    "fields": values.collect::<Map<String, Json>>(),
                },
            });
            let body = body.to_string();
            if body.len() > WEB_HOOK_BODY_BYTES_MAX {
                let refusal = too_long(&hook.url, body.len());
                effects::fail(tx, event, Some(ActionKind::WebHook), &refusal, now)?;
                continue;
            }
            owed.push(NewHook {
                event: id,
                rule: rule.id,
                module: module.id,
                record: event.record,
                job: event.job,
                url: &hook.url,
                body,
            });
        }
    }
    Ok(calls::owe_hooks(tx, &owed, now)?)
}

/// Refuses a call that would send too much. Queries of URLs hold secrets.
fn too_long(url: &str, bytes: usize) -> Refusal {
    let endpoint = url.split(['?', '#']).next().unwrap_or_default();
    let text = format!(
        "the call to {endpoint} would send {bytes} bytes, more than {WEB_HOOK_BODY_BYTES_MAX}: \
         send fewer fields"
    );
    let refusal = Refusal::new(Code::LimitExceeded).saying(text);
    refusal.with("limit", WEB_HOOK_BODY_BYTES_MAX)
}

/// The sentences of jobs, in those of automation.
fn said(refusal: Refusal) -> Refusal {
    match refusal.code {
        Code::Gone => refusal.saying("the record was deleted before the rule was run"),
        Code::FieldGone => refusal.saying("a field that the rule writes was removed"),
        _ => refusal,
    }
}

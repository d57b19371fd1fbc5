//! What workflow rules do. The rule acts, not the user who caused it: their name stands in what is
//! written, none of their rights is asked, and what binds everybody (holds, blueprints, validation
//! rules) binds it too (decision 41).

use crate::actor::Actor;
use crate::change::{Change, FieldWrite, Write};
use crate::record::{self, Expected, Writing};
use crate::triggers::Triggers;
use jobs::{Effects, Settled};
use model::catalog::Catalog;
use model::id::{RecordId, RuleId};
use model::limits::WORKFLOW_DEPTH_MAX;
use model::module::Module;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::workflow::{ActionKind, WorkflowRule};
use std::sync::Arc;
use store::changes::Cause;
use store::events::Event;
use store::records::Filter;
use store::{Fault, Tx, effects};

/// Runs the org's workflow rules.
pub struct Automation;

impl Effects for Automation {
    fn run(&self, tx: &mut Tx, events: &[Event], now: Timestamp) -> Result<(), Fault> {
        let catalog = tx.catalog()?;
        for alike in groups(events) {
            run(tx, &catalog, &alike, now)?;
        }
        Ok(())
    }
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
        now,
        triggers: Triggers::ALL,
    };
    if !rule.update.is_empty() {
        update(tx, writing, rule, events)?;
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
    let name = |id: &RuleId| {
        let found = catalog.workflow_rule(*id);
        found.map_or_else(|| id.to_string(), |(_, rule)| format!("\"{}\"", rule.name))
    };
    let chain: Vec<String> = event.chain.iter().map(name).collect();
    let text = format!(
        "rule \"{}\" was not run: {WORKFLOW_DEPTH_MAX} rules had set one another off: {}",
        rule.name,
        chain.join(" > ")
    );
    Err(Refusal::new(Code::RuleLoop).saying(text))
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

/// The sentences of jobs, in those of automation.
fn said(refusal: Refusal) -> Refusal {
    match refusal.code {
        Code::Gone => refusal.saying("the record was deleted before the rule was run"),
        Code::FieldGone => refusal.saying("a field that the rule writes was removed"),
        _ => refusal,
    }
}

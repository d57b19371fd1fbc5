//! Workflow rules: which of them a write meets is said where it is judged, and stored with it as
//! events; what they do is done afterwards, once, in a transaction that takes the events out.

mod effects;
mod met;

pub use effects::Automation;

use crate::change::Change;
use crate::judge::Columns;
use crate::record::Writing;
use model::criteria::{Bound, Criteria};
use model::field::Field;
use model::id::{FieldId, ProcessId, RuleId};
use model::module::Module;
use model::refusal::{Code, Refusal};
use model::value::Value;
use model::workflow::Trigger;
use store::events::{self, Met};
use store::records::Record;
use store::{Fault, Tx};

/// What a write may set off, workflow rules and approval processes, their criteria bound to who writes
/// and when: once for a set of records.
pub(crate) struct Firing<'a> {
    module: &'a Module,
    watches: Vec<Watch<'a>>,
    /// What every write of the set writes beside its own values.
    stamp: Vec<(&'a Field, Value)>,
}

/// One rule or process, and what it waits for.
struct Watch<'a> {
    what: What,
    name: &'a str,
    on: &'a [Trigger],
    fields: &'a [FieldId],
    criteria: Option<&'a Criteria>,
    bound: Option<Bound>,
}

#[derive(Clone, Copy)]
enum What {
    Rule(RuleId),
    Process(ProcessId),
}

/// What follows from the write of one record.
#[derive(Clone, Debug, Default)]
pub(crate) struct Follows {
    /// The workflow rules that it sets off.
    pub(crate) rules: Vec<RuleId>,
    /// The approval process that it brings the record into.
    pub(crate) process: Option<ProcessId>,
}

impl<'a> Firing<'a> {
    /// What this trigger may set off. What cannot be read lets nothing pass: what it would have done
    /// would be missing for ever.
    pub(crate) fn of(writing: Writing<'a>, trigger: Trigger) -> Result<Self, Refusal> {
        Self::those(writing, |watch| watch.on.contains(&trigger))
    }

    /// What edits by these changes may set off.
    pub(crate) fn of_edits<'c>(
        writing: Writing<'a>,
        changes: impl Iterator<Item = &'c Change> + Clone,
    ) -> Result<Self, Refusal> {
        let module = writing.module;
        let may_change = |id: &FieldId| {
            let computed = module
                .field_by_id(*id)
                .is_some_and(|f| f.computed.is_some());
            computed || changes.clone().any(|change| change.of(*id).is_some())
        };
        Self::those(writing, |watch| {
            let watched = watch.fields.is_empty() || watch.fields.iter().any(may_change);
            watch.on.contains(&Trigger::Edit) && watched
        })
    }

    fn those(writing: Writing<'a>, met: impl Fn(&Watch<'_>) -> bool) -> Result<Self, Refusal> {
        let Writing {
            module, actor, now, ..
        } = writing;
        let rules = module.rules.workflow.iter();
        let rules = rules.filter(|rule| writing.triggers.workflow && rule.active);
        let rules = rules.map(|rule| Watch {
            what: What::Rule(rule.id),
            name: &rule.name,
            on: &rule.on,
            fields: &rule.fields,
            criteria: rule.criteria.as_ref(),
            bound: None,
        });
        // What the org does by itself needs nobody's approval.
        let asked = writing.triggers.approval && writing.rules.is_empty();
        let processes = module.rules.approval.iter();
        let processes = processes.filter(|process| asked && process.active);
        let processes = processes.map(|process| Watch {
            what: What::Process(process.id),
            name: &process.name,
            on: &process.on,
            fields: &process.fields,
            criteria: process.criteria.as_ref(),
            bound: None,
        });
        let bind = |watch: Watch<'a>| {
            let bound = watch
                .criteria
                .map(|c| c.bind(module, &actor.bind_context(now)));
            let bound = bound
                .transpose()
                .map_err(|error| watch.unread(&error.message))?;
            Ok(Watch { bound, ..watch })
        };
        let watches = rules.chain(processes).filter(met).map(bind);
        let watches: Vec<_> = watches.collect::<Result<_, Refusal>>()?;
        let stamp = if watches.is_empty() {
            Vec::new()
        } else {
            writing.stamp()
        };
        Ok(Self {
            module,
            watches,
            stamp,
        })
    }

    /// Whether nothing can be set off, so that nothing more needs to be read or asked.
    pub(crate) fn is_none(&self) -> bool {
        self.watches.is_empty()
    }

    /// The fields whose values decide.
    pub(crate) fn needs(&self) -> impl Iterator<Item = &'a Field> {
        let criteria = self.watches.iter().filter_map(|watch| watch.criteria);
        let leaves = criteria.flat_map(|criteria| criteria.leaves());
        let module = self.module;
        leaves.filter_map(move |leaf| module.field(&leaf.field))
    }

    /// What an edit sets off: the record as it was read, and what is written into it.
    pub(crate) fn by_edit(
        &self,
        columns: &Columns<'_>,
        record: &Record,
        writes: &[(&Field, Value)],
    ) -> Follows {
        let after = |id: FieldId| {
            let written = writes.iter().chain(&self.stamp);
            let mut written = written.filter(|(field, _)| field.id == id);
            written
                .next()
                .map_or_else(|| columns.by_id(record, id), |(_, value)| value)
        };
        self.met(&after, |watch| {
            let written = |id: &FieldId| writes.iter().any(|(field, _)| field.id == *id);
            watch.fields.is_empty() || watch.fields.iter().any(written)
        })
    }

    /// The rules that a deletion sets off: the record as it was.
    pub(crate) fn by_deletion(&self, columns: &Columns<'_>, record: &Record) -> Vec<RuleId> {
        self.met(&|id| columns.by_id(record, id), |_| true).rules
    }

    /// What a new record sets off: its values, in the order of the module's fields.
    pub(crate) fn by_creation(&self, values: &[Value]) -> Follows {
        let value = |id| {
            let place = self.module.fields.iter().position(|field| field.id == id);
            place.and_then(|n| values.get(n)).unwrap_or(&Value::Null)
        };
        self.met(&value, |_| true)
    }

    fn met<'r>(
        &self,
        value: &dyn Fn(FieldId) -> &'r Value,
        watched: impl Fn(&Watch<'_>) -> bool,
    ) -> Follows {
        let mut follows = Follows::default();
        let fits = |bound: &Option<Bound>| bound.as_ref().is_none_or(|bound| bound.holds(value));
        for watch in &self.watches {
            if !watched(watch) || !fits(&watch.bound) {
                continue;
            }
            match watch.what {
                What::Rule(id) => follows.rules.push(id),
                // The first one that takes it.
                What::Process(id) => follows.process = follows.process.or(Some(id)),
            }
        }
        follows
    }
}

impl Watch<'_> {
    fn unread(&self, why: &str) -> Refusal {
        let noun = match self.what {
            What::Rule(_) => "workflow rule",
            What::Process(_) => "approval process",
        };
        let text = format!("the {noun} \"{}\" cannot be read: {why}", self.name);
        Refusal::new(Code::InvalidData).saying(text)
    }
}

/// Leaves the events of a write.
pub(crate) fn leave(
    tx: &mut Tx,
    writing: Writing<'_>,
    trigger: Trigger,
    met: &[Met],
) -> Result<(), Fault> {
    let source = events::Source {
        module: writing.module.id,
        trigger,
        job: writing.job,
        actor: writing.actor.user.id,
        chain: writing.rules,
        made: writing.made,
        at: writing.now,
    };
    Ok(events::insert(tx, source, met)?)
}

//! Workflow rules: which of them a write meets is said where it is judged, and stored with it as
//! events; what they do is done afterwards, once, in a transaction that takes the events out.

mod effects;
mod met;

pub use effects::Automation;

use crate::change::Change;
use crate::judge::Columns;
use crate::record::Writing;
use model::criteria::Bound;
use model::field::Field;
use model::id::{FieldId, RuleId};
use model::module::Module;
use model::refusal::{Code, Refusal};
use model::value::Value;
use model::workflow::{Trigger, WorkflowRule};
use store::events::{self, Met};
use store::records::Record;
use store::{Fault, Tx};

/// The rules that a write may set off, their criteria bound to who writes and when: once for a set of
/// records.
pub(crate) struct Firing<'a> {
    module: &'a Module,
    rules: Vec<(&'a WorkflowRule, Option<Bound>)>,
    /// What every write of the set writes beside its own values.
    stamp: Vec<(&'a Field, Value)>,
}

impl<'a> Firing<'a> {
    /// The rules that this trigger may set off. One that cannot be read lets nothing pass: what it
    /// would have done would be missing for ever.
    pub(crate) fn of(writing: Writing<'a>, trigger: Trigger) -> Result<Self, Refusal> {
        Self::those(writing, |rule| rule.on.contains(&trigger))
    }

    /// The rules that edits by these changes may set off.
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
        Self::those(writing, |rule| {
            let watched = rule.fields.is_empty() || rule.fields.iter().any(may_change);
            rule.on.contains(&Trigger::Edit) && watched
        })
    }

    fn those(writing: Writing<'a>, met: impl Fn(&WorkflowRule) -> bool) -> Result<Self, Refusal> {
        let Writing {
            module, actor, now, ..
        } = writing;
        let wanted = |rule: &&WorkflowRule| writing.triggers.workflow && rule.active && met(rule);
        let bind = |rule: &'a WorkflowRule| {
            let criteria = rule.criteria.as_ref();
            let bound = criteria.map(|c| c.bind(module, &actor.bind_context(now)));
            let bound = bound.transpose().map_err(|error| {
                let text = format!(
                    "the workflow rule \"{}\" cannot be read: {}",
                    rule.name, error.message
                );
                Refusal::new(Code::InvalidData).saying(text)
            })?;
            Ok((rule, bound))
        };
        let rules = module.rules.workflow.iter().filter(wanted).map(bind);
        let rules: Vec<_> = rules.collect::<Result<_, Refusal>>()?;
        let stamp = if rules.is_empty() {
            Vec::new()
        } else {
            writing.stamp()
        };
        Ok(Self {
            module,
            rules,
            stamp,
        })
    }

    /// Whether nothing can be set off, so that nothing more needs to be read or asked.
    pub(crate) fn is_none(&self) -> bool {
        self.rules.is_empty()
    }

    /// The fields whose values decide.
    pub(crate) fn needs(&self) -> impl Iterator<Item = &'a Field> {
        let criteria = self
            .rules
            .iter()
            .filter_map(|(rule, _)| rule.criteria.as_ref());
        let leaves = criteria.flat_map(|criteria| criteria.leaves());
        let module = self.module;
        leaves.filter_map(move |leaf| module.field(&leaf.field))
    }

    /// The rules that an edit sets off: the record as it was read, and what is written into it.
    pub(crate) fn by_edit(
        &self,
        columns: &Columns<'_>,
        record: &Record,
        writes: &[(&Field, Value)],
    ) -> Vec<RuleId> {
        let after = |id: FieldId| {
            let written = writes.iter().chain(&self.stamp);
            let mut written = written.filter(|(field, _)| field.id == id);
            written
                .next()
                .map_or_else(|| columns.by_id(record, id), |(_, value)| value)
        };
        self.met(&after, |rule| {
            let fields = &rule.fields;
            let written = |id: &FieldId| writes.iter().any(|(field, _)| field.id == *id);
            fields.is_empty() || fields.iter().any(written)
        })
    }

    /// The rules that a deletion sets off: the record as it was.
    pub(crate) fn by_deletion(&self, columns: &Columns<'_>, record: &Record) -> Vec<RuleId> {
        self.met(&|id| columns.by_id(record, id), |_| true)
    }

    /// The rules that a new record sets off: its values, in the order of the module's fields.
    pub(crate) fn by_creation(&self, values: &[Value]) -> Vec<RuleId> {
        let value = |id| {
            let place = self.module.fields.iter().position(|field| field.id == id);
            place.and_then(|n| values.get(n)).unwrap_or(&Value::Null)
        };
        self.met(&value, |_| true)
    }

    fn met<'r>(
        &self,
        value: &dyn Fn(FieldId) -> &'r Value,
        watched: impl Fn(&WorkflowRule) -> bool,
    ) -> Vec<RuleId> {
        let holds = |(rule, criteria): &&(&WorkflowRule, Option<Bound>)| {
            let fits = criteria
                .as_ref()
                .is_none_or(|criteria| criteria.holds(value));
            fits && watched(rule)
        };
        let met = self.rules.iter().filter(holds);
        met.map(|(rule, _)| rule.id).collect()
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
        at: writing.now,
    };
    Ok(events::insert(tx, source, met)?)
}

//! Whether a record may be changed now, and to what, as far as the record itself tells. Single writes
//! and jobs ask here, and what it says never depends on how many records are asked about at once.
//! What needs other rows (unique values, the selection) is asked in `record/`, for both alike.

use crate::blueprint::refuse_field;
use crate::change::Change;
use crate::plan::{Difference, Forecast};
use crate::rules::{Becoming, Rules};
use jobs::Settled;
use model::access::Access;
use model::field::{Computed, Field, FieldKind};
use model::hold::HoldKind;
use model::id::{BlueprintId, FieldId, JobId, RecordId};
use model::job::Foreseen;
use model::limits::MULTI_SELECT_VALUES_MAX;
use model::module::{Module, system};
use model::refusal::{Code, Refusal};
use model::value::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;
use store::records::Record;

/// The fields that were read of each record, in order.
pub(crate) struct Columns<'a>(pub(crate) Vec<&'a Field>);

impl<'a> Columns<'a> {
    /// What judging this change needs.
    pub(crate) fn for_changes<'c>(
        module: &'a Module,
        rules: &Rules<'a>,
        changes: impl Iterator<Item = &'c Change>,
    ) -> Self {
        let mut columns = Self(Vec::new());
        columns.add(module.field(system::CONVERTED));
        for blueprint in &module.blueprints {
            columns.add(module.field_by_id(blueprint.field));
        }
        for change in changes {
            for part in &change.0 {
                columns.add(module.field_by_id(part.field));
            }
        }
        for computed in computed_from(module, &columns.0) {
            columns.add(Some(computed));
            columns.add(module.field(FIRST_NAME));
            columns.add(module.field(LAST_NAME));
        }
        for field in rules.needs(&columns.0) {
            columns.add(Some(field));
        }
        columns
    }

    /// Every field of the module.
    pub(crate) fn all(module: &'a Module) -> Self {
        Self(module.fields.iter().collect())
    }

    pub(crate) fn add(&mut self, field: Option<&'a Field>) {
        if let Some(field) = field
            && !self.0.iter().any(|known| known.id == field.id)
        {
            self.0.push(field);
        }
    }

    /// The same of a field's id.
    pub(crate) fn by_id<'r>(&self, record: &'r Record, id: FieldId) -> &'r Value {
        let place = self.0.iter().position(|field| field.id == id);
        place
            .and_then(|n| record.values.get(n))
            .unwrap_or(&Value::Null)
    }

    /// A record's value of a field; no value when the field was not read.
    pub(crate) fn value<'r>(&self, record: &'r Record, api_name: &str) -> &'r Value {
        self.0
            .iter()
            .position(|field| field.api_name == api_name)
            .and_then(|n| record.values.get(n))
            .unwrap_or(&Value::Null)
    }
}

const FIRST_NAME: &str = "First_Name";
const LAST_NAME: &str = "Last_Name";

/// Fields that the server computes from any of these.
fn computed_from<'a>(module: &'a Module, from: &[&Field]) -> Vec<&'a Field> {
    let names = from
        .iter()
        .any(|field| [FIRST_NAME, LAST_NAME].contains(&field.api_name.as_str()));
    let full_name = |field: &&Field| field.computed == Some(Computed::FullName);
    module
        .fields
        .iter()
        .filter(full_name)
        .filter(|_| names)
        .collect()
}

/// First and last name as one.
pub(crate) fn full_name(first: &Value, last: &Value) -> Value {
    let parts = [first.as_text(), last.as_text()];
    Value::text(parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

/// What is to happen to one record; `C` says how it changes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Judgement<C> {
    /// It changes so.
    Change(C),
    /// It already is as wanted.
    Unchanged,
    /// It must be left as it is.
    Refuse(Refusal),
}

/// The values that fields of a record get.
pub(crate) type Writes<'a> = Vec<(&'a Field, Value)>;

impl<C> Judgement<C> {
    /// A change, unless something speaks against it.
    pub(crate) fn unless(refusal: Option<Refusal>, change: C) -> Self {
        refusal.map_or(Self::Change(change), Self::Refuse)
    }

    /// Whether it changes.
    pub(crate) fn is_change(&self) -> bool {
        matches!(self, Self::Change(_))
    }

    /// The same in a word.
    pub(crate) fn word(&self) -> Foreseen {
        match self {
            Self::Change(_) => Foreseen::Change,
            Self::Unchanged => Foreseen::Unchanged,
            Self::Refuse(refusal) => Foreseen::Refuse(refusal.code),
        }
    }

    /// The same of another form of the change.
    pub(crate) fn map<D>(self, form: impl FnOnce(C) -> D) -> Judgement<D> {
        match self {
            Self::Change(change) => Judgement::Change(form(change)),
            Self::Unchanged => Judgement::Unchanged,
            Self::Refuse(refusal) => Judgement::Refuse(refusal),
        }
    }

    /// As what happened, once `write` has taken the change.
    pub(crate) fn settled(self, write: impl FnOnce(C) -> Settled) -> Settled {
        match self {
            Self::Change(change) => write(change),
            Self::Unchanged => Settled::Unchanged,
            Self::Refuse(refusal) => Settled::Failed(refusal),
        }
    }

    /// As what would happen.
    pub(crate) fn forecast(self, difference: impl FnOnce(C) -> Difference) -> Forecast {
        self.map(difference)
    }
}

/// What decides about a record beside its own values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// What the actor may do with it.
    pub(crate) access: Access,
    /// What holds it, as far as that binds the actor: a lock that their profile passes is not here.
    pub(crate) holds: BTreeSet<HoldKind>,
    /// The blueprint that it is in.
    pub(crate) blueprint: Option<BlueprintId>,
    /// It is still kept in a blueprint that no longer leads on from its value: it is in none, and
    /// the next write takes it out, lest a later value put it back unasked.
    pub(crate) lapsed: bool,
    /// The job through which it entered that blueprint.
    pub(crate) entered_by: Option<JobId>,
    /// The write takes its conversion back.
    pub(crate) unconverted: bool,
    /// It goes a way of that blueprint now.
    pub(crate) in_transition: bool,
}

impl Facts {
    /// The facts as this change meets them: a lock leaves some fields open (wire API 14.1).
    fn met_by(&self, module: &Module, change: &Change) -> Cow<'_, Self> {
        let open = &module.lock_exclusions.fields;
        let all_open = change.0.iter().all(|part| open.contains(&part.field));
        if !self.holds.contains(&HoldKind::Lock) || change.0.is_empty() || !all_open {
            return Cow::Borrowed(self);
        }
        let mut facts = self.clone();
        facts.holds.remove(&HoldKind::Lock);
        Cow::Owned(facts)
    }
}

/// Refuses a record that something holds (wire API 1.9, step 6).
pub(crate) fn held(id: RecordId, facts: &Facts) -> Option<Refusal> {
    let first = facts.holds.first()?;
    Some(first.refusal().with("id", id.to_string()))
}

/// Refuses a record that something but this kind holds.
pub(crate) fn held_beside(id: RecordId, facts: &Facts, kind: HoldKind) -> Option<Refusal> {
    let first = facts.holds.iter().find(|other| **other != kind)?;
    Some(first.refusal().with("id", id.to_string()))
}

/// Refuses a record that the actor sees but may not do so much with (wire API 1.9, step 6, and 22).
pub(crate) fn denied(id: RecordId, facts: &Facts, needed: Access) -> Option<Refusal> {
    let refused = || Refusal::new(Code::CannotPerformAction).with("id", id.to_string());
    (facts.access < needed).then(refused)
}

/// Refuses a record that the actor may not change, and one that nobody may change now: something
/// holds it, or it was converted.
pub(crate) fn fixed(record: &Record, columns: &Columns<'_>, facts: &Facts) -> Option<Refusal> {
    denied(record.id, facts, Access::Write).or_else(|| standing_still(record, columns, facts))
}

/// Refuses a record that nobody may change now.
pub(crate) fn standing_still(
    record: &Record,
    columns: &Columns<'_>,
    facts: &Facts,
) -> Option<Refusal> {
    held(record.id, facts).or_else(|| converted(record, columns, facts))
}

/// Refuses a record that was converted.
pub(crate) fn converted(record: &Record, columns: &Columns<'_>, facts: &Facts) -> Option<Refusal> {
    let converted = *columns.value(record, system::CONVERTED) == Value::Bool(true);
    let refused = || Refusal::new(Code::ConvertedRecord).with("id", record.id.to_string());
    (converted && !facts.unconverted).then(refused)
}

/// Judges one record as it was read.
pub(crate) fn judge<'a>(
    module: &'a Module,
    columns: &Columns<'_>,
    record: &Record,
    facts: &Facts,
    rules: &Rules<'_>,
    change: &Change,
) -> Judgement<Writes<'a>> {
    if let Some(refusal) = fixed(record, columns, &facts.met_by(module, change)) {
        return Judgement::Refuse(refusal);
    }
    let mut writes: Writes<'a> = Vec::new();
    for part in &change.0 {
        let Some(field) = module.field_by_id(part.field) else {
            return Judgement::Refuse(Refusal::new(Code::FieldGone));
        };
        let before = columns.value(record, &field.api_name);
        let after = part.write.onto(before);
        if after != *before
            && let Some(refusal) = refuse_field(module, field, record.id, facts)
        {
            return Judgement::Refuse(refusal);
        }
        if let Some((bound, max)) = too_large(field, &after) {
            let refusal = Refusal::new(Code::InvalidData)
                .with("api_name", field.api_name.as_str())
                .with(bound, max)
                .with("id", record.id.to_string());
            return Judgement::Refuse(refusal);
        }
        // Who may change a record may not give it away: the new owner could do anything with it.
        if field.api_name == system::OWNER
            && after != *before
            && let Some(refusal) = denied(record.id, facts, Access::Full)
        {
            return Judgement::Refuse(refusal);
        }
        if after != *before {
            writes.push((field, after));
        }
    }
    let changed: Vec<&Field> = writes.iter().map(|(field, _)| *field).collect();
    for computed in computed_from(module, &changed) {
        let value = |name: &str| {
            let written = writes.iter().find(|(field, _)| field.api_name == name);
            written.map_or_else(
                || columns.value(record, name).clone(),
                |(_, value)| value.clone(),
            )
        };
        writes.push((computed, full_name(&value(FIRST_NAME), &value(LAST_NAME))));
    }
    if writes.is_empty() {
        return Judgement::Unchanged;
    }
    let refused = against_rules(columns, record, rules, &writes);
    Judgement::unless(refused, writes)
}

/// Refuses a record that would become what the org's rules forbid.
fn against_rules(
    columns: &Columns<'_>,
    record: &Record,
    rules: &Rules<'_>,
    writes: &[(&Field, Value)],
) -> Option<Refusal> {
    if rules.are_none() {
        return None;
    }
    let written: Vec<&Field> = writes.iter().map(|(field, _)| *field).collect();
    let before = |field: &Field| columns.value(record, &field.api_name);
    let after = |field: &Field| {
        let new = writes.iter().find(|(written, _)| written.id == field.id);
        let new = new.map(|(_, value)| value);
        new.or_else(|| rules.stamped(field))
            .unwrap_or_else(|| before(field))
    };
    rules.refuse(&Becoming {
        id: Some(record.id),
        written: &written,
        before: &before,
        after: &after,
    })
}

/// A list that grew by appending can pass the field's length, or hold too many values.
fn too_large(field: &Field, value: &Value) -> Option<(&'static str, usize)> {
    if field.kind == FieldKind::MultiSelectPicklist
        && value.elements().len() > MULTI_SELECT_VALUES_MAX
    {
        return Some(("limit", MULTI_SELECT_VALUES_MAX));
    }
    let length = value.as_text()?.chars().count();
    let max = field.kind.max_length()? as usize;
    (length > max).then_some(("maximum_length", max))
}

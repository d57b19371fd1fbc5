//! Making records.

use super::unique::Uniques;
use super::{Writing, keep};
use crate::approval;
use crate::blueprint;
use crate::judge::full_name;
use crate::owner::Owners;
use crate::rules::{Becoming, LayoutRules, Rules};
use crate::workflow::{self, Firing};
use model::field::{Computed, Field, FieldKind};
use model::id::{FieldId, RecordId};
use model::module::{Module, system};
use model::refusal::Refusal;
use model::value::Value;
use model::workflow::Trigger;
use std::collections::HashMap;
use store::changes::{self, ChangeKind};
use store::events::Met;
use store::records::{self, Record};
use store::{Fault, Tx};

/// Makes records of these values, and answers for each its id or why not, in order.
pub fn create(
    tx: &mut Tx,
    writing: Writing<'_>,
    rows: Vec<Vec<(&Field, Value)>>,
) -> Result<Vec<Result<RecordId, Refusal>>, Fault> {
    create_by(tx, writing, rows, LayoutRules::Silent)
}

/// The same, where layout rules may bind.
pub fn create_by(
    tx: &mut Tx,
    writing: Writing<'_>,
    rows: Vec<Vec<(&Field, Value)>>,
    layout_rules: LayoutRules,
) -> Result<Vec<Result<RecordId, Refusal>>, Fault> {
    let uniques = Uniques::of_rows(tx, writing.module, &rows)?;
    let mut newcomers = Newcomers::new(writing, layout_rules, uniques)?;
    let mut owners = Owners::default();
    let mut answers = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(refusal) = owners.of_new(writing, &row) {
            answers.push(Err(refusal));
            continue;
        }
        answers.push(match newcomers.judge(tx, &row)? {
            Err(refusal) => Err(refusal),
            Ok(values) => {
                let id = RecordId(tx.new_id()?);
                newcomers.keep(id, values);
                Ok(id)
            }
        });
    }
    newcomers.write(tx)?;
    Ok(answers)
}

/// New records of a module, judged one after another and written together: judging writes nothing.
pub(crate) struct Newcomers<'a> {
    writing: Writing<'a>,
    rules: Rules<'a>,
    firing: Firing<'a>,
    blank: Blank,
    /// Values that no other record may have, with those that these take.
    pub(crate) uniques: Uniques,
    kept: Vec<Record>,
}

impl<'a> Newcomers<'a> {
    /// None yet.
    pub(crate) fn new(
        writing: Writing<'a>,
        layout_rules: LayoutRules,
        uniques: Uniques,
    ) -> Result<Self, Fault> {
        Ok(Self {
            writing,
            rules: Rules::of(writing, layout_rules)?,
            firing: Firing::of(writing, Trigger::Create)?,
            blank: Blank::new(writing),
            uniques,
            kept: Vec::new(),
        })
    }

    /// The values that a new record of this row would have, or why it may not be made. What it takes
    /// of the unique values is given back by `uniques.release`.
    pub(crate) fn judge(
        &mut self,
        tx: &mut Tx,
        row: &[(&Field, Value)],
    ) -> Result<Result<Vec<Value>, Refusal>, Fault> {
        let values = self.blank.fill(row);
        if let Some(refusal) = against_rules(&self.rules, &self.blank, row, &values) {
            return Ok(Err(refusal));
        }
        let taken = self.uniques.check(tx, self.writing, None, row)?;
        Ok(taken.map_or(Ok(values), Err))
    }

    /// Lets a record that was judged be written.
    pub(crate) fn keep(&mut self, id: RecordId, values: Vec<Value>) {
        let rev = 1;
        self.kept.push(Record { id, rev, values });
    }

    /// Writes those that are kept.
    pub(crate) fn write(&mut self, tx: &mut Tx) -> Result<(), Fault> {
        let mut made = std::mem::take(&mut self.kept);
        if made.is_empty() {
            return Ok(());
        }
        let Writing { module, .. } = self.writing;
        self.blank.number(tx, module, &mut made)?;
        let change = |record: &Record| changes::Change {
            record: record.id,
            rev: record.rev,
            before: Vec::new(),
        };
        let changes: Vec<changes::Change> = made.iter().map(change).collect();
        let (mut met, mut entering) = (Vec::new(), Vec::new());
        for record in made.iter().filter(|_| !self.firing.is_none()) {
            let follows = self.firing.by_creation(&record.values);
            entering.extend(follows.process.map(|process| (record.id, process)));
            met.push(Met {
                record: record.id,
                rev: record.rev,
                rules: follows.rules,
            });
        }
        let fields: Vec<&Field> = module.fields.iter().collect();
        records::insert(tx, module, &fields, made)?;
        keep(tx, self.writing, ChangeKind::Create, &changes)?;
        workflow::leave(tx, self.writing, Trigger::Create, &met)?;
        approval::enter(tx, self.writing, &entering)?;
        if self.writing.triggers.blueprint {
            let made: Vec<RecordId> = changes.iter().map(|change| change.record).collect();
            blueprint::enter(tx, self.writing, &made)?;
        }
        Ok(())
    }
}

/// Refuses a new record that would be what the org's rules forbid.
fn against_rules(
    rules: &Rules<'_>,
    blank: &Blank,
    row: &[(&Field, Value)],
    values: &[Value],
) -> Option<Refusal> {
    if rules.are_none() {
        return None;
    }
    let given = row.iter().filter(|(_, value)| !value.is_null());
    let written: Vec<&Field> = given.map(|(field, _)| *field).collect();
    let after = |field: &Field| {
        let place = blank.places.get(&field.id);
        let value = place.and_then(|n| values.get(*n));
        value.unwrap_or(&Value::Null)
    };
    rules.refuse(&Becoming {
        id: None,
        written: &written,
        before: &|_| &Value::Null,
        after: &after,
    })
}

/// Where a new record's value of a field comes from.
enum Source {
    /// From the caller, or else this.
    Given { or: Value },
    /// Always this.
    Fixed(Value),
    /// A number that goes up.
    Number { prefix: String },
    /// First and last name, at these places.
    FullName(Option<usize>, Option<usize>),
}

/// A new record before anyone gave it values.
struct Blank {
    sources: Vec<Source>,
    places: HashMap<FieldId, usize>,
}

impl Blank {
    /// For records of a module.
    fn new(writing: Writing<'_>) -> Self {
        let fields = &writing.module.fields;
        let sources = fields.iter().map(|field| Source::of(writing, field));
        Self {
            sources: sources.collect(),
            places: fields.iter().map(|field| field.id).zip(0..).collect(),
        }
    }

    /// The values of one record, in the order of the module's fields, but for its numbers.
    fn fill(&self, row: &[(&Field, Value)]) -> Vec<Value> {
        let mut values = vec![Value::Null; self.sources.len()];
        for (field, value) in row {
            let place = self.places.get(&field.id);
            if let Some(place) = place.and_then(|n| values.get_mut(*n)) {
                place.clone_from(value);
            }
        }
        for (n, source) in self.sources.iter().enumerate() {
            let new = match source {
                Source::Fixed(value) => value.clone(),
                Source::Given { or } if !or.is_null() => match values.get(n) {
                    None | Some(Value::Null) => or.clone(),
                    Some(_) => continue,
                },
                Source::Given { .. } | Source::Number { .. } => continue,
                Source::FullName(first, last) => {
                    let part = |place: &Option<usize>| place.and_then(|n| values.get(n));
                    let part = |place| part(place).unwrap_or(&Value::Null);
                    full_name(part(first), part(last))
                }
            };
            if let Some(place) = values.get_mut(n) {
                *place = new;
            }
        }
        values
    }

    /// Gives records that will be made their numbers.
    fn number(&self, tx: &mut Tx, module: &Module, made: &mut [Record]) -> Result<(), Fault> {
        for (n, (source, field)) in self.sources.iter().zip(&module.fields).enumerate() {
            let Source::Number { prefix } = source else {
                continue;
            };
            let first = records::take_numbers(tx, field, made.len())?;
            for (number, record) in (first..).zip(made.iter_mut()) {
                if let Some(value) = record.values.get_mut(n) {
                    *value = Value::text(format!("{prefix}{number}"));
                }
            }
        }
        Ok(())
    }
}

impl Source {
    fn of(writing: Writing<'_>, field: &Field) -> Self {
        let fields = &writing.module.fields;
        let user = Value::Int(writing.actor.user.id.0);
        match field.api_name.as_str() {
            system::CREATED_BY | system::MODIFIED_BY => return Self::Fixed(user),
            system::CREATED_TIME | system::MODIFIED_TIME => {
                return Self::Fixed(Value::Int(writing.now.0));
            }
            system::OWNER => return Self::Given { or: user },
            system::LAYOUT => {
                let first = writing.module.layouts.first().map(|layout| layout.id.0);
                return Self::Given { or: first.into() };
            }
            _ => {}
        }
        if field.computed == Some(Computed::FullName) {
            let place = |name| fields.iter().position(|field| field.api_name == name);
            return Self::FullName(place("First_Name"), place("Last_Name"));
        }
        match &field.kind {
            FieldKind::AutoNumber { prefix, .. } => Self::Number {
                prefix: prefix.clone(),
            },
            FieldKind::Boolean => Self::Given { or: false.into() },
            _ => Self::Given { or: Value::Null },
        }
    }
}

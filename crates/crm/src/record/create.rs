//! Making records.

use super::Writing;
use super::unique::Uniques;
use crate::blueprint;
use crate::judge::full_name;
use crate::owner::Owners;
use crate::rules::{Becoming, LayoutRules, Rules};
use model::field::{Computed, Field, FieldKind};
use model::id::{FieldId, RecordId};
use model::module::system;
use model::refusal::Refusal;
use model::value::Value;
use std::collections::HashMap;
use store::changes::{self, ChangeKind};
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
    let Writing { module, .. } = writing;
    let rules = Rules::of(writing, layout_rules)?;
    let mut blank = Blank::new(tx, writing, rows.len())?;
    let mut uniques = Uniques::of_rows(tx, module, &rows)?;
    let mut owners = Owners::default();
    let mut answers = Vec::with_capacity(rows.len());
    let mut made = Vec::with_capacity(rows.len());
    let mut changes = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some(refusal) = owners.of_new(writing, &row) {
            answers.push(Err(refusal));
            continue;
        }
        let mut values = blank.fill(&row);
        if let Some(refusal) = against_rules(&rules, &blank, &row, &values) {
            answers.push(Err(refusal));
            continue;
        }
        if let Some(refusal) = uniques.check(tx, writing, None, &row)? {
            answers.push(Err(refusal));
            continue;
        }
        let id = RecordId(tx.new_id()?);
        blank.number(&mut values);
        made.push(Record { id, rev: 1, values });
        changes.push(changes::Change {
            record: id,
            rev: 1,
            before: Vec::new(),
        });
        answers.push(Ok(id));
    }
    let fields: Vec<&Field> = module.fields.iter().collect();
    records::insert(tx, module, &fields, made)?;
    changes::insert(tx, writing.origin(ChangeKind::Create), &changes)?;
    if writing.triggers.blueprint {
        let made: Vec<RecordId> = changes.iter().map(|change| change.record).collect();
        blueprint::enter(tx, writing, &made)?;
    }
    Ok(answers)
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
    Number { prefix: String, next: i64 },
    /// First and last name, at these places.
    FullName(Option<usize>, Option<usize>),
}

/// A new record before anyone gave it values.
struct Blank {
    sources: Vec<Source>,
    places: HashMap<FieldId, usize>,
}

impl Blank {
    /// For so many records of a module.
    fn new(tx: &mut Tx, writing: Writing<'_>, count: usize) -> Result<Self, Fault> {
        let fields = &writing.module.fields;
        let sources = fields
            .iter()
            .map(|field| Source::of(tx, writing, field, count));
        Ok(Self {
            sources: sources.collect::<Result<_, Fault>>()?,
            places: fields.iter().map(|field| field.id).zip(0..).collect(),
        })
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

    /// Gives a record that will be made its numbers.
    fn number(&mut self, values: &mut [Value]) {
        for (source, value) in self.sources.iter_mut().zip(values) {
            if let Source::Number { prefix, next } = source {
                *value = Value::text(format!("{prefix}{next}"));
                *next += 1;
            }
        }
    }
}

impl Source {
    fn of(tx: &mut Tx, writing: Writing<'_>, field: &Field, count: usize) -> Result<Self, Fault> {
        let fields = &writing.module.fields;
        let user = Value::Int(writing.actor.user.id.0);
        match field.api_name.as_str() {
            system::CREATED_BY | system::MODIFIED_BY => return Ok(Self::Fixed(user)),
            system::CREATED_TIME | system::MODIFIED_TIME => {
                return Ok(Self::Fixed(Value::Int(writing.now.0)));
            }
            system::OWNER => return Ok(Self::Given { or: user }),
            system::LAYOUT => {
                let first = writing.module.layouts.first().map(|layout| layout.id.0);
                return Ok(Self::Given { or: first.into() });
            }
            _ => {}
        }
        if field.computed == Some(Computed::FullName) {
            let place = |name| fields.iter().position(|field| field.api_name == name);
            return Ok(Self::FullName(place("First_Name"), place("Last_Name")));
        }
        Ok(match &field.kind {
            FieldKind::AutoNumber { prefix, .. } => Self::Number {
                prefix: prefix.clone(),
                next: records::take_numbers(tx, field, count)?,
            },
            FieldKind::Boolean => Self::Given { or: false.into() },
            _ => Self::Given { or: Value::Null },
        })
    }
}

//! Values that only one record may have.

use super::Writing;
use model::field::Field;
use model::id::{FieldId, RecordId, UserId};
use model::module::{Module, system};
use model::people::User;
use model::refusal::{Code, Refusal};
use model::value::{Value, fold};
use serde_json::json;
use std::collections::{HashMap, HashSet};
use store::records;
use store::{Fault, Tx};

/// Values of unique fields that this set takes.
#[derive(Default)]
pub(crate) struct Uniques {
    taken: HashSet<(FieldId, Value)>,
    /// Who has the values that were asked for beforehand.
    holders: Option<HashMap<(FieldId, Value), RecordId>>,
}

impl Uniques {
    /// Looks all values of these rows up at once, a query for each unique field.
    pub(crate) fn of_rows(
        tx: &mut Tx,
        module: &Module,
        rows: &[Vec<(&Field, Value)>],
    ) -> Result<Self, Fault> {
        let mut holders = HashMap::new();
        for field in module.fields.iter().filter(|field| field.unique) {
            let given = rows.iter().flatten().filter(|(f, _)| f.id == field.id);
            let wanted: Vec<Value> = given
                .filter(|(_, value)| !value.is_null())
                .map(|(_, value)| unique_key(field, value))
                .collect();
            for (value, id) in records::find_by_values(tx, module, field, &wanted)? {
                holders.entry((field.id, value)).or_insert(id);
            }
        }
        Ok(Self {
            taken: HashSet::new(),
            holders: Some(holders),
        })
    }

    /// Refuses a value that another record has, or that this set gave away already.
    pub(crate) fn check(
        &mut self,
        tx: &mut Tx,
        writing: Writing<'_>,
        own: Option<RecordId>,
        writes: &[(&Field, Value)],
    ) -> Result<Option<Refusal>, Fault> {
        let uniques = writes
            .iter()
            .filter(|(field, value)| field.unique && !value.is_null());
        let mut new = Vec::new();
        for (field, value) in uniques {
            let key = (field.id, unique_key(field, value));
            let holder = match &self.holders {
                Some(holders) => holders.get(&key).copied(),
                None => records::find_by_value(tx, writing.module, field, value)?,
            };
            let other = holder.filter(|holder| Some(*holder) != own);
            if other.is_some() || self.taken.contains(&key) || new.contains(&key) {
                return duplicate(tx, writing, field, other).map(Some);
            }
            new.push(key);
        }
        // Only now: a refused row takes nothing.
        self.taken.extend(new);
        Ok(None)
    }

    /// Takes values beforehand.
    pub(crate) fn take(&mut self, values: &HashSet<(FieldId, Value)>) {
        self.taken.extend(values.iter().cloned());
    }

    /// All values that were taken and not given back.
    pub(crate) fn into_taken(self) -> HashSet<(FieldId, Value)> {
        self.taken
    }

    /// Gives back the values of a row that is not written after all.
    pub(crate) fn release(&mut self, writes: &[(&Field, Value)]) {
        for (field, value) in writes.iter().filter(|(field, _)| field.unique) {
            self.taken.remove(&(field.id, unique_key(field, value)));
        }
    }
}

/// What makes two values of a unique field the same.
fn unique_key(field: &Field, value: &Value) -> Value {
    match value {
        Value::Text(text) if field.kind.is_text() => fold(text).into(),
        other => other.clone(),
    }
}

/// Says which record has the value, whose it is, and in which module (wire API 9.2).
fn duplicate(
    tx: &mut Tx,
    writing: Writing<'_>,
    field: &Field,
    other: Option<RecordId>,
) -> Result<Refusal, Fault> {
    let refusal = Refusal::new(Code::DuplicateData).with("api_name", field.api_name.as_str());
    let Some(id) = other else {
        return Ok(refusal);
    };
    let Writing { actor, module, .. } = writing;
    let owner = module.field(system::OWNER);
    let fields: Vec<&Field> = owner
        .filter(|owner| actor.sees(owner))
        .into_iter()
        .collect();
    let filter = actor.seen(module).of_ids([id]);
    let holder = records::list(tx, module, &fields, &filter, records::Order::BY_ID, (0, 1))?.pop();
    // Of a record that is not shown to them, they learn no more than that the value is taken.
    let Some(holder) = holder else {
        return Ok(refusal);
    };
    let owner = holder.values.first().and_then(Value::as_int);
    let owner = owner.map(|owner| {
        let user = actor.catalog.user(UserId(owner));
        json!({ "name": user.map(User::full_name), "id": owner.to_string() })
    });
    let module = json!({ "api_name": module.api_name, "id": module.id.to_string() });
    let record = json!({ "Owner": owner, "module": module, "id": id.to_string() });
    Ok(refusal.with("duplicate_record", record))
}

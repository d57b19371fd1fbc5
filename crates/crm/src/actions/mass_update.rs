//! Mass update: the same values into the fields of many records (wire API 1).

use super::action::{Exclusive, MassAction, Task, Traits, Writes};
use super::describe;
use super::request::Request;
use super::undo::{Kept, Reversal};
use crate::actor::Actor;
use crate::change::{Change, FieldWrite, Write};
use crate::input;
use crate::owner;
use crate::record::{Judged, Purpose};
use crate::rules;
use model::body::{Manner, Node, Object, Place};
use model::field::{Field, FieldKind};
use model::id::{FieldId, UserId};
use model::job::JobKind;
use model::limits::UPDATE_FIELDS_MAX;
use model::module::Module;
use model::people::{FieldRight, Right};
use model::refusal::{Code, Refusal};
use model::scope::{ActionScope, Op};
use model::value::Value;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use store::{Fault, Tx};

/// Writes the same values into the fields of many records.
pub(crate) struct MassUpdate;

/// The fields that are written.
#[derive(Serialize, Deserialize)]
pub(crate) struct Fields {
    fields: Vec<StoredWrite>,
}

/// A field's write, with the type that the field had: if that changes, the job cannot go on.
#[derive(Serialize, Deserialize)]
struct StoredWrite {
    kind: FieldKind,
    #[serde(flatten)]
    write: FieldWrite,
}

/// Where the values stand in a request.
const AT: &str = "$.data[0]";
const NOT_UPDATED: &str = "This field cannot be updated in the Mass Update";

/// Refuses an actor who may not mass update the module at all (wire API 1.9, step 2).
pub fn authorise(actor: &Actor, module: &Module) -> Result<(), Refusal> {
    actor.require(Right::MassUpdate, module)?;
    actor.require(Right::Edit, module)
}

/// Reads what to write, in the order of checks of wire API 1.3. `with_layout` says whether the
/// version lets a layout be mass updated.
pub fn change(
    actor: &Actor,
    module: &Module,
    data: Option<&Json>,
    over_write: bool,
    with_layout: bool,
) -> Result<Change, Refusal> {
    let object = object(data, module.mass_update_fields_max())?;
    change_of(actor, module, object, over_write, with_layout)
}

/// The same of the object itself.
pub fn change_of(
    actor: &Actor,
    module: &Module,
    object: &Map<String, Json>,
    over_write: bool,
    with_layout: bool,
) -> Result<Change, Refusal> {
    let mut change = Change::default();
    let mut values = Vec::new();
    for (name, json) in object {
        let field = module
            .field(name)
            .filter(|field| with_layout || field.kind != FieldKind::Layout)
            .ok_or_else(|| refused(name, NOT_UPDATED))?;
        check_writable(actor, module, field)?;
        let place = Place::body().key("data").item(0).key(name);
        let node = Node::standing_at(place, json, Manner::WIRE);
        let value = input::value(actor, module, field, &node)?;
        check_value(actor, field, &value)?;
        values.push((field, value.clone()));
        change.0.push(input::write(field, value, !over_write));
    }
    if let Some(refusal) = rules::ill_matched(module, &values) {
        return Err(at_data(refusal));
    }
    Ok(change)
}

fn refused(field: &str, text: &'static str) -> Refusal {
    Refusal::new(Code::InvalidData)
        .saying(text)
        .with("api_name", field)
}

/// The one object of `data`, with at least one field and at most `max`.
pub fn object(data: Option<&Json>, max: usize) -> Result<&Map<String, Json>, Refusal> {
    let none = || Refusal::new(Code::InvalidData).saying("No field found");
    let items = data.and_then(Json::as_array).ok_or_else(none)?;
    let object = match items.as_slice() {
        [only] => only.as_object().ok_or_else(none)?,
        [] => return Err(none()),
        _ => {
            let refusal = Refusal::invalid("data", "$.data").with("maximum_length", 1);
            return Err(refusal);
        }
    };
    match object.len() {
        0 => Err(none()),
        n if n > max => Err(Refusal::new(Code::InvalidData)
            .saying("Max field limit exceeded")
            .with("limit", max)),
        _ => Ok(object),
    }
}

/// Adds the place in the request to a refusal of a value that does not go with another.
pub fn at_data(refusal: Refusal) -> Refusal {
    let field = refusal.details.get("api_name").and_then(Json::as_str);
    match field.map(|field| format!("$.data[0].{field}")) {
        Some(path) if refusal.code == Code::MappingMismatch => refusal.with("json_path", path),
        _ => refusal,
    }
}

/// Refuses a field that no mass update writes, that the actor may not write, or that a rule depends on
/// (wire API 1.3, steps 3 to 5).
fn check_writable(actor: &Actor, module: &Module, field: &Field) -> Result<(), Refusal> {
    if !field.mass_update {
        return Err(refused(&field.api_name, NOT_UPDATED));
    }
    match actor.profile.field(field.id) {
        FieldRight::Editable => {}
        FieldRight::Hidden => return Err(refused(&field.api_name, "Field is not visible")),
        FieldRight::ReadOnly => {
            return Err(Refusal::new(Code::NoPermission)
                .saying("Field Edit Permission not given")
                .with("api_name", field.api_name.as_str()));
        }
    }
    match rules::primary_of(module, field) {
        Some(text) => Err(refused(&field.api_name, text)),
        None => Ok(()),
    }
}

/// Refuses a value that a mass update may not write, as the catalog is now.
fn check_value(actor: &Actor, field: &Field, value: &Value) -> Result<(), Refusal> {
    check_picks(field, value)?;
    check_user(actor, field, value)?;
    if value.is_null() && field.mandatory {
        let name = field.api_name.as_str();
        return Err(Refusal::mandatory(name, format!("{AT}.{name}")));
    }
    Ok(())
}

/// Refuses a lookup of a record that is not there, or not shown to the actor.
pub fn check_references(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    change: &Change,
) -> Result<(), Fault> {
    let values = change.0.iter().filter_map(|part| match &part.write {
        Write::Set(value) => Some((module.field_by_id(part.field)?, value)),
        Write::Append(_) => None,
    });
    let dangling = input::check_references(tx, actor, &[values.collect::<Vec<_>>().into()])?;
    match dangling.into_iter().flatten().next() {
        Some(field) => {
            let path = format!("{AT}.{}.id", field.api_name);
            let text = "the related id given seems to be invalid";
            Err(Refusal::invalid(&field.api_name, path).saying(text).into())
        }
        None => Ok(()),
    }
}

/// A profile that gives to subordinates only names only these (wire API 1.6).
fn check_user(actor: &Actor, field: &Field, value: &Value) -> Result<(), Refusal> {
    let user = value.as_int().map(UserId);
    match user.filter(|_| field.kind == FieldKind::UserLookup) {
        Some(user) if !owner::may_give_to(actor, user) => {
            let path = format!("$.data[0].{}.id", field.api_name);
            Err(Refusal::invalid("id", path).saying("Non Subordinate User Found"))
        }
        _ => Ok(()),
    }
}

/// A mass action never adds values to a picklist (wire API 22).
fn check_picks(field: &Field, value: &Value) -> Result<(), Refusal> {
    let picks = field.picked(value);
    if picks.iter().all(|pick| field.pick(pick).is_some()) {
        return Ok(());
    }
    let path = format!("$.data[0].{}", field.api_name);
    Err(Refusal::invalid(&field.api_name, path).with("expected_data_type", field.kind.data_type()))
}

/// What is to be done to each record, as a job keeps it.
pub fn request(module: &Module, change: &Change) -> Result<Request, Fault> {
    Request::of::<MassUpdate>(&Fields::of(module, change))
}

impl Fields {
    fn of(module: &Module, change: &Change) -> Self {
        let fields = change.0.iter().filter_map(|write| {
            let kind = module.field_by_id(write.field)?.kind.clone();
            Some(StoredWrite {
                kind,
                write: write.clone(),
            })
        });
        Self {
            fields: fields.collect(),
        }
    }

    fn change(&self) -> Change {
        let writes = self.fields.iter().map(|stored| stored.write.clone());
        Change(writes.collect())
    }
}

impl MassAction for MassUpdate {
    type Change = Fields;

    const KIND: JobKind = JobKind::MassUpdate;
    const TRAITS: Traits = Traits {
        scope: ActionScope::ByModule("mass_update", Op::Update),
        exclusive: Exclusive::View,
        too_many: Code::LimitExceeded,
        reversal: Reversal {
            done: "update",
            undone: "update",
            authorise,
            authorise_again: authorise,
            kept: Kept::Changed,
            carries: false,
            judge: None,
        },
        writes: Writes::Named,
    };

    fn authorise(actor: &Actor, module: &Module, _named: bool) -> Result<(), Refusal> {
        authorise(actor, module)
    }

    fn read(
        _tx: &mut Tx,
        actor: &Actor,
        module: &Module,
        body: &Object<'_>,
    ) -> Result<Fields, Fault> {
        let change = body.key("change").required()?.object()?;
        change.known(&["fields", "over_write"])?;
        let fields = change.key("fields").required()?.object()?;
        if fields.map().len() > UPDATE_FIELDS_MAX {
            let refusal = Refusal::new(Code::LimitExceeded).saying("Max field limit exceeded");
            return Err(refusal
                .with("json_path", fields.place().json_path())
                .with("limit", UPDATE_FIELDS_MAX)
                .into());
        }
        let over_write = change.key("over_write").flag()?;
        let change = change_of(actor, module, fields.map(), over_write, true)?;
        Ok(Fields::of(module, &change))
    }

    fn check(tx: &mut Tx, actor: &Actor, module: &Module, change: &Fields) -> Result<(), Fault> {
        for StoredWrite { kind, write } in &change.fields {
            let field = same_field(module, write.field, kind)?;
            check_writable(actor, module, field)?;
            let value = write.write.onto(&Value::Null);
            let place = Place::body().key("data").item(0).key(&field.api_name);
            input::check_known(actor, module, field, &value, &place)?;
            check_value(actor, field, &value)?;
        }
        check_references(tx, actor, module, &change.change())
    }

    /// Values of the fields that the reader sees, users by name.
    fn describe(reader: &Actor, module: &Module, change: Fields) -> Result<Option<Json>, Fault> {
        let (mut fields, mut over_write) = (Map::new(), false);
        for StoredWrite { kind, write } in &change.fields {
            let field = module.field_by_id(write.field);
            let Some(field) = field.filter(|field| reader.sees(field)) else {
                continue;
            };
            over_write |=
                *kind == FieldKind::MultiSelectPicklist && matches!(write.write, Write::Set(_));
            let value = write.write.onto(&Value::Null);
            let shown = match (kind, value.as_int()) {
                (FieldKind::UserLookup, Some(id)) => describe::user(reader, UserId(id)),
                _ => kind.show(&value, &reader.zone),
            };
            fields.insert(field.api_name.clone(), shown);
        }
        Ok(Some(json!({ "fields": fields, "over_write": over_write })))
    }

    fn judge<'a>(
        tx: &mut Tx,
        task: Task<'a>,
        change: &'a Fields,
        _purpose: Purpose<'a>,
    ) -> Result<Box<dyn Judged + 'a>, Fault> {
        task.judge_change(tx, &change.change())
    }
}

/// The field of a stored write, if it still is what it was.
fn same_field<'a>(module: &'a Module, id: FieldId, kind: &FieldKind) -> Result<&'a Field, Refusal> {
    module
        .field_by_id(id)
        .filter(|field| field.kind == *kind)
        .ok_or_else(|| Refusal::new(Code::FieldGone))
}

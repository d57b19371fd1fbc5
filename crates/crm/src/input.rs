//! A record as a caller writes it, read into values field by field.

use crate::actor::Actor;
use crate::change::{Change, FieldWrite, Write};
use model::body::{Node, Object, Place};
use model::field::{Field, FieldKind};
use model::id::{LayoutId, ModuleId, RecordId, UserId};
use model::module::{Layout, Module, system};
use model::people::FieldRight;
use model::refusal::{Code, Refusal};
use model::value::Value;
use std::collections::{BTreeMap, BTreeSet};
use store::records;
use store::{Fault, Tx};

/// The wire's key for the module of the record that an activity is about.
pub const ABOUT: &str = "$se_module";

/// Reads one field's wire value. What it refers to must exist in the catalog; records that it refers
/// to are checked by [`check_references`].
pub fn value(
    actor: &Actor,
    module: &Module,
    field: &Field,
    node: &Node<'_>,
) -> Result<Value, Refusal> {
    let read = field.kind.parse(node.json(), &actor.zone);
    let value = read.map_err(|misfit| {
        let mut refusal = Refusal::new(Code::InvalidData);
        refusal.details = misfit.details;
        refusal.at(node.place())
    })?;
    check_known(actor, module, field, &value, node.place())?;
    Ok(value)
}

/// Refuses a user or a layout that the catalog does not have.
pub(crate) fn check_known(
    actor: &Actor,
    module: &Module,
    field: &Field,
    value: &Value,
    place: &Place,
) -> Result<(), Refusal> {
    let Some(id) = value.as_int() else {
        return Ok(());
    };
    let known = match field.kind {
        FieldKind::OwnerLookup | FieldKind::UserLookup => {
            actor.catalog.user(UserId(id)).is_some_and(|user| {
                user.is_active() && (user.confirmed || field.kind != FieldKind::OwnerLookup)
            })
        }
        FieldKind::Layout => module.layout(LayoutId(id)).is_some(),
        _ => true,
    };
    if known {
        return Ok(());
    }
    Err(place.key("id").invalid())
}

/// The fields of a record object that the server takes from a caller, with their values. Keys that
/// are no fields of the module, and fields that only the server writes, pass unread, as they do in
/// the vendor's service: clients send back whole records.
fn given<'a>(
    actor: &Actor,
    module: &'a Module,
    object: &Object<'_>,
) -> Result<Vec<(&'a Field, Value)>, Refusal> {
    let mut values = Vec::new();
    for node in object.nodes() {
        let key = node.place().api_name();
        let Some(field) = module.field(key) else {
            continue;
        };
        if field.read_only || matches!(field.kind, FieldKind::AutoNumber { .. }) {
            continue;
        }
        if actor.profile.field(field.id) != FieldRight::Editable {
            let refusal =
                Refusal::new(Code::NoPermission).saying("Field Edit Permission not given");
            return Err(refusal.with("api_name", key));
        }
        values.push((field, value(actor, module, field, &node)?));
    }
    Ok(values)
}

/// The layout that a caller names. Without one, a layout's demands do not bind a new record (wire
/// API 9.2).
fn layout_of<'a>(module: &'a Module, values: &[(&Field, Value)]) -> Option<&'a Layout> {
    let given = values
        .iter()
        .find(|(field, _)| field.api_name == system::LAYOUT);
    let id = given.and_then(|(_, value)| value.as_int())?;
    module.layout(LayoutId(id))
}

/// Whether every record must have this field, by the module or by the layout.
fn is_mandatory(field: &Field, layout: Option<&Layout>) -> bool {
    let by_layout = layout.is_some_and(|layout| layout.requires(&field.api_name));
    (field.mandatory || by_layout) && !field.read_only && field.kind != FieldKind::OwnerLookup
}

/// The fields that every record of a layout must have.
pub fn mandatory_fields<'a>(
    module: &'a Module,
    layout: Option<&Layout>,
) -> impl Iterator<Item = &'a Field> {
    let fields = module.fields.iter();
    fields.filter(move |field| is_mandatory(field, layout))
}

/// Reads a new record: every mandatory field must have a value.
pub fn new_record<'a>(
    actor: &Actor,
    module: &'a Module,
    object: &Object<'_>,
) -> Result<Vec<(&'a Field, Value)>, Refusal> {
    let values = given(actor, module, object)?;
    check_mandatory(module, &values, object.place())?;
    Ok(values)
}

/// Refuses a new record in which a mandatory field has no value.
pub fn check_mandatory(
    module: &Module,
    values: &[(&Field, Value)],
    place: &Place,
) -> Result<(), Refusal> {
    let layout = layout_of(module, values);
    for field in mandatory_fields(module, layout) {
        let value = values.iter().find(|(given, _)| given.id == field.id);
        if value.is_none_or(|(_, value)| value.is_null()) {
            return Err(place.key(&field.api_name).mandatory());
        }
    }
    Ok(())
}

/// Reads the changes to a record: a mandatory field cannot be emptied, nor the owner, whom a new record
/// gets when nobody names one. Fields named in `append` keep
/// what they hold and get the given elements behind it.
pub fn change(
    actor: &Actor,
    module: &Module,
    object: &Object<'_>,
    append: &BTreeSet<&str>,
) -> Result<Change, Refusal> {
    let values = given(actor, module, object)?;
    let mut change = Change::default();
    for (field, value) in values {
        // What the record's layout demands beyond that is for `judge` to say.
        let always = is_mandatory(field, None) || field.api_name == system::OWNER;
        if value.is_null() && always {
            return Err(object.place().key(&field.api_name).mandatory());
        }
        change.0.push(write(
            field,
            value,
            append.contains(field.api_name.as_str()),
        ));
    }
    Ok(change)
}

/// How a value is written: a multi-select value is appended where that is wanted.
pub fn write(field: &Field, value: Value, append: bool) -> FieldWrite {
    let list = append && field.kind == FieldKind::MultiSelectPicklist;
    let write = if list {
        Write::Append(value.elements())
    } else {
        Write::Set(value)
    };
    FieldWrite {
        field: field.id,
        write,
    }
}

/// The module that a caller says an activity is about, beside its lookup for any module (wire API 22);
/// `None` where they do not say.
pub fn about<'a>(
    actor: &'a Actor,
    module: &Module,
    object: &Object<'_>,
) -> Result<Option<&'a Module>, Refusal> {
    let given = |key: &str| object.key(key).or_null().node();
    let by_any =
        |field: &Field| field.kind == FieldKind::RelatedTo && given(&field.api_name).is_some();
    let said = given(ABOUT).filter(|_| module.fields.iter().any(by_any));
    let Some(said) = said else {
        return Ok(None);
    };
    let named = actor.catalog.module(said.text()?);
    let named = named.filter(|module| module.may_be_related());
    named.map(Some).ok_or_else(|| said.place().invalid())
}

/// The refusal of a lookup of the record at this place, which names no record.
pub fn dangling(place: &Place, field: &Field) -> Refusal {
    let name = &field.api_name;
    let refusal = place.key(name).key("id").called(name).invalid();
    refusal.saying("the related id given seems to be invalid")
}

/// What a record refers to, read from a caller.
#[derive(Default)]
pub struct References<'r> {
    /// Its fields with their values.
    pub values: Vec<(&'r Field, &'r Value)>,
    /// In which module its lookup for any module must find its record.
    pub about: Option<&'r Module>,
}

impl<'r> From<Vec<(&'r Field, &'r Value)>> for References<'r> {
    fn from(values: Vec<(&'r Field, &'r Value)>) -> Self {
        Self {
            values,
            about: None,
        }
    }
}

impl<'r> References<'r> {
    /// The modules in which a lookup may find its record.
    fn targets<'a>(
        &'a self,
        actor: &'a Actor,
        field: &'a Field,
    ) -> impl Iterator<Item = &'a Module> {
        let about = self.about.filter(|_| field.kind == FieldKind::RelatedTo);
        let targets = actor.catalog.pointed_at(&field.kind);
        targets.filter(move |module| about.is_none_or(|about| about.id == module.id))
    }

    /// The lookups that name a record, each with its id.
    fn lookups(&self) -> impl Iterator<Item = (&'r Field, i64)> {
        let values = self.values.iter();
        values.filter_map(|(field, value)| {
            let id = value.as_int().filter(|_| field.kind.is_lookup())?;
            Some((*field, id))
        })
    }
}

/// Which of these records' lookups name a record that does not exist or is not shown to the actor:
/// the first such field of each. The others are not deleted before the transaction ends.
pub fn check_references<'r>(
    tx: &mut Tx,
    actor: &Actor,
    rows: &[References<'r>],
) -> Result<Vec<Option<&'r Field>>, Fault> {
    let mut wanted: BTreeMap<ModuleId, BTreeSet<i64>> = BTreeMap::new();
    for row in rows {
        for (field, id) in row.lookups() {
            for module in row.targets(actor, field) {
                wanted.entry(module.id).or_default().insert(id);
            }
        }
    }
    let mut known: BTreeSet<(ModuleId, i64)> = BTreeSet::new();
    for (id, ids) in wanted {
        let Some(module) = actor.catalog.module_by_id(id) else {
            continue;
        };
        let filter = actor.seen(module).of_ids(ids.into_iter().map(RecordId));
        let found = records::refer_to(tx, module, &filter)?;
        known.extend(found.into_iter().map(|RecordId(id)| (module.id, id)));
    }
    let missing = rows.iter().map(|row| {
        let mut lookups = row.lookups();
        let wrong = lookups.find(|(field, id)| {
            let mut targets = row.targets(actor, field);
            !targets.any(|module| known.contains(&(module.id, *id)))
        });
        wrong.map(|(field, _)| field)
    });
    Ok(missing.collect())
}

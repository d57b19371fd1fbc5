//! How records and people look on the wire.

use crm::approval::{self, Offer};
use crm::{Actor, input, tag};
use model::access::{Access, Permission};
use model::conversion::{
    CONVERTED_ACCOUNT, CONVERTED_CONTACT, CONVERTED_DEAL, CONVERTED_TIME, LEADS,
};
use model::field::{Field, FieldKind};
use model::hold::HoldKind;
use model::id::{LayoutId, ModuleId, RecordId, UserId};
use model::module::{Module, PERSON, system};
use model::people::Right;
use model::value::Value;
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use store::records::{self, Filter, Record};
use store::tags::Tag;
use store::{Fault, Tx, access, belonging, holds, territories};

/// A user as records name them: `{"name","id","email"}`, or null when there is none.
pub(crate) fn user(actor: &Actor, id: Option<UserId>) -> Json {
    match id.and_then(|id| actor.catalog.user(id)) {
        Some(user) => {
            json!({ "name": user.full_name(), "id": user.id.to_string(), "email": user.email })
        }
        None => id.map_or(
            Json::Null,
            |id| json!({ "name": null, "id": id.to_string() }),
        ),
    }
}

/// A user in the details of an answer: `{"name","id"}`.
pub(crate) fn user_brief(actor: &Actor, id: Option<UserId>) -> Json {
    let name = id
        .and_then(|id| actor.catalog.user(id))
        .map(model::people::User::full_name);
    id.map_or(
        Json::Null,
        |id| json!({ "name": name, "id": id.to_string() }),
    )
}

/// The key under which a module's records show their territories (wire API 12).
pub(crate) fn territories_key(module: &Module) -> Option<&'static str> {
    module.territories.then_some(if module.api_name == "Deals" {
        "Territory"
    } else {
        "Territories"
    })
}

/// The key under which records show their tags (wire API 9.8).
const TAGS: &str = "Tag";

/// Whether a module's records show their tags: an org's own field of that name goes before.
fn has_tags(module: &Module) -> bool {
    module.field(TAGS).is_none()
}

/// A tag as records name it.
pub(crate) fn tag_json(tag: &Tag) -> Json {
    json!({ "name": tag.name, "id": tag.id.to_string(), "color_code": tag.color })
}

/// Which parts of records are to be shown.
pub(crate) struct Shape<'a> {
    /// The fields, in order.
    pub(crate) fields: Vec<&'a Field>,
    /// The territories.
    pub(crate) territories: bool,
    /// The tags.
    pub(crate) tags: bool,
    /// The keys that start with `$`.
    pub(crate) system_keys: bool,
}

impl<'a> Shape<'a> {
    /// Everything that the actor sees.
    pub(crate) fn whole(actor: &Actor, module: &'a Module) -> Self {
        Self {
            fields: module
                .fields
                .iter()
                .filter(|field| actor.sees(field))
                .collect(),
            territories: module.territories,
            tags: has_tags(module),
            system_keys: true,
        }
    }

    /// These fields alone.
    pub(crate) fn of_fields(fields: Vec<&'a Field>) -> Self {
        Self {
            fields,
            territories: false,
            tags: false,
            system_keys: false,
        }
    }

    /// The fields of these names that the actor sees. A name that is none is left out, as it is in
    /// the vendor's service.
    pub(crate) fn of(actor: &Actor, module: &'a Module, names: &[&str]) -> Self {
        let mut fields: Vec<&Field> = Vec::new();
        for name in names {
            let field = module.field(name).filter(|field| actor.sees(field));
            if let Some(field) = field
                && !fields.iter().any(|known| known.id == field.id)
            {
                fields.push(field);
            }
        }
        let territories = territories_key(module).is_some_and(|key| names.contains(&key));
        Self {
            fields,
            territories,
            tags: has_tags(module) && names.contains(&TAGS),
            system_keys: false,
        }
    }
}

/// The wire's form of records that were read with the shape's fields.
pub(crate) fn show(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    shape: &Shape<'_>,
    found: &[Record],
) -> Result<Vec<Json>, Fault> {
    let names = lookup_names(tx, actor, shape, found)?;
    let mut of_territories = if shape.territories {
        territories_of(tx, actor, found)?
    } else {
        HashMap::new()
    };
    let mut tags = if shape.tags {
        let ids: Vec<RecordId> = found.iter().map(|record| record.id).collect();
        tag::of_records(tx, &ids)?
    } else {
        HashMap::new()
    };
    let accesses = match actor.reach(module) {
        Some(reach) if shape.system_keys => {
            let ids: Vec<RecordId> = found.iter().map(|record| record.id).collect();
            let levels = access::of(tx, module, &reach, &ids)?;
            Some(levels.into_iter().collect::<HashMap<RecordId, Access>>())
        }
        _ => None,
    };
    let holds = if shape.system_keys {
        holds_of(tx, actor, module, found)?
    } else {
        Holds::new()
    };
    let in_process = |kind| [HoldKind::Approval, HoldKind::ApprovalRejected].contains(kind);
    let waiting = holds
        .iter()
        .filter(|(_, kinds)| kinds.iter().any(in_process));
    let waiting: Vec<RecordId> = waiting.map(|(id, _)| *id).collect();
    let offers = approval::offers(tx, actor, module, &waiting)?;
    let mut shown = Vec::with_capacity(found.len());
    for record in found {
        let mut object = Map::new();
        for (field, value) in shape.fields.iter().zip(&record.values) {
            object.insert(
                field.api_name.clone(),
                cell(actor, module, field, value, &names),
            );
        }
        object.insert("id".to_owned(), record.id.to_string().into());
        if shape.fields.iter().any(|f| f.kind == FieldKind::RelatedTo) {
            let about = about(actor, shape, record, &names);
            object.insert(input::ABOUT.to_owned(), about.into());
        }
        if let Some(key) = territories_key(module).filter(|_| shape.territories) {
            let list = of_territories.remove(&record.id).unwrap_or_default();
            let json = if key == "Territory" {
                list.into_iter().next().unwrap_or(Json::Null)
            } else {
                list.into()
            };
            object.insert(key.to_owned(), json);
        }
        if shape.tags {
            let list = tags.remove(&record.id).unwrap_or_default();
            let list: Vec<Json> = list.iter().map(tag_json).collect();
            object.insert(TAGS.to_owned(), list.into());
        }
        if shape.system_keys {
            let access = accesses.as_ref().map_or(Access::Full, |levels| {
                levels.get(&record.id).copied().unwrap_or_default()
            });
            let (held, offer) = (holds.get(&record.id), offers.get(&record.id));
            let offer = offer.copied().unwrap_or_default();
            system_keys(actor, module, (held, offer, access), &mut object);
            if module.api_name == LEADS {
                let detail = converted_detail(&object);
                object.insert("$converted_detail".to_owned(), detail);
            }
        }
        shown.push(Json::Object(object));
    }
    Ok(shown)
}

type Names = BTreeMap<i64, (ModuleId, Option<String>)>;

fn cell(actor: &Actor, module: &Module, field: &Field, value: &Value, names: &Names) -> Json {
    match (&field.kind, value) {
        (FieldKind::OwnerLookup | FieldKind::UserLookup, Value::Int(id)) => {
            user(actor, Some(UserId(*id)))
        }
        // What it points at may be in the recycle bin: then it reads as empty (decision 18).
        (kind, Value::Int(id)) if kind.is_lookup() => names.get(id).map_or(
            Json::Null,
            |(_, name)| json!({ "name": name, "id": id.to_string() }),
        ),
        (FieldKind::Layout, Value::Int(id)) => {
            let name = module
                .layout(LayoutId(*id))
                .map(|layout| layout.name.as_str());
            json!({ "name": name, "id": id.to_string() })
        }
        (FieldKind::Boolean, Value::Null) => false.into(),
        (kind, value) => kind.show(value, &actor.zone),
    }
}

/// The module of the record that an activity is about, as far as the fields that are shown say it.
fn about<'a>(
    actor: &'a Actor,
    shape: &Shape<'_>,
    record: &Record,
    names: &Names,
) -> Option<&'a str> {
    let module_of = |is: fn(&Field) -> bool| {
        let place = shape.fields.iter().position(|field| is(field))?;
        let (module, _) = names.get(&record.values.get(place)?.as_int()?)?;
        actor.catalog.module_by_id(*module)
    };
    module_of(|field| field.kind == FieldKind::RelatedTo)
        .or_else(|| module_of(|field| field.api_name == PERSON))
        .map(|module| module.api_name.as_str())
}

/// The records that lookups point at, as far as they exist, with their modules and their names as far as these are
/// shown to the actor. Ids are unique in the org, so one map serves all.
fn lookup_names(
    tx: &mut Tx,
    actor: &Actor,
    shape: &Shape<'_>,
    found: &[Record],
) -> Result<Names, Fault> {
    let mut wanted: BTreeMap<ModuleId, BTreeSet<RecordId>> = BTreeMap::new();
    for (n, field) in shape.fields.iter().enumerate() {
        let values = found.iter().filter_map(|record| record.values.get(n));
        if !field.kind.is_lookup() {
            continue;
        }
        let ids: BTreeSet<RecordId> = values.filter_map(Value::as_int).map(RecordId).collect();
        let targets: Vec<&Module> = actor.catalog.pointed_at(&field.kind).collect();
        if let [target] = targets.as_slice() {
            wanted.entry(target.id).or_default().extend(ids);
            continue;
        }
        let ids: Vec<RecordId> = ids.into_iter().collect();
        for (id, module) in belonging::modules_of(tx, &targets, &ids)? {
            wanted.entry(module).or_default().insert(id);
        }
    }
    let mut names = Names::new();
    for (of, ids) in wanted {
        let Some(module) = actor.catalog.module_by_id(of).filter(|_| !ids.is_empty()) else {
            continue;
        };
        let ids: Vec<RecordId> = ids.into_iter().collect();
        let shown = module.name_field().is_some_and(|field| actor.sees(field));
        let mut rest = ids;
        if shown {
            let filter = actor.seen(module).of_ids(rest.clone());
            let found = records::names(tx, module, &filter)?;
            names.extend(found.into_iter().map(|(id, name)| (id.0, (of, Some(name)))));
            rest.retain(|id| !names.contains_key(&id.0));
        }
        if !shown || actor.reach(module).is_some() {
            let limit = rest.len();
            let filter = Filter::everything().of_ids(rest);
            let found = records::select_ids(tx, module, &filter, limit)?;
            names.extend(found.into_iter().map(|(id, _)| (id.0, (of, None))));
        }
    }
    Ok(names)
}

fn territories_of(
    tx: &mut Tx,
    actor: &Actor,
    found: &[Record],
) -> Result<HashMap<RecordId, Vec<Json>>, Fault> {
    let ids: Vec<RecordId> = found.iter().map(|record| record.id).collect();
    let mut lists: HashMap<RecordId, Vec<Json>> = HashMap::new();
    for place in territories::of(tx, &ids)? {
        let name = actor
            .catalog
            .territory(place.territory)
            .map(|t| t.name.as_str());
        lists.entry(place.record).or_default().push(json!({
            "Name": name,
            "id": place.territory.to_string(),
            "$assigned_by": user_brief(actor, Some(place.actor)),
            "$assigned_time": place.at.to_wire(&actor.zone),
            "$assigned": "manually",
        }));
    }
    Ok(lists)
}

type Holds = HashMap<RecordId, BTreeSet<HoldKind>>;

/// What holds these records as far as it concerns the actor.
fn holds_of(tx: &mut Tx, actor: &Actor, module: &Module, found: &[Record]) -> Result<Holds, Fault> {
    let ids: Vec<RecordId> = found.iter().map(|record| record.id).collect();
    let mut kinds = Holds::new();
    let excluded = actor.passes_locks(module);
    for (record, kind) in holds::kinds_of(tx, &ids)? {
        if !(excluded && kind == HoldKind::Lock) {
            kinds.entry(record).or_default().insert(kind);
        }
    }
    Ok(kinds)
}

/// `$approval_state` of a record that is held so (wire API 14.3).
pub(crate) fn approval_state<'h>(mut holds: impl Iterator<Item = &'h HoldKind>) -> &'static str {
    holds
        .find_map(|kind| kind.approval_state())
        .unwrap_or("approved")
}

/// The keys of a record that are no fields (wire API 9.1).
fn system_keys(
    actor: &Actor,
    module: &Module,
    (holds, offer, access): (Option<&BTreeSet<HoldKind>>, Offer, Access),
    object: &mut Map<String, Json>,
) {
    let has = |kind| holds.is_some_and(|holds| holds.contains(&kind));
    let state = approval_state(holds.into_iter().flatten());
    let may_edit = actor.profile.may(Right::Edit, module.id) && access >= Access::Write;
    let permission = Permission::of(access).map(Permission::as_str);
    for (key, value) in [
        (
            "$currency_symbol",
            actor.catalog.org.currency_symbol.as_str().into(),
        ),
        ("$editable", (may_edit && holds.is_none()).into()),
        ("$sharing_permission", permission.into()),
        ("$locked_for_me", has(HoldKind::Lock).into()),
        ("$approved", (state == "approved").into()),
        ("$approval_state", state.into()),
        (
            "$approval",
            json!({
                "delegate": false,
                "approve": offer.decide,
                "reject": offer.decide,
                "resubmit": offer.resubmit && may_edit,
            }),
        ),
        ("$in_merge", has(HoldKind::Merge).into()),
    ] {
        object.insert(key.to_owned(), value);
    }
}

/// What a lead became and when, by ids; an object without keys while it is not converted (wire API
/// 6.1).
fn converted_detail(lead: &Map<String, Json>) -> Json {
    let mut detail = Map::new();
    if lead.get(system::CONVERTED) == Some(&Json::Bool(true)) {
        for (key, name) in [
            ("contact", CONVERTED_CONTACT),
            ("account", CONVERTED_ACCOUNT),
            ("deal", CONVERTED_DEAL),
        ] {
            let id = lead.get(name).and_then(|named| named.get("id"));
            detail.extend(id.map(|id| (key.to_owned(), id.clone())));
        }
        let at = lead.get(CONVERTED_TIME);
        detail.extend(at.map(|at| ("convert_date".to_owned(), at.clone())));
    }
    Json::Object(detail)
}

/// What a record is called, as far as the actor may know.
pub(crate) fn name_of(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    id: RecordId,
) -> Result<Option<String>, Fault> {
    let found = names_of(tx, actor, module, [id])?;
    Ok(found.into_iter().next().map(|(_, name)| name))
}

/// What these records are called, likewise.
pub(crate) fn names_of(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    ids: impl IntoIterator<Item = RecordId>,
) -> Result<Vec<(RecordId, String)>, Fault> {
    if !module.name_field().is_some_and(|field| actor.sees(field)) {
        return Ok(Vec::new());
    }
    Ok(records::names(tx, module, &actor.seen(module).of_ids(ids))?)
}

/// A SUCCESS item of an answer about records.
pub(crate) fn success(message: &str, details: Map<String, Json>) -> Json {
    json!({ "code": "SUCCESS", "details": details, "message": message, "status": "success" })
}

/// The details that a written record's SUCCESS item has, by record (wire API 1.4, 9.2).
pub(crate) fn stamps(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    ids: &[RecordId],
) -> Result<HashMap<RecordId, Map<String, Json>>, Fault> {
    let names = [
        system::MODIFIED_TIME,
        system::MODIFIED_BY,
        system::CREATED_TIME,
        system::CREATED_BY,
    ];
    let fields = names.iter().filter_map(|name| module.field(name));
    let fields: Vec<&Field> = fields.filter(|field| actor.sees(field)).collect();
    // The caller wrote these a moment ago, even if they gave them away by it.
    let filter = Filter::everything().of_ids(ids.iter().copied());
    let found = records::list(
        tx,
        module,
        &fields,
        &filter,
        records::Order::BY_ID,
        (0, ids.len()),
    )?;
    let stamps = found.into_iter().map(|record| {
        let mut details = Map::new();
        for (field, value) in fields.iter().zip(&record.values) {
            let json = match field.kind {
                FieldKind::UserLookup => user_brief(actor, value.as_int().map(UserId)),
                _ => field.kind.show(value, &actor.zone),
            };
            details.insert(field.api_name.clone(), json);
        }
        // The samples have the id behind Created_Time.
        details.shift_insert(
            details.len().min(3),
            "id".to_owned(),
            record.id.to_string().into(),
        );
        (record.id, details)
    });
    Ok(stamps.collect())
}

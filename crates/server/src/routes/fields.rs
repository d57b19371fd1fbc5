//! Fields of a module (wire API 11.2).

use super::meta::{asker, joined, module_of, named, path_id, pointer, word_param};
use crate::answer::Answer;
use crate::call::Call;
use crate::wire;
use crm::Actor;
use model::conversion::{INTO, LEADS, goes_to};
use model::field::{Field, FieldKind, PickValue};
use model::id::FieldId;
use model::limits::DECIMAL_DIGITS_MAX;
use model::module::{Module, RELATED_MODULES};
use model::people::FieldRight;
use serde_json::{Map, Value as Json, json};
use store::Fault;

/// Every field here is in use, so `unused` finds nothing.
const TYPES: [&str; 3] = ["all", "used", "unused"];

/// What the SDKs take for the module of a lock. They ask for its fields before they lock, and an
/// error would end their call.
const LOCKS: &str = "Locking_Information__s";

/// `GET /settings/fields?module=`
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    if call.query.get("module") == Some(LOCKS) {
        return Ok(Answer::no_content());
    }
    let shown = call.app.db.read(|tx| {
        let actor = asker(tx, call)?;
        let module = module_of(call, &actor)?;
        if word_param(call, "type", &TYPES)? == Some("unused") {
            return Ok(Vec::new());
        }
        Ok(seen(&actor, module))
    })?;
    Ok(answer(shown))
}

/// `GET /settings/fields/{id}?module=`
pub(super) fn get(call: &Call<'_>) -> Result<Answer, Fault> {
    let shown = call.app.db.read(|tx| {
        let actor = asker(tx, call)?;
        let module = module_of(call, &actor)?;
        let id = FieldId(path_id(call, 2)?);
        let field = module.field_by_id(id).filter(|field| actor.sees(field));
        let shown = match field {
            Some(field) => Some(Json::Object(wire_form(&actor, module, field))),
            None => territories(&actor, module).filter(|_| id.0 == module.id.0),
        };
        Ok(Vec::from_iter(shown))
    })?;
    Ok(answer(shown))
}

fn answer(shown: Vec<Json>) -> Answer {
    if shown.is_empty() {
        Answer::no_content()
    } else {
        Answer::ok(json!({ "fields": shown }))
    }
}

/// The fields that the actor sees.
pub(super) fn seen(actor: &Actor, module: &Module) -> Vec<Json> {
    let fields = module.fields.iter().filter(|field| actor.sees(field));
    fields
        .map(|field| Json::Object(wire_form(actor, module, field)))
        .chain(territories(actor, module))
        .collect()
}

/// The territories of a module's records, shown as a field so that the SDKs read them as what they
/// are. It is none: its id is the module's, which no field has. A deal's one territory is an object,
/// which the SDKs would take for a list if they were told of it.
fn territories(actor: &Actor, module: &Module) -> Option<Json> {
    let api_name = wire::territories_key(module).filter(|key| *key == "Territories")?;
    let field = Field {
        id: FieldId(module.id.0),
        api_name: api_name.to_owned(),
        label: api_name.to_owned(),
        kind: FieldKind::MultiSelectPicklist,
        custom: false,
        mandatory: false,
        read_only: true,
        unique: false,
        mass_update: false,
        values: Vec::new(),
        depends_on: None,
        computed: None,
        convert_to: None,
    };
    let kind = json!({ "data_type": "territories", "filterable": false });
    Some(Json::Object(joined([
        Json::Object(wire_form(actor, module, &field)),
        kind,
    ])))
}

/// A field as the wire shows it. What is said in objects is an object or null, never a boolean, and
/// what does not apply is empty: the SDKs break on anything else (wire API 11.2, 20.4).
pub(super) fn wire_form(actor: &Actor, module: &Module, field: &Field) -> Map<String, Json> {
    let label = field.label.as_str();
    joined([
        json!({
            "api_name": field.api_name,
            "id": field.id.to_string(),
            "field_label": label,
            "display_label": label,
            "data_type": field.kind.data_type(),
            "json_type": field.kind.json_type(),
            "length": length(&field.kind),
            "decimal_place": field.kind.places(),
            "sequence_number": place(module, field),
            "quick_sequence_number": null,
            "type": "used",
            "ui_type": null,
            "display_type": -1,
            "show_type": null,
            "category": null,
        }),
        flags(actor, module, field),
        kind_objects(actor, field),
        json!({
            "profiles": profiles(actor, field),
            "layout_associations": layouts(module, field),
            "pick_list_values": picks(actor, module, field, &field.values),
            "pick_list_values_sorted_lexically": false,
            "enable_colour_code": false,
            "global_picklist": null,
            "default_value": null,
            "column_name": null,
            "created_source": if field.custom { "userdefined" } else { "default" },
            "customizable_properties": [],
            "allowed_modules": [],
            "convert_mapping": convert_mapping(module, field),
            "created_time": null,
            "modified_time": null,
        }),
    ])
}

/// What is true of it and what may be done with it.
fn flags(actor: &Actor, module: &Module, field: &Field) -> Json {
    let automatic = field.computed.is_some() || matches!(field.kind, FieldKind::AutoNumber { .. });
    let written = !field.read_only && !automatic;
    let editable = written && actor.profile.field(field.id) == FieldRight::Editable;
    let many = matches!(
        field.kind,
        FieldKind::TextArea { .. } | FieldKind::MultiSelectPicklist
    );
    joined([
        json!({
            "custom_field": field.custom,
            "system_mandatory": field.mandatory,
            "read_only": !written,
            "field_read_only": !editable,
            "visible": true,
            "virtual_field": field.computed.is_some(),
            "display_field": module.name_field().is_some_and(|name| name.id == field.id),
            "available_in_user_layout": !layouts(module, field).is_empty(),
            "searchable": field.kind != FieldKind::Layout,
            "sortable": !many,
            "filterable": true,
            "mass_update": field.mass_update,
            "webhook": true,
            "businesscard_supported": false,
            "blueprint_supported": false,
            "history_tracking_enabled": false,
            "hipaa_compliance_enabled": false,
        }),
        json!({
            "operation_type": {
                "web_update": written,
                "api_create": written,
                "web_create": written,
                "api_update": written,
            },
            "view_type": {
                "view": true,
                "edit": editable,
                "quick_create": editable && field.mandatory,
                "create": editable,
            },
        }),
    ])
    .into()
}

/// What only some kinds have.
fn kind_objects(actor: &Actor, field: &Field) -> Json {
    let mut lookup = json!({});
    let mut currency = json!({});
    let mut auto_number = json!({});
    match &field.kind {
        FieldKind::Lookup { .. } | FieldKind::RelatedTo => {
            // Without a module of this name an empty object would break the SDKs, a null does not.
            let pointed = match &field.kind {
                FieldKind::Lookup { module } => {
                    let target = actor.catalog.module(module);
                    target.map(|target| pointer(&target.api_name, target.id))
                }
                // The SDKs know this name and look for no module of it, but read an id.
                _ => Some(json!({ "api_name": RELATED_MODULES, "id": field.id.to_string() })),
            };
            lookup = json!({
                "display_label": field.label,
                "api_name": null,
                "id": null,
                "module": pointed,
                "revalidate_filter_during_edit": false,
                "query_details": {},
                "show_fields": [],
            });
        }
        FieldKind::Currency { places } => {
            currency = json!({ "rounding_option": "normal", "precision": places });
        }
        FieldKind::AutoNumber { prefix, start } => {
            auto_number = json!({ "prefix": prefix, "suffix": "", "start_number": start });
        }
        _ => {}
    }
    // Texts are unique without regard to case.
    let unique = if field.unique {
        json!({ "casesensitive": "0" })
    } else {
        json!({})
    };
    json!({
        "unique": unique,
        "lookup": lookup,
        "multiselectlookup": {},
        "multiuserlookup": {},
        "multi_module_lookup": {},
        "formula": {},
        "currency": currency,
        "auto_number": auto_number,
        "rollup_summary": {},
        "associated_module": null,
        "subform": null,
        "external": null,
        "crypt": null,
        "private": null,
        "tooltip": null,
        "textarea": null,
        "history_tracking": null,
        "hipaa_compliance": null,
    })
}

/// How long a value is at most, in the vendor's count: references and date-times have a bound too.
fn length(kind: &FieldKind) -> Json {
    match kind {
        FieldKind::Integer => 9.into(),
        FieldKind::BigInt => 18.into(),
        FieldKind::Boolean => 5.into(),
        FieldKind::Date => 20.into(),
        FieldKind::Double { places }
        | FieldKind::Currency { places }
        | FieldKind::Percent { places } => {
            DECIMAL_DIGITS_MAX.saturating_sub((*places).into()).into()
        }
        other => other.max_length().unwrap_or(120).into(),
    }
}

fn place(module: &Module, field: &Field) -> Option<usize> {
    let place = module.fields.iter().position(|known| known.id == field.id);
    place.map(|place| place + 1)
}

fn profiles(actor: &Actor, field: &Field) -> Vec<Json> {
    let profiles = actor.catalog.profiles.iter().map(|profile| {
        let right = match profile.field(field.id) {
            FieldRight::Hidden => "hidden",
            FieldRight::ReadOnly => "read_only",
            FieldRight::Editable => "read_write",
        };
        let named = named(&profile.name, profile.id);
        Json::Object(joined([named, json!({ "permission_type": right })]))
    });
    profiles.collect()
}

fn layouts(module: &Module, field: &Field) -> Vec<Json> {
    let with_it = module.layouts.iter().filter(|layout| {
        let mut fields = layout.sections.iter().flat_map(|section| &section.fields);
        fields.any(|name| *name == field.api_name)
    });
    with_it
        .map(|layout| {
            let api_name = super::layouts::api_name(layout);
            let named = named(&layout.name, layout.id);
            Json::Object(joined([named, json!({ "api_name": api_name })]))
        })
        .collect()
}

/// Values of a picklist, each with what goes with it in the picklists that depend on this one.
pub(super) fn picks<'a>(
    actor: &Actor,
    module: &Module,
    field: &Field,
    values: impl IntoIterator<Item = &'a PickValue>,
) -> Vec<Json> {
    let picks = (1..).zip(values).map(|(n, pick)| {
        let mut shown = pick_form(pick, n);
        let children = module.fields.iter().filter(|child| actor.sees(child));
        let children = children.filter_map(|child| {
            let on = child.depends_on.as_ref()?;
            (on.parent == field.api_name).then_some((child, on))
        });
        let maps: Vec<Json> = children
            .map(|(child, on)| {
                let allowed = on.maps.get(&pick.value).into_iter().flatten();
                let allowed = allowed.filter_map(|value| child.pick(value));
                let allowed = (1..).zip(allowed).map(|(n, value)| pick_form(value, n));
                json!({
                    "api_name": child.api_name,
                    "pick_list_values": allowed.collect::<Vec<Json>>(),
                })
            })
            .collect();
        if let Some(shown) = shown.as_object_mut().filter(|_| !maps.is_empty()) {
            shown.insert("maps".to_owned(), maps.into());
        }
        shown
    });
    picks.collect()
}

fn pick_form(pick: &PickValue, n: usize) -> Json {
    json!({
        "display_value": pick.value,
        "actual_value": pick.value,
        "reference_value": pick.value,
        "colour_code": null,
        "sequence_number": n,
        "id": pick.id.to_string(),
        "type": "used",
    })
}

/// Where a lead's field goes when the lead is converted (wire API 11.2); nothing for other modules.
fn convert_mapping(module: &Module, field: &Field) -> Json {
    let leads = module.api_name == LEADS && !module.custom;
    let ways = INTO.iter().filter(|_| leads);
    let ways = ways.map(|into| ((*into).to_owned(), goes_to(field, into).into()));
    Json::Object(ways.collect())
}

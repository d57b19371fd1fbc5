//! Layouts of a module (wire API 11.3).

use super::fields;
use super::meta::{api_name_of, asker, joined, module_of, named, path_id};
use crate::answer::Answer;
use crate::call::Call;
use crm::Actor;
use model::id::LayoutId;
use model::module::{Layout, Module, Section};
use model::people::Right;
use serde_json::{Value as Json, json};
use store::Fault;

/// `GET /settings/layouts?module=`
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    let shown = call.app.db.read(|tx| {
        let actor = asker(tx, call)?;
        let module = module_of(call, &actor)?;
        let layouts = module.layouts.iter();
        let shown: Vec<Json> = layouts
            .map(|layout| wire_form(&actor, module, layout))
            .collect();
        Ok(shown)
    })?;
    Ok(answer(shown))
}

/// `GET /settings/layouts/{id}?module=`
pub(super) fn get(call: &Call<'_>) -> Result<Answer, Fault> {
    let shown = call.app.db.read(|tx| {
        let actor = asker(tx, call)?;
        let module = module_of(call, &actor)?;
        let layout = module.layout(LayoutId(path_id(call, 2)?));
        let shown = layout.map(|layout| wire_form(&actor, module, layout));
        Ok(Vec::from_iter(shown))
    })?;
    Ok(answer(shown))
}

fn answer(shown: Vec<Json>) -> Answer {
    if shown.is_empty() {
        Answer::no_content()
    } else {
        Answer::ok(json!({ "layouts": shown }))
    }
}

/// The vendor marks what it made with `__s`.
pub(super) fn api_name(layout: &Layout) -> String {
    let name = api_name_of(&layout.name);
    if name == "Standard" {
        format!("{name}__s")
    } else {
        name
    }
}

fn wire_form(actor: &Actor, module: &Module, layout: &Layout) -> Json {
    let is_default = module.layouts.first() == Some(layout);
    let profiles = actor.catalog.profiles.iter();
    let profiles = profiles
        .filter(|profile| profile.may(Right::View, module.id))
        .map(|profile| {
            let named = named(&profile.name, profile.id);
            let rest = json!({ "default": is_default, "_default_view": null });
            Json::Object(joined([named, rest]))
        });
    let sections = (1..).zip(&layout.sections);
    let sections = sections.map(|(n, section)| section_form(actor, module, layout, section, n));
    let mut shown = joined([
        json!({
            "id": layout.id.to_string(),
            "name": layout.name,
            "api_name": api_name(layout),
            "display_label": layout.name,
            "status": "active",
            "visible": true,
            "source": "crm",
            "generated_type": "default",
            "has_more_profiles": false,
            "show_business_card": false,
            "mode": null,
            "created_for": null,
            "created_by": null,
            "created_time": null,
            "modified_by": null,
            "modified_time": null,
            "convert_mapping": null,
        }),
        // Layouts are changed by the org's file alone.
        json!({
            "actions_allowed": {
                "edit": false,
                "rename": false,
                "clone": false,
                "downgrade": false,
                "delete": false,
                "deactivate": false,
                "set_layout_permissions": false,
            },
        }),
    ]);
    shown.insert("profiles".to_owned(), profiles.collect());
    shown.insert("sections".to_owned(), sections.collect());
    shown.into()
}

fn section_form(
    actor: &Actor,
    module: &Module,
    layout: &Layout,
    section: &Section,
    n: usize,
) -> Json {
    let fields = section.fields.iter().filter_map(|name| module.field(name));
    let fields = fields.filter(|field| actor.sees(field));
    let fields = (1..).zip(fields).map(|(n, field)| {
        let mut shown = fields::wire_form(actor, module, field);
        let required = field.mandatory || section.required.contains(&field.api_name);
        if layout.values.contains_key(&field.api_name) {
            let offered = field.values.iter();
            let offered = offered.filter(|pick| layout.offers(&field.api_name, &pick.value));
            let offered = fields::picks(actor, module, field, offered);
            shown.insert("pick_list_values".to_owned(), offered.into());
        }
        shown.insert("required".to_owned(), required.into());
        shown.insert("sequence_number".to_owned(), n.into());
        shown.insert("validation_rule".to_owned(), Json::Null);
        Json::Object(shown)
    });
    json!({
        "id": null,
        "api_name": api_name_of(&section.name),
        "name": section.name,
        "display_label": section.name,
        "sequence_number": n,
        "column_count": 2,
        "tab_traversal": null,
        "isSubformSection": false,
        "generated_type": "default",
        "type": "used",
        "properties": null,
        "fields": fields.collect::<Vec<Json>>(),
    })
}

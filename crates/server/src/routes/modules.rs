//! Modules (wire API 11.1).

use super::meta::{asker, joined, named, named_module};
use super::{custom_views, fields};
use crate::answer::Answer;
use crate::call::Call;
use crm::Actor;
use model::id::ModuleId;
use model::module::Module;
use model::people::Right;
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json, json};
use store::Fault;

/// The words of the parameter `status`. Every module here is visible.
const STATUSES: [&str; 4] = [
    "user_hidden",
    "system_hidden",
    "scheduled_for_deletion",
    "visible",
];

/// `GET /settings/modules`: the modules that the caller may see.
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    let shown = call.app.db.read(|tx| {
        let actor = asker(tx, call)?;
        let statuses = call.query.list("status");
        let wrong = statuses.iter().position(|word| !STATUSES.contains(word));
        if let Some(index) = wrong {
            return Err(Refusal::new(Code::InvalidData)
                .with("param_name", "status")
                .with("index", index)
                .with("supported_values", STATUSES.to_vec())
                .into());
        }
        if !statuses.is_empty() && !statuses.contains(&"visible") {
            return Ok(Vec::new());
        }
        let modules = (1..).zip(&actor.catalog.modules);
        let seen = modules.filter(|(_, module)| actor.profile.may(Right::View, module.id));
        let shown = seen.map(|(n, module)| Json::Object(summary(&actor, module, n)));
        Ok(shown.collect())
    })?;
    Ok(Answer::ok(json!({ "modules": shown })))
}

/// `GET /settings/modules/{api_name}`: all of one, by its api name or its id.
pub(super) fn get(call: &Call<'_>) -> Result<Answer, Fault> {
    let found = call.app.db.read(|tx| {
        let actor = asker(tx, call)?;
        let name = call.param("api_name");
        let module = match ModuleId::parse(name) {
            Some(id) => match actor.catalog.module_by_id(id) {
                Some(module) => named_module(&actor, &module.api_name)?,
                None => return Ok(None),
            },
            None => named_module(&actor, name)?,
        };
        Ok(Some(whole(&actor, module)))
    })?;
    Ok(match found {
        Some(module) => Answer::ok(json!({ "modules": [module] })),
        None => Answer::no_content(),
    })
}

/// What the list says of the module in the `n`th place.
fn summary(actor: &Actor, module: &Module, n: usize) -> Map<String, Json> {
    let may = |right| actor.profile.may(right, module.id);
    let (singular, plural) = (module.singular.as_str(), module.plural.as_str());
    let profiles = actor.catalog.profiles.iter();
    let profiles: Vec<Json> = profiles
        .filter(|profile| profile.may(Right::View, module.id))
        .map(|profile| named(&profile.name, profile.id))
        .collect();
    joined([
        json!({
            "id": module.id.to_string(),
            "api_name": module.api_name,
            // The one module whose name is not its api name (wire API 11.1).
            "module_name": if module.api_name == "Events" { "Meetings" } else { &module.api_name },
            "singular_label": singular,
            "plural_label": plural,
            "actual_singular_label": singular,
            "actual_plural_label": plural,
            "generated_type": if module.custom { "custom" } else { "default" },
            "api_supported": true,
            "creatable": may(Right::Create),
            "editable": may(Right::Edit),
            "viewable": true,
            "deletable": may(Right::Delete),
            "convertable": module.api_name == "Leads",
            "quick_create": true,
            "visibility": 1,
            "visible": true,
            "status": "visible",
            "show_as_tab": true,
            "sequence_number": n,
        }),
        json!({
            "presence_sub_menu": false,
            "sub_menu_available": false,
            "feeds_required": false,
            "web_link": null,
            "arguments": [],
            "profile_count": profiles.len(),
            "profiles": profiles,
            "has_more_profiles": false,
            "parent_module": {},
            "modified_by": null,
            "modified_time": null,
            "description": null,
            "access_type": "org_based",
            "private_profile": null,
            "recycle_bin_on_delete": false,
            "business_card_field_limit": 0,
        }),
    ])
}

fn whole(actor: &Actor, module: &Module) -> Json {
    let known = actor.catalog.modules.iter();
    let place = known.take_while(|known| known.id != module.id).count() + 1;
    let view = custom_views::default_of(actor, module);
    let name = module.name_field().map(|field| field.api_name.as_str());
    let mut shown = summary(actor, module, place);
    shown.extend(joined([json!({
        "custom_view": view.map(|view| custom_views::whole(actor, module, view)),
        "fields": fields::seen(actor, module),
        "related_lists": [],
        "territory": null,
        "display_field": name,
        "per_page": 200,
        "filter_supported": true,
    })]));
    shown.into()
}

//! How records of a module may be locked (wire API 14.1). A module whose records can be locked has
//! one configuration, which stands in the org file and has the module's id.

use super::meta::{asker, module_of, named, path_id};
use crate::answer::Answer;
use crate::call::Call;
use crm::Actor;
use model::field::Field;
use model::module::Module;
use serde_json::{Value as Json, json};
use store::Fault;

/// What a lock keeps people from, in the words of wire API 14.1.
const RESTRICTED: [&str; 4] = ["update", "delete", "change_owner", "blueprint"];

/// `GET /settings/record_locking_configurations?module=`
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    show(call, None)
}

/// `GET /settings/record_locking_configurations/{id}?module=`
pub(super) fn get(call: &Call<'_>) -> Result<Answer, Fault> {
    let id = path_id(call, 2)?;
    show(call, Some(id))
}

fn show(call: &Call<'_>, only: Option<i64>) -> Result<Answer, Fault> {
    let shown = call.app.db.read(|tx| {
        let actor = asker(tx, call)?;
        let module = module_of(call, &actor)?;
        let wanted = module.locking && only.is_none_or(|id| id == module.id.0);
        Ok(wanted.then(|| wire_form(&actor, module)))
    })?;
    Ok(match shown {
        Some(shown) => Answer::ok(json!({ "record_locking_configurations": [shown] })),
        None => Answer::no_content(),
    })
}

fn wire_form(actor: &Actor, module: &Module) -> Json {
    let open = &module.lock_exclusions;
    let fields = open.fields.iter().filter_map(|id| module.field_by_id(*id));
    let fields = fields.filter(|field| actor.sees(field)).map(minified);
    let profiles = open
        .profiles
        .iter()
        .filter_map(|id| actor.catalog.profile(*id))
        .map(|profile| named(&profile.name, profile.id));
    let locked_for = if open.profiles.is_empty() {
        "all_profiles"
    } else {
        "all_profiles_except_excluded_profile"
    };
    json!({
        "id": module.id.to_string(),
        "lock_type": "manual",
        "locked_for": locked_for,
        "excluded_fields": fields.collect::<Vec<_>>(),
        "lock_excluded_profiles": profiles.collect::<Vec<_>>(),
        "locking_rules": [],
        "restricted_actions": RESTRICTED,
        "restricted_communications": [],
        "restricted_custom_buttons": [],
        "lock_for_portal_users": false,
        "feature_type": "record_locking",
        "system_defined": false,
        "created_by": null,
        "created_time": null,
        "modified_by": null,
        "modified_time": null,
    })
}

fn minified(field: &Field) -> Json {
    json!({ "api_name": field.api_name, "id": field.id.to_string() })
}

//! Roles (wire API 13).

use super::meta::{asker, named, path_id};
use crate::answer::Answer;
use crate::call::Call;
use crm::Actor;
use model::id::RoleId;
use model::people::Role;
use serde_json::{Value as Json, json};
use store::Fault;

/// `GET /settings/roles`
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    let shown: Vec<Json> = call.app.db.read(|tx| {
        let actor = asker(tx, call)?;
        let roles = actor.catalog.roles.iter();
        Ok(roles.map(|role| wire_form(&actor, role)).collect())
    })?;
    Ok(Answer::ok(json!({ "roles": shown })))
}

/// `GET /settings/roles/{id}`
pub(super) fn get(call: &Call<'_>) -> Result<Answer, Fault> {
    let found = call.app.db.read(|tx| {
        let actor = asker(tx, call)?;
        let role = actor.catalog.role(RoleId(path_id(call, 2)?));
        Ok(role.map(|role| wire_form(&actor, role)))
    })?;
    Ok(match found {
        Some(role) => Answer::ok(json!({ "roles": [role] })),
        None => Answer::no_content(),
    })
}

fn wire_form(actor: &Actor, role: &Role) -> Json {
    let above = role.reports_to.and_then(|id| actor.catalog.role(id));
    json!({
        "id": role.id.to_string(),
        "name": role.name,
        "display_label": role.name,
        "description": role.description,
        "reporting_to": above.map(|above| named(&above.name, above.id)),
        "share_with_peers": role.share_with_peers,
        // An object or null: a boolean breaks the SDKs (wire API 13).
        "forecast_manager": null,
        "admin_user": above.is_none(),
        "created_by__s": null,
        "modified_by__s": null,
        "created_time__s": null,
        "modified_time__s": null,
    })
}

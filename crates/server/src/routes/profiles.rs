//! Profiles (wire API 13).

use super::meta::{asker, joined, path_id};
use crate::answer::Answer;
use crate::call::Call;
use crm::Actor;
use model::id::ProfileId;
use model::module::Module;
use model::people::{Profile, Right};
use serde_json::{Map, Value as Json, json};
use store::Fault;

/// `GET /settings/profiles`
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    let shown: Vec<Json> = call.app.db.read(|tx| {
        let actor = asker(tx, call)?;
        let profiles = actor.catalog.profiles.iter();
        Ok(profiles.map(|profile| summary(profile).into()).collect())
    })?;
    Ok(Answer::ok(json!({ "profiles": shown })))
}

/// `GET /settings/profiles/{id}`: with every permission.
pub(super) fn get(call: &Call<'_>) -> Result<Answer, Fault> {
    let found = call.app.db.read(|tx| {
        let actor = asker(tx, call)?;
        let profile = actor.catalog.profile(ProfileId(path_id(call, 2)?));
        Ok(profile.map(|profile| whole(&actor, profile)))
    })?;
    Ok(match found {
        Some(profile) => Answer::ok(json!({ "profiles": [profile] })),
        None => Answer::no_content(),
    })
}

fn summary(profile: &Profile) -> Map<String, Json> {
    joined([json!({
        "id": profile.id.to_string(),
        "name": profile.name,
        "display_label": profile.name,
        "description": profile.description,
        "custom": profile.custom,
        "category": profile.custom,
        "type": "normal_profile",
        "created_by": null,
        "created_time": null,
        "modified_by": null,
        "modified_time": null,
    })])
}

fn whole(actor: &Actor, profile: &Profile) -> Json {
    let modules = &actor.catalog.modules;
    let permissions = modules.iter().flat_map(|module| {
        rights(module).map(|right| {
            json!({
                // A permission is known by its name alone.
                "id": null,
                "name": right.permission(&module.api_name),
                "display_label": label(right),
                "module": module.api_name,
                "enabled": profile.may(right, module.id),
                "customizable": !profile.administrator,
                "parent_permissions": [],
            })
        })
    });
    let categories = modules.iter().map(|module| {
        let names = rights(module).map(|right| right.permission(&module.api_name));
        json!({
            "name": module.api_name,
            "display_label": module.plural,
            "module": module.api_name,
            "permissions_details": names.collect::<Vec<_>>(),
        })
    });
    let sections = json!([{
        "name": "Module Permissions",
        "categories": categories.collect::<Vec<_>>(),
    }]);
    let mut shown = summary(profile);
    shown.insert("permissions_details".to_owned(), permissions.collect());
    shown.insert("sections".to_owned(), sections);
    shown.into()
}

/// The rights that there are over a module: only leads are converted.
fn rights(module: &Module) -> impl Iterator<Item = Right> {
    let leads = module.api_name == "Leads";
    let all = Right::ALL.into_iter();
    all.filter(move |right| leads || *right != Right::Convert)
}

fn label(right: Right) -> &'static str {
    match right {
        Right::View => "View",
        Right::Create => "Create",
        Right::Edit => "Edit",
        Right::Delete => "Delete",
        Right::MassUpdate => "Mass Update",
        Right::MassTransfer => "Mass Transfer",
        Right::ChangeOwner => "Change Owner",
        Right::MassDelete => "Mass Delete",
        Right::Convert => "Mass Convert",
    }
}

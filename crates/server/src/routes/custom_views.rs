//! Custom views of a module (wire API 10.1).

use super::meta::{Page, asker, joined, module_of, named, pointer};
use crate::answer::Answer;
use crate::call::Call;
use crm::Actor;
use model::criteria::{Condition, Criteria, Literal};
use model::field::FieldKind;
use model::id::{UserId, ViewId};
use model::limits::PER_PAGE_MAX;
use model::module::Module;
use model::refusal::{Code, Refusal};
use model::view::{Audience, View};
use serde_json::{Map, Value as Json, json};
use store::Fault;

/// `GET /settings/custom_views?module=`: the views that the caller may use, without their criteria.
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    let body = call.app.db.read(|tx| {
        let actor = asker(tx, call)?;
        let module = module_of(call, &actor)?;
        let page = Page::read(call, PER_PAGE_MAX, PER_PAGE_MAX)?;
        let (views, info) = page.cut(usable(&actor, module));
        let views = views.into_iter().map(|view| summary(&actor, module, view));
        Ok(json!({
            "custom_views": views.collect::<Vec<_>>(),
            "info": with_default(info, &actor, module),
        }))
    })?;
    Ok(Answer::ok(body))
}

/// `GET /settings/custom_views/{id}?module=`: all of one.
pub(super) fn get(call: &Call<'_>) -> Result<Answer, Fault> {
    let found = call.app.db.read(|tx| {
        let actor = asker(tx, call)?;
        let module = module_of(call, &actor)?;
        let not_a_number = || Refusal::new(Code::UnableToParseDataType);
        let id = ViewId::parse(call.param("id")).ok_or_else(not_a_number)?;
        let Some(view) = module.views.iter().find(|view| view.id == id) else {
            return Ok(None);
        };
        if !view.admits(&actor.user) {
            // No right of a profile would help: the view is somebody else's.
            let none: Vec<String> = Vec::new();
            return Err(Refusal::new(Code::NoPermission)
                .with("permissions", none)
                .into());
        }
        let info = Map::from_iter([
            ("per_page".to_owned(), 1.into()),
            ("count".to_owned(), 1.into()),
            ("page".to_owned(), 1.into()),
            ("more_records".to_owned(), false.into()),
        ]);
        Ok(Some(json!({
            "custom_views": [whole(&actor, module, view)],
            "info": with_default(info, &actor, module),
        })))
    })?;
    Ok(found.map_or_else(Answer::no_content, Answer::ok))
}

fn usable<'a>(actor: &Actor, module: &'a Module) -> Vec<&'a View> {
    let views = module.views.iter();
    views.filter(|view| view.admits(&actor.user)).collect()
}

/// The view that a list opens with: the one of all records, else the first that may be used.
pub(super) fn default_of<'a>(actor: &Actor, module: &'a Module) -> Option<&'a View> {
    let usable = usable(actor, module);
    let all = usable
        .iter()
        .find(|view| view.system_name.as_deref() == Some("ALLVIEWS"));
    all.or_else(|| usable.first()).copied()
}

fn with_default(mut info: Map<String, Json>, actor: &Actor, module: &Module) -> Json {
    let default = default_of(actor, module).map(|view| view.id.to_string());
    info.insert("default".to_owned(), default.into());
    let translation = json!({
        "public_views": "Public Views",
        "other_users_views": "Other Users' Views",
        "shared_with_me": "Shared With Me",
        "created_by_me": "Created By Me",
    });
    info.insert("translation".to_owned(), translation);
    info.into()
}

/// What a list says of a view.
fn summary(actor: &Actor, module: &Module, view: &View) -> Map<String, Json> {
    let user = |id: UserId| Some(named(&actor.catalog.user(id)?.full_name(), id));
    let owner = view.owner.and_then(user);
    let category = match &view.audience {
        _ if view.owner == Some(actor.user.id) => "created_by_me",
        Audience::Public => "public_views",
        Audience::Shared { .. } => "shared_with_me",
        Audience::Owner => "other_users_views",
    };
    let access = match &view.audience {
        Audience::Public => "public",
        Audience::Shared { .. } => "shared",
        Audience::Owner => "only_to_me",
    };
    let default = default_of(actor, module).map(|default| default.id);
    joined([json!({
        "id": view.id.to_string(),
        "name": view.name,
        "display_value": view.name,
        "system_name": view.system_name,
        "system_defined": view.system_name.is_some(),
        "category": category,
        "access_type": access,
        "default": default == Some(view.id),
        "favorite": null,
        "locked": false,
        "offline": false,
        "created_time": null,
        "modified_time": null,
        "last_accessed_time": null,
        "created_by": owner,
        "modified_by": owner,
        "module": pointer(&module.api_name, module.id),
    })])
}

/// All of a view.
pub(super) fn whole(actor: &Actor, module: &Module, view: &View) -> Json {
    let id_of = |name: &str| module.field(name).map(|field| field.id);
    let criteria = view.criteria.as_ref();
    let criteria = criteria.map(|criteria| typed(criteria, module).to_json(id_of));
    let fields = view.fields.iter().filter_map(|name| module.field(name));
    let fields = fields
        .filter(|field| actor.sees(field))
        .map(|field| joined([pointer(&field.api_name, field.id), json!({ "_pin": false })]));
    let mut shown = summary(actor, module, view);
    shown.insert("criteria".to_owned(), criteria.into());
    shown.insert("cross_filters".to_owned(), json!([]));
    shown.insert("fields".to_owned(), fields.map(Json::Object).collect());
    shown.insert("sort_by".to_owned(), Json::Null);
    shown.insert("sort_order".to_owned(), Json::Null);
    shown.insert("shared_to".to_owned(), shared_to(actor, view).into());
    shown.into()
}

/// The same criteria, its truth values and numbers as such: the text form has texts alone.
fn typed(criteria: &Criteria, module: &Module) -> Criteria {
    match criteria {
        Criteria::Group { op, items } => Criteria::Group {
            op: *op,
            items: items.iter().map(|item| typed(item, module)).collect(),
        },
        Criteria::Condition(condition) => {
            let kind = module.field(&condition.field).map(|field| &field.kind);
            let values = condition.values.iter();
            let values = values.map(|value| typed_value(value, kind)).collect();
            let condition = Condition::new(&condition.field, condition.comparator, values);
            Criteria::Condition(condition)
        }
    }
}

fn typed_value(value: &Literal, kind: Option<&FieldKind>) -> Literal {
    let Literal::Text(text) = value else {
        return value.clone();
    };
    let number = || text.parse::<serde_json::Number>().is_ok();
    match kind {
        Some(FieldKind::Boolean) if text == "true" => Literal::Bool(true),
        Some(FieldKind::Boolean) if text == "false" => Literal::Bool(false),
        Some(FieldKind::Integer) if number() => Literal::Number(text.clone()),
        Some(kind) if kind.places().is_some() && number() => Literal::Number(text.clone()),
        _ => value.clone(),
    }
}

fn shared_to(actor: &Actor, view: &View) -> Vec<Json> {
    let Audience::Shared {
        users,
        roles,
        territories,
    } = &view.audience
    else {
        return Vec::new();
    };
    let catalog = &actor.catalog;
    let with = |kind: &str, name: &str, id: String| json!({ "type": kind, "id": id, "name": name, "subordinates": false });
    let users = users.iter().filter_map(|id| catalog.user(*id));
    let roles = roles.iter().filter_map(|id| catalog.role(*id));
    let territories = territories.iter().filter_map(|id| catalog.territory(*id));
    let users = users.map(|user| with("users", &user.full_name(), user.id.to_string()));
    let roles = roles.map(|role| with("roles", &role.name, role.id.to_string()));
    let territories = territories.map(|t| with("territories", &t.name, t.id.to_string()));
    users.chain(roles).chain(territories).collect()
}

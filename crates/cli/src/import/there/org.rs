//! What a server says of a module and its users, as far as reading a file needs it.

use crate::remote::{Remote, quoted};
use crate::settings::Failure;
use anyhow::Context;
use crm::Actor;
use jiff::tz::TimeZone;
use model::catalog::{Catalog, Edition, Limits, Org};
use model::field::{Computed, Field, FieldKind};
use model::id::{FieldId, LayoutId, ModuleId, OrgId, ProfileId, RoleId, UserId};
use model::module::{Layout, Module, RELATED_MODULES};
use model::people::{FieldRight, Profile, Right, TransferTo, User, UserStatus, UserType};
use model::rule::Rules;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Nobody has so many pages of users.
const PAGES_MAX: usize = 1_000;

/// The module, and the token's user with the rights that matter here.
pub(super) fn ask(server: &Remote, name: &str) -> Result<(Actor, Module), Failure> {
    let path = |noun: &str| format!("/crm/v8/settings/{noun}?module={}", quoted(name));
    let shown = items(server, &path("fields"), "fields")?;
    let fields: Vec<Field> = shown.iter().filter_map(field).collect();
    let rights = shown.iter().filter_map(|json| {
        let locked = truth(json, "field_read_only");
        locked.then_some((FieldId(id(json)?), FieldRight::ReadOnly))
    });
    let layouts = items(server, &path("layouts"), "layouts")?;
    let layout = |json: &Json| {
        Some(Layout {
            id: LayoutId(id(json)?),
            name: text(json, "name")?.to_owned(),
            sections: Vec::new(),
            values: BTreeMap::new(),
        })
    };
    let module = Module {
        id: ModuleId(1),
        api_name: name.to_owned(),
        singular: name.to_owned(),
        plural: name.to_owned(),
        named_by: None,
        custom: false,
        territories: false,
        locking: false,
        // The server narrows what it shows; here it decides nothing.
        sharing: model::access::Sharing::Private,
        lock_exclusions: model::module::LockExclusions::default(),
        fields,
        layouts: layouts.iter().filter_map(layout).collect(),
        views: Vec::new(),
        rules: Rules::default(),
        blueprints: Vec::new(),
    };
    let profile = Profile {
        id: ProfileId(1),
        name: String::new(),
        description: String::new(),
        custom: false,
        administrator: false,
        // The server says no itself where the user has not the right.
        modules: BTreeMap::from([(module.id, Right::ALL.to_vec())]),
        fields: rights.collect(),
        transfer_to: TransferTo::Anyone,
    };
    let own = items(server, "/crm/v8/users?type=CurrentUser", "users")?;
    let own = own
        .first()
        .context("the server does not say whose token this is")?;
    let zone = text(own, "time_zone").unwrap_or("UTC");
    let actor = Actor {
        user: user(own).context("the server's answer has no user in it")?,
        profile: profile.clone(),
        zone: TimeZone::get(zone).unwrap_or(TimeZone::UTC),
        catalog: Arc::new(Catalog {
            version: 0,
            org: no_org(),
            modules: Vec::new(),
            roles: Vec::new(),
            profiles: vec![profile],
            users: users(server)?,
            territories: Vec::new(),
        }),
    };
    Ok((actor, module))
}

/// The field that names a record of a module.
pub(super) fn name_field(server: &Remote, module: &str) -> Result<Option<String>, Failure> {
    let path = format!("/crm/v8/settings/fields?module={}", quoted(module));
    let fields = items(server, &path, "fields")?;
    let named = fields.iter().find(|json| truth(json, "display_field"));
    Ok(named
        .and_then(|json| text(json, "api_name"))
        .map(str::to_owned))
}

fn items(server: &Remote, path: &str, key: &str) -> Result<Vec<Json>, Failure> {
    let answer = server.ask("GET", path, &Json::Null)?;
    let items = answer.get(key).and_then(Json::as_array);
    Ok(items.cloned().unwrap_or_default())
}

fn users(server: &Remote) -> Result<Vec<User>, Failure> {
    let mut users = Vec::new();
    for page in 1..=PAGES_MAX {
        let path = format!("/crm/v8/users?type=ActiveUsers&per_page=200&page={page}");
        let answer = server.ask("GET", &path, &Json::Null)?;
        let found = answer.get("users").and_then(Json::as_array);
        users.extend(found.into_iter().flatten().filter_map(user));
        if answer.pointer("/info/more_records") != Some(&Json::Bool(true)) {
            break;
        }
    }
    Ok(users)
}

fn text<'a>(json: &'a Json, key: &str) -> Option<&'a str> {
    json.get(key)?.as_str()
}

fn truth(json: &Json, key: &str) -> bool {
    json.get(key) == Some(&Json::Bool(true))
}

fn id(json: &Json) -> Option<i64> {
    model::id::parse(text(json, "id")?)
}

fn user(json: &Json) -> Option<User> {
    Some(User {
        id: UserId(id(json)?),
        email: text(json, "email")?.to_owned(),
        first_name: String::new(),
        last_name: String::new(),
        role: RoleId(1),
        profile: ProfileId(1),
        status: UserStatus::Active,
        confirmed: truth(json, "confirm"),
        user_type: UserType::Regular,
        time_zone: None,
        territories: Vec::new(),
    })
}

fn field(json: &Json) -> Option<Field> {
    let computed = truth(json, "virtual_field").then_some(Computed::FullName);
    Some(Field {
        id: FieldId(id(json)?),
        api_name: text(json, "api_name")?.to_owned(),
        label: text(json, "field_label")?.to_owned(),
        kind: kind(json)?,
        custom: truth(json, "custom_field"),
        mandatory: truth(json, "system_mandatory"),
        read_only: truth(json, "read_only"),
        unique: false,
        mass_update: false,
        values: Vec::new(),
        depends_on: None,
        computed,
        convert_to: None,
    })
}

fn kind(json: &Json) -> Option<FieldKind> {
    use FieldKind as K;
    let max = || {
        let length = json.get("length")?.as_u64()?;
        u32::try_from(length).ok()
    };
    let places = || {
        let places = json.get("decimal_place")?.as_u64()?;
        u8::try_from(places).ok()
    };
    Some(match text(json, "data_type")? {
        "text" => K::Text { max: max()? },
        "textarea" => K::TextArea { max: max()? },
        "email" => K::Email,
        "phone" => K::Phone,
        "website" => K::Website,
        "picklist" => K::Picklist,
        "multiselectpicklist" => K::MultiSelectPicklist,
        "integer" => K::Integer,
        "bigint" => K::BigInt,
        "double" => K::Double { places: places()? },
        "currency" => K::Currency { places: places()? },
        "percent" => K::Percent { places: places()? },
        "boolean" => K::Boolean,
        "date" => K::Date,
        "datetime" => K::DateTime,
        "lookup" => match json.pointer("/lookup/module/api_name")?.as_str()? {
            RELATED_MODULES => K::RelatedTo,
            module => K::Lookup {
                module: module.to_owned(),
            },
        },
        "ownerlookup" => K::OwnerLookup,
        "userlookup" => K::UserLookup,
        "autonumber" => K::AutoNumber {
            prefix: String::new(),
            start: 0,
        },
        "layout" => K::Layout,
        _ => return None,
    })
}

/// Reading a file asks nothing of these.
fn no_org() -> Org {
    Org {
        id: OrgId(1),
        company: String::new(),
        time_zone: "UTC".to_owned(),
        currency: String::new(),
        currency_symbol: String::new(),
        iso_code: String::new(),
        country_code: String::new(),
        primary_email: String::new(),
        edition: Edition::Enterprise,
        limits: Limits::default(),
    }
}

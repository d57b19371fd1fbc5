//! Users (wire API 13).

use super::meta::{Page, asker, ids_param, joined, named, path_id};
use crate::answer::Answer;
use crate::call::Call;
use crm::Actor;
use model::id::UserId;
use model::limits::PER_PAGE_MAX;
use model::people::{User, UserStatus, UserType};
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use serde_json::{Map, Value as Json, json};
use store::Fault;

/// The words of the parameter `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    All,
    Active,
    Deactive,
    Confirmed,
    NotConfirmed,
    Deleted,
    ActiveConfirmed,
    Admin,
    ActiveConfirmedAdmin,
    Current,
    ConfirmedReporting,
    Developer,
}

const KINDS: [(&str, Kind); 12] = [
    ("AllUsers", Kind::All),
    ("ActiveUsers", Kind::Active),
    ("DeactiveUsers", Kind::Deactive),
    ("ConfirmedUsers", Kind::Confirmed),
    ("NotConfirmedUsers", Kind::NotConfirmed),
    ("DeletedUsers", Kind::Deleted),
    ("ActiveConfirmedUsers", Kind::ActiveConfirmed),
    ("AdminUsers", Kind::Admin),
    ("ActiveConfirmedAdmins", Kind::ActiveConfirmedAdmin),
    ("CurrentUser", Kind::Current),
    ("ConfirmedReportingUsers", Kind::ConfirmedReporting),
    ("DeveloperUsers", Kind::Developer),
];

/// The words of the parameter `type__s`. No user here is of the last two.
const CLASSES: [&str; 5] = [
    "Regular User",
    "Lite User",
    "Service Provider User",
    "Sandbox Developer User",
    "Team User",
];

impl Kind {
    fn read(call: &Call<'_>) -> Result<Self, Refusal> {
        let Some(word) = call.query.get("type") else {
            return Ok(Self::All);
        };
        let found = KINDS.iter().find(|(known, _)| *known == word);
        found.map(|(_, kind)| *kind).ok_or_else(|| mismatch("type"))
    }

    fn takes(self, actor: &Actor, user: &User) -> bool {
        let profile = actor.catalog.profile(user.profile);
        let admin = profile.is_some_and(|profile| profile.administrator);
        let (active, confirmed) = (user.is_active(), user.confirmed);
        if user.status == UserStatus::Deleted {
            return self == Self::Deleted;
        }
        match self {
            Self::All => true,
            Self::Active => active,
            Self::Deactive => !active,
            Self::Confirmed => confirmed,
            Self::NotConfirmed => !confirmed,
            // Nobody has a sandbox.
            Self::Deleted | Self::Developer => false,
            Self::ActiveConfirmed => active && confirmed,
            Self::Admin => admin,
            Self::ActiveConfirmedAdmin => active && confirmed && admin,
            Self::Current => user.id == actor.user.id,
            Self::ConfirmedReporting => {
                confirmed && actor.catalog.is_below(user.role, actor.user.role)
            }
        }
    }
}

fn mismatch(param: &str) -> Refusal {
    Refusal::new(Code::PatternNotMatched).with("param_name", param)
}

/// `GET /users`
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    let (shown, info) = call.app.db.read(|tx| {
        let actor = asker(tx, call)?;
        let kind = Kind::read(call)?;
        let class = call.query.get("type__s");
        if class.is_some_and(|word| !CLASSES.contains(&word)) {
            return Err(mismatch("type__s").into());
        }
        let ids = ids_param(call)?;
        let page = Page::read(call, PER_PAGE_MAX, PER_PAGE_MAX)?;
        let asked = |user: &&User| ids.as_ref().is_none_or(|ids| ids.contains(&user.id.0));
        let users = actor.catalog.users.iter().filter(asked);
        let users = users.filter(|user| kind.takes(&actor, user));
        let users = users.filter(|user| class.is_none_or(|word| word == licence(user)));
        let (users, info) = page.cut(users.collect());
        Ok((wire_forms(&actor, &users, call.now), info))
    })?;
    Ok(answer(shown, Some(info)))
}

/// `GET /users/{id}`
pub(super) fn get(call: &Call<'_>) -> Result<Answer, Fault> {
    let shown = call.app.db.read(|tx| {
        let actor = asker(tx, call)?;
        let user = actor.catalog.user(UserId(path_id(call, 1)?));
        let users = Vec::from_iter(user);
        Ok(wire_forms(&actor, &users, call.now))
    })?;
    Ok(answer(shown, None))
}

/// `{"users","info"}`, or nothing when there are none.
pub(super) fn answer(shown: Vec<Json>, info: Option<Map<String, Json>>) -> Answer {
    if shown.is_empty() {
        return Answer::no_content();
    }
    let mut body = Map::from_iter([("users".to_owned(), shown.into())]);
    if let Some(info) = info {
        body.insert("info".to_owned(), info.into());
    }
    Answer::ok(body.into())
}

pub(super) fn wire_forms(actor: &Actor, users: &[&User], now: Timestamp) -> Vec<Json> {
    let users = users.iter();
    users.map(|user| wire_form(actor, user, now)).collect()
}

/// The word for what they are licensed for.
fn licence(user: &User) -> &'static str {
    match user.user_type {
        UserType::Regular => "Regular User",
        UserType::Lite => "Lite User",
        UserType::ServiceProvider => "Service Provider User",
    }
}

/// A user as the wire shows them. What nobody keeps here is null: a date that is an empty text or
/// an object that is a boolean breaks the SDKs (wire API 13, 20.4).
fn wire_form(actor: &Actor, user: &User, now: Timestamp) -> Json {
    let catalog = &actor.catalog;
    let role = catalog.role(user.role);
    let profile = catalog.profile(user.profile);
    let territories = user.territories.iter();
    let territories = territories.filter_map(|id| catalog.territory(*id));
    let zone = catalog.zone(user);
    let time_zone = user.time_zone.as_ref().unwrap_or(&catalog.org.time_zone);
    joined([
        json!({
            "id": user.id.to_string(),
            "zuid": user.id.to_string(),
            "email": user.email,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "full_name": user.full_name(),
            "status": user.status.as_str(),
            "confirm": user.confirmed,
            "role": role.map(|role| named(&role.name, role.id)),
            "profile": profile.map(|profile| named(&profile.name, profile.id)),
            "Reporting_To": null,
            "territories": territories.map(|t| named(&t.name, t.id)).collect::<Vec<_>>(),
            "type__s": licence(user),
            "category": "regular_user",
            "time_zone": time_zone,
            "offset": now.offset_ms(&zone),
        }),
        json!({
            "locale": "en_US",
            "language": "en_US",
            "country_locale": "en_US",
            "date_format": "MMM d, yyyy",
            "time_format": "HH:mm",
            "number_separator": "Comma",
            "decimal_separator": "Period",
            "name_format__s": "Salutation,First Name,Last Name",
            "sort_order_preference__s": "First Name,Last Name",
            "default_tab_group": "0",
            "Isonline": false,
            "microsoft": false,
            "personal_account": false,
            "sandboxDeveloper": false,
            "status_reason__s": null,
            "created_time": null,
            "created_by": null,
            "Modified_Time": null,
            "Modified_By": null,
            "theme": null,
            "customize_info": null,
        }),
        nulls(&[
            "alias",
            "phone",
            "mobile",
            "fax",
            "website",
            "dob",
            "street",
            "city",
            "state",
            "zip",
            "country",
            "signature",
        ]),
    ])
    .into()
}

/// Keys that have no value here.
pub(super) fn nulls(keys: &[&str]) -> Json {
    let nulls = keys.iter().map(|key| ((*key).to_owned(), Json::Null));
    Json::Object(nulls.collect())
}

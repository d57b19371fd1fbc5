//! Sharing a record with users (the vendor's pages on sharing records; wire API 7.5). Refusals are
//! bare and name their place: a request shares with all of its users or with none.

use super::records::{open, path_id, wire_body, writing};
use crate::answer::Answer;
use crate::call::Call;
use crate::version::module_not_served;
use crate::wire;
use crm::share::{self, Scope, Wanted};
use crm::{Actor, Writing};
use model::access::Permission;
use model::body::{Key, Object};
use model::field::json_id;
use model::id::{RecordId, UserId};
use model::limits::{PER_PAGE_MAX, SHARES_PER_RECORD_MAX};
use model::module::{Module, system};
use model::people::User;
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json, json};
use store::changes::Cause;
use store::shares::Share;
use store::{Fault, Priority, Tx};

/// Their records are seen with those that they belong to; the vendor shares none by itself.
const NOT_SHARED: [&str; 3] = ["Tasks", "Events", "Calls"];

/// Who asks, about which record of which module.
fn about(tx: &mut Tx, call: &Call<'_>) -> Result<(Actor, Module, RecordId), Fault> {
    let (actor, module) = open(tx, call)?;
    if NOT_SHARED.contains(&module.api_name.as_str()) {
        return Err(call.tell(module_not_served()).into());
    }
    let id = path_id(call).map_err(|_| share::unknown())?;
    Ok((actor, module, id))
}

/// `GET /{module}/{id}/actions/share`: with whom it is shared, and could be.
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    let wrong = |name: &str| Refusal::new(Code::InvalidData).with("param_name", name);
    let only = match call.query.get("sharedTo") {
        None => None,
        Some(text) => Some(UserId::parse(text).ok_or_else(|| wrong("sharedTo"))?),
    };
    let views = [None, Some("summary"), Some("manage")];
    if !views.contains(&call.query.get("view")) {
        return Err(wrong("view").into());
    }
    call.app.db.read(|tx| {
        let (actor, module, id) = about(tx, call)?;
        let shares = share::of(tx, &actor, &module, id)?;
        let name = wire::name_of(tx, &actor, &module, id)?;
        let owner = owner_of(tx, &actor, &module, id)?;
        let taken: Vec<UserId> = shares.iter().map(|share| share.user).chain(owner).collect();
        let shown = shares
            .iter()
            .filter(|share| only.is_none_or(|only| share.user == only))
            .map(|share| share_json(&actor, &module, share, name.as_deref()));
        let shown: Vec<Json> = shown.collect();
        let users = share::shareable(&actor, &module, &taken, PER_PAGE_MAX);
        let users: Vec<Json> = users.into_iter().map(user_json).collect();
        Ok(Answer::ok(
            json!({ "share": shown, "shareable_user": users }),
        ))
    })
}

/// Whose record it is.
fn owner_of(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    id: RecordId,
) -> Result<Option<UserId>, Fault> {
    let seen = actor.seen(module).of_ids([id]);
    let owner: Vec<_> = module.field(system::OWNER).into_iter().collect();
    let order = store::records::Order::BY_ID;
    let found = store::records::list(tx, module, &owner, &seen, order, (0, 1))?.pop();
    let owner = found.and_then(|record| record.values.first()?.as_int());
    Ok(owner.map(UserId))
}

fn user_json(user: &User) -> Json {
    let id = user.id.to_string();
    json!({ "full_name": user.full_name(), "id": id, "zuid": id })
}

fn share_json(actor: &Actor, module: &Module, share: &Share, name: Option<&str>) -> Json {
    let user = |id: UserId| actor.catalog.user(id).map(user_json);
    let of_module = json!({
        "api_name": module.api_name, "name": module.plural, "id": module.id.to_string(),
    });
    json!({
        "share_related_records": false,
        "shared_through": {
            "module": of_module, "id": share.record.to_string(), "entity_name": name, "name": name,
        },
        "shared_time": share.at.to_wire(&actor.zone),
        "permission": share.permission.as_str(),
        "shared_by": user(share.actor),
        "user": user(share.user),
        "type": "private",
    })
}

/// `POST /{module}/{id}/actions/share`: shares it with further users.
pub(super) fn add(call: &Call<'_>) -> Result<Answer, Fault> {
    put(call, Scope::Further)
}

/// `PUT /{module}/{id}/actions/share`: shares it with these users and no others.
pub(super) fn replace(call: &Call<'_>) -> Result<Answer, Fault> {
    put(call, Scope::All)
}

fn put(call: &Call<'_>, scope: Scope) -> Result<Answer, Fault> {
    let (id, count) = call.app.db.write(Priority::Interactive, |tx| {
        let (actor, module, id) = about(tx, call)?;
        let writing = share_writing(call, &actor, &module);
        share::authorise(writing)?;
        let wanted = read(&wire_body(&call.json_object()?))?;
        share::put(tx, writing, id, &wanted, scope)?;
        Ok((id, wanted.len()))
    })?;
    let done = success("record will be shared successfully", id);
    Ok(Answer::ok(json!({ "share": vec![done; count] })))
}

fn share_writing<'a>(call: &Call<'_>, actor: &'a Actor, module: &'a Module) -> Writing<'a> {
    writing(call, actor, module, Cause::Share)
}

fn success(message: &str, id: RecordId) -> Json {
    let details = Map::from_iter([("id".to_owned(), id.to_string().into())]);
    wire::success(message, details)
}

/// `DELETE /{module}/{id}/actions/share`: takes it back from everyone.
pub(super) fn revoke(call: &Call<'_>) -> Result<Answer, Fault> {
    let id = call.app.db.write(Priority::Interactive, |tx| {
        let (actor, module, id) = about(tx, call)?;
        share::revoke(tx, share_writing(call, &actor, &module), id)?;
        Ok(id)
    })?;
    Ok(Answer::ok(
        json!({ "share": success("Sharing Revoked", id) }),
    ))
}

/// Refuses what would be promised and not done.
fn unsupported(key: &Key<'_>, only: &Json, text: &'static str) -> Result<(), Refusal> {
    let said = key.clone().or_null().node();
    if said.is_none_or(|said| said.json() == only) {
        return Ok(());
    }
    let refusal = Refusal::new(Code::NotSupported).saying(text);
    Err(refusal.at(key.place()))
}

/// The entries of `share`: 1 to 10. A share that was read wrongly shows a record to the wrong people,
/// so all keys must be known.
fn read(body: &Object<'_>) -> Result<Vec<Wanted>, Refusal> {
    body.known(&["share", "notify", "notify_on_completion"])?;
    for key in ["notify", "notify_on_completion"] {
        let text = "nobody is notified of a share: leave this out or say false";
        unsupported(&body.key(key), &Json::Bool(false), text)?;
    }
    let items = body.key("share").items()?;
    if items.len() > SHARES_PER_RECORD_MAX {
        let refusal = Refusal::new(Code::ShareLimitExceeded);
        return Err(refusal.with("limit", SHARES_PER_RECORD_MAX));
    }
    let read = items.iter().map(|item| entry(&item.object()?));
    read.collect()
}

fn entry(object: &Object<'_>) -> Result<Wanted, Refusal> {
    let keys = [
        "user",
        "shared_with",
        "permission",
        "share_related_records",
        "type",
    ];
    object.known(&keys)?;
    let text = "records that belong to a shared one are shared by themselves";
    let related = object.key("share_related_records");
    unsupported(&related, &Json::Bool(false), text)?;
    let text = "a record is shared with users: a module is made public in the org file";
    unsupported(&object.key("type"), &"private".into(), text)?;
    let user = object.key("user").node();
    let user = user.or_else(|| object.key("shared_with").node());
    let user = user.ok_or_else(|| object.key("user").place().mandatory())?;
    let named = user.object().ok();
    if let Some(user) = &named {
        let text = "records are shared with users only";
        unsupported(&user.key("type"), &"users".into(), text)?;
    }
    let id = named.and_then(|user| user.key("id").node());
    let id = id.ok_or_else(|| user.place().key("id").mandatory())?;
    let wrong_id = || {
        let refusal = id.place().invalid();
        refusal.saying("the related id given seems to be invalid")
    };
    let user = json_id(id.json()).map(UserId).ok_or_else(wrong_id)?;
    let permission = match object.key("permission").or_null().node() {
        // The vendor's default.
        None => Permission::FullAccess,
        Some(word) => {
            let known = word.json().as_str().and_then(Permission::parse);
            known.ok_or_else(|| word.place().invalid().saying("Permission is invalid"))?
        }
    };
    Ok(Wanted {
        user,
        permission,
        place: object.place().clone(),
    })
}

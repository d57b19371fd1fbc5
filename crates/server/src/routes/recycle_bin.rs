//! The recycle bin: what is in it, restoring it, and removing it for good (wire API 9.7; the vendor's
//! pages on the recycle bin, v6 to v8).

use super::deleted::Page;
use crate::answer::Answer;
use crate::call::Call;
use crate::wire;
use crm::deleted::{self, Fate};
use crm::{Actor, record};
use jobs::Settled;
use model::body::{DataType, Key, Manner, Node, Object};
use model::field::json_id;
use model::id::{RecordId, UserId};
use model::limits::{IDS_PARAM_MAX, RESTORE_IDS_MAX};
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeSet, HashMap};
use store::deleted::{self as stored, Entry, Filter, NameTest, Sort};
use store::{Fault, Priority, Tx};

fn actor(tx: &mut Tx, call: &Call<'_>) -> Result<Actor, Fault> {
    Ok(Actor::of(&tx.catalog()?, call.actor.user)?)
}

/// What is in the bin and shown to the actor.
fn bin(actor: &Actor) -> Filter {
    Filter {
        in_bin: Some(true),
        ..deleted::seen(actor)
    }
}

/// `GET /settings/recycle_bin`: a page of it.
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Fault> {
    call.app.db.read(|tx| {
        let actor = actor(tx, call)?;
        let page = Page::of(call)?;
        let order = order(call)?;
        let mut filter = bin(&actor);
        if call.query.get("ids").is_some() {
            let ids = ids_param(call)?;
            filter.ids = Some(ids.into_iter().filter_map(Result::ok).collect());
        }
        if let Some(text) = call.query.get("filters") {
            narrow(&mut filter, &actor, &filters_param(text)?)?;
        }
        let (found, more) = page.fetch(tx, &filter, order)?;
        if found.is_empty() {
            return Ok(Answer::no_content());
        }
        let items: Vec<Json> = found.iter().map(|entry| shown(&actor, entry)).collect();
        let info = page.info(items.len(), more);
        Ok(Answer::ok(json!({ "recycle_bin": items, "info": info })))
    })
}

fn order(call: &Call<'_>) -> Result<(Sort, bool), Refusal> {
    let wrong = |name: &str| Refusal::new(Code::InvalidData).with("param_name", name);
    let sort = match call.query.get("sort_by") {
        None | Some("deleted_time") => Sort::Time,
        Some("display_name") => Sort::Name,
        Some("deleted_by") => Sort::By,
        Some(_) => return Err(wrong("sort_by")),
    };
    match call.query.get("sort_order") {
        None | Some("desc") => Ok((sort, false)),
        Some("asc") => Ok((sort, true)),
        Some(_) => Err(wrong("sort_order")),
    }
}

fn shown(actor: &Actor, entry: &Entry) -> Json {
    let module = actor.catalog.module_by_id(entry.module);
    let module =
        module.map(|module| json!({ "api_name": module.api_name, "id": module.id.to_string() }));
    json!({
        "display_name": entry.name,
        "deleted_time": entry.deleted_at.to_wire(&actor.zone),
        "owner": wire::user_brief(actor, entry.owner),
        "module": module,
        "deleted_by": wire::user_brief(actor, Some(entry.deleted_by)),
        "id": entry.record.to_string(),
    })
}

/// The id in the path.
fn path_id(call: &Call<'_>) -> Result<RecordId, Refusal> {
    let wrong = || Refusal::new(Code::InvalidData).with("resource_path_index", 2);
    RecordId::parse(call.param("record_id")).ok_or_else(wrong)
}

/// `GET /settings/recycle_bin/{record_id}`: one record of it.
pub(super) fn get(call: &Call<'_>) -> Result<Answer, Fault> {
    call.app.db.read(|tx| {
        let actor = actor(tx, call)?;
        let filter = Filter {
            ids: Some(vec![path_id(call)?]),
            ..bin(&actor)
        };
        let found = stored::list(tx, &filter, (Sort::Id, true), (0, 1))?;
        Ok(match found.first() {
            Some(entry) => Answer::ok(json!({ "recycle_bin": [shown(&actor, entry)] })),
            None => Answer::no_content(),
        })
    })
}

/// `GET /settings/recycle_bin/actions/count`: how many are in it.
pub(super) fn count(call: &Call<'_>) -> Result<Answer, Fault> {
    call.app.db.read(|tx| {
        let actor = actor(tx, call)?;
        let mut filter = bin(&actor);
        if let Some(text) = call.query.get("filters") {
            narrow(&mut filter, &actor, &filters_param(text)?)?;
        }
        Ok(Answer::ok(json!({ "count": stored::count(tx, &filter)? })))
    })
}

/// An id, or the text that is none.
type Named = Result<RecordId, String>;

fn ids_param(call: &Call<'_>) -> Result<Vec<Named>, Refusal> {
    let texts = call.query.list("ids");
    let wrong = || Refusal::new(Code::InvalidData).with("param_name", "ids");
    if texts.is_empty() {
        return Err(wrong());
    }
    if texts.len() > IDS_PARAM_MAX {
        let refusal = Refusal::new(Code::LimitExceeded).with("limit", IDS_PARAM_MAX);
        return Err(refusal.with("param_name", "ids"));
    }
    let read = |text: &str| RecordId::parse(text).ok_or_else(|| text.to_owned());
    Ok(texts.into_iter().map(read).collect())
}

/// Restores or removes the named records in one transaction.
fn these(call: &Call<'_>, named: &[Named], fate: Fate) -> Result<Answer, Fault> {
    let ids: BTreeSet<RecordId> = named.iter().filter_map(|id| id.clone().ok()).collect();
    let ids: Vec<RecordId> = ids.into_iter().collect();
    let refused = call.app.db.write(Priority::Interactive, |tx| {
        let actor = actor(tx, call)?;
        deleted::measure(tx, &ids)?;
        Ok(match fate {
            Fate::Restored => {
                let settled = record::restore(tx, &actor, &ids, call.now)?.into_iter();
                settled.map(why_left).collect::<Vec<Option<Refusal>>>()
            }
            Fate::Purged => {
                let purged = deleted::purge(tx, &actor, &ids, call.now)?.into_iter();
                purged.map(Result::err).collect()
            }
        })
    })?;
    let refused: HashMap<RecordId, Option<Refusal>> = ids.into_iter().zip(refused).collect();
    let text = match fate {
        Fate::Restored => "record restored",
        Fate::Purged => "record deleted",
    };
    let item = |id: &Named| {
        let refused = match id {
            Err(text) => Some(record::unknown_id(text)),
            Ok(id) => refused.get(id).cloned().flatten(),
        };
        let Some(refusal) = refused else {
            let id = id.as_ref().map(RecordId::to_string).unwrap_or_default();
            return wire::success(text, Map::from_iter([("id".to_owned(), id.into())]));
        };
        refusal.to_json()
    };
    let items: Vec<Json> = named.iter().map(item).collect();
    let failed = items
        .iter()
        .filter(|item| item.get("status").is_some_and(|status| status == "error"))
        .count();
    // Its pages have 207 in every version.
    let status = match failed {
        0 => 200,
        some if some < items.len() => 207,
        _ => 400,
    };
    Ok(Answer::json(status, json!({ "recycle_bin": items })))
}

/// Why a record was left as it was, if it was.
fn why_left(settled: Settled) -> Option<Refusal> {
    match settled {
        Settled::Failed(refusal) => Some(refusal),
        Settled::Changed | Settled::ChangedInPart(_) | Settled::Unchanged => None,
    }
}

/// `DELETE /settings/recycle_bin/{record_id}`: removes one for good.
pub(super) fn delete_one(call: &Call<'_>) -> Result<Answer, Fault> {
    these(call, &[Ok(path_id(call)?)], Fate::Purged)
}

/// `DELETE /settings/recycle_bin?ids=` or `?filters=`: removes several for good.
pub(super) fn delete(call: &Call<'_>) -> Result<Answer, Fault> {
    let given = |name: &str| call.query.get(name);
    match (given("ids"), given("filters")) {
        (Some(_), Some(_)) => {
            let both = ["ids", "filters"].map(|name| json!({ "param_name": name }));
            let refusal = Refusal::new(Code::AmbiguityDuringProcessing);
            Err(refusal.with("ambiguity_due_to", both.to_vec()).into())
        }
        (Some(_), None) => these(call, &ids_param(call)?, Fate::Purged),
        (None, Some(text)) => {
            let text = filters_param(text)?;
            matching(call, Some(&text), Fate::Purged, "records have been deleted")
        }
        (None, None) => {
            let refusal = Refusal::new(Code::ExpectedParamMissing);
            Err(refusal.with("param_names", vec!["ids", "filters"]).into())
        }
    }
}

/// Restores or removes all that conditions find, or all.
fn matching(
    call: &Call<'_>,
    conditions: Option<&Json>,
    fate: Fate,
    text: &str,
) -> Result<Answer, Fault> {
    let filter = call.app.db.read(|tx| {
        let actor = actor(tx, call)?;
        let mut filter = bin(&actor);
        if let Some(conditions) = conditions {
            narrow(&mut filter, &actor, conditions)?;
        }
        Ok(filter)
    })?;
    deleted::all(&call.app.db, |tx| actor(tx, call), &filter, fate, call.now)?;
    let mut item = wire::success(text, Map::new());
    if let (Fate::Restored, Some(code)) = (fate, item.get_mut("code")) {
        *code = "SCHEDULED".into();
    }
    let status = if fate == Fate::Restored { 202 } else { 200 };
    Ok(Answer::json(status, json!({ "recycle_bin": [item] })))
}

/// `POST /settings/recycle_bin/{record_id}/actions/restore`: restores one.
pub(super) fn restore_one(call: &Call<'_>) -> Result<Answer, Fault> {
    these(call, &[Ok(path_id(call)?)], Fate::Restored)
}

/// `POST /settings/recycle_bin/actions/restore`: restores those of `ids`, those that `filters` find,
/// or all.
pub(super) fn restore(call: &Call<'_>) -> Result<Answer, Fault> {
    const KEYS: [&str; 3] = ["ids", "filters", "restore_all_records"];
    let body = call.json_object()?;
    let body = Object::body(&body, Manner::WIRE);
    body.known(&KEYS)?;
    let given = KEYS.map(|key| body.key(key).or_null().node());
    let given: Vec<Node<'_>> = given
        .into_iter()
        .flatten()
        .filter(|node| *node.json() != Json::Bool(false))
        .collect();
    match given.as_slice() {
        [] => {
            let all = KEYS.map(|key| body.key(key).place().to_json());
            let refusal = Refusal::new(Code::ExpectedFieldMissing);
            Err(refusal.with("expected_fields", all.to_vec()).into())
        }
        [ids] if ids.place().api_name() == "ids" => these(call, &ids_of_body(ids)?, Fate::Restored),
        [one] => {
            let filters = one.place().api_name() == "filters";
            if !filters {
                one.boolean()?;
            }
            let conditions = filters.then_some(one.json());
            let text = "Bulk restoration of records based on filters has been scheduled";
            matching(call, conditions, Fate::Restored, text)
        }
        several => {
            let several: Vec<Json> = several.iter().map(|node| node.place().to_json()).collect();
            let refusal = Refusal::new(Code::AmbiguityDuringProcessing);
            Err(refusal.with("ambiguity_due_to", several).into())
        }
    }
}

fn ids_of_body(list: &Node<'_>) -> Result<Vec<Named>, Refusal> {
    let place = list.place();
    let ids = list.list()?;
    if ids.is_empty() {
        return Err(place.wrong_type(DataType::JsonArray));
    }
    if ids.len() > RESTORE_IDS_MAX {
        return Err(place.too_long(RESTORE_IDS_MAX));
    }
    let text = |id: &Json| id.as_str().map_or_else(|| id.to_string(), str::to_owned);
    let read = |id: &Node<'_>| match id.json() {
        id @ (Json::String(_) | Json::Number(_)) => {
            Ok(json_id(id).map(RecordId).ok_or_else(|| text(id)))
        }
        _ => Err(place.wrong_type(DataType::String)),
    };
    ids.iter().map(read).collect()
}

/// `POST /settings/recycle_bin/actions/empty`: removes everything for good; for administrators only.
pub(super) fn empty(call: &Call<'_>) -> Result<Answer, Fault> {
    let administrator = call
        .app
        .db
        .read(|tx| Ok(actor(tx, call)?.profile.administrator))?;
    if !administrator {
        let refusal = Refusal::new(Code::AuthorizationFailed);
        return Err(refusal
            .saying("Non admin user can't empty the recycle bin")
            .into());
    }
    matching(call, None, Fate::Purged, "")?;
    Ok(Answer::ok(wire::success(
        "recyclebin is cleared",
        Map::new(),
    )))
}

fn filters_param(text: &str) -> Result<Json, Refusal> {
    serde_json::from_str(text).map_err(|_| {
        let refusal = Refusal::new(Code::InvalidData).with("param_name", "filters");
        refusal.with("expected_data_type", "jsonobject")
    })
}

/// What is wrong with a key of conditions.
fn wrong(key: &Key<'_>, text: &'static str) -> Refusal {
    let refusal = key.place().invalid().saying(text);
    refusal.with("param_name", "filters")
}

/// Narrows what is found by conditions, all of which must hold.
fn narrow(filter: &mut Filter, actor: &Actor, conditions: &Json) -> Result<(), Refusal> {
    let object = conditions.as_object();
    let object = object.ok_or_else(|| {
        let refusal = Refusal::new(Code::InvalidData).with("param_name", "filters");
        refusal.with("expected_data_type", "jsonobject")
    })?;
    let object = Object::body(object, Manner::WIRE);
    let key = object.key("group");
    let Some(group) = key.node() else {
        return condition(filter, actor, &object);
    };
    let operator = object.key("group_operator");
    let odd = |node: Node<'_>| node.json() != "AND" && node.json() != "and";
    if operator.node().is_some_and(odd) {
        let text = "Please provide a valid group operator";
        return Err(wrong(&operator, text));
    }
    let bad_group = || wrong(&key, "Please provide a valid group");
    let group = group.list().map_err(|_| bad_group())?;
    if !(1..=10).contains(&group.len()) {
        return Err(bad_group());
    }
    for one in group {
        condition(filter, actor, &one.object().map_err(|_| bad_group())?)?;
    }
    Ok(())
}

fn condition(filter: &mut Filter, actor: &Actor, one: &Object<'_>) -> Result<(), Refusal> {
    let json = |key: &str| one.map().get(key);
    let field = json("field").and_then(|field| field["api_name"].as_str());
    let comparator = json("comparator").and_then(Json::as_str);
    let value = json("value").unwrap_or(&Json::Null);
    let bad_value = || wrong(&one.key("value"), "Please provide a valid value");
    let values: Vec<&Json> = value
        .as_array()
        .map_or(vec![value], |all| all.iter().collect());
    let time = |json: Option<&&Json>| {
        let at = json.and_then(|json| json.as_str());
        at.and_then(|text| Timestamp::from_wire(text, &actor.zone))
            .ok_or_else(bad_value)
    };
    // The wire has whole seconds.
    let second_after = |at: Timestamp| at.plus_ms(1_000);
    match (field, comparator) {
        (Some("display_name"), Some("equal" | "contains" | "starts_with")) => {
            let text = value
                .as_str()
                .filter(|text| !text.is_empty() && text.len() <= 255);
            let text = text.ok_or_else(bad_value)?.to_owned();
            filter.names.push(match comparator {
                Some("equal") => NameTest::Is(text),
                Some("contains") => NameTest::Contains(text),
                _ => NameTest::StartsWith(text),
            });
            Ok(())
        }
        (Some("module"), Some("equal" | "in")) => {
            let known = |json: &&Json| {
                let name = json.get("api_name").unwrap_or(json).as_str();
                let module = name.and_then(|name| actor.catalog.module(name));
                module.map(|module| module.id).ok_or_else(bad_value)
            };
            let modules = values.iter().map(known).collect::<Result<_, _>>()?;
            once(&mut filter.modules, modules, one)
        }
        (Some("deleted_by"), Some("equal" | "in")) => {
            let known = |json: &&Json| {
                let id = json_id(json.get("id").unwrap_or(json));
                id.map(UserId).ok_or_else(bad_value)
            };
            let users = values.iter().map(known).collect::<Result<_, _>>()?;
            once(&mut filter.deleted_by, users, one)
        }
        (Some("deleted_time"), Some("equal")) => {
            let at = time(values.first())?;
            once(&mut filter.from, at, one)?;
            once(&mut filter.to, second_after(at), one)
        }
        (Some("deleted_time"), Some("between")) => {
            once(&mut filter.from, time(values.first())?, one)?;
            once(&mut filter.to, second_after(time(values.get(1))?), one)
        }
        (Some("deleted_time"), Some(side @ ("greater_equal" | "greater_than"))) => {
            let at = time(values.first())?;
            let past = side == "greater_than";
            let from = if past { second_after(at) } else { at };
            once(&mut filter.from, from, one)
        }
        (Some("deleted_time"), Some(side @ ("less_equal" | "less_than"))) => {
            let at = time(values.first())?;
            let with = side == "less_equal";
            once(
                &mut filter.to,
                if with { second_after(at) } else { at },
                one,
            )
        }
        (Some("display_name" | "module" | "deleted_by" | "deleted_time"), _) => Err(wrong(
            &one.key("comparator"),
            "Please provide a valid comparator",
        )),
        _ => Err(wrong(&one.key("field"), "Please provide a valid field")),
    }
}

/// Two conditions of one kind must both hold; rather than one of them being forgotten, they are
/// refused.
fn once<T>(place: &mut Option<T>, value: T, one: &Object<'_>) -> Result<(), Refusal> {
    if place.replace(value).is_some() {
        let text = "Please provide each field only once";
        return Err(wrong(&one.key("field"), text));
    }
    Ok(())
}

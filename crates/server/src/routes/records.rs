//! Records: insert, update, delete, and one by its id (wire API 9). The list is in
//! `record_list.rs`.

use super::record_list::narrow_converted;
use crate::answer::Answer;
use crate::call::Call;
use crate::wire::{self, Shape};
use crm::input::References;
use crm::{Actor, Change, LayoutRules, Triggers, Writing, hold, input, record};
use jobs::Settled;
use model::body::{Manner, Node, Object, Place};
use model::field::Field;
use model::hold::HoldKind;
use model::id::RecordId;
use model::limits::RECORDS_PER_CALL_MAX;
use model::module::{Module, system};
use model::people::Right;
use model::reason::Reason;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::value::Value;
use serde_json::{Map, Value as Json};
use std::collections::{BTreeSet, HashMap, HashSet};
use store::changes::Cause;
use store::records::{self as stored, Order};
use store::{Fault, Priority, Tx};

/// Who asks, and about which module.
pub(super) fn open(tx: &mut Tx, call: &Call<'_>) -> Result<(Actor, Module), Fault> {
    open_named(tx, call, call.param("module"))
}

/// Who asks, and the module of this name.
pub(super) fn open_named(
    tx: &mut Tx,
    call: &Call<'_>,
    name: &str,
) -> Result<(Actor, Module), Fault> {
    let catalog = tx.catalog()?;
    let actor = Actor::of(&catalog, call.actor.user)?;
    let module = catalog.module(name);
    let module = module
        .ok_or_else(|| Refusal::new(Code::InvalidModule))?
        .clone();
    Ok((actor, module))
}

/// The id in the path.
pub(super) fn path_id(call: &Call<'_>) -> Result<RecordId, Refusal> {
    let wrong = || Refusal::new(Code::InvalidData).with("resource_path_index", 1);
    RecordId::parse(call.param("id")).ok_or_else(wrong)
}

/// `GET /{module}/{id}`: the whole record, or the fields asked for; 204 when there is none.
pub(super) fn get(call: &Call<'_>) -> Result<Answer, Fault> {
    let shown = call.app.db.read(|tx| {
        let (actor, module) = open(tx, call)?;
        actor.require(Right::View, &module)?;
        let id = path_id(call)?;
        let names = call.query.list("fields");
        let shape = if names.is_empty() {
            Shape::whole(&actor, &module)
        } else {
            Shape::of(&actor, &module, &names)
        };
        let mut filter = actor.seen(&module).of_ids([id]);
        // A converted lead is not found unless it is asked for (wire API 6.1).
        narrow_converted(call, &module, &mut filter, Some(false))?;
        let found = stored::list(tx, &module, &shape.fields, &filter, Order::BY_ID, (0, 1))?;
        wire::show(tx, &actor, &module, &shape, &found)
    })?;
    Ok(if shown.is_empty() {
        Answer::no_content()
    } else {
        Answer::data(200, shown)
    })
}

/// A body as the wire API reads it.
pub(super) fn wire_body(map: &Map<String, Json>) -> Object<'_> {
    Object::body(map, Manner::WIRE)
}

/// The objects of `data`: 1 to 100.
pub(super) fn data<'a>(body: &Object<'a>) -> Result<Vec<Object<'a>>, Refusal> {
    let items = body.key("data").required()?;
    let items = items.items_up_to(RECORDS_PER_CALL_MAX)?;
    items.iter().map(Node::object).collect()
}

/// The only object of `data`.
pub(super) fn single<'a>(body: &Object<'a>) -> Result<Object<'a>, Refusal> {
    let mut objects = data(body)?.into_iter();
    let one = objects.next().filter(|_| objects.len() == 0);
    one.ok_or_else(|| body.key("data").place().too_long(1))
}

/// Whether the caller asks for layout rules: `apply_feature_execution:[{"name":"layout_rules"}]`
/// (wire API 9.2, 11.4). Another feature is none that could be executed.
fn layout_rules(body: &Object<'_>) -> Result<LayoutRules, Refusal> {
    const FEATURE: &str = "layout_rules";
    let items = body.key("apply_feature_execution").list()?;
    let items = items.unwrap_or_default();
    for item in &items {
        if item.json().get("name").and_then(Json::as_str) != Some(FEATURE) {
            return Err(item.place().key("name").no_such_word([FEATURE]));
        }
    }
    Ok(if items.is_empty() {
        LayoutRules::Silent
    } else {
        LayoutRules::Binding
    })
}

/// A batch's answer: an item a record, and a status that says whether all, some or none failed.
pub(super) fn batch(call: &Call<'_>, good: u16, items: Vec<Json>) -> Answer {
    let failed = items
        .iter()
        .filter(|item| item["status"] == "error")
        .count();
    Answer::data(call.version.batch_status(good, failed, items.len()), items)
}

/// Where a record of a request stands.
fn item_place(n: usize) -> Place {
    Place::body().key("data").item(n)
}

/// A refusal of one record, with the place of its field in the request.
fn placed(refusal: Refusal, n: usize) -> Json {
    let field = refusal
        .details
        .get("api_name")
        .and_then(Json::as_str)
        .map(str::to_owned);
    let refusal = match field {
        Some(field) if !refusal.details.contains_key("json_path") => {
            let place = item_place(n).key(&field);
            refusal.with("json_path", place.json_path())
        }
        _ => refusal,
    };
    refusal.to_json()
}

/// `POST /{module}`: makes records.
pub(super) fn insert(call: &Call<'_>) -> Result<Answer, Fault> {
    let items = call.app.db.write(Priority::Interactive, |tx| {
        let (actor, module) = open(tx, call)?;
        actor.require(Right::Create, &module)?;
        let body = call.json_object()?;
        let body = wire_body(&body);
        let layout_rules = layout_rules(&body)?;
        let objects = data(&body)?;
        let mut rows: Vec<Result<Vec<(&Field, Value)>, Refusal>> = objects
            .iter()
            .map(|object| input::new_record(&actor, &module, object))
            .collect();
        refuse_dangling(tx, &actor, (&module, &objects), &mut rows, |row| {
            row.iter().map(|(field, value)| (*field, value)).collect()
        })?;
        let good: Vec<Vec<(&Field, Value)>> = rows
            .iter()
            .filter_map(|row| row.as_ref().ok())
            .cloned()
            .collect();
        let writing = Writing {
            triggers: triggers(&body)?,
            ..writing(call, &actor, &module, Cause::Api)
        };
        let mut made = record::create_by(tx, writing, good, layout_rules)?.into_iter();
        // Every row that could be read has its answer, in order.
        let made: Vec<Result<RecordId, Refusal>> = rows
            .into_iter()
            .map(|row| {
                row.and_then(|_| {
                    made.next()
                        .unwrap_or(Err(Refusal::new(Code::InternalError)))
                })
            })
            .collect();
        let ids: Vec<RecordId> = made
            .iter()
            .filter_map(|id| id.as_ref().ok())
            .copied()
            .collect();
        let unapproved: Vec<RecordId> = made
            .iter()
            .zip(&objects)
            .filter(|(_, object)| object.map().get("$approved") == Some(&Json::Bool(false)))
            .filter_map(|(id, _)| id.as_ref().ok().copied())
            .collect();
        hold::put_on_new(tx, writing, &unapproved, HoldKind::Approval)?;
        let stamps = wire::stamps(tx, &actor, &module, &ids)?;
        let held = store::holds::kinds_of(tx, &ids)?;
        let items = made.into_iter().enumerate().map(|(n, id)| match id {
            Ok(id) => {
                let mut details = stamps.get(&id).cloned().unwrap_or_default();
                let held = held.iter().filter(|(record, _)| *record == id);
                let state = wire::approval_state(held.map(|(_, kind)| kind));
                details.insert("$approval_state".to_owned(), state.into());
                wire::success("record added", details)
            }
            Err(refusal) => placed(refusal, n),
        });
        Ok(items.collect::<Vec<_>>())
    })?;
    Ok(batch(call, 201, items))
}

/// What the request's writes set off: `trigger` names it, and without it everything follows (wire
/// API 9.2).
fn triggers(body: &Object<'_>) -> Result<Triggers, Refusal> {
    let Some(named) = body.key("trigger").or_null().list()? else {
        return Ok(Triggers::ALL);
    };
    let named = named.iter().filter_map(|node| node.json().as_str());
    Ok(Triggers::named(named))
}

/// A write of a request, for this reason.
pub(super) fn writing<'a>(
    call: &Call<'_>,
    actor: &'a Actor,
    module: &'a Module,
    cause: Cause,
) -> Writing<'a> {
    Writing::of(actor, module, cause, call.now)
}

/// Turns rows whose lookups name no record into refusals.
fn refuse_dangling<'a, T>(
    tx: &mut Tx,
    actor: &Actor,
    (module, objects): (&'a Module, &[Object<'_>]),
    rows: &mut [Result<T, Refusal>],
    values: impl for<'r> Fn(&'r T) -> Vec<(&'a Field, &'r Value)>,
) -> Result<(), Fault> {
    let mut about = Vec::with_capacity(rows.len());
    for (row, object) in rows.iter_mut().zip(objects) {
        let said = match row {
            Ok(_) => input::about(actor, module, object),
            Err(_) => Ok(None),
        };
        about.push(said.unwrap_or_else(|refusal| {
            *row = Err(refusal);
            None
        }));
    }
    let read: Vec<References<'_>> = rows
        .iter()
        .zip(about)
        .map(|(row, about)| References {
            values: row.as_ref().map(&values).unwrap_or_default(),
            about,
        })
        .collect();
    let dangling = input::check_references(tx, actor, &read)?;
    let places = objects.iter().map(Object::place);
    let dangling: Vec<Option<Refusal>> = dangling
        .into_iter()
        .zip(places)
        .map(|(field, place)| field.map(|field| input::dangling(place, field)))
        .collect();
    for (row, refusal) in rows.iter_mut().zip(dangling) {
        if let Some(refusal) = refusal {
            *row = Err(refusal);
        }
    }
    Ok(())
}

/// One record of an update request.
struct Item {
    id: RecordId,
    change: Change,
}

/// `PUT /{module}`: changes up to 100 records, each by its own values.
pub(super) fn update(call: &Call<'_>) -> Result<Answer, Fault> {
    update_these(call, |_| Ok(None))
}

/// `PUT /{module}/{id}`: changes one.
pub(super) fn update_one(call: &Call<'_>) -> Result<Answer, Fault> {
    update_these(call, |call| path_id(call).map(Some))
}

/// The id in the path, in the form that has one.
type PathId = fn(&Call<'_>) -> Result<Option<RecordId>, Refusal>;

fn update_these(call: &Call<'_>, only: PathId) -> Result<Answer, Fault> {
    let items = call.app.db.write(Priority::Interactive, |tx| {
        let (actor, module) = open(tx, call)?;
        actor.require(Right::Edit, &module)?;
        let only = only(call)?;
        let since = time_header(call, "if-unmodified-since")?;
        let body = call.json_object()?;
        let body = wire_body(&body);
        let layout_rules = layout_rules(&body)?;
        let objects = if only.is_some() {
            vec![single(&body)?]
        } else {
            data(&body)?
        };
        let mut rows: Vec<Result<Item, Refusal>> = objects
            .iter()
            .map(|object| read_item(&actor, &module, object, only))
            .collect();
        refuse_dangling(tx, &actor, (&module, &objects), &mut rows, |item| {
            set_values(&module, &item.change)
        })?;
        if let Some(since) = since {
            refuse_modified(tx, &actor, &module, &mut rows, since)?;
        }
        let writing = Writing {
            triggers: triggers(&body)?,
            ..writing(call, &actor, &module, Cause::Api)
        };
        let settled = apply(tx, writing, &rows, layout_rules)?;
        let ids: Vec<RecordId> = rows
            .iter()
            .filter_map(|row| Some(row.as_ref().ok()?.id))
            .collect();
        let stamps = wire::stamps(tx, &actor, &module, &ids)?;
        let items = rows
            .into_iter()
            .zip(settled)
            .enumerate()
            .map(|(n, (row, settled))| match (row, settled) {
                (Ok(_), Some(Settled::Failed(refusal)))
                    if only.is_none() && refusal.reason == Reason::UnknownRecord =>
                {
                    let place = item_place(n).key("id");
                    placed(refusal.with("json_path", place.json_path()), n)
                }
                (Err(refusal), _) | (_, Some(Settled::Failed(refusal))) => placed(refusal, n),
                (Ok(item), _) => {
                    let details = stamps.get(&item.id).cloned().unwrap_or_default();
                    wire::success("record updated", details)
                }
            });
        Ok(items.collect::<Vec<_>>())
    })?;
    let modified = Code::AlreadyModified;
    if items.iter().all(|item| item["code"] == modified.as_str()) {
        return Ok(Answer::data(modified.status(), items));
    }
    Ok(batch(call, 200, items))
}

fn read_item(
    actor: &Actor,
    module: &Module,
    object: &Object<'_>,
    only: Option<RecordId>,
) -> Result<Item, Refusal> {
    let read = || {
        let node = object.key("id").required()?;
        node.id().map(RecordId).map_err(|_| {
            let id = node.json();
            let text = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
            record::unknown_id(&text).with("json_path", node.place().json_path())
        })
    };
    let id = only.map_or_else(read, Ok)?;
    let appended: BTreeSet<&str> = object
        .map()
        .get("$append_values")
        .and_then(Json::as_object)
        .into_iter()
        .flatten()
        .filter(|(_, wanted)| wanted.as_bool() == Some(true))
        .map(|(field, _)| field.as_str())
        .collect();
    Ok(Item {
        id,
        change: input::change(actor, module, object, &appended)?,
    })
}

fn set_values<'a, 'c>(module: &'a Module, change: &'c Change) -> Vec<(&'a Field, &'c Value)> {
    let set = change.0.iter().filter_map(|part| match &part.write {
        crm::Write::Set(value) => Some((module.field_by_id(part.field)?, value)),
        crm::Write::Append(_) => None,
    });
    set.collect()
}

/// Applies the items in order. An id that comes twice is changed twice: the second sees the first.
fn apply(
    tx: &mut Tx,
    writing: Writing<'_>,
    rows: &[Result<Item, Refusal>],
    layout_rules: LayoutRules,
) -> Result<Vec<Option<Settled>>, Fault> {
    let mut settled: Vec<Option<Settled>> = vec![None; rows.len()];
    let mut rest: Vec<(usize, &Item)> = rows
        .iter()
        .enumerate()
        .filter_map(|(n, row)| Some((n, row.as_ref().ok()?)))
        .collect();
    while !rest.is_empty() {
        let mut seen = HashSet::new();
        let (first, again): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|(_, item)| seen.insert(item.id));
        let wave: Vec<(RecordId, &Change)> = first
            .iter()
            .map(|(_, item)| (item.id, &item.change))
            .collect();
        let answers = record::update_by(
            tx,
            writing,
            &wave,
            record::Expected::default(),
            layout_rules,
        )?;
        for ((n, _), answer) in first.into_iter().zip(answers) {
            if let Some(place) = settled.get_mut(n) {
                *place = Some(answer);
            }
        }
        rest = again;
    }
    Ok(settled)
}

/// A header that holds a date-time in the wire's form.
pub(super) fn time_header(call: &Call<'_>, name: &str) -> Result<Option<Timestamp>, Refusal> {
    let Some(text) = call.header(name) else {
        return Ok(None);
    };
    let at = Timestamp::from_wire(text, &jiff::tz::TimeZone::UTC);
    let wrong = || Refusal::new(Code::UnableToParseDataType).with("param_name", name);
    at.map(Some).ok_or_else(wrong)
}

fn refuse_modified(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    rows: &mut [Result<Item, Refusal>],
    since: Timestamp,
) -> Result<(), Fault> {
    let Some(field) = module.field(system::MODIFIED_TIME) else {
        return Ok(());
    };
    let ids: Vec<RecordId> = rows
        .iter()
        .filter_map(|row| Some(row.as_ref().ok()?.id))
        .collect();
    // One that is not shown to them is refused as unknown, further on.
    let shown = actor.seen(module).of_ids(ids.iter().copied());
    let shown = stored::select_ids(tx, module, &shown, ids.len())?;
    let ids: Vec<RecordId> = shown.into_iter().map(|(id, _)| id).collect();
    let times: HashMap<RecordId, Value> = stored::lock(tx, module, &[field], &ids)?
        .into_iter()
        .filter_map(|record| Some((record.id, record.values.into_iter().next()?)))
        .collect();
    let stamps = wire::stamps(tx, actor, module, &ids)?;
    for row in rows {
        let Ok(item) = row else { continue };
        let modified = times.get(&item.id).and_then(Value::as_int);
        // The wire has whole seconds: a change within the named second is not past it.
        if modified.is_some_and(|at| at / 1000 > since.0 / 1000) {
            let mut refusal = Refusal::new(Code::AlreadyModified);
            refusal.details = stamps.get(&item.id).cloned().unwrap_or_default();
            *row = Err(refusal);
        }
    }
    Ok(())
}

/// `DELETE /{module}?ids=`: deletes up to 100 records.
pub(super) fn delete(call: &Call<'_>) -> Result<Answer, Fault> {
    delete_these(call, ids_to_delete)
}

fn ids_to_delete(call: &Call<'_>) -> Result<Vec<RecordId>, Refusal> {
    let texts = call.query.list("ids");
    if texts.is_empty() {
        return Err(Refusal::new(Code::RequiredParamMissing).with("param_name", "ids"));
    }
    if texts.len() > RECORDS_PER_CALL_MAX {
        let refusal = Refusal::new(Code::LimitExceeded).with("limit", RECORDS_PER_CALL_MAX);
        return Err(refusal.with("param_name", "ids"));
    }
    let ids: Option<Vec<RecordId>> = texts.into_iter().map(RecordId::parse).collect();
    ids.ok_or_else(|| Refusal::new(Code::UnableToParseDataType))
}

/// `DELETE /{module}/{id}`: deletes one.
pub(super) fn delete_one(call: &Call<'_>) -> Result<Answer, Fault> {
    // Unlike the other calls of one record, this one says so of an id that is no number (9.4).
    delete_these(call, |call| {
        let unreadable = |_| Refusal::new(Code::UnableToParseDataType);
        Ok(vec![path_id(call).map_err(unreadable)?])
    })
}

/// What follows from a deletion: workflow rules, unless the parameter says otherwise.
fn wf_trigger(call: &Call<'_>) -> Result<Triggers, Refusal> {
    let workflow = match call.query.get("wf_trigger") {
        None | Some("true") => true,
        Some("false") => false,
        Some(_) => {
            return Err(Refusal::new(Code::InvalidData).with("param_name", "wf_trigger"));
        }
    };
    Ok(Triggers {
        workflow,
        ..Triggers::ALL
    })
}

fn delete_these(
    call: &Call<'_>,
    ids: fn(&Call<'_>) -> Result<Vec<RecordId>, Refusal>,
) -> Result<Answer, Fault> {
    let triggers = wf_trigger(call)?;
    let items = call.app.db.write(Priority::Interactive, |tx| {
        let (actor, module) = open(tx, call)?;
        actor.require(Right::Delete, &module)?;
        let ids = ids(call)?;
        let distinct: Vec<RecordId> = ids
            .iter()
            .copied()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let writing = Writing {
            triggers,
            ..writing(call, &actor, &module, Cause::Api)
        };
        let settled = record::delete(tx, writing, &distinct)?;
        let settled: HashMap<RecordId, Settled> = distinct.into_iter().zip(settled).collect();
        let items = ids.iter().map(|id| match settled.get(id) {
            Some(Settled::Failed(refusal)) => call.tell(refusal.clone()).to_json(),
            _ => wire::success(
                "record deleted",
                Map::from_iter([("id".to_owned(), id.to_string().into())]),
            ),
        });
        Ok(items.collect::<Vec<_>>())
    })?;
    Ok(batch(call, 200, items))
}

//! Mass update and its status (wire API 1).

use super::records::{batch, open};
use crate::answer::Answer;
use crate::call::Call;
use crate::wire;
use crm::actions::mass_update::{self, ViewSelection};
use crm::selection::TerritoryPart;
use crm::{Actor, Change};
use jobs::Settled;
use model::criteria::Criteria;
use model::field::json_id;
use model::id::{JobId, RecordId, TerritoryId, ViewId};
use model::job::{JobKind, WireStatus};
use model::limits::IDS_MAX;
use model::module::Module;
use model::people::Right;
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, HashMap};
use store::{Fault, Priority, jobs as stored_jobs};

/// What a request asks for.
enum Asked {
    /// These records, at once. An id that is no number names no record.
    Now(Vec<Result<RecordId, String>>),
    /// A view's records, as a job.
    Later(ViewSelection),
}

/// Where a refusal of the request stands in the answer (wire API 1.6, "where").
enum Told {
    /// Alone in `data`.
    InData(Refusal),
    /// As the whole body.
    Bare(Refusal),
}

impl From<Refusal> for Told {
    fn from(refusal: Refusal) -> Self {
        Self::Bare(refusal)
    }
}

/// `POST /{module}/actions/mass_update`: at once for ids, as a job for a view. Checks in the order
/// of wire API 1.9.
pub(super) fn schedule(call: &Call<'_>) -> Result<Answer, Fault> {
    let read = call.app.db.read(|tx| {
        let (actor, module) = open(tx, call)?;
        mass_update::authorise(&actor, &module)?;
        let body = call.json_object()?;
        Ok(asked(call, &actor, &module, &body))
    })?;
    match read {
        Ok((change, Asked::Now(ids))) => now(call, &change, &ids),
        Ok((change, Asked::Later(selection))) => later(call, &change, &selection),
        Err(Told::InData(refusal)) => {
            Ok(Answer::data(refusal.code.status(), vec![refusal.to_json()]))
        }
        Err(Told::Bare(refusal)) => Err(call.version.mass_action_refusal(refusal).into()),
    }
}

fn asked(
    call: &Call<'_>,
    actor: &Actor,
    module: &Module,
    body: &Map<String, Json>,
) -> Result<(Change, Asked), Told> {
    // A misspelt key could mean other records than the caller thinks (wire API 22).
    let known = ["data", "ids", "cvid", "territory", "over_write", "criteria"];
    if let Some(key) = body.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(Refusal::invalid(key, format!("$.{key}")).into());
    }
    let over_write = flag(body, "over_write", "$.over_write")?;
    let with_layout = call.version.mass_updates_layouts();
    let change = mass_update::change(actor, module, body.get("data"), over_write, with_layout)
        .map_err(|refusal| match refusal.code {
            Code::NoPermission => Told::Bare(refusal),
            _ => Told::InData(refusal),
        })?;
    Ok((change, selection(body)?))
}

fn selection(body: &Map<String, Json>) -> Result<Asked, Told> {
    let ids = match body.get("ids") {
        None | Some(Json::Null) => None,
        Some(Json::Array(ids)) => Some(ids),
        Some(_) => {
            let refusal = Refusal::invalid("ids", "$.ids");
            return Err(refusal.with("expected_data_type", "jsonarray").into());
        }
    };
    let cvid = body.get("cvid").filter(|cvid| !cvid.is_null());
    match (ids, cvid) {
        (Some(_), Some(_)) => {
            let both = ["ids", "cvid"]
                .map(|key| json!({ "api_name": key, "json_path": format!("$.{key}") }));
            let refusal = Refusal::new(Code::AmbiguityDuringProcessing);
            Err(refusal.with("ambiguity_due_to", both.to_vec()).into())
        }
        (Some(ids), None) if !ids.is_empty() && !body.contains_key("territory") => {
            Ok(Asked::Now(read_ids(ids)?))
        }
        (None, Some(cvid)) => Ok(Asked::Later(view_selection(body, cvid)?)),
        // No ids are none, and a territory narrows a view: without one, both are missing.
        _ => Err(Told::InData(Refusal::new(Code::MandatoryNotFound))),
    }
}

fn read_ids(ids: &[Json]) -> Result<Vec<Result<RecordId, String>>, Refusal> {
    if ids.len() > IDS_MAX {
        let refusal = Refusal::new(Code::LimitExceeded).with("limit", IDS_MAX);
        return Err(refusal.with("api_name", "ids").with("json_path", "$.ids"));
    }
    let read = ids.iter().map(|id| match id {
        Json::String(text) => Ok(RecordId::parse(text).ok_or_else(|| text.clone())),
        Json::Number(_) => Ok(json_id(id).map(RecordId).ok_or_else(|| id.to_string())),
        _ => Err(()),
    });
    let read: Result<Vec<_>, ()> = read.collect();
    let wrong = || Refusal::invalid("ids", "$.ids").with("expected_data_type", "string");
    read.map_err(|()| wrong())
}

fn view_selection(body: &Map<String, Json>, cvid: &Json) -> Result<ViewSelection, Refusal> {
    let wrong = || Refusal::invalid("cvid", "$.cvid").saying("the cvid given seems to be invalid");
    let cvid = json_id(cvid).map(ViewId).ok_or_else(wrong)?;
    let territory = body.get("territory").map(territory).transpose()?;
    let criteria = body.get("criteria").map(criteria).transpose()?;
    Ok(ViewSelection {
        cvid,
        territory,
        criteria,
    })
}

fn territory(json: &Json) -> Result<TerritoryPart, Refusal> {
    let wrong = || Refusal::invalid("territory", "$.territory");
    let object = json
        .as_object()
        .ok_or_else(|| wrong().with("expected_data_type", "jsonobject"))?;
    if let Some(key) = object
        .keys()
        .find(|key| !["id", "include_child"].contains(&key.as_str()))
    {
        return Err(Refusal::invalid(key, format!("$.territory.{key}")));
    }
    let id = object
        .get("id")
        .and_then(json_id)
        .map(TerritoryId)
        .ok_or_else(|| {
            Refusal::invalid("id", "$.territory.id").saying("the id given seems to be invalid")
        })?;
    let include_child = flag(object, "include_child", "$.territory.include_child")?;
    Ok(TerritoryPart { id, include_child })
}

/// The SDKs send a list of criteria, all of which must hold (wire API 1.2).
fn criteria(json: &Json) -> Result<Criteria, Refusal> {
    let read = |json: &Json| {
        Criteria::from_json(json).map_err(|error| {
            let path = error.path.unwrap_or_else(|| "$.criteria".to_owned());
            Refusal::invalid("criteria", path).with("reason", error.message)
        })
    };
    match json {
        Json::Array(items) if items.is_empty() => Err(Refusal::invalid("criteria", "$.criteria")),
        Json::Array(items) => {
            let items = items.iter().map(read).collect::<Result<_, _>>()?;
            Ok(Criteria::Group {
                op: model::criteria::GroupOp::And,
                items,
            })
        }
        one => read(one),
    }
}

fn flag(body: &Map<String, Json>, key: &str, path: &str) -> Result<bool, Refusal> {
    match body.get(key) {
        None => Ok(false),
        Some(Json::Bool(flag)) => Ok(*flag),
        Some(_) => Err(Refusal::invalid(key, path).with("expected_data_type", "boolean")),
    }
}

/// The ids form: everything commits before the answer, and each id has its item, in order.
fn now(
    call: &Call<'_>,
    change: &Change,
    ids: &[Result<RecordId, String>],
) -> Result<Answer, Fault> {
    let items = call.app.db.write(Priority::Interactive, |tx| {
        let (actor, module) = open(tx, call)?;
        let known: Vec<RecordId> = ids
            .iter()
            .filter_map(|id| id.as_ref().ok())
            .copied()
            .collect();
        let settled = mass_update::run_now(tx, &actor, &module, change, &known, call.now)?;
        let stamps = wire::stamps(tx, &actor, &module, &known)?;
        Ok(ids
            .iter()
            .map(|id| item(call, id, &settled, &stamps))
            .collect::<Vec<_>>())
    })?;
    Ok(batch(call, 200, items))
}

fn item(
    call: &Call<'_>,
    id: &Result<RecordId, String>,
    settled: &BTreeMap<RecordId, Settled>,
    stamps: &HashMap<RecordId, Map<String, Json>>,
) -> Json {
    let unknown = |id: &str| crm::record::unknown_id(id).to_json();
    match id {
        Err(text) => unknown(text),
        Ok(id) => match (settled.get(id), stamps.get(id)) {
            (Some(Settled::Failed(refusal)), _) => {
                call.version.mass_action_refusal(refusal.clone()).to_json()
            }
            (Some(_), Some(stamps)) => wire::success("record updated", stamps.clone()),
            _ => unknown(&id.to_string()),
        },
    }
}

/// The view form: the job and its targets are stored when this answers.
fn later(call: &Call<'_>, change: &Change, selection: &ViewSelection) -> Result<Answer, Fault> {
    let (app, module) = (call.app, call.param("module"));
    let user = call.actor.user;
    match mass_update::schedule(&app.db, user, module, change, selection, call.now) {
        Ok(job) => {
            app.engine.wake();
            let details = Map::from_iter([("job_id".to_owned(), job.to_string().into())]);
            Ok(Answer::data(
                200,
                vec![wire::success("mass update scheduled successfully", details)],
            ))
        }
        Err(Fault::Refused(refusal)) => {
            let refusal = call.version.mass_action_refusal(*refusal);
            let status = call.version.mass_action_status(refusal.code);
            Ok(Answer::refused(&refusal, status))
        }
        Err(fault) => Err(fault),
    }
}

/// `GET /{module}/actions/mass_update?job_id=`: the counts of a job of this module.
pub(super) fn status(call: &Call<'_>) -> Result<Answer, Fault> {
    let job = call.app.db.read(|tx| {
        let (actor, module) = open(tx, call)?;
        actor.require(Right::View, &module).map_err(|_| {
            Refusal::new(Code::NoPermission).saying("Permission denied to read records")
        })?;
        let text = call
            .query
            .get("job_id")
            .filter(|text| !text.is_empty())
            .ok_or_else(|| {
                Refusal::new(Code::MandatoryNotFound)
                    .saying("mandatory param missing")
                    .with("param_name", "job_id")
            })?;
        let found = match JobId::parse(text) {
            Some(id) => stored_jobs::find(tx, id)?,
            None => None,
        };
        // A job belongs to its module and action, and is shown to who started it and to administrators.
        let shown = found.filter(|job| {
            job.module == module.id
                && job.kind == JobKind::MassUpdate
                && (job.actor == actor.user.id || actor.profile.administrator)
        });
        shown.ok_or_else(|| call.version.unknown_mass_update_job().into())
    })?;
    let wire = WireStatus::of(job.state, job.counts, job.total);
    Ok(Answer::data(
        200,
        vec![json!({
            "Status": wire.status,
            "Failed_Count": wire.failed,
            "Updated_Count": wire.updated,
            "Not_Updated_Count": wire.not_updated,
            "Total_Count": wire.total,
        })],
    ))
}

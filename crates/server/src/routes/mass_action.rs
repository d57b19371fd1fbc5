//! What the mass actions' endpoints share: the keys that say which records, the answer of a
//! scheduled job, and the job that a status is asked for.

use crate::answer::Answer;
use crate::call::Call;
use crate::wire;
use crm::Actor;
use crm::actions::accept::{self, Prepared};
use crm::selection::{SelectionQuery, TerritoryPart};
use model::criteria::{Criteria, GroupOp};
use model::field::json_id;
use model::id::{JobId, RecordId, TerritoryId, ViewId};
use model::job::JobKind;
use model::limits::IDS_MAX;
use model::module::Module;
use model::reason::Reason;
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json, json};
use std::convert::Infallible;
use std::ops::ControlFlow;
use store::jobs::Job;
use store::{Fault, Tx};

/// Which records a request asks for.
pub(super) enum WireSelection {
    /// These, at once. An id that is no number names no record.
    Named(Vec<Result<RecordId, String>>),
    /// A view's, as a job.
    View(SelectionQuery),
}

/// A refusal of the request, by where it stands in the answer (wire API 1.6, "where").
pub(super) enum RefusedRequest {
    /// Alone in `data`.
    InData(Refusal),
    /// As the whole body.
    Bare(Refusal),
    /// The same, in the words of every other request.
    AsItIs(Refusal),
}

impl RefusedRequest {
    /// The refusal, wherever it stands.
    pub(super) fn refusal(&self) -> &Refusal {
        match self {
            Self::InData(refusal) | Self::Bare(refusal) | Self::AsItIs(refusal) => refusal,
        }
    }
}

impl From<Refusal> for RefusedRequest {
    fn from(refusal: Refusal) -> Self {
        Self::Bare(refusal)
    }
}

/// Which records, in keys that all mass actions share: `ids` or `cvid`, and what narrows a view.
pub(super) fn selection(body: &Map<String, Json>) -> Result<WireSelection, RefusedRequest> {
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
            Ok(WireSelection::Named(read_ids(ids)?))
        }
        (None, Some(cvid)) => Ok(WireSelection::View(view_selection(body, cvid)?)),
        // No ids are none, and a territory narrows a view: without one, both are missing.
        _ => Err(RefusedRequest::InData(Refusal::new(
            Code::MandatoryNotFound,
        ))),
    }
}

/// The ids of a list, at most 500; one that is no number names no record.
pub(super) fn read_ids(ids: &[Json]) -> Result<Vec<Result<RecordId, String>>, Refusal> {
    if ids.len() > IDS_MAX {
        return Err(too_many_ids());
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

/// The refusal of more than 500 ids (wire API 22).
pub(super) fn too_many_ids() -> Refusal {
    let refusal = Refusal::new(Code::LimitExceeded).with("limit", IDS_MAX);
    refusal.with("api_name", "ids").with("json_path", "$.ids")
}

/// The id of a view.
pub(super) fn cvid(json: &Json) -> Result<ViewId, Refusal> {
    let wrong = || {
        let refusal = Refusal::invalid("cvid", "$.cvid").because(Reason::UnknownView);
        refusal.saying("the cvid given seems to be invalid")
    };
    json_id(json).map(ViewId).ok_or_else(wrong)
}

/// A view, and a territory and criteria that narrow it.
pub(super) fn view_selection(
    body: &Map<String, Json>,
    view: &Json,
) -> Result<SelectionQuery, Refusal> {
    let cvid = cvid(view)?;
    let territory = body.get("territory").map(territory).transpose()?;
    let criteria = body.get("criteria").map(criteria).transpose()?;
    Ok(SelectionQuery {
        territory,
        criteria,
        ..SelectionQuery::of_view(cvid)
    })
}

/// A territory, alone or with all below it (wire API 2.2: `include_child` may be null).
pub(super) fn territory(json: &Json) -> Result<TerritoryPart, Refusal> {
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
    let include_child = match object.get("include_child") {
        Some(Json::Null) => false,
        _ => flag(object, "include_child", "$.territory.include_child")?,
    };
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
                op: GroupOp::And,
                items,
            })
        }
        one => read(one),
    }
}

/// A boolean that is false when absent.
pub(super) fn flag(body: &Map<String, Json>, key: &str, path: &str) -> Result<bool, Refusal> {
    match body.get(key) {
        None => Ok(false),
        Some(Json::Bool(flag)) => Ok(*flag),
        Some(_) => Err(Refusal::invalid(key, path)
            .because(Reason::WrongType)
            .with("expected_data_type", "boolean")),
    }
}

/// Accepts the job that `prepare` prepares, as the wire schedules one.
pub(super) fn schedule(
    call: &Call<'_>,
    prepare: &dyn Fn(&mut Tx) -> Result<Prepared, Fault>,
) -> Result<JobId, Fault> {
    let read = |tx: &mut Tx| Ok(ControlFlow::<Infallible, _>::Continue(prepare(tx)?));
    let done = accept::schedule(&call.app.db, &read, call.actor.user, call.now)?;
    match done {
        ControlFlow::Continue(job) => Ok(job),
        ControlFlow::Break(never) => match never {},
    }
}

/// Wakes the engine and answers with the new job's id.
pub(super) fn scheduled(
    call: &Call<'_>,
    (status, code): (u16, &'static str),
    message: &'static str,
    job: JobId,
) -> Answer {
    call.app.engine.wake();
    let details = Map::from_iter([("job_id".to_owned(), job.to_string().into())]);
    let mut item = wire::success(message, details);
    if let Some(place) = item.get_mut("code") {
        *place = code.into();
    }
    Answer::data(status, vec![item])
}

/// Answers with the new job's id, or says no in this version's words.
pub(super) fn accepted(
    call: &Call<'_>,
    accepted: (u16, &'static str),
    message: &'static str,
    job: Result<JobId, Fault>,
) -> Result<Answer, Fault> {
    match job {
        Ok(job) => Ok(scheduled(call, accepted, message, job)),
        Err(Fault::Refused(refusal)) => Ok(call.refused(*refusal)),
        Err(fault) => Err(fault),
    }
}

/// The job of this id, if it is one of this action in this module, and shown to the actor.
pub(super) fn job(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    kind: JobKind,
    text: &str,
) -> Result<Option<Job>, Fault> {
    let found = job_of_any_module(tx, actor, kind, text)?;
    Ok(found.filter(|job| job.module == module.id))
}

/// The job of this id, if it is one of this action, and shown to the actor.
pub(super) fn job_of_any_module(
    tx: &mut Tx,
    actor: &Actor,
    kind: JobKind,
    text: &str,
) -> Result<Option<Job>, Fault> {
    let Some(id) = JobId::parse(text) else {
        return Ok(None);
    };
    let found = crm::job::find(tx, actor, id)?;
    Ok(found.filter(|job| job.kind == kind))
}

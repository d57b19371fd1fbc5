//! What the mass actions' endpoints share: the keys that say which records, the answer of a
//! scheduled job, and the job that a status is asked for.

use crate::answer::Answer;
use crate::call::Call;
use crate::wire;
use crm::Actor;
use crm::actions::accept::{self, Prepared};
use crm::selection::{SelectionQuery, TerritoryPart};
use model::body::{DataType, Node, Object, Place};
use model::criteria::{Criteria, GroupOp};
use model::field::json_id;
use model::id::{JobId, RecordId, TerritoryId, ViewId};
use model::job::JobKind;
use model::limits::IDS_MAX;
use model::module::Module;
use model::reason::Reason;
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json};
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
pub(super) fn selection(body: &Object<'_>) -> Result<WireSelection, RefusedRequest> {
    let ids = body.key("ids").or_null().list()?;
    let cvid = body.key("cvid").or_null().node();
    match (ids, cvid) {
        (Some(_), Some(_)) => Err(both_named(body).into()),
        (Some(ids), None) if !ids.is_empty() && !body.has("territory") => {
            Ok(WireSelection::Named(read_ids(&ids)?))
        }
        (None, Some(cvid)) => Ok(WireSelection::View(view_selection(body, &cvid)?)),
        // No ids are none, and a territory narrows a view: without one, both are missing.
        _ => Err(RefusedRequest::InData(Refusal::new(
            Code::MandatoryNotFound,
        ))),
    }
}

/// The refusal of a body that names records and a view.
pub(super) fn both_named(body: &Object<'_>) -> Refusal {
    let both = ["ids", "cvid"].map(|key| body.key(key).place().to_json());
    Refusal::new(Code::AmbiguityDuringProcessing).with("ambiguity_due_to", both.to_vec())
}

/// The ids of a list, at most 500; one that is no number names no record.
pub(super) fn read_ids(ids: &[Node<'_>]) -> Result<Vec<Result<RecordId, String>>, Refusal> {
    if ids.len() > IDS_MAX {
        return Err(too_many_ids());
    }
    let read = ids.iter().map(|id| match id.json() {
        Json::String(text) => Ok(RecordId::parse(text).ok_or_else(|| text.clone())),
        Json::Number(number) => {
            let known = json_id(id.json()).map(RecordId);
            Ok(known.ok_or_else(|| number.to_string()))
        }
        _ => Err(()),
    });
    let read: Result<Vec<_>, ()> = read.collect();
    // The list is what is of another type, not one of its items.
    let list = Place::body().key("ids");
    read.map_err(|()| list.wrong_type(DataType::String))
}

/// The refusal of more than 500 ids (wire API 22).
pub(super) fn too_many_ids() -> Refusal {
    let refusal = Refusal::new(Code::LimitExceeded).with("limit", IDS_MAX);
    refusal.at(&Place::body().key("ids"))
}

/// The id of a view.
pub(super) fn cvid(node: &Node<'_>) -> Result<ViewId, Refusal> {
    let wrong = || {
        let refusal = node.place().invalid().because(Reason::UnknownView);
        refusal.saying("the cvid given seems to be invalid")
    };
    json_id(node.json()).map(ViewId).ok_or_else(wrong)
}

/// A view, and a territory and criteria that narrow it.
pub(super) fn view_selection(
    body: &Object<'_>,
    view: &Node<'_>,
) -> Result<SelectionQuery, Refusal> {
    let cvid = cvid(view)?;
    let territory = body.key("territory").node();
    let criteria = body.key("criteria").node();
    Ok(SelectionQuery {
        territory: territory.as_ref().map(self::territory).transpose()?,
        criteria: criteria.as_ref().map(self::criteria).transpose()?,
        ..SelectionQuery::of_view(cvid)
    })
}

/// A territory, alone or with all below it (wire API 2.2: `include_child` may be null).
pub(super) fn territory(node: &Node<'_>) -> Result<TerritoryPart, Refusal> {
    let object = node.object()?;
    object.known(&["id", "include_child"])?;
    let id = object.key("id");
    let known = id.node().and_then(|node| json_id(node.json()));
    let wrong = || {
        let refusal = id.place().invalid();
        refusal.saying("the id given seems to be invalid")
    };
    Ok(TerritoryPart {
        id: known.map(TerritoryId).ok_or_else(wrong)?,
        include_child: object.key("include_child").or_null().flag()?,
    })
}

/// The SDKs send a list of criteria, all of which must hold (wire API 1.2).
fn criteria(node: &Node<'_>) -> Result<Criteria, Refusal> {
    let read = |json: &Json| {
        Criteria::from_json(json).map_err(|error| {
            let place = node.place();
            let refusal = match error.path {
                Some(path) => Refusal::invalid(place.api_name(), path),
                None => place.invalid(),
            };
            refusal.with("reason", error.message)
        })
    };
    match node.json() {
        Json::Array(items) if items.is_empty() => Err(node.place().invalid()),
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

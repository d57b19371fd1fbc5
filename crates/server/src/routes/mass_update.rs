//! Mass update and its status (wire API 1).

use super::activities;
use super::mass_action::{self, RefusedRequest, WireSelection};
use super::records::{batch, open, wire_body};
use crate::answer::Answer;
use crate::call::Call;
use crate::wire;
use crm::actions::accept::{self, Select, prepare, run_named};
use crm::actions::mass_update;
use crm::selection::SelectionQuery;
use crm::{Actor, Change};
use jobs::Settled;
use model::body::Object;
use model::id::RecordId;
use model::job::{JobKind, WireStatus};
use model::module::{ACTIVITIES, Module};
use model::people::Right;
use model::reason::Reason;
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use store::{Fault, Priority, Tx};

/// The same values for records of one module.
pub(super) struct Part {
    /// The module.
    pub(super) module: Module,
    /// The values.
    pub(super) change: Change,
    /// The records, in the ids form.
    pub(super) ids: Vec<RecordId>,
}

/// Named records.
pub(super) struct Named {
    /// The ids, in their order.
    pub(super) ids: Vec<Result<RecordId, String>>,
    /// What to do with those that may be changed so.
    pub(super) parts: Vec<Part>,
    /// Those of a module that does not take the change.
    pub(super) refused: BTreeMap<RecordId, Refusal>,
}

/// What a request asks for, read and checked.
pub(super) enum Request {
    /// These, at once.
    Now(Named),
    /// A view's records, as a job.
    Later(Box<(Part, SelectionQuery)>),
}

/// `POST /{module}/actions/mass_update`: at once for ids, as a job for a view. Checks in the order
/// of wire API 1.9.
pub(super) fn schedule(call: &Call<'_>) -> Result<Answer, Fault> {
    let read = |tx: &mut Tx| {
        let (actor, request) = match request(tx, call) {
            Ok(read) => read,
            Err(Fault::Refused(refusal)) => {
                return Ok(ControlFlow::Break(Err(RefusedRequest::AsItIs(*refusal))));
            }
            Err(fault) => return Err(fault),
        };
        let (part, query) = match request {
            Ok(Request::Now(named)) => return Ok(ControlFlow::Break(Ok(named))),
            Ok(Request::Later(later)) => *later,
            Err(refused) => return Ok(ControlFlow::Break(Err(refused))),
        };
        let request = mass_update::request(&part.module, &part.change)?;
        let about = (&actor, &part.module);
        let prepared = prepare(tx, about, &request, &query, Select::Scheduled, call.now)?;
        Ok(ControlFlow::Continue(prepared))
    };
    let job = match accept::schedule(&call.app.db, &read, call.actor.user, call.now) {
        Ok(ControlFlow::Break(Ok(named))) => return now(call, &named),
        Ok(ControlFlow::Break(Err(refused))) => return refused_request(call, refused),
        Ok(ControlFlow::Continue(job)) => Ok(job),
        Err(fault) => Err(fault),
    };
    let text = "mass update scheduled successfully";
    mass_action::accepted(call, (200, "SUCCESS"), text, job)
}

fn refused_request(call: &Call<'_>, refused: RefusedRequest) -> Result<Answer, Fault> {
    match refused {
        RefusedRequest::InData(refusal) => {
            Ok(Answer::data(refusal.code.status(), vec![refusal.to_json()]))
        }
        RefusedRequest::Bare(refusal) => Err(call.tell(refusal).into()),
        RefusedRequest::AsItIs(refusal) => Err(refusal.into()),
    }
}

/// Who asks for what.
fn request(
    tx: &mut Tx,
    call: &Call<'_>,
) -> Result<(Actor, Result<Request, RefusedRequest>), Fault> {
    if of_activities(call) {
        return activities::request(tx, call);
    }
    let (actor, module) = open(tx, call)?;
    mass_update::authorise(&actor, &module)?;
    let map = call.json_object()?;
    let body = wire_body(&map);
    let change = match check_keys(&body) {
        Ok(()) => change(tx, call, &actor, &module, &body)?,
        Err(refusal) => Err(refusal.into()),
    };
    let request = change.and_then(|change| selected(module, change, &body));
    Ok((actor, request))
}

fn of_activities(call: &Call<'_>) -> bool {
    call.param("module") == ACTIVITIES
}

fn selected(module: Module, change: Change, body: &Object<'_>) -> Result<Request, RefusedRequest> {
    let mut part = Part {
        module,
        change,
        ids: Vec::new(),
    };
    Ok(match mass_action::selection(body)? {
        WireSelection::Named(ids) => {
            part.ids = ids.iter().flatten().copied().collect();
            Request::Now(Named {
                ids,
                parts: vec![part],
                refused: BTreeMap::new(),
            })
        }
        WireSelection::View(query) => Request::Later(Box::new((part, query))),
    })
}

/// A misspelt key could mean other records than the caller thinks (wire API 22).
pub(super) fn check_keys(body: &Object<'_>) -> Result<(), Refusal> {
    body.known(&["data", "ids", "cvid", "territory", "over_write", "criteria"])
}

/// What to write into records of a module.
pub(super) fn change(
    tx: &mut Tx,
    call: &Call<'_>,
    actor: &Actor,
    module: &Module,
    body: &Object<'_>,
) -> Result<Result<Change, RefusedRequest>, Fault> {
    let change = match read(call, actor, module, body) {
        Ok(change) => change,
        Err(refused) => return Ok(Err(refused)),
    };
    match mass_update::check_references(tx, actor, module, &change) {
        Ok(()) => Ok(Ok(change)),
        Err(Fault::Refused(refusal)) => Ok(Err(RefusedRequest::InData(*refusal))),
        Err(fault) => Err(fault),
    }
}

fn read(
    call: &Call<'_>,
    actor: &Actor,
    module: &Module,
    body: &Object<'_>,
) -> Result<Change, RefusedRequest> {
    let over_write = body.key("over_write").flag()?;
    let with_layout = call.version.mass_updates_layouts();
    mass_update::change(
        actor,
        module,
        body.map().get("data"),
        over_write,
        with_layout,
    )
    .map_err(|refusal| match refusal.code {
        Code::NoPermission => RefusedRequest::Bare(refusal),
        _ => RefusedRequest::InData(refusal),
    })
}

/// The ids form: everything commits before the answer, and each id has its item, in order.
fn now(call: &Call<'_>, named: &Named) -> Result<Answer, Fault> {
    let user = call.actor.user;
    let items = call.app.db.write(Priority::Interactive, |tx| {
        let actor = Actor::of(&tx.catalog()?, user)?;
        let failed = |(id, refusal): (&RecordId, &Refusal)| {
            let refusal = refusal.clone().with("id", id.to_string());
            (*id, Settled::Failed(refusal))
        };
        let mut settled: BTreeMap<_, _> = named.refused.iter().map(failed).collect();
        let mut stamps = HashMap::new();
        for Part {
            module,
            change,
            ids,
        } in &named.parts
        {
            let request = mass_update::request(module, change)?;
            let (_, done) = run_named(tx, (user, module.id), &request, ids, call.now)?;
            settled.extend(done);
            stamps.extend(wire::stamps(tx, &actor, module, ids)?);
        }
        let items = named.ids.iter();
        let items = items.map(|id| item(call, id, &settled, &stamps));
        Ok(items.collect::<Vec<_>>())
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
                let refusal = mass_update::at_data(refusal.clone());
                call.tell(refusal).to_json()
            }
            (Some(_), Some(stamps)) => wire::success("record updated", stamps.clone()),
            _ => unknown(&id.to_string()),
        },
    }
}

/// `GET /{module}/actions/mass_update?job_id=`: the counts of a job of this module.
pub(super) fn status(call: &Call<'_>) -> Result<Answer, Fault> {
    let job = call.app.db.read(|tx| {
        let job = if of_activities(call) {
            let catalog = tx.catalog()?;
            let actor = Actor::of(&catalog, call.actor.user)?;
            activities::require_view(&actor).map_err(unseen)?;
            activities::job(tx, &actor, JobKind::MassUpdate, job_id(call)?)?
        } else {
            let (actor, module) = open(tx, call)?;
            actor.require(Right::View, &module).map_err(unseen)?;
            mass_action::job(tx, &actor, &module, JobKind::MassUpdate, job_id(call)?)?
        };
        let unknown = || Refusal::new(Code::NotFound).because(Reason::UnknownJob);
        job.ok_or_else(|| call.tell(unknown()).into())
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

/// A refusal for want of a right, in the words of a status.
fn unseen(refusal: Refusal) -> Refusal {
    if refusal.code == Code::NoPermission {
        Refusal::new(Code::NoPermission).saying("Permission denied to read records")
    } else {
        refusal
    }
}

fn job_id<'a>(call: &'a Call<'_>) -> Result<&'a str, Refusal> {
    let given = call.query.get("job_id").filter(|text| !text.is_empty());
    given.ok_or_else(|| {
        Refusal::new(Code::MandatoryNotFound)
            .saying("mandatory param missing")
            .with("param_name", "job_id")
    })
}

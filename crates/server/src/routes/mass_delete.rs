//! Mass delete and its status (wire API 4).

use super::mass_action::{self, both_named, read_ids, view_selection};
use super::records::{batch, open, wire_body};
use crate::answer::Answer;
use crate::call::Call;
use crate::wire;
use crm::actions::accept::{self, Select, prepare, run_named};
use crm::actions::mass_delete;
use crm::selection::SelectionQuery;
use jobs::Settled;
use model::body::Object;
use model::id::{ModuleId, RecordId};
use model::job::{JobKind, WireStatus};
use model::people::Right;
use model::reason::Reason;
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use store::{Fault, Priority, Tx};

/// Which records a request asks for.
enum Selected {
    /// These, at once.
    Named(Vec<RecordId>),
    /// A view's, as a job.
    View(SelectionQuery),
}

/// `POST /{module}/actions/mass_delete`: at once for ids, as a job for a view.
pub(super) fn schedule(call: &Call<'_>) -> Result<Answer, Fault> {
    let read = |tx: &mut Tx| {
        let (actor, module) = open(tx, call)?;
        mass_delete::authorise(&actor, &module)?;
        let query = match selected(&wire_body(&call.json_object()?))? {
            Selected::Named(ids) => return Ok(ControlFlow::Break((module.id, ids))),
            Selected::View(query) => query,
        };
        let request = mass_delete::request()?;
        let about = (&actor, &module);
        let prepared = prepare(tx, about, &request, &query, Select::Scheduled, call.now);
        prepared
            .map(ControlFlow::Continue)
            .map_err(|fault| match fault {
                Fault::Refused(refusal) => of_view(*refusal, query.view).into(),
                fault @ Fault::Store(_) => fault,
            })
    };
    match accept::schedule(&call.app.db, &read, call.actor.user, call.now)? {
        ControlFlow::Continue(job) => {
            let text = "mass delete scheduled successfully";
            Ok(mass_action::scheduled(call, (200, "SUCCESS"), text, job))
        }
        ControlFlow::Break((module, ids)) => now(call, module, &ids),
    }
}

/// Which records: `ids` or `cvid`, and a territory that narrows the view. The SDKs let a territory
/// stand beside `ids`, where it means nothing (wire API 4.2).
fn selected(body: &Object<'_>) -> Result<Selected, Refusal> {
    body.known(&["ids", "cvid", "territory"])?;
    let ids = body.key("ids").or_null();
    match (ids.node(), body.key("cvid").or_null().node()) {
        (Some(_), Some(_)) => Err(both_named(body)),
        (None, Some(cvid)) => {
            let text = cvid.json().as_str();
            let text = text.map_or_else(|| cvid.json().to_string(), str::to_owned);
            let query = view_selection(body, &cvid);
            Ok(Selected::View(
                query.map_err(|refusal| of_view(refusal, Some(text)))?,
            ))
        }
        (given, None) => {
            let items = given.map(|node| node.list()).transpose()?;
            let Some(items) = items.filter(|items| !items.is_empty()) else {
                return Err(Refusal::new(Code::MandatoryNotFound)
                    .with("api_name", "ids")
                    .with("expected_data_type", "jsonarray"));
            };
            let ids = read_ids(&items)?.into_iter().enumerate();
            let ids = ids.map(|(n, id)| id.map_err(|text| invalid_id(n, &text)));
            Ok(Selected::Named(ids.collect::<Result<_, _>>()?))
        }
    }
}

/// An id that is none, or none of all (wire API 4.4).
fn invalid_id(n: usize, id: &str) -> Refusal {
    Refusal::invalid("ids", format!("$.ids[{n}]"))
        .saying("the id given seems to be invalid")
        .with("id", id)
}

/// A refusal of a view names it (wire API 4.4).
fn of_view(refusal: Refusal, cvid: Option<impl ToString>) -> Refusal {
    match cvid {
        Some(cvid) if refusal.reason == Reason::UnknownView => refusal.with("id", cvid.to_string()),
        _ => refusal,
    }
}

/// The ids form: everything commits before the answer, and each id has its item, in order.
fn now(call: &Call<'_>, module: ModuleId, ids: &[RecordId]) -> Result<Answer, Fault> {
    let (_, settled) = call.app.db.write(Priority::Interactive, |tx| {
        let request = mass_delete::request()?;
        run_named(tx, (call.actor.user, module), &request, ids, call.now)
    })?;
    let unknown = |settled: &Settled| matches!(settled, Settled::Failed(refusal) if refusal.code == Code::InvalidData);
    if let Some(first) = ids.first().filter(|_| settled.values().all(unknown)) {
        return Err(invalid_id(0, &first.to_string()).into());
    }
    let items = ids.iter().map(|id| item(call, *id, &settled));
    Ok(batch(call, 200, items.collect()))
}

fn item(call: &Call<'_>, id: RecordId, settled: &BTreeMap<RecordId, Settled>) -> Json {
    if let Some(Settled::Failed(refusal)) = settled.get(&id) {
        return call.tell(refusal.clone()).to_json();
    }
    let details = Map::from_iter([("id".to_owned(), id.to_string().into())]);
    wire::success("record is deleted", details)
}

/// `GET /{module}/actions/mass_delete?job_id=`: the counts of a job of this module. There is none
/// of records that are not deleted yet (wire API 4.5).
pub(super) fn status(call: &Call<'_>) -> Result<Answer, Fault> {
    let job = call.app.db.read(|tx| {
        let (actor, module) = open(tx, call)?;
        actor.require(Right::View, &module)?;
        let about = |refusal: Refusal| refusal.with("param_name", "job_id");
        let text = call.query.get("job_id").filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| {
            about(Refusal::new(Code::MandatoryNotFound).saying("mandatory param missing"))
        })?;
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Refusal::new(Code::UnableToParseDataType).into());
        }
        let job = mass_action::job(tx, &actor, &module, JobKind::MassDelete, text)?;
        let unknown = || {
            let refusal = Refusal::new(Code::InvalidData);
            about(refusal.saying("The jobid given seems to be invalid"))
        };
        job.ok_or_else(|| unknown().into())
    })?;
    let wire = WireStatus::of(job.state, job.counts, job.total);
    Ok(Answer::data(
        200,
        vec![json!({
            "Status": wire.status,
            "Failed_Count": wire.failed,
            "Deleted_Count": wire.updated,
            "Total_Count": wire.total,
        })],
    ))
}

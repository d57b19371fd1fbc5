//! Mass delete and its status (wire API 4).

use super::mass_action::{self, read_ids, view_selection};
use super::records::{batch, open};
use crate::answer::Answer;
use crate::call::Call;
use crate::wire;
use crm::actions::{ViewSelection, mass_delete};
use jobs::Settled;
use model::id::RecordId;
use model::job::{JobKind, WireStatus};
use model::people::Right;
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use store::{Fault, Priority};

/// What a request asks for.
enum Asked {
    /// These records, at once.
    Now(Vec<RecordId>),
    /// A view's records, as a job.
    Later(ViewSelection),
}

/// `POST /{module}/actions/mass_delete`: at once for ids, as a job for a view.
pub(super) fn schedule(call: &Call<'_>) -> Result<Answer, Fault> {
    let asked = call.app.db.read(|tx| {
        let (actor, module) = open(tx, call)?;
        mass_delete::authorise(&actor, &module)?;
        Ok(asked(&call.json_object()?)?)
    })?;
    match asked {
        Asked::Now(ids) => now(call, &ids),
        Asked::Later(selection) => later(call, &selection),
    }
}

/// Which records: `ids` or `cvid`, and a territory that narrows the view. The SDKs let a territory
/// stand beside `ids`, where it means nothing (wire API 4.2).
fn asked(body: &Map<String, Json>) -> Result<Asked, Refusal> {
    let known = ["ids", "cvid", "territory"];
    if let Some(key) = body.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(Refusal::invalid(key, format!("$.{key}")));
    }
    let given = |key: &str| body.get(key).filter(|value| !value.is_null());
    match (given("ids"), given("cvid")) {
        (Some(_), Some(_)) => {
            let both = ["ids", "cvid"]
                .map(|key| json!({ "api_name": key, "json_path": format!("$.{key}") }));
            let refusal = Refusal::new(Code::AmbiguityDuringProcessing);
            Err(refusal.with("ambiguity_due_to", both.to_vec()))
        }
        (Some(Json::Array(ids)), None) if !ids.is_empty() => {
            let ids = read_ids(ids)?.into_iter().enumerate();
            let ids = ids.map(|(n, id)| id.map_err(|text| invalid_id(n, &text)));
            Ok(Asked::Now(ids.collect::<Result<_, _>>()?))
        }
        (Some(Json::Array(_)) | None, None) => Err(Refusal::new(Code::MandatoryNotFound)
            .with("api_name", "ids")
            .with("expected_data_type", "jsonarray")),
        (Some(_), None) => {
            Err(Refusal::invalid("ids", "$.ids").with("expected_data_type", "jsonarray"))
        }
        (None, Some(cvid)) => {
            let text = cvid
                .as_str()
                .map_or_else(|| cvid.to_string(), str::to_owned);
            let selection = view_selection(body, cvid);
            Ok(Asked::Later(
                selection.map_err(|refusal| of_view(refusal, &text))?,
            ))
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
fn of_view(refusal: Refusal, cvid: &str) -> Refusal {
    let about_view = refusal
        .details
        .get("api_name")
        .is_some_and(|name| name == "cvid");
    if refusal.code == Code::InvalidData && about_view {
        return refusal.with("id", cvid);
    }
    refusal
}

/// The view form: the job and its targets are stored when this answers.
fn later(call: &Call<'_>, selection: &ViewSelection) -> Result<Answer, Fault> {
    let (app, user, module) = (call.app, call.actor.user, call.param("module"));
    let job = mass_delete::schedule(&app.db, user, module, selection, call.now);
    let job = job.map_err(|fault| match fault {
        Fault::Refused(refusal) => of_view(*refusal, &selection.cvid.to_string()).into(),
        fault @ Fault::Store(_) => fault,
    })?;
    let text = "mass delete scheduled successfully";
    mass_action::accepted(call, (200, "SUCCESS"), text, Ok(job))
}

/// The ids form: everything commits before the answer, and each id has its item, in order.
fn now(call: &Call<'_>, ids: &[RecordId]) -> Result<Answer, Fault> {
    let settled = call.app.db.write(Priority::Interactive, |tx| {
        let (actor, module) = open(tx, call)?;
        mass_delete::authorise(&actor, &module)?;
        mass_delete::run_now(tx, &actor, &module, ids, call.now)
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
        return call.version.mass_action_refusal(refusal.clone()).to_json();
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

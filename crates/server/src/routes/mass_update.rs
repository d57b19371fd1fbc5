//! Mass update and its status (wire API 1).

use super::mass_action::{self, Asked, Told, flag};
use super::records::{batch, open};
use crate::answer::Answer;
use crate::call::Call;
use crate::wire;
use crm::actions::{ViewSelection, mass_update};
use crm::{Actor, Change};
use jobs::Settled;
use model::id::RecordId;
use model::job::{JobKind, WireStatus};
use model::module::Module;
use model::people::Right;
use model::refusal::{Code, Refusal};
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, HashMap};
use store::{Fault, Priority};

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
    Ok((change, mass_action::selection(body)?))
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
                let refusal = mass_update::at_data(refusal.clone());
                call.version.mass_action_refusal(refusal).to_json()
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
    let job = mass_update::schedule(&app.db, user, module, change, selection, call.now);
    mass_action::accepted(
        call,
        (200, "SUCCESS"),
        "mass update scheduled successfully",
        job,
    )
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
        let job = mass_action::job(tx, &actor, &module, JobKind::MassUpdate, text)?;
        job.ok_or_else(|| call.version.unknown_mass_update_job().into())
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

//! Mass change of owner and its status (wire API 2). Its refusals are always bare: the SDKs have no
//! class for one in `data` (wire API 20.3).

use super::change_owner::new_owner;
use super::mass_action;
use super::records::{open, wire_body};
use crate::answer::Answer;
use crate::call::Call;
use crm::actions::accept::{Select, prepare};
use crm::actions::change_owner;
use crm::selection::SelectionQuery;
use crm::{Actor, owner};
use model::body::Object;
use model::id::UserId;
use model::job::{JobKind, WireStatus};
use model::module::Module;
use model::people::Right;
use model::reason::Reason;
use model::refusal::{Code, Refusal};
use serde_json::{Map, json};
use store::{Fault, jobs};

/// `POST /{module}/actions/mass_change_owner`: a job for a view's records.
pub(super) fn schedule(call: &Call<'_>) -> Result<Answer, Fault> {
    let scheduled = mass_action::schedule(call, &|tx| {
        let (actor, module) = open(tx, call)?;
        change_owner::authorise(&actor, &module, Right::MassTransfer)?;
        let map = call.json_object()?;
        let (owner, query) = read(call, &actor, &module, &wire_body(&map))?;
        change_owner::check_conditions(&actor, &module, &query)?;
        owner::fit(&actor, &module, owner).map_err(|unfit| unfit.of_mass(&module))?;
        let request = change_owner::request(owner)?;
        let about = (&actor, &module);
        prepare(tx, about, &request, &query, Select::Scheduled, call.now)
    });
    match scheduled {
        Ok(job) => {
            let text = "change owner is successfully scheduled";
            let accepted = call.version.change_owner_accepted();
            Ok(mass_action::scheduled(call, accepted, text, job))
        }
        Err(Fault::Refused(refusal)) => Ok(call.refused(*refusal)),
        Err(fault) => Err(fault),
    }
}

/// The new owner and which records, checked as far as the body alone tells.
fn read(
    call: &Call<'_>,
    actor: &Actor,
    module: &Module,
    body: &Object<'_>,
) -> Result<(UserId, SelectionQuery), Refusal> {
    // A misspelt key could mean other records than the caller thinks (wire API 22).
    let mut known = vec!["cvid", "owner", "territory"];
    known.extend(
        call.version
            .mass_change_owner_has_criteria()
            .then_some("criteria"),
    );
    body.known(&known)?;
    let cvid = body.key("cvid").or_null().required()?;
    let owner = new_owner(body)?;
    // What narrows the view is never ignored: null would mean all of it (wire API 22).
    let narrowing = |key: &str| {
        let node = body.key(key).node();
        node.map(|node| node.object().map(|_| node)).transpose()
    };
    let criteria = narrowing("criteria")?
        .map(|node| change_owner::criteria(actor, module, node.json()))
        .transpose()?;
    let cvid = mass_action::cvid(&cvid).map_err(|refusal| Refusal {
        details: Map::from_iter([
            ("api_name".to_owned(), "cvid".into()),
            ("expected_data_type".to_owned(), "long".into()),
        ]),
        ..refusal
    })?;
    let territory = narrowing("territory")?
        .map(|node| mass_action::territory(&node))
        .transpose()?;
    let query = SelectionQuery {
        territory,
        criteria,
        ..SelectionQuery::of_view(cvid)
    };
    Ok((owner, query))
}

/// `GET /{module}/actions/mass_change_owner?job_id=`: the counts of a job of this module.
pub(super) fn status(call: &Call<'_>) -> Result<Answer, Fault> {
    let found = call.app.db.read(|tx| {
        let (actor, module) = open(tx, call)?;
        actor.require(Right::View, &module).map_err(|_| {
            Refusal::new(Code::NoPermission).saying("Permission denied to read records")
        })?;
        let text = call.query.get("job_id").filter(|text| !text.is_empty());
        let Some(text) = text else {
            let refusal = Refusal::new(Code::RequiredParamMissing)
                .because(Reason::MissingJob)
                .saying("Required parameter is missing");
            return Ok(Err(refusal.with("param_name", "job_id")));
        };
        let job = mass_action::job_of_any_module(tx, &actor, JobKind::ChangeOwner, text)?;
        Ok(match job {
            Some(job) if job.module == module.id => Ok(job),
            Some(_) => Err(Refusal::new(Code::NotFound)
                .because(Reason::ForeignJob)
                .saying("The specified job does not belong to this module")),
            None => Err(Refusal::new(Code::NotFound).because(Reason::UnknownJob)),
        })
    })?;
    let told = |job: jobs::Job| {
        let wire = WireStatus::of(job.state, job.counts, job.total);
        json!({
            "Total_Count": wire.total,
            "Updated_Count": wire.updated,
            "Not_Updated_Count": wire.not_updated,
            "Failed_Count": wire.failed,
            "Status": wire.status,
        })
    };
    Ok(match found {
        Ok(job) => Answer::data(200, vec![told(job)]),
        Err(refusal) => call.refused(refusal),
    })
}

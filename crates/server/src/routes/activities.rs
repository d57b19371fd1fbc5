//! Mass update of `Activities`, which are tasks, meetings and calls (wire API 22): the same as of a
//! module, once the modules are known. They come out of the selection, so what depends on them is
//! refused after what does not.

use super::mass_action::{self, RefusedRequest, WireSelection};
use super::mass_update::{self, Named, Part, Request};
use super::records::wire_body;
use crate::call::Call;
use crm::actions::mass_update as action;
use crm::{Actor, activities};
use model::body::Object;
use model::id::RecordId;
use model::job::JobKind;
use model::limits::MASS_UPDATE_FIELDS_MAX;
use model::module::Module;
use model::people::Right;
use model::refusal::{Code, Refusal};
use std::collections::BTreeMap;
use store::jobs::Job;
use store::{Fault, Tx};

/// Who asks for what.
pub(super) fn request(
    tx: &mut Tx,
    call: &Call<'_>,
) -> Result<(Actor, Result<Request, RefusedRequest>), Fault> {
    let catalog = tx.catalog()?;
    let actor = Actor::of(&catalog, call.actor.user)?;
    activities::authorise(&actor)?;
    let map = call.json_object()?;
    let body = wire_body(&map);
    let request = match read(&body) {
        Ok(WireSelection::Named(ids)) => {
            let known: Vec<RecordId> = ids.iter().flatten().copied().collect();
            let found = activities::of_ids(tx, &actor, &known)?;
            let mut parts = Vec::new();
            for (module, own) in found {
                parts.push((part(tx, call, &actor, module, &body)?, own));
            }
            sorted(parts, ids).map(Request::Now)
        }
        Ok(WireSelection::View(query)) => match activities::of_view(&actor, query.view) {
            Ok(module) => part(tx, call, &actor, module, &body)?
                .map(|part| Request::Later(Box::new((part, query)))),
            Err(refusal) => Err(RefusedRequest::Bare(refusal)),
        },
        Err(refused) => Err(refused),
    };
    Ok((actor, request))
}

/// Named records by what is to be done with them. A module that does not take the change refuses its
/// own records; when none takes it, the request is refused.
fn sorted(
    found: Vec<(Result<Part, RefusedRequest>, Vec<RecordId>)>,
    ids: Vec<Result<RecordId, String>>,
) -> Result<Named, RefusedRequest> {
    let mut parts = Vec::new();
    let mut refused = BTreeMap::new();
    let mut first = None;
    for (part, own) in found {
        match part {
            Ok(part) => parts.push(Part { ids: own, ..part }),
            Err(whole) => {
                let refusal = whole.refusal();
                refused.extend(own.into_iter().map(|id| (id, refusal.clone())));
                first = first.or(Some(whole));
            }
        }
    }
    match first {
        Some(whole) if parts.is_empty() => Err(whole),
        _ => Ok(Named {
            ids,
            parts,
            refused,
        }),
    }
}

/// What can be read without knowing the modules.
fn read(body: &Object<'_>) -> Result<WireSelection, RefusedRequest> {
    mass_update::check_keys(body)?;
    body.key("over_write").flag()?;
    action::object(body.map().get("data"), MASS_UPDATE_FIELDS_MAX)
        .map_err(RefusedRequest::InData)?;
    mass_action::selection(body)
}

/// The change as it is in one of the modules.
fn part(
    tx: &mut Tx,
    call: &Call<'_>,
    actor: &Actor,
    module: &Module,
    body: &Object<'_>,
) -> Result<Result<Part, RefusedRequest>, Fault> {
    let change = match action::authorise(actor, module) {
        Ok(()) => mass_update::change(tx, call, actor, module, body)?,
        Err(refusal) => Err(refusal.into()),
    };
    Ok(change.map(|change| Part {
        module: module.clone(),
        change,
        ids: Vec::new(),
    }))
}

/// The job of this id, if it is of one of the modules that the actor sees.
pub(super) fn job(
    tx: &mut Tx,
    actor: &Actor,
    kind: JobKind,
    id: &str,
) -> Result<Option<Job>, Fault> {
    for module in activities::seen(actor) {
        if let Some(job) = mass_action::job(tx, actor, module, kind, id)? {
            return Ok(Some(job));
        }
    }
    Ok(None)
}

/// Refuses an actor who sees none of the modules.
pub(super) fn require_view(actor: &Actor) -> Result<(), Refusal> {
    if activities::seen(actor).next().is_some() {
        return Ok(());
    }
    let first = actor.catalog.activities().next();
    let invalid = || Refusal::new(Code::InvalidModule).with("resource_path_index", 0);
    actor.require(Right::View, first.ok_or_else(invalid)?)
}

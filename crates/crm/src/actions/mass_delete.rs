//! Mass delete: records go into the recycle bin (wire API 4).

use super::mass::{Ready, Work};
use super::scheduled::{self, Selection, ViewSelection, decode, encode, module_of, run_named};
use crate::actor::Actor;
use jobs::Settled;
use model::id::{JobId, RecordId, UserId};
use model::job::JobKind;
use model::module::Module;
use model::people::Right;
use model::refusal::Refusal;
use model::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use store::changes::Cause;
use store::jobs::Job;
use store::{Db, Fault, Tx};

/// What a job keeps of its request.
#[derive(Serialize, Deserialize)]
struct Request {
    selection: Selection,
}

/// Refuses an actor who may not mass delete in the module at all (wire API 4.4).
pub fn authorise(actor: &Actor, module: &Module) -> Result<(), Refusal> {
    actor.require(Right::MassDelete, module)?;
    actor.require(Right::Delete, module)
}

/// Deletes the named records at once, inside this transaction, and answers for each id what
/// happened. A repeated id is visited once.
pub fn run_now(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    ids: &[RecordId],
    now: Timestamp,
) -> Result<BTreeMap<RecordId, Settled>, Fault> {
    let request = stored(Selection::Ids)?;
    let (_, settled) = run_named(tx, (actor, module), JobKind::MassDelete, request, ids, now)?;
    Ok(settled)
}

/// Schedules the deletion of a view's records; a module has at most one such job at a time. The
/// job's targets are frozen and stored when this answers.
pub fn schedule(
    db: &Db,
    user: UserId,
    module: &str,
    wanted: &ViewSelection,
    now: Timestamp,
) -> Result<JobId, Fault> {
    let prepare = |_: &mut Tx, _: &Actor, _: &Module, selection| stored(selection);
    scheduled::schedule(db, user, module, JobKind::MassDelete, wanted, &prepare, now)
}

/// What a job was asked to do, as it is told to a reader.
pub(super) fn told(reader: &Actor, module: &Module, job: &Job) -> Result<Json, Fault> {
    let request: Request = decode(job)?;
    Ok(json!({ "selection": request.selection.told(reader, module) }))
}

/// What a job keeps of its request.
pub(super) fn stored(selection: Selection) -> Result<String, Fault> {
    encode(&Request { selection })
}

/// A job's request, checked once more against the catalog and the actor's rights as they are now.
pub(super) fn ready(tx: &mut Tx, job: &Job) -> Result<Ready, Fault> {
    let request: Request = decode(job)?;
    let actor = Actor::of(&tx.catalog()?, job.actor)?;
    let module = module_of(&actor, job)?;
    authorise(&actor, module)?;
    Ok(Ready {
        within: request.selection.within(module)?,
        work: Work::Delete,
        cause: Cause::Job,
        actor,
    })
}

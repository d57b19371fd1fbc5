//! Mass delete: records go into the recycle bin (wire API 4).

use super::scheduled::{Selection, decode, module_of};
use crate::actor::Actor;
use crate::record::{self, Writing};
use jobs::{Action, Settled};
use model::id::RecordId;
use model::people::Right;
use model::time::Timestamp;
use serde::{Deserialize, Serialize};
use store::changes::Cause;
use store::jobs::Job;
use store::targets::Target;
use store::{Fault, Tx};

/// What a job keeps of its request.
#[derive(Serialize, Deserialize)]
struct Request {
    selection: Selection,
}

/// The action behind both forms.
pub struct MassDelete;

impl Action for MassDelete {
    fn run(
        &self,
        tx: &mut Tx,
        job: &Job,
        targets: &[Target],
        now: Timestamp,
    ) -> Result<Vec<Settled>, Fault> {
        let request: Request = decode(job)?;
        let actor = Actor::of(&tx.catalog()?, job.actor)?;
        let module = module_of(&actor, job)?;
        actor.require(Right::MassDelete, module)?;
        let within = request.selection.within(module)?;
        let ids: Vec<RecordId> = targets.iter().map(|target| target.record).collect();
        let writing = Writing {
            actor: &actor,
            module,
            cause: Cause::Job,
            job: Some(job.id),
            now,
        };
        record::delete(tx, writing, &ids, within.as_ref())
    }
}

//! Jobs as people see them: who is shown one, which there are, and what it was asked to do.

use crate::actions::describe;
use crate::actor::Actor;
use model::id::JobId;
use serde_json::Value as Json;
use store::jobs::{self, Job, JobQuery};
use store::{Fault, Tx};

/// Whether a job is shown to the actor: to who started it, and to administrators.
pub fn shown(actor: &Actor, job: &Job) -> bool {
    job.actor == actor.user.id || actor.profile.administrator
}

/// The job of this id, if it is shown to the actor.
pub fn find(tx: &mut Tx, actor: &Actor, id: JobId) -> Result<Option<Job>, Fault> {
    Ok(jobs::find(tx, id)?.filter(|job| shown(actor, job)))
}

/// The newest of the jobs that are wanted and shown to the actor, at most `limit`.
pub fn list(
    tx: &mut Tx,
    actor: &Actor,
    mut wanted: JobQuery,
    limit: i64,
) -> Result<Vec<Job>, Fault> {
    if !actor.profile.administrator {
        let own = actor.user.id;
        if wanted.actor.is_some_and(|other| other != own) {
            return Ok(Vec::new());
        }
        wanted.actor = Some(own);
    }
    Ok(jobs::list(tx, &wanted, limit)?)
}

/// What a job was asked to do, as `reader` may know it: fields by api name, values of those that they
/// see. Nothing without the right to view the module.
pub fn request(reader: &Actor, job: &Job) -> Result<Json, Fault> {
    describe::request(reader, job)
}

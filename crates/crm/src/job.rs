//! Jobs as people see them: who is shown one, which there are, and what it was asked to do.

use crate::actions::{self, told};
use crate::actor::Actor;
use ::jobs::Sealed;
use model::id::{JobId, UserId};
use model::job::Relation;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use serde_json::Value as Json;
use store::jobs::{self, Job, NewJob, Terms, Wanted};
use store::{Db, Fault, Tx};

/// Whether a job is shown to the actor: to who started it, and to administrators.
pub fn shown(actor: &Actor, job: &Job) -> bool {
    job.actor == actor.user.id || actor.profile.administrator
}

/// The job of this id, if it is shown to the actor.
pub fn find(tx: &mut Tx, actor: &Actor, id: JobId) -> Result<Option<Job>, Fault> {
    Ok(jobs::find(tx, id)?.filter(|job| shown(actor, job)))
}

/// The newest of the jobs that are wanted and shown to the actor, at most `limit`.
pub fn list(tx: &mut Tx, actor: &Actor, mut wanted: Wanted, limit: i64) -> Result<Vec<Job>, Fault> {
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
    told::request(reader, job)
}

/// A retry that somebody asks for.
pub struct Retry<'a> {
    /// Of which job.
    pub of: JobId,
    /// Who asks: the new job acts for them.
    pub actor: UserId,
    /// Through which API client.
    pub client: Option<String>,
    /// Who is called when it ends.
    pub notify_url: Option<String>,
    /// What else is asked of who retries this job.
    pub may: &'a dyn Fn(&Actor, &Job) -> Result<(), Fault>,
}

/// Accepts a job that visits once more what failed in another, or was left by it, judged anew with
/// the rights of who asks. `sealed` commits with it.
pub fn retry<T>(
    db: &Db,
    wanted: &Retry<'_>,
    now: Timestamp,
    sealed: Sealed<'_, T>,
) -> Result<T, Fault> {
    let id = JobId(db.new_id()?);
    let make = |tx: &mut Tx, old: &Job| {
        let actor = Actor::of(&tx.catalog()?, wanted.actor)?;
        if !shown(&actor, old) {
            return Err(Refusal::new(Code::NotFound)
                .saying("there is no such job")
                .into());
        }
        (wanted.may)(&actor, old)?;
        Ok(NewJob {
            id,
            kind: old.kind,
            module: old.module,
            actor: wanted.actor,
            client: wanted.client.clone(),
            request: old.request.clone(),
            exclusive: jobs::exclusive(tx, old.id)?,
            plan: None,
            parent: Some((Relation::Retry, old.id)),
            terms: Terms {
                automation: actions::automation_of(old)?,
                // What was asked for, not what was allowed in the end.
                automation_cap: old.automation_step,
                throttle: old.terms.throttle,
                notify_url: wanted.notify_url.clone(),
                ..Terms::default()
            },
        })
    };
    ::jobs::retry(db, &actions::all(), wanted.of, &make, now, sealed)
}

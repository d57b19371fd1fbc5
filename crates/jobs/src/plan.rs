//! Making a plan: an action says what it would do to each target, a few thousand at a time, each time
//! in a read of its own. What it says is stored with the targets and in sum, never in a long write;
//! no record is touched.

use crate::accept::{TARGETS_AT_ONCE, numbered};
use crate::action::{Actions, Memory};
use model::id::{JobId, RecordId};
use model::job::{Counts, JobState};
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use store::jobs::{Job, JobOptions};
use store::plans::{self, Plan};
use store::targets::{self, Target};
use store::{Db, Error, Fault, Priority, Tx};

/// Records foreseen in one read.
const FORESEEN_AT_ONCE: usize = 2_000;

/// Why a plan cannot be run any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outdated {
    /// The org's catalog changed.
    Catalog,
    /// Its time ran out.
    Expired,
    /// A job was made from it.
    Taken(JobId),
}

impl Outdated {
    /// The refusal that says so.
    pub fn refusal(self) -> Refusal {
        let refusal = Refusal::new(Code::PlanOutdated);
        match self {
            Self::Catalog => refusal
                .saying("the org was changed since the plan was made: make a new plan")
                .with("reason", "catalog_version"),
            Self::Expired => refusal
                .saying("the plan is too old: make a new one")
                .with("reason", "expires_at"),
            Self::Taken(job) => refusal
                .saying("a job was made from the plan already: make a new plan")
                .with("reason", "job")
                .with("job_id", job.to_string()),
        }
    }
}

/// Makes a plan for these records, which differ: it is found once this is done, together with what
/// `sealed` does with its summary, and after a failure nothing of it is left. Refuses with PLAN_OUTDATED when the org changes meanwhile.
pub fn make_plan<T>(
    db: &Db,
    actions: &Actions,
    plan: &Plan,
    records: &[(RecordId, i64)],
    now: Timestamp,
    sealed: &mut dyn FnMut(&mut Tx, &str) -> Result<T, Fault>,
) -> Result<T, Fault> {
    db.write(Priority::Interactive, |tx| Ok(plans::insert(tx, plan)?))?;
    let made = foresee(db, actions, plan, records, now).and_then(|summary| {
        let total = i64::try_from(records.len()).unwrap_or(i64::MAX);
        db.write(Priority::Interactive, |tx| {
            plans::seal(tx, plan.id, total, &summary)?;
            sealed(tx, &summary)
        })
    });
    if made.is_err() {
        let discarded = db.write(Priority::Interactive, |tx| Ok(plans::discard(tx, plan.id)?));
        if let Err(error) = discarded {
            tracing::warn!(plan = %plan.id, %error, "a plan that was not made is left to the sweep");
        }
    }
    made
}

fn foresee(
    db: &Db,
    actions: &Actions,
    plan: &Plan,
    records: &[(RecordId, i64)],
    now: Timestamp,
) -> Result<String, Fault> {
    let job = job_of(plan, records.len());
    let action = actions.of(plan.kind)?;
    let mut memory = Memory::default();
    let mut ready: Vec<Target> = Vec::new();
    let mut done = 0;
    while let Some(rest) = records.get(done..).filter(|rest| !rest.is_empty()) {
        let some = rest.get(..FORESEEN_AT_ONCE).unwrap_or(rest);
        let wanted = numbered(some, done);
        let (foreseen, mind) = db.read(|tx| {
            let catalog = tx.find_catalog();
            if catalog.is_some_and(|catalog| catalog.version != plan.catalog_version) {
                return Err(Outdated::Catalog.refusal().into());
            }
            // What a read keeps in mind counts once it is done: it may run again.
            let mut mind = memory.clone();
            let foreseen = action.foresee(tx, &job, &wanted, now, &mut mind)?;
            Ok((foreseen, mind))
        })?;
        memory = mind;
        if foreseen.is_empty() || foreseen.len() > wanted.len() {
            let text = format!("{} forecasts for {} targets", foreseen.len(), wanted.len());
            return Err(Error::Inconsistent(text).into());
        }
        done += foreseen.len();
        let seen = wanted.into_iter().zip(foreseen);
        ready.extend(seen.map(|(target, (rev, foreseen))| Target {
            rev,
            foreseen: Some(foreseen),
            ..target
        }));
        if ready.len() >= TARGETS_AT_ONCE {
            store_targets(db, plan, &ready)?;
            ready.clear();
        }
    }
    store_targets(db, plan, &ready)?;
    action.summary(&memory)
}

fn store_targets(db: &Db, plan: &Plan, ready: &[Target]) -> Result<(), Fault> {
    db.write(Priority::Chunk, |tx| {
        Ok(targets::insert(tx, JobId(plan.id.0), ready)?)
    })
}

/// The job that a plan would become, as far as an action asks about it.
fn job_of(plan: &Plan, total: usize) -> Job {
    Job {
        id: JobId(plan.id.0),
        kind: plan.kind,
        module: plan.module,
        actor: plan.actor,
        client: plan.client.clone(),
        request: plan.request.clone(),
        plan: Some(plan.id),
        parent: None,
        options: JobOptions {
            automation: plan.automation,
            ..JobOptions::default()
        },
        drifted: 0,
        fired: 0,
        automation_step: None,
        automation_next: 0,
        state: JobState::Preparing,
        paused_by: None,
        total: i64::try_from(total).unwrap_or(i64::MAX),
        cursor: 0,
        counts: Counts::default(),
        attempts: 0,
        lease_no: 0,
        error: None,
        pace: None,
        paced_until: None,
        created_at: plan.created_at,
        touched_at: plan.created_at,
        started_at: None,
        finished_at: None,
    }
}

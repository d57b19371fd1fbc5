//! A worker: takes jobs by lease and runs them, a chunk of each in turn. One step is one claim or one
//! chunk, and each is one transaction. Nothing here sleeps.

mod cap;
mod select;
mod size;

use crate::accept::TARGETS_AT_ONCE;
use crate::action::{self, Actions, Settled};
use crate::fault::{Plan, Point};
use model::id::JobId;
use model::job::JobState;
use model::refusal::{Code, Refusal};
use model::time::{Clock, Timestamp};
use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use store::jobs::{InUse, Job, Progress};
use store::targets::Target;
use store::{Db, Error, Fault, Priority, Tx, jobs, kill, plans, targets};

use size::limit;
pub(crate) use size::{CHUNK_MAX, adapted};

/// A lease that no chunk renewed for so long is anyone's.
const LEASE_MS: i64 = 30_000;
/// What a finished job leaves (status, targets, outcomes) is kept for 60 days (wire API 1.5), and a
/// deleted record can be restored for as long (9.7).
pub const KEPT_MS: i64 = 60 * 24 * 60 * 60 * 1_000;
/// A worker without work looks this often for what is older.
const TIDY_MS: i64 = 60 * 60 * 1_000;
/// A worker that is busy removes a part of it this often.
const SWEEP_MS: i64 = 10_000;
/// Rows of a kind removed in one transaction.
const TIDY_ROWS: i64 = 5_000;
/// A worker that is busy looks for more jobs this often: other processes accept some, or die.
const LOOK_MS: i64 = 1_000;
/// A job whose chunk had to wait for something is left alone for so long while others can run.
const REST_MS: i64 = 5_000;
/// A job with a throttle visits at most what that allows for so long, then rests as long as that
/// takes.
const PACE_MS: i64 = 1_000;
/// Jobs that one worker holds at once. When there are more, it gives one back at each look and takes
/// the one that waited longest.
const HELD_MAX: usize = 32;
/// Records of the first chunk, and of the smallest.
const CHUNK_START: usize = 500;
const CHUNK_MIN: usize = 100;

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing to do.
    Idle,
    /// Took the lease of a job.
    Claimed(JobId),
    /// Committed a chunk, after which the job is in this state.
    Ran(JobId, JobState),
    /// A chunk did not commit; it will be tried again, smaller.
    Stumbled(JobId),
    /// A chunk could not run now, because others hold what it needs or its throttle allows no more
    /// yet; other jobs go first.
    Delayed(JobId),
    /// Selected and stored the targets of a job for later.
    Selected(JobId),
    /// Every job at hand has visited as many records as its throttle allows until then.
    Resting(Timestamp),
    /// The job as a whole cannot go on.
    Failed(JobId),
    /// Somebody else has the job now.
    Lost(JobId),
    /// Removed some of what old jobs and deletions had left.
    Tidied,
    /// Nothing can be written now; try again later.
    Waiting,
}

struct Held {
    id: JobId,
    lease_no: i64,
    size: usize,
    /// What it needs is held by others.
    rests_until: Option<Timestamp>,
    /// Its throttle allows no more.
    paced_until: Option<Timestamp>,
}

impl Held {
    fn rests(&self, now: Timestamp) -> bool {
        // A clock that was put back ends every rest.
        let within = |until: Timestamp| (1..=REST_MS).contains(&(until.0 - now.0));
        self.rests_until.is_some_and(within)
    }

    fn paced(&self, now: Timestamp) -> bool {
        self.paced_until.is_some_and(|until| paced(until, now))
    }
}

fn paced(until: Timestamp, now: Timestamp) -> bool {
    (1..=PACE_MS).contains(&(until.0 - now.0))
}

/// Runs jobs.
pub struct Worker {
    db: Db,
    clock: Arc<dyn Clock>,
    actions: Actions,
    name: String,
    held: VecDeque<Held>,
    look: bool,
    looked_at: Timestamp,
    tidied_at: Option<Timestamp>,
    swept_at: Timestamp,
    sizes: RangeInclusive<usize>,
    /// Targets of a job for later that are stored at once.
    batch: usize,
    plan: Option<Plan>,
}

enum ChunkEnd {
    Ran(Chunk),
    /// Its throttle allows no more until then.
    Paced(Timestamp),
    /// Its targets are to be selected first.
    Selects(Box<Job>),

    Lost,
}

/// What a chunk came to.
struct Chunk {
    /// The job's state after it.
    state: JobState,
    /// How many records were to be tried.
    tried: usize,
    /// Until when the job's throttle makes it rest.
    paced_until: Option<Timestamp>,
}

impl Worker {
    /// A worker with a name that no other process has.
    pub fn new(db: Db, clock: Arc<dyn Clock>, actions: Actions, name: String) -> Self {
        Self {
            db,
            clock,
            actions,
            name,
            held: VecDeque::new(),
            look: true,
            looked_at: Timestamp(0),
            tidied_at: None,
            swept_at: Timestamp(0),
            sizes: CHUNK_MIN..=CHUNK_MAX,
            batch: TARGETS_AT_ONCE,
            plan: None,
        }
    }

    /// Makes all chunks of this size, as long as none fails, and selections be stored so many at once:
    /// a test shows that it does not matter.
    pub fn with_chunks_of(mut self, size: usize) -> Self {
        self.sizes = size..=size;
        self.batch = size;
        self
    }

    /// Makes the worker fail where a test plans it.
    pub fn with_faults(
        mut self,
        plan: impl FnMut(Point) -> Result<(), Fault> + Send + 'static,
    ) -> Self {
        self.plan = Some(Box::new(plan));
        self
    }

    /// Makes the next step look for jobs to claim.
    pub fn look_for_jobs(&mut self) {
        self.look = true;
    }

    /// How long it is until then by its clock.
    pub(crate) fn until(&self, then: Timestamp) -> Duration {
        let ms = then.0 - self.clock.now().0;
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    }

    /// Whether it holds any job.
    pub fn is_busy(&self) -> bool {
        !self.held.is_empty()
    }

    /// Does one thing: claims a job, or runs a chunk of the job whose turn it is.
    pub fn step(&mut self) -> Step {
        let now = self.clock.now();
        // A clock that was put back must not keep it from looking.
        let overdue = !(0..LOOK_MS).contains(&(now.0 - self.looked_at.0));
        if overdue && self.held.len() >= HELD_MAX {
            self.looked_at = now;
            self.look = true;
            // It had its turn last.
            if let Some(held) = self.held.pop_back() {
                self.give_back(&held);
            }
        }
        if (self.look || overdue || self.held.is_empty()) && self.held.len() < HELD_MAX {
            match self.claim(now) {
                Ok(Some(id)) => return Step::Claimed(id),
                Ok(None) => {
                    self.look = false;
                    self.looked_at = now;
                }
                Err(error) => {
                    tracing::warn!(%error, "jobs cannot be claimed now");
                    return Step::Waiting;
                }
            }
        }
        if self.held.is_empty() {
            return self.tidy(now);
        }
        // Among jobs too, or a slow one would keep everything for as long as it runs.
        if !(0..SWEEP_MS).contains(&(now.0 - self.swept_at.0)) {
            self.swept_at = now;
            if matches!(self.remove_old(now), Ok(true)) {
                return Step::Tidied;
            }
        }
        let ready = |held: &Held| !held.paced(now) && !held.rests(now);
        let next = self.held.iter().position(ready);
        // When all others rest, the caller has waited already.
        let next = next.or_else(|| self.held.iter().position(|held| !held.paced(now)));
        if let Some(held) = next.and_then(|next| self.held.remove(next)) {
            return self.chunk(held, now);
        }
        let until = self.held.iter().filter_map(|held| held.paced_until);
        Step::Resting(until.min().unwrap_or(now))
    }

    /// Removes a part of what jobs and deletions of long ago left.
    fn tidy(&mut self, now: Timestamp) -> Step {
        if self
            .tidied_at
            .is_some_and(|at| (0..TIDY_MS).contains(&(now.0 - at.0)))
        {
            return Step::Idle;
        }
        match self.remove_old(now) {
            Ok(true) => Step::Tidied,
            Ok(false) => {
                self.tidied_at = Some(now);
                Step::Idle
            }
            Err(error) => {
                tracing::warn!(%error, "old jobs and deleted records cannot be removed now");
                Step::Waiting
            }
        }
    }

    /// Removes a part of what is too old; `false` when there is nothing.
    fn remove_old(&self, now: Timestamp) -> Result<bool, Fault> {
        self.db.write(Priority::Chunk, |tx| {
            let own = jobs::purge(tx, now.plus_ms(-KEPT_MS), TIDY_ROWS)?
                || plans::purge(tx, now, TIDY_ROWS)?;
            if own {
                return Ok(true);
            }
            for purge in self.actions.purges() {
                if purge(tx, now, TIDY_ROWS)? {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    fn claim(&mut self, now: Timestamp) -> Result<Option<JobId>, Fault> {
        let process = self.db.process()?;
        let Self { db, name, plan, .. } = self;
        let claimed = db.write(Priority::Chunk, |tx| {
            jobs::sweep_preparing(tx, process, InUse::Pass, now)?;
            let claimed = jobs::claim(tx, name, process, now, now.plus_ms(LEASE_MS))?;
            if claimed.is_some() {
                at(plan, Point::Claim)?;
            }
            Ok(claimed)
        })?;
        let Some(job) = claimed else { return Ok(None) };
        tracing::info!(job = %job.id, cursor = job.cursor, total = job.total, "a job was claimed");
        // A lease of ours that ran out unnoticed is this new one now.
        self.held.retain(|held| held.id != job.id);
        self.held.push_back(Held {
            id: job.id,
            lease_no: job.lease_no,
            size: CHUNK_START.clamp(*self.sizes.start(), *self.sizes.end()),
            rests_until: None,
            paced_until: None,
        });
        Ok(Some(job.id))
    }

    fn chunk(&mut self, mut held: Held, now: Timestamp) -> Step {
        let id = held.id;
        let Self {
            db,
            actions,
            plan,
            clock,
            ..
        } = self;
        let mut began = now;
        // A chunk that ran past the record that is one too many is taken back and made again up to it.
        let mut up_to = usize::MAX;
        // So does one that left more events than the job's cap allows, which says how many it visited.
        let mut over_cap = None;
        let end = catch_unwind(AssertUnwindSafe(|| {
            let end = db.write(Priority::Chunk, |tx| {
                began = clock.now();
                run_chunk(tx, actions, plan, &held, (&mut up_to, &mut over_cap), began)
            })?;
            at(plan, Point::AfterCommit)?;
            Ok(end)
        }));
        let took_ms = self.clock.now().0 - began.0;
        if let (Ok(Err(_)), Some(over)) = (&end, over_cap) {
            return self.close_in(held, over);
        }
        match end {
            Ok(Ok(ChunkEnd::Lost)) => {
                tracing::warn!(job = %id, "a lease was lost; its work goes on elsewhere");
                self.look = true;
                Step::Lost(id)
            }
            Ok(Ok(ChunkEnd::Ran(chunk))) => {
                held.paced_until = chunk.paced_until;
                // What a throttle kept small says nothing of the time that more would take.
                if chunk.paced_until.is_none() {
                    held.size = adapted(chunk.tried, took_ms, &self.sizes);
                }
                match chunk.state {
                    JobState::Running => self.held.push_back(held),
                    state => tracing::info!(job = %id, %state, "a job is left"),
                }
                Step::Ran(id, chunk.state)
            }
            Ok(Ok(ChunkEnd::Paced(until))) => {
                held.paced_until = Some(until);
                self.held.push_back(held);
                Step::Delayed(id)
            }
            Ok(Ok(ChunkEnd::Selects(job))) => self.select(held, &job, now),
            Ok(Err(Fault::Refused(refusal))) => self.fail(held, &refusal),
            Ok(Err(Fault::Store(error))) if passes(&error) => {
                tracing::warn!(job = %id, %error, "a chunk waits for the database");
                self.await_turn(held)
            }
            Ok(Err(Fault::Store(error))) => self.stumble(held, &error.to_string()),
            Err(_) => self.stumble(held, "the action panicked"),
        }
    }

    /// Keeps the lease while waiting: when it ran out, that would count as an attempt.
    fn await_turn(&mut self, mut held: Held) -> Step {
        let now = self.clock.now();
        let lease_until = now.plus_ms(LEASE_MS);
        let renewed = self.db.write(Priority::Chunk, |tx| {
            Ok(jobs::renew(tx, held.id, held.lease_no, lease_until)?)
        });
        if let Ok(false) = renewed {
            return Step::Lost(held.id);
        }
        let id = held.id;
        held.rests_until = Some(now.plus_ms(REST_MS));
        self.held.push_back(held);
        if self.held.iter().all(|held| held.rests(now)) {
            Step::Waiting
        } else {
            Step::Delayed(id)
        }
    }

    fn fail(&mut self, held: Held, refusal: &Refusal) -> Step {
        let why = format!("{}: {}", refusal.code.as_str(), refusal.message);
        tracing::warn!(job = %held.id, why, "a job cannot go on");
        let now = self.clock.now();
        let failed = self.db.write(Priority::Chunk, |tx| {
            Ok(jobs::fail(tx, held.id, held.lease_no, &why, now)?)
        });
        match failed {
            Ok(true) => Step::Failed(held.id),
            Ok(false) => Step::Lost(held.id),
            Err(error) => {
                tracing::warn!(job = %held.id, %error, "that cannot be written now");
                self.held.push_back(held);
                Step::Waiting
            }
        }
    }

    fn stumble(&mut self, held: Held, why: &str) -> Step {
        let id = held.id;
        tracing::error!(job = %id, why, "a chunk did not commit");
        let counted = self.db.write(Priority::Chunk, |tx| {
            Ok(jobs::count_attempt(tx, id, held.lease_no)?)
        });
        match counted {
            Ok(true) => {
                self.held.push_back(held);
                Step::Stumbled(id)
            }
            Ok(false) => Step::Lost(id),
            Err(error) => {
                tracing::warn!(job = %id, %error, "the attempt cannot be counted now");
                self.held.push_back(held);
                Step::Waiting
            }
        }
    }

    /// Gives all leases back, so that others go on at once.
    pub fn release(&mut self) {
        for held in std::mem::take(&mut self.held) {
            self.give_back(&held);
        }
    }

    fn give_back(&self, held: &Held) {
        let released = self.db.write(Priority::Chunk, |tx| {
            Ok(jobs::release(tx, held.id, held.lease_no)?)
        });
        if let Err(error) = released {
            tracing::warn!(job = %held.id, %error, "a lease runs out by itself");
        }
    }
}

fn at(plan: &mut Option<Plan>, point: Point) -> Result<(), Fault> {
    kill::point(point.name());
    plan.as_mut().map_or(Ok(()), |plan| plan(point))
}

/// Whether the reason lies in the database's surroundings and not in a record.
pub(crate) fn passes(error: &Error) -> bool {
    error.is_passing()
        || matches!(
            error,
            Error::Full(_) | Error::ReadOnly(_) | Error::OutcomeUnknown(_)
        )
}

fn run_chunk(
    tx: &mut Tx,
    actions: &Actions,
    plan: &mut Option<Plan>,
    held: &Held,
    (up_to, over_cap): (&mut usize, &mut Option<cap::Over>),
    now: Timestamp,
) -> Result<ChunkEnd, Fault> {
    let Some(job) = jobs::fenced(tx, held.id, held.lease_no)? else {
        return Ok(ChunkEnd::Lost);
    };
    if job.options.selects {
        return Ok(ChunkEnd::Selects(Box::new(job)));
    }
    let throttle = job.options.throttle.map(|throttle| throttle.max(1));
    if throttle.is_some()
        && let Some(until) = job.paced_until.filter(|until| paced(*until, now))
    {
        return Ok(ChunkEnd::Paced(until));
    }
    at(plan, Point::BeforeAction)?;
    let allowed = throttle.and_then(|throttle| usize::try_from(throttle).ok());
    let size = held.size.min(allowed.unwrap_or(usize::MAX)).min(*up_to);
    let limit = limit(size, job.attempts);
    let targets = targets::from(tx, job.targets(), job.cursor, limit.unwrap_or(1))?;
    if job.cursor < job.total && targets.first().is_none_or(|first| first.seq != job.cursor) {
        // No smaller chunk and no other worker would find it.
        let text = format!("the job has no target {}", job.cursor);
        return Err(Refusal::new(Code::InternalError).saying(text).into());
    }
    let left_before = tx.events_left();
    let settled = if limit.is_some() {
        action::visit(actions.of(job.kind)?, tx, &job, &targets, now)?
    } else {
        let settled = vec![Settled::Failed(poison()); targets.len()];
        action::store_outcomes(tx, &job, &targets, &settled, now)?;
        settled
    };
    at(plan, Point::AfterAction)?;
    let fired = tx.events_left() - left_before;
    cap::keep(&job, fired, settled.len(), over_cap)?;
    let tolerated = job.options.tolerance - job.drifted;
    if let Some(stray) = action::stray_too_many(&targets, &settled, tolerated)
        && stray + 1 < settled.len()
    {
        *up_to = stray + 1;
        let text = format!("record {stray} of the chunk strayed from the plan and is one too many");
        return Err(Error::Conflict(text).into());
    }
    let progress = Progress {
        fired,
        ..progress(&job, &targets, &settled, now)
    };
    let paced_until = progress.paced_until;
    let state = jobs::advance(tx, &job, progress)?;
    at(plan, Point::BeforeCommit)?;
    // What the action left to the next chunk says that this one was large enough.
    let left = settled.len() < targets.len();
    let tried = if left {
        settled.len()
    } else {
        limit.unwrap_or(1)
    };
    Ok(ChunkEnd::Ran(Chunk {
        state,
        tried,
        paced_until,
    }))
}

fn progress(job: &Job, targets: &[Target], settled: &[Settled], now: Timestamp) -> Progress {
    let counts = action::counts(settled);
    // Rounded up: a throttle is not exceeded by a little either.
    let rest_ms = |throttle: i64| (counts.visited() * PACE_MS + throttle - 1) / throttle;
    let throttle = job.options.throttle.filter(|throttle| *throttle > 0);
    Progress {
        visited: counts.visited(),
        counts: job.counts.plus(counts),
        drifted: action::drifted(targets, settled),
        fired: 0,
        paced_until: throttle.map(|throttle| now.plus_ms(rest_ms(throttle))),
        now,
        lease_until: now.plus_ms(LEASE_MS),
    }
}

fn poison() -> Refusal {
    Refusal::new(Code::InternalError)
        .saying("the server failed on this record several times and left it as it was; see its log")
}

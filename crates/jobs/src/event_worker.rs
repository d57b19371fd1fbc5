//! A worker beside the one of jobs: takes the events that writes left for automation and lets the
//! org's rules run. One step is one transaction, which takes events out and holds all their effects.
//! Nothing here sleeps.

use crate::fault::{EventPlan, EventPoint};
use crate::worker::{CHUNK_MAX, adapted, passes};
use model::refusal::{Code, Refusal};
use model::time::{Clock, Timestamp};
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use store::events::{self, Event};
use store::{Db, Fault, Priority, Tx, effects, kill};

/// Events taken at first, and at least while none fails.
const BATCH_START: usize = 200;
const BATCH_MIN: usize = 50;
/// Tries of a single event before it is given up.
const TRIES: i64 = 3;
/// An event that failed is tried again after so long, and so much longer each time.
const AGAIN_MS: i64 = 1_000;

/// What follows from events.
pub trait Effects: Send + Sync {
    /// How many of these events, the first ones, one transaction takes at most; one in any case.
    fn reach(&self, tx: &mut Tx, events: &[Event]) -> store::Result<usize>;

    /// Runs the rules of these events inside the transaction that takes them out. No two are of one
    /// record. What a rule may not do is stored as a failure and is no error.
    fn run(&self, tx: &mut Tx, events: &[Event], now: Timestamp) -> Result<(), Fault>;
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventStep {
    /// There was nothing to do.
    Idle,
    /// So many events and their effects were committed.
    Ran(usize),
    /// Effects did not commit; they will be tried again, fewer at once.
    Stumbled,
    /// An event failed too often and was given up.
    GaveUp,
    /// Nothing can be written now; try again later.
    Waiting,
}

/// Runs what follows from events.
pub struct EventWorker {
    db: Db,
    clock: Arc<dyn Clock>,
    effects: Arc<dyn Effects>,
    size: usize,
    sizes: RangeInclusive<usize>,
    plan: Option<EventPlan>,
}

impl EventWorker {
    /// A worker; any number of them may share a database.
    pub fn new(db: Db, clock: Arc<dyn Clock>, effects: Arc<dyn Effects>) -> Self {
        Self {
            db,
            clock,
            effects,
            size: BATCH_START,
            sizes: BATCH_MIN..=CHUNK_MAX,
            plan: None,
        }
    }

    /// Takes so many events at once, as long as none fails: a test shows that it does not matter.
    pub fn with_batches_of(mut self, size: usize) -> Self {
        self.size = size;
        self.sizes = size..=size;
        self
    }

    /// Makes the worker fail where a test plans it.
    pub fn with_faults(
        mut self,
        plan: impl FnMut(EventPoint) -> Result<(), Fault> + Send + 'static,
    ) -> Self {
        self.plan = Some(Box::new(plan));
        self
    }

    /// Takes some events out and lets their rules run.
    pub fn step(&mut self) -> EventStep {
        let now = self.clock.now();
        let Self {
            db,
            effects,
            plan,
            clock,
            size,
            ..
        } = self;
        let (mut taken, mut began) = (Vec::new(), now);
        let ended = catch_unwind(AssertUnwindSafe(|| {
            db.write(Priority::Chunk, |tx| {
                began = clock.now();
                taken = events::take(tx, began, *size, |tx, events| effects.reach(tx, events))?;
                if taken.is_empty() {
                    return Ok(());
                }
                at(plan, EventPoint::Taken)?;
                effects.run(tx, &taken, began)?;
                at(plan, EventPoint::Applied)
            })?;
            if taken.is_empty() {
                return Ok(());
            }
            at(plan, EventPoint::Committed)
        }));
        let took_ms = self.clock.now().0 - began.0;
        let why = match ended {
            Ok(Ok(())) if taken.is_empty() => return EventStep::Idle,
            Ok(Ok(())) => {
                self.size = adapted(taken.len().max(self.size), took_ms, &self.sizes);
                return EventStep::Ran(taken.len());
            }
            Ok(Err(Fault::Store(error))) if passes(&error) => {
                tracing::warn!(%error, "automation waits for the database");
                return EventStep::Waiting;
            }
            Ok(Err(Fault::Store(error))) => error.to_string(),
            Ok(Err(Fault::Refused(refusal))) => refusal.message.into_owned(),
            Err(_) => "a rule's effects panicked".to_owned(),
        };
        self.stumble(&taken, &why)
    }

    /// Takes fewer at once the next time; a single event is counted, and given up at last.
    fn stumble(&mut self, taken: &[Event], why: &str) -> EventStep {
        tracing::error!(events = taken.len(), why, "effects of rules did not commit");
        let [event] = taken else {
            self.size = (taken.len() / 2).max(1);
            return EventStep::Stumbled;
        };
        let now = self.clock.now();
        let last = event.attempts + 1 >= TRIES;
        let written = self.db.write(Priority::Chunk, |tx| {
            if !last {
                let next_at = now.plus_ms(AGAIN_MS * (event.attempts + 1));
                return Ok(events::delay(tx, event, next_at)?);
            }
            // Somebody else may have done it by now.
            if events::remove(tx, event)? {
                effects::fail(tx, event, None, &given_up(), now)?;
            }
            Ok(())
        });
        match written {
            Ok(()) if last => EventStep::GaveUp,
            Ok(()) => EventStep::Stumbled,
            Err(error) => {
                tracing::warn!(%error, "that cannot be written now");
                EventStep::Waiting
            }
        }
    }
}

fn at(plan: &mut Option<EventPlan>, point: EventPoint) -> Result<(), Fault> {
    kill::point(point.name());
    plan.as_mut().map_or(Ok(()), |plan| plan(point))
}

fn given_up() -> Refusal {
    Refusal::new(Code::InternalError)
        .saying("the server failed on this rule several times and did nothing of it; see its log")
}

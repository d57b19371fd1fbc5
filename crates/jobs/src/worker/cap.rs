//! A job's automation cap: it pauses before the record whose events would be more than it allows.

use super::{Held, Step, Worker};
use model::job::JobState;
use store::jobs::{self, Job};
use store::{Error, Fault, Priority};

/// A chunk that left more events than its job's cap allows.
#[derive(Clone, Copy)]
pub(super) struct Over {
    /// How many records it had visited.
    visited: usize,
    /// How many events it left.
    fired: i64,
}

/// Takes a chunk back that left more events than its job's cap allows.
pub(super) fn keep(
    job: &Job,
    fired: i64,
    visited: usize,
    over: &mut Option<Over>,
) -> Result<(), Fault> {
    let allowed = job.options.automation_cap.map(|cap| cap - job.fired);
    *over = allowed
        .filter(|allowed| fired > 0 && fired > *allowed)
        .map(|_| Over { visited, fired });
    match over {
        None => Ok(()),
        Some(_) => Err(Error::Busy(format!("job {} is at its automation cap", job.id)).into()),
    }
}

impl Worker {
    /// Makes the next chunk half as large as the one that was taken back; one record alone that is too
    /// much pauses the job before it.
    pub(super) fn close_in(&mut self, mut held: Held, over: Over) -> Step {
        let Over { visited, fired } = over;
        let id = held.id;
        if visited > 1 {
            held.size = visited / 2;
            self.held.push_front(held);
            return Step::Delayed(id);
        }
        let now = self.clock.now();
        let paused = self.db.write(Priority::Chunk, |tx| {
            Ok(jobs::pause_at_cap(tx, (id, held.lease_no), fired, now)?)
        });
        match paused {
            Ok(true) => {
                tracing::info!(job = %id, "a job is paused at its automation cap");
                Step::Ran(id, JobState::Paused)
            }
            Ok(false) => Step::Lost(id),
            Err(error) => {
                tracing::warn!(job = %id, %error, "that cannot be written now");
                self.held.push_back(held);
                Step::Waiting
            }
        }
    }
}

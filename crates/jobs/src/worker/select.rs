//! The first turn of a job for later: its targets are selected and stored before it visits any.

use super::{Held, LEASE_MS, Step, Worker, at, limit, passes};
use crate::accept::numbered;
use crate::fault::Point;
use model::id::RecordId;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use std::panic::{AssertUnwindSafe, catch_unwind};
use store::jobs::Job;
use store::{Fault, Priority, jobs, targets};

impl Worker {
    /// Selects the targets of a job for later and stores them in batches, each under the fence. One
    /// that stops half way is done again from the start.
    pub(super) fn select(&mut self, held: Held, job: &Job, now: Timestamp) -> Step {
        if limit(held.size, job.attempts).is_none() {
            return self.fail(held, &unselectable());
        }
        let stored = catch_unwind(AssertUnwindSafe(|| {
            let action = self.actions.of(job.kind)?;
            let records = self.db.read(|tx| action.select(tx, job, now))?;
            if records.is_empty() {
                return Err(Refusal::new(Code::NoRecordsFound).into());
            }
            self.store_targets(job, &records)
        }));
        let id = held.id;
        match stored {
            Ok(Ok(true)) => {
                self.held.push_back(held);
                Step::Selected(id)
            }
            Ok(Ok(false)) => Step::Lost(id),
            Ok(Err(Fault::Refused(refusal))) => self.fail(held, &refusal),
            Ok(Err(Fault::Store(error))) if passes(&error) => self.await_turn(held),
            Ok(Err(Fault::Store(error))) => self.stumble(held, &error.to_string()),
            Err(_) => self.stumble(held, "the selection panicked"),
        }
    }

    /// Stores the targets of a job for later; `false` when its lease was lost.
    fn store_targets(&mut self, job: &Job, records: &[(RecordId, i64)]) -> Result<bool, Fault> {
        let total = i64::try_from(records.len()).unwrap_or(i64::MAX);
        let Self {
            db, clock, plan, ..
        } = self;
        let batches = records.chunks(self.batch);
        for (batch, start) in batches.zip((0..).step_by(self.batch)) {
            let lease_until = clock.now().plus_ms(LEASE_MS);
            let kept = db.write(Priority::Chunk, |tx| {
                if jobs::fenced(tx, job.id, job.lease_no)?.is_none() {
                    return Ok(false);
                }
                if start == 0 {
                    targets::delete(tx, job.id)?;
                }
                targets::insert(tx, job.id, &numbered(batch, start))?;
                at(plan, Point::Selecting)?;
                Ok(jobs::renew(tx, job.id, job.lease_no, lease_until)?)
            })?;
            if !kept {
                return Ok(false);
            }
        }
        db.write(Priority::Chunk, |tx| {
            let stored = jobs::selected(tx, job.id, job.lease_no, total)?;
            at(plan, Point::Selecting)?;
            Ok(stored)
        })
    }
}

fn unselectable() -> Refusal {
    Refusal::new(Code::InternalError)
        .saying("the server failed several times to select the records; see its log")
}

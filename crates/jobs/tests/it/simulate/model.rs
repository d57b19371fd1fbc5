//! What must be, of what happened so far: each job's row, and of each record that it visited what
//! became of it. It knows nothing of transactions, chunks or turns.

use model::job::JobState::{self, Cancelled, Completed, Failed, Paused, Queued, Running};
use std::collections::{BTreeMap, BTreeSet};

/// A lease, and the attempts after which a record is given up.
const LEASE_MS: i64 = 30_000;
const ATTEMPTS: i64 = 15;

/// What stands in a job's row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) state: JobState,
    pub(super) total: i64,
    pub(super) cursor: i64,
    /// Changed, unchanged, failed, and no longer as planned.
    pub(super) counts: [i64; 4],
    pub(super) attempts: i64,
    pub(super) lease_no: i64,
    pub(super) lease_until: Option<i64>,
    pub(super) key: Option<String>,
    pub(super) wants: Option<String>,
    pub(super) throttle: Option<i64>,
    pub(super) tolerance: i64,
    pub(super) selects: bool,
    pub(super) paused_by_tolerance: bool,
}

/// A job, with what its row does not tell.
pub(super) struct Job {
    pub(super) row: Row,
    pub(super) run_at: i64,
    pub(super) targets: Vec<i64>,
    pub(super) planned: bool,
    /// The job that it retries.
    pub(super) retries: Option<i64>,
    /// What became of each visited target.
    pub(super) outcomes: Vec<&'static str>,
    /// When it last visited how many, at which throttle.
    pub(super) paced: Option<(i64, i64, i64)>,
    /// Its lease was given back, or its process died.
    pub(super) given_back: bool,
    pub(super) dead: bool,
}

/// What must be, or in a word what is wrong.
pub(super) type Verdict = Result<(), String>;

fn must(is: bool, what: &str) -> Verdict {
    if is { Ok(()) } else { Err(what.to_owned()) }
}

/// The leases that a worker believes to have.
pub(super) type Held = BTreeMap<i64, i64>;

#[derive(Default)]
pub(super) struct Model {
    pub(super) jobs: BTreeMap<i64, Job>,
    pub(super) touched: BTreeSet<i64>,
}

impl Model {
    pub(super) fn job(&mut self, id: i64) -> &mut Job {
        self.jobs.get_mut(&id).expect("an accepted job")
    }

    /// Whether another unfinished job has the key.
    pub(super) fn taken(&self, key: Option<&String>, but: i64) -> bool {
        let holds =
            |job: &Job| key.is_some() && job.row.key.as_ref() == key && !job.row.state.finished();
        self.jobs.iter().any(|(id, job)| *id != but && holds(job))
    }

    /// Whether anyone may, and somebody who looks for work must, claim it.
    pub(super) fn claimable(&self, id: i64, now: i64) -> (bool, bool) {
        let job = &self.jobs[&id];
        let free = !self.taken(job.row.wants.as_ref(), id);
        let waits = job.row.state == Queued && job.run_at <= now && free;
        let ran_out = job.row.state == Running && job.row.lease_until < Some(now);
        let dead = job.row.state == Running && job.dead;
        (waits || ran_out || dead, waits || ran_out)
    }

    pub(super) fn claim(&mut self, held: &mut Held, id: i64, now: i64) -> Verdict {
        must(
            self.claimable(id, now).0,
            "a job was claimed that nobody may claim",
        )?;
        let job = self.job(id);
        job.row.attempts += i64::from(job.row.state == Running && !job.given_back);
        job.row.state = Running;
        job.row.lease_no += 1;
        job.row.lease_until = Some(now + LEASE_MS);
        job.row.key = job.row.key.take().or(job.row.wants.take());
        (job.given_back, job.dead) = (false, false);
        held.insert(id, job.row.lease_no);
        Ok(())
    }

    /// Whether the lease is valid: nobody else may write then, and otherwise its holder may not.
    pub(super) fn valid(&self, held: &Held, id: i64) -> bool {
        let row = &self.jobs[&id].row;
        row.state == Running && held.get(&id) == Some(&row.lease_no)
    }

    pub(super) fn chunk(
        &mut self,
        held: &Held,
        id: i64,
        visited: i64,
        size: i64,
        now: i64,
    ) -> Verdict {
        must(self.valid(held, id), "a worker wrote without a valid lease")?;
        let touched = self.touched.clone();
        let job = self.job(id);
        must(
            !job.row.selects,
            "a job visited records before it selected them",
        )?;
        let most = size
            .min(job.row.throttle.unwrap_or(size))
            .min(job.row.total - job.row.cursor);
        must((1..=most).contains(&visited), "a chunk was too large")?;
        if let (Some((at, visited, rate)), Some(_)) = (job.paced, job.row.throttle) {
            must(
                now < at || (now - at) * rate >= visited * 1_000,
                "a throttle was exceeded",
            )?;
        }
        for _ in 0..visited {
            let record = job.targets[job.outcomes.len()];
            let (count, outcome) = match record % 10 {
                _ if job.row.attempts >= ATTEMPTS => (2, "INTERNAL_ERROR"),
                _ if job.planned && touched.contains(&record) => (3, "CHANGED_SINCE_PLAN"),
                3 => (1, "unchanged"),
                7 => (2, "RECORD_LOCKED"),
                _ => (0, "changed"),
            };
            job.row.counts[count] += 1;
            // What strayed has failed too.
            job.row.counts[2] += i64::from(count == 3);
            job.outcomes.push(outcome);
        }
        let strayed = job
            .outcomes
            .iter()
            .rev()
            .take(usize::try_from(visited).unwrap());
        let strayed = strayed
            .filter(|outcome| **outcome == "CHANGED_SINCE_PLAN")
            .count()
            > 0;
        job.row.cursor += visited;
        job.row.attempts = 0;
        job.paced = job.row.throttle.map(|rate| (now, visited, rate));
        let ended = job.row.cursor == job.row.total;
        let pauses = !ended && strayed && job.row.counts[3] > job.row.tolerance;
        must(
            !pauses || job.outcomes.last() == Some(&"CHANGED_SINCE_PLAN"),
            "a job went on past the stray that is one too many",
        )?;
        job.row.paused_by_tolerance = pauses;
        job.leave(match (ended, pauses) {
            (true, _) => Completed,
            (_, true) => Paused,
            _ => Running,
        });
        job.row.lease_until = (job.row.state == Running).then_some(now + LEASE_MS);
        Ok(())
    }

    /// The records that a retry visits; `None` when it is refused.
    pub(super) fn left(&self, id: i64) -> Option<Vec<i64>> {
        let Job {
            row,
            targets,
            outcomes,
            ..
        } = &self.jobs[&id];
        let retried = |job: &Job| job.retries == Some(id) && !job.row.state.finished();
        if !row.state.finished()
            || self.taken(row.key.as_ref().or(row.wants.as_ref()), id)
            || self.jobs.values().any(retried)
        {
            return None;
        }
        let failed = |outcome: Option<&&str>| !matches!(outcome, Some(&("changed" | "unchanged")));
        let seq = 0..targets.len();
        let left = seq
            .filter(|seq| failed(outcomes.get(*seq)))
            .map(|seq| targets[seq]);
        Some(left.collect()).filter(|left: &Vec<i64>| !left.is_empty())
    }

    /// What a person does; `None` when it is refused.
    pub(super) fn control(
        &mut self,
        id: i64,
        to: JobState,
        tolerance: Option<i64>,
    ) -> Option<JobState> {
        let row = self.jobs[&id].row.clone();
        let taken = row.state == Failed && self.taken(row.key.as_ref().or(row.wants.as_ref()), id);
        let job = self.job(id);
        match (to, row.state) {
            (Paused, Queued | Running) | (Cancelled, Queued | Running | Paused) => job.leave(to),
            (Queued, Paused | Failed) if !taken => {
                let all = row.paused_by_tolerance.then_some(row.total);
                job.row.tolerance = tolerance.or(all).unwrap_or(row.tolerance);
                job.row.attempts = 0;
                job.leave(Queued);
            }
            (Paused, Paused) | (Cancelled, Cancelled) | (Queued, Queued | Running) => {}
            _ => return None,
        }
        Some(job.row.state)
    }
}

impl Job {
    /// Takes another state, and with it the lease away.
    pub(super) fn leave(&mut self, to: JobState) {
        self.row.state = to;
        self.row.lease_until = None;
        self.row.paused_by_tolerance &= to == Paused;
        (self.given_back, self.dead) = (false, false);
    }
}

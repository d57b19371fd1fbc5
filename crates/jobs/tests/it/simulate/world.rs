//! The engine and its model side by side: what happens, happens to both.

use super::event::{Asked, Event, Failure, RECORDS};
use super::model::{Held, Job, Model, Row, Verdict};
use crate::toy::{Bench, Toy, actions, new_job, records};
use jobs::{Point, Step, Worker, control};
use model::id::{JobId, PlanId};
use model::job::{JobState, Relation};
use model::refusal::{Code, Refusal};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};
use store::{Error, Fault, Priority, params};

/// Steps after which a job must have ended.
const STEPS_MAX: usize = 1_500;

/// What is to fail in the next step, and whether it did.
type Planned = Arc<Mutex<Option<(Point, u64, Failure)>>>;

struct Desk {
    worker: Worker,
    size: usize,
    held: Held,
    planned: Planned,
}

pub(super) struct World {
    bench: Option<Bench>,
    desks: Vec<Desk>,
    model: Model,
    /// Jobs in the order in which they were accepted.
    ids: Vec<i64>,
    next: i64,
}

fn wrong<T>(why: impl Into<String>) -> Result<T, String> {
    Err(why.into())
}

fn fail(failure: Failure) -> Result<(), Fault> {
    match failure {
        Failure::Error => Err(Error::Driver("planned".to_owned()).into()),
        Failure::Busy => Err(Error::Busy("planned".to_owned()).into()),
        Failure::Refusal => Err(Refusal::new(Code::NoPermission).into()),
        // No hook is called: thousands of planned panics are not worth telling.
        Failure::Panic => resume_unwind(Box::new("planned")),
    }
}

fn desk(bench: &Bench, size: usize) -> Desk {
    let planned = Planned::default();
    let plan = Arc::clone(&planned);
    let worker = bench
        .worker("w", Toy::plain())
        .with_chunks_of(size)
        .with_faults(move |point| {
            let mut planned = plan.lock().unwrap();
            let (nth, failure) = match &mut *planned {
                Some((at, nth, failure)) if *at == point => (nth, *failure),
                _ => return Ok(()),
            };
            if *nth > 0 {
                *nth -= 1;
                return Ok(());
            }
            *planned = None;
            drop(planned);
            fail(failure)
        });
    Desk {
        worker,
        size,
        held: Held::new(),
        planned,
    }
}

impl World {
    pub(super) fn new(bench: Bench, run: i64, sizes: [usize; 2]) -> Self {
        let desks = sizes.iter().map(|size| desk(&bench, *size)).collect();
        Self {
            bench: Some(bench),
            desks,
            model: Model::default(),
            ids: Vec::new(),
            next: 1_000 * run,
        }
    }

    /// The bench without any trace of this run.
    pub(super) fn emptied(mut self) -> Bench {
        self.desks.clear();
        let bench = self.bench.take().unwrap();
        bench.write(|tx| {
            Ok(tx.batch(
                "DELETE FROM jobs; DELETE FROM job_targets; DELETE FROM job_outcomes;
                 DELETE FROM plans; DELETE FROM toy_changes; UPDATE toy SET n = 0, rev = 1",
            )?)
        });
        bench.forget();
        bench
    }

    fn bench(&self) -> &Bench {
        self.bench.as_ref().unwrap()
    }

    fn now(&self) -> i64 {
        self.bench().now().0
    }

    fn meant(&self, place: u64) -> Option<i64> {
        self.ids.get(usize::try_from(place).unwrap()).copied()
    }

    /// Lets something happen, after which tables and model are the same.
    pub(super) fn happen(&mut self, event: &Event) -> Verdict {
        match event {
            Event::Accept(asked) => self.accept(asked)?,
            Event::Step(worker, fault) => {
                self.step(*worker, *fault)?;
            }
            Event::Lose(worker) => self.lose(*worker),
            Event::Release(worker) => self.release(*worker),
            Event::Clock(ms) => {
                self.bench().clock.advance_ms(*ms);
                return Ok(());
            }
            Event::Touch(record) => {
                self.bench().touch(*record);
                self.model.touched.insert(*record);
            }
            Event::Pause(place) => self.control(*place, JobState::Paused, None)?,
            Event::Resume(place, tolerance) => {
                self.control(*place, JobState::Queued, *tolerance)?;
            }
            Event::Cancel(place) => self.control(*place, JobState::Cancelled, None)?,
            Event::Throttle(place, throttle) => self.throttle(*place, *throttle)?,
            Event::Retry(place) => self.retry(*place)?,
            Event::Reopen => self.reopen(),
        }
        self.compare()
    }

    fn accept(&mut self, asked: &Asked) -> Verdict {
        self.next += 1;
        let id = self.next;
        let now = self.now();
        let key = asked.key.map(|key| format!("view:{key}"));
        let mut new = new_job(id, key.as_deref());
        new.options.throttle = asked.throttle;
        new.options.run_at = asked.later_ms.map(|ms| self.bench().now().plus_ms(ms));
        new.options.selects = asked.selects;
        new.options.tolerance = asked.tolerance.unwrap_or(0);
        let (bench, at) = (self.bench(), self.bench().now());
        let answer = if asked.tolerance.is_some() {
            new.plan = Some(PlanId(id + 500));
            bench.try_planned(&new, asked.records)
        } else if asked.selects {
            let write = |tx: &mut store::Tx| jobs::accept_in(tx, &new, 0, at);
            bench.db.write(Priority::Interactive, write)
        } else {
            jobs::accept(&bench.db, &new, &records(asked.records), at)
        };
        let later = asked.later_ms.is_some();
        let taken = !later && self.model.taken(key.as_ref(), id);
        match answer {
            Ok(()) if !taken => {}
            Err(Fault::Refused(no)) if taken && no.code == Code::AlreadyScheduled => return Ok(()),
            answer => {
                return wrong(format!(
                    "accepted {answer:?} while its key is taken: {taken}"
                ));
            }
        }
        let total = if asked.selects { 0 } else { asked.records };
        let mut job = queued((1..=total).collect(), None, asked.throttle);
        if later {
            job.row.wants = key;
        } else {
            job.row.key = key;
        }
        job.row.tolerance = new.options.tolerance;
        job.row.selects = asked.selects;
        job.run_at = asked.later_ms.map_or(i64::MIN, |ms| now + ms);
        job.planned = asked.tolerance.is_some();
        self.model.jobs.insert(id, job);
        self.ids.push(id);
        Ok(())
    }

    fn lose(&mut self, worker: usize) {
        let size = self.desks[worker].size;
        self.desks[worker] = desk(self.bench(), size);
    }

    fn release(&mut self, worker: usize) {
        self.desks[worker].worker.release();
        for id in std::mem::take(&mut self.desks[worker].held) {
            if self.model.valid(&Held::from([id]), id.0) {
                let job = self.model.job(id.0);
                job.row.lease_until = Some(0);
                job.given_back = true;
            }
        }
    }

    fn reopen(&mut self) {
        let sizes: Vec<usize> = self.desks.drain(..).map(|desk| desk.size).collect();
        let bench = self.bench.take().unwrap().restarted();
        self.desks = sizes.iter().map(|size| desk(&bench, *size)).collect();
        self.bench = Some(bench);
        for job in self.model.jobs.values_mut() {
            job.dead = job.row.state == JobState::Running && !job.given_back;
        }
    }

    fn control(&mut self, place: u64, to: JobState, tolerance: Option<i64>) -> Verdict {
        let Some(id) = self.meant(place) else {
            return Ok(());
        };
        let (bench, now) = (self.bench(), self.bench().now());
        let answer = bench.db.write(Priority::Interactive, |tx| match to {
            JobState::Paused => control::pause(tx, JobId(id), now),
            JobState::Cancelled => control::cancel(tx, JobId(id), now),
            _ => control::resume(tx, JobId(id), tolerance, None, now),
        });
        match (answer, self.model.control(id, to, tolerance)) {
            (Ok(job), Some(state)) if job.state == state => Ok(()),
            (Err(Fault::Refused(_)), None) => Ok(()),
            (answer, state) => wrong(format!("{answer:?}, not {state:?}")),
        }
    }

    fn throttle(&mut self, place: u64, throttle: Option<i64>) -> Verdict {
        let Some(id) = self.meant(place) else {
            return Ok(());
        };
        let answer = self.bench().db.write(Priority::Interactive, |tx| {
            control::throttle(tx, JobId(id), throttle)
        });
        let row = &mut self.model.job(id).row;
        if answer.is_ok() == row.state.finished() {
            return wrong(format!("{answer:?}"));
        }
        if !row.state.finished() {
            row.throttle = throttle;
        }
        Ok(())
    }

    fn retry(&mut self, place: u64) -> Verdict {
        let Some(old) = self.meant(place) else {
            return Ok(());
        };
        self.next += 1;
        let id = self.next;
        let (bench, now) = (self.bench(), self.bench().now());
        let make = |tx: &mut store::Tx, old: &store::jobs::Job| {
            let mut new = new_job(id, store::jobs::exclusive(tx, old.id)?.as_deref());
            new.parent = Some((Relation::Retry, old.id));
            new.options.throttle = old.options.throttle;
            Ok(new)
        };
        let mut sealed = |_: &mut store::Tx, job: &store::jobs::Job| Ok(job.total);
        let actions = actions(Toy::plain());
        let answer = jobs::retry(&bench.db, &actions, JobId(old), &make, now, &mut sealed);
        let targets = match (answer, self.model.left(old)) {
            (Ok(total), Some(left)) if i64::try_from(left.len()) == Ok(total) => left,
            (Err(Fault::Refused(_)), None) => return Ok(()),
            (answer, left) => return wrong(format!("{answer:?}, not {left:?}")),
        };
        let of_old = &self.model.jobs[&old].row;
        let key = of_old.key.clone().or(of_old.wants.clone());
        let mut job = queued(targets, key, of_old.throttle);
        job.retries = Some(old);
        self.model.jobs.insert(id, job);
        self.ids.push(id);
        Ok(())
    }

    fn step(
        &mut self,
        worker: usize,
        fault: Option<(Point, u64, Failure)>,
    ) -> Result<Step, String> {
        let now = self.now();
        let desk = &mut self.desks[worker];
        *desk.planned.lock().unwrap() = fault;
        let step = catch_unwind(AssertUnwindSafe(|| desk.worker.step()));
        let failed = fault.filter(|_| desk.planned.lock().unwrap().take().is_none());
        let size = i64::try_from(desk.size).unwrap();
        let mut held = std::mem::take(&mut desk.held);
        let told = self.follow(&mut held, step.as_ref().ok().copied(), failed, size, now);
        self.desks[worker].held = held;
        if step.is_err() {
            self.lose(worker);
        }
        told.map_err(|why| format!("{step:?}: {why}"))?;
        Ok(step.unwrap_or(Step::Waiting))
    }

    /// Does to the model what a step did, if it may be.
    fn follow(
        &mut self,
        held: &mut Held,
        step: Option<Step>,
        failed: Option<(Point, u64, Failure)>,
        size: i64,
        now: i64,
    ) -> Verdict {
        let model = &mut self.model;
        // Where a chunk committed, whatever its worker makes of it; and where a lease was renewed.
        let (mut ran, mut renewed) = (None, None);
        for (id, row) in rows(self.bench.as_ref().unwrap()) {
            let known = &model.jobs[&id].row;
            if row.cursor != known.cursor && ran.replace((id, row.cursor - known.cursor)).is_some()
            {
                return wrong("two jobs moved in one step");
            }
            let moved = row.lease_no == known.lease_no && row.lease_until != known.lease_until;
            if moved && row.lease_until == Some(now + 30_000) {
                renewed = Some(id);
            }
        }
        if let Some((id, visited)) = ran {
            model.chunk(held, id, visited, size, now)?;
            let told = step == Some(Step::Ran(JobId(id), model.jobs[&id].row.state));
            let missed = failed.is_some_and(|(point, ..)| point == Point::AfterCommit);
            if !told && !missed {
                return wrong("a chunk committed without a word");
            }
        }
        if let Some(id) = renewed.filter(|id| model.valid(held, *id)) {
            model.job(id).row.lease_until = Some(now + 30_000);
        }
        let valid = |id: i64| model.valid(held, id);
        match step {
            Some(Step::Claimed(id)) => model.claim(held, id.0, now)?,
            Some(Step::Ran(id, _)) if ran.map(|(ran, _)| ran) != Some(id.0) => {
                return wrong("nothing was visited");
            }
            Some(Step::Selected(id)) if valid(id.0) => {
                let job = model.job(id.0);
                (job.row.selects, job.row.attempts) = (false, 0);
                job.targets = (1..=RECORDS.cast_signed()).collect();
                job.row.total = RECORDS.cast_signed();
            }
            Some(Step::Stumbled(id)) if valid(id.0) && failed.is_some() => {
                model.job(id.0).row.attempts += 1;
            }
            Some(Step::Failed(id)) if valid(id.0) => {
                let refused = failed.is_some_and(|(.., how)| how == Failure::Refusal);
                let row = &model.jobs[&id.0].row;
                if !refused && (!row.selects || row.attempts < 15) {
                    return wrong("a job failed for no reason");
                }
                model.job(id.0).leave(JobState::Failed);
            }
            Some(Step::Lost(id)) if !valid(id.0) => drop(held.remove(&id.0)),
            Some(Step::Delayed(_) | Step::Waiting) if failed.is_some() => {}
            Some(Step::Delayed(id)) if valid(id.0) => rests(&model.jobs[&id.0], now)?,
            Some(Step::Resting(_)) => {
                for id in held.keys().filter(|id| valid(**id)) {
                    rests(&model.jobs[id], now)?;
                }
            }
            Some(Step::Idle) => {
                let missed = |id: &&i64| model.claimable(**id, now).1 || valid(**id);
                if let Some(id) = self.ids.iter().find(missed) {
                    return wrong(format!("job {id} was left"));
                }
            }
            Some(Step::Ran(..)) => {}
            None if failed.is_some_and(|(.., how)| how == Failure::Panic) => {}
            _ => return wrong("that may not be"),
        }
        held.retain(|id, _| model.jobs[id].row.state == JobState::Running);
        Ok(())
    }

    /// Resumes what is paused or failed and lets a new worker step until all is done.
    pub(super) fn end(&mut self) -> Verdict {
        self.lose(0);
        for steps in 0.. {
            if steps > STEPS_MAX {
                return wrong("a job does not end");
            }
            for place in 0..self.ids.len() as u64 {
                let state = self.model.jobs[&self.meant(place).unwrap()].row.state;
                if matches!(state, JobState::Paused | JobState::Failed) {
                    self.happen(&Event::Resume(place, Some(99)))?;
                }
            }
            let ended = |job: &Job| job.row.state.finished();
            if self.model.jobs.values().all(ended) {
                break;
            }
            let step = self.step(0, None)?;
            self.compare()?;
            let now = self.now();
            let wait = match step {
                Step::Resting(until) => until.0 - now,
                Step::Idle => 31_000,
                _ => 0,
            };
            self.bench().clock.advance_ms(wait);
        }
        self.outcomes()
    }

    /// What became of each record, as stored.
    fn outcomes(&self) -> Verdict {
        let sql = "SELECT o.job AS job, o.seq AS seq, COALESCE(o.code, o.outcome) AS word
                   FROM job_outcomes o UNION ALL SELECT c.job, t.seq, 'changed' FROM toy_changes c
                   JOIN jobs j ON j.id = c.job
                   JOIN job_targets t ON t.job = COALESCE(j.plan, j.id) AND t.record = c.record";
        let stored = self.bench().db.read(|tx| Ok(tx.query(sql, &[])?)).unwrap();
        let stored: BTreeSet<(i64, i64, String)> = stored
            .iter()
            .map(|row| {
                let int = |name| row.get(name).unwrap();
                (int("job"), int("seq"), row.get("word").unwrap())
            })
            .collect();
        let mut expected = BTreeSet::new();
        for (id, job) in &self.model.jobs {
            if job.row.state == JobState::Completed && job.outcomes.len() != job.targets.len() {
                return wrong(format!("job {id} completed without some of its records"));
            }
            let rows = (0..).zip(&job.outcomes);
            expected.extend(rows.map(|(seq, outcome)| (*id, seq, (*outcome).to_owned())));
        }
        let differing: Vec<_> = expected.symmetric_difference(&stored).collect();
        if differing.is_empty() {
            return Ok(());
        }
        wrong(format!("outcomes differ: {differing:?}"))
    }

    fn compare(&self) -> Verdict {
        self.bench().check();
        let stored = rows(self.bench());
        let expected = self
            .model
            .jobs
            .iter()
            .map(|(id, job)| (*id, job.row.clone()));
        let expected: BTreeMap<i64, Row> = expected.collect();
        if stored == expected {
            return Ok(());
        }
        let differing = |id: &&i64| stored.get(id) != expected.get(id);
        let id = *expected.keys().find(differing).unwrap_or(&0);
        let (is, should) = (stored.get(&id), expected.get(&id));
        wrong(format!("job {id} is\n  {is:?}, not\n  {should:?}"))
    }
}

/// A job that was just accepted.
fn queued(targets: Vec<i64>, key: Option<String>, throttle: Option<i64>) -> Job {
    let row = Row {
        state: JobState::Queued,
        total: i64::try_from(targets.len()).unwrap(),
        cursor: 0,
        counts: [0; 4],
        attempts: 0,
        lease_no: 0,
        lease_until: None,
        key,
        wants: None,
        throttle,
        tolerance: 0,
        selects: false,
        paused_by_tolerance: false,
    };
    Job {
        row,
        run_at: i64::MIN,
        targets,
        planned: false,
        retries: None,
        outcomes: Vec::new(),
        paced: None,
        given_back: false,
        dead: false,
    }
}

/// Whether its throttle lets a job rest.
fn rests(job: &Job, now: i64) -> Verdict {
    match job.paced {
        Some((at, visited, rate)) if (now - at) * rate < visited * 1_000 => Ok(()),
        _ => wrong("a job rests that need not"),
    }
}

/// The jobs as they are stored.
fn rows(bench: &Bench) -> BTreeMap<i64, Row> {
    let sql =
        "SELECT id, state, total, cursor, changed, unchanged, failed, drifted, attempts, lease_no,
                 lease_until, exclusive, wants, throttle, tolerance, selects,
                 paused_by = 'tolerance' AS paused_by_tolerance
               FROM jobs ORDER BY id";
    let found = bench.db.read(|tx| Ok(tx.query(sql, params![])?)).unwrap();
    let row = |row: &store::Row| {
        let int = |name| row.get::<i64>(name).unwrap();
        let text = |name| row.get::<Option<String>>(name).unwrap();
        let stored = Row {
            state: row.get("state").unwrap(),
            total: int("total"),
            cursor: int("cursor"),
            counts: ["changed", "unchanged", "failed", "drifted"].map(int),
            attempts: int("attempts"),
            lease_no: int("lease_no"),
            lease_until: row.get("lease_until").unwrap(),
            key: text("exclusive"),
            wants: text("wants"),
            throttle: row.get("throttle").unwrap(),
            tolerance: int("tolerance"),
            selects: row.get("selects").unwrap(),
            paused_by_tolerance: row.get("paused_by_tolerance").unwrap_or(false),
        };
        (int("id"), stored)
    };
    found.iter().map(row).collect()
}

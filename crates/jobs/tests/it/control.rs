//! What a person may do to a job in each state, and what it does.

use crate::toy::{Bench, Toy, new_job, records, unhindered};
use jobs::{Step, control};
use model::id::JobId;
use model::job::{JobState, PausedBy};
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use store::jobs::Job;
use store::{Fault, Priority, Tx, jobs as stored};
use testkit::{Kind, each_db};

each_db! {
    each_state_allows_what_it_allows,
    a_paused_job_goes_on_at_its_cursor,
    a_paused_job_keeps_its_exclusive_key_and_a_failed_one_does_not,
    a_failed_job_that_is_resumed_goes_on_at_its_cursor,
    a_cancelled_job_leaves_the_rest_as_it_is,
    a_worker_whose_job_was_paused_and_resumed_meanwhile_writes_nothing,
    a_job_that_nobody_knows_cannot_be_controlled,
    control_at_any_moment_loses_nothing,
    a_job_that_is_cancelled_at_any_moment_stays_so,
    a_job_far_down_a_full_queue_is_controlled_at_once,
}

const JOB: JobId = JobId(7);

type Control = fn(&mut Tx, JobId, Timestamp) -> Result<Job, Fault>;

const CONTROLS: [(&str, Control); 4] = [
    ("pause", control::pause),
    ("resume", |tx, id, now| {
        control::resume(tx, id, None, None, now)
    }),
    ("cancel", control::cancel),
    ("throttle", |tx, id, _| control::throttle(tx, id, Some(5))),
];

fn told(answer: Result<Job, Fault>) -> Result<JobState, Refusal> {
    match answer {
        Ok(job) => Ok(job.state),
        Err(Fault::Refused(refusal)) => Err(*refusal),
        Err(error) => panic!("{error}"),
    }
}

impl Bench {
    /// Controls job 7.
    fn control(&self, control: Control) -> Result<JobState, Refusal> {
        let now = self.now();
        let answer = self
            .db
            .write(Priority::Interactive, |tx| control(tx, JOB, now));
        self.check();
        told(answer)
    }
}

/// A bench whose job 7 is in this state, by the way that leads there.
fn with_job(kind: Kind, state: JobState) -> Bench {
    let bench = Bench::new(kind, 40);
    let mut worker = bench.worker("a", Toy::plain()).with_chunks_of(10);
    let refusing = Toy::that(|_, _| Err(Refusal::new(Code::NoPermission).into()));
    let now = bench.now();
    if state == JobState::Preparing {
        let new = new_job(7, None);
        bench.write(|tx| {
            Ok(stored::insert_preparing(
                tx,
                &new,
                None,
                now,
                now.plus_ms(9),
            )?)
        });
        return bench;
    }
    bench.accept(7, 40);
    match state {
        JobState::Running => {
            bench.step(&mut worker);
            bench.step(&mut worker);
        }
        JobState::Paused => drop(bench.control(control::pause)),
        JobState::Cancelled => drop(bench.control(control::cancel)),
        JobState::Completed => drop(bench.finish(&mut worker)),
        JobState::Failed => drop(bench.finish(&mut bench.worker("b", refusing))),
        JobState::Preparing | JobState::Queued => {}
    }
    bench
}

mod check {
    use super::*;

    pub(super) fn each_state_allows_what_it_allows(kind: Kind) {
        use JobState::{Cancelled, Completed, Failed, Paused, Preparing, Queued, Running};
        // What pause, resume, cancel and throttle lead to; `None` when they are refused.
        let table = [
            (Preparing, [None; 4]),
            (
                Queued,
                [Some(Paused), Some(Queued), Some(Cancelled), Some(Queued)],
            ),
            (
                Running,
                [Some(Paused), Some(Running), Some(Cancelled), Some(Running)],
            ),
            (
                Paused,
                [Some(Paused), Some(Queued), Some(Cancelled), Some(Paused)],
            ),
            (Completed, [None; 4]),
            (Failed, [None, Some(Queued), None, None]),
            (Cancelled, [None, None, Some(Cancelled), None]),
        ];
        assert_eq!(table.map(|(state, _)| state), JobState::ALL);
        for (state, ends) in table {
            for ((name, control), end) in CONTROLS.into_iter().zip(ends) {
                let bench = with_job(kind, state);
                let before = bench.job(7);
                assert_eq!(before.state, state);
                bench.clock.advance_ms(5);
                let answer = bench.control(control);
                let after = bench.job(7);
                match (answer, end) {
                    (Ok(now), Some(end)) => {
                        assert_eq!((now, after.state), (end, end), "{name} of {state}");
                        let ended = before.finished_at.unwrap_or_else(|| bench.now());
                        let finished = end.finished().then_some(ended);
                        assert_eq!(after.finished_at, finished, "{name} of {state}");
                        let by = (end == Paused).then_some(PausedBy::Person);
                        assert_eq!(after.paused_by, by);
                        let throttle = (name == "throttle").then_some(5);
                        assert_eq!(after.options.throttle, throttle);
                        assert_eq!(after.error, None);
                    }
                    (Err(refusal), None) => {
                        assert_eq!(refusal.code, Code::WrongState, "{name} of {state}");
                        let text = refusal.message.to_string();
                        assert!(text.contains(state.as_str()), "{text}");
                        assert_eq!(refusal.details["state"], state.as_str());
                        assert_eq!(after, before, "{name} of {state}");
                    }
                    (answer, end) => panic!("{name} of {state}: {answer:?}, not {end:?}"),
                }
            }
        }
    }

    pub(super) fn a_paused_job_goes_on_at_its_cursor(kind: Kind) {
        let bench = with_job(kind, JobState::Running);
        let mut worker = bench.worker("b", Toy::plain()).with_chunks_of(10);
        bench.control(control::pause).unwrap();
        bench.clock.advance_ms(31_000);
        assert_eq!(bench.finish(&mut worker), [], "nobody claims it");
        assert_eq!(bench.job(7).cursor, 10);
        bench.control(CONTROLS[1].1).unwrap();
        worker.look_for_jobs();
        assert_eq!(bench.step(&mut worker), Step::Claimed(JOB));
        assert_eq!(bench.job(7).attempts, 0, "to pause is not to fail");
        assert_eq!(bench.finish(&mut worker).len(), 3, "the last three chunks");
        assert_eq!(bench.left(7), unhindered(40));
    }

    pub(super) fn a_paused_job_keeps_its_exclusive_key_and_a_failed_one_does_not(kind: Kind) {
        let bench = Bench::new(kind, 10);
        let key = Some("view:1");
        let accept = |id| {
            let answer = jobs::accept(&bench.db, &new_job(id, key), &records(10), bench.now());
            match answer {
                Ok(()) => None,
                Err(Fault::Refused(refusal)) => Some(refusal),
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(accept(7), None);
        bench.control(control::pause).unwrap();
        let refusal = accept(8).unwrap();
        assert_eq!(refusal.code, Code::AlreadyScheduled);
        assert_eq!(refusal.details["job_id"], "7");
        bench.control(CONTROLS[1].1).unwrap();
        let refusing = Toy::that(|_, _| Err(Refusal::new(Code::NoPermission).into()));
        bench.finish(&mut bench.worker("a", refusing));
        assert_eq!(bench.job(7).state, JobState::Failed);
        assert_eq!(accept(8), None, "its key is free");
        let refusal = bench.control(CONTROLS[1].1).unwrap_err();
        assert_eq!(refusal.code, Code::AlreadyScheduled);
        assert_eq!(refusal.details["job_id"], "8");
        assert_eq!(bench.job(7).state, JobState::Failed);
        bench.finish(&mut bench.worker("a", Toy::plain()));
        assert_eq!(bench.control(CONTROLS[1].1), Ok(JobState::Queued));
        assert_eq!(accept(9).unwrap().code, Code::AlreadyScheduled);
    }

    pub(super) fn a_failed_job_that_is_resumed_goes_on_at_its_cursor(kind: Kind) {
        let bench = Bench::new(kind, 40);
        bench.accept(7, 40);
        let refusing = Toy::that(|_, targets| match targets[0].seq {
            20 => Err(Refusal::new(Code::NoPermission).into()),
            _ => Ok(()),
        });
        bench.finish(&mut bench.worker("a", refusing).with_chunks_of(10));
        let failed = bench.job(7);
        assert_eq!((failed.state, failed.cursor), (JobState::Failed, 20));
        assert_eq!(bench.control(CONTROLS[1].1), Ok(JobState::Queued));
        bench.finish(&mut bench.worker("b", Toy::plain()).with_chunks_of(10));
        assert_eq!(bench.left(7), unhindered(40));
    }

    pub(super) fn a_cancelled_job_leaves_the_rest_as_it_is(kind: Kind) {
        let bench = Bench::new(kind, 40);
        bench.accept(7, 40);
        let mut worker = bench.worker("a", Toy::plain()).with_chunks_of(10);
        bench.step(&mut worker);
        bench.step(&mut worker);
        bench.control(control::cancel).unwrap();
        let cancelled = bench.job(7);
        assert_eq!(bench.step(&mut worker), Step::Lost(JOB));
        for _ in 0..2 {
            bench.clock.advance_ms(31_000);
            assert_eq!(bench.finish(&mut worker), []);
            assert_eq!(
                bench.control(control::cancel),
                Ok(JobState::Cancelled),
                "again"
            );
        }
        assert_eq!(bench.job(7), cancelled);
        let untouched = bench.ints("SELECT count(*) FROM toy WHERE n = 0 AND id > 10", &[]);
        assert_eq!(untouched, [30]);
    }

    pub(super) fn a_worker_whose_job_was_paused_and_resumed_meanwhile_writes_nothing(kind: Kind) {
        let bench = Bench::new(kind, 40);
        bench.accept(7, 40);
        let mut a = bench.worker("a", Toy::plain()).with_chunks_of(10);
        let mut b = bench.worker("b", Toy::plain()).with_chunks_of(10);
        bench.step(&mut a);
        bench.control(control::pause).unwrap();
        bench.control(CONTROLS[1].1).unwrap();
        assert_eq!(bench.step(&mut b), Step::Claimed(JOB));
        let before = bench.job(7);
        assert_eq!(bench.step(&mut a), Step::Lost(JOB));
        a.release();
        assert_eq!(bench.job(7), before);
        bench.finish(&mut b);
        assert_eq!(bench.left(7), unhindered(40));
    }

    pub(super) fn a_job_that_nobody_knows_cannot_be_controlled(kind: Kind) {
        let bench = Bench::new(kind, 1);
        for (name, control) in CONTROLS {
            let refusal = bench.control(control).unwrap_err();
            assert_eq!(refusal.code, Code::NotFound, "{name}");
        }
    }

    /// A worker steps as fast as it can while somebody pauses, resumes and throttles its job.
    pub(super) fn control_at_any_moment_loses_nothing(kind: Kind) {
        let bench = Bench::new(kind, 2_000);
        bench.accept(7, 2_000);
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let (bench, done) = (&bench, &done);
            scope.spawn(move || {
                let mut worker = bench.worker("a", Toy::plain()).with_chunks_of(20);
                while !done.load(Ordering::SeqCst) {
                    bench.clock.advance_ms(100);
                    worker.look_for_jobs();
                    worker.step();
                }
                worker.release();
            });
            let mut paused = 0;
            for n in 0_i64.. {
                let throttle = (n % 3 == 0).then_some(1_000 + n);
                let answer = bench.db.write(Priority::Interactive, |tx| match n % 4 {
                    0 => control::pause(tx, JOB, bench.now()),
                    1 | 3 => control::resume(tx, JOB, None, None, bench.now()),
                    _ => control::throttle(tx, JOB, throttle),
                });
                bench.check();
                match told(answer) {
                    Ok(JobState::Paused) => paused += 1,
                    Ok(_) => {}
                    Err(refusal) => {
                        assert_eq!(refusal.code, Code::WrongState);
                        break;
                    }
                }
            }
            done.store(true, Ordering::SeqCst);
            assert!(paused > 0);
        });
        assert_eq!(bench.left(7), unhindered(2_000));
    }

    pub(super) fn a_job_that_is_cancelled_at_any_moment_stays_so(kind: Kind) {
        let bench = Bench::new(kind, 400);
        for id in 1..=20 {
            bench.accept(id, 400);
            let start = Barrier::new(2);
            thread::scope(|scope| {
                let (bench, start) = (&bench, &start);
                scope.spawn(move || {
                    let mut worker = bench.worker("a", Toy::plain()).with_chunks_of(20);
                    start.wait();
                    while worker.step() != Step::Idle {}
                });
                start.wait();
                // Now and then it has run to its end before.
                let job = JobId(id);
                let answer = bench.db.write(Priority::Interactive, |tx| {
                    control::cancel(tx, job, bench.now())
                });
                let wanted = match told(answer) {
                    Ok(state) => state,
                    Err(_) => JobState::Completed,
                };
                let then = bench.left(id);
                assert_eq!(then.state, wanted.as_str());
            });
            let left = bench.left(id);
            bench.check();
            bench.finish(&mut bench.worker("b", Toy::plain()));
            assert_eq!(bench.left(id), left, "nobody went on with it");
        }
    }

    pub(super) fn a_job_far_down_a_full_queue_is_controlled_at_once(kind: Kind) {
        let bench = Bench::new(kind, 40);
        for id in 1..=100 {
            bench.accept(id, 40);
        }
        let mut worker = bench.worker("a", Toy::plain()).with_chunks_of(10);
        for _ in 0..40 {
            bench.step(&mut worker);
        }
        let now = bench.now();
        bench.write(|tx| control::cancel(tx, JobId(100), now));
        bench.write(|tx| control::pause(tx, JobId(99), now));
        bench.finish(&mut worker);
        assert_eq!(bench.left(100).numbers, [40, 0, 0, 0, 0]);
        assert_eq!(bench.left(99).state, "paused");
        assert_eq!(bench.left(98), unhindered(40));
    }
}

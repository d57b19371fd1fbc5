//! What a caller asks of the way a job runs: slower, later, from a plan; and how its speed is told.

use crate::toy::{Bench, Toy, actions, new_job, records, unhindered};
use jobs::{Point, Step, control};
use model::id::JobId;
use model::job::{JobState, PausedBy, Relation};
use model::refusal::Code;
use model::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use store::jobs::{Job, NewJob};
use store::{Error, Fault, Tx, jobs as stored, params};
use testkit::{Kind, each_db};

each_db! {
    a_throttled_job_visits_no_more_in_a_second,
    a_throttle_is_never_exceeded_by_rounding,
    a_throttle_holds_for_whoever_runs_the_job,
    a_throttled_job_does_not_slow_others,
    a_job_for_later_starts_then_and_not_before,
    a_job_for_later_waits_for_its_key_and_takes_it,
    a_job_for_later_selects_when_it_starts,
    a_selection_that_stops_half_way_is_done_again,
    a_retry_visits_nothing_of_a_selection_that_was_not_complete,
    a_selection_that_always_fails_ends_the_job,
    a_selection_of_nothing_ends_the_job,
    a_late_worker_stores_no_targets,
    more_strays_than_tolerated_pause_a_job,
    a_job_that_strays_only_at_its_end_completes,
    the_rate_is_that_of_the_last_seconds,
    the_rate_is_not_told_of_a_blink_nor_above_the_throttle,
    a_job_that_an_unfinished_one_needs_is_not_removed,
    the_targets_of_a_plan_go_with_its_job,
}

const JOB: JobId = JobId(7);
const RAN: Step = Step::Ran(JOB, JobState::Running);

fn accept(bench: &Bench, id: i64, n: i64, options: impl Fn(&mut NewJob)) {
    let mut new = new_job(id, None);
    options(&mut new);
    jobs::accept(&bench.db, &new, &records(n), bench.now()).unwrap();
}

/// Accepts a job whose targets are selected when it starts, in a second.
fn accept_selecting(bench: &Bench, id: i64) {
    let mut new = new_job(id, None);
    new.options.run_at = Some(bench.now().plus_ms(1_000));
    new.options.selects = true;
    let now = bench.now();
    bench.write(|tx| jobs::accept_in(tx, &new, 0, now));
}

fn failing() -> Fault {
    Error::Driver("planned".to_owned()).into()
}

mod check {
    use super::*;

    pub(super) fn a_throttled_job_visits_no_more_in_a_second(kind: Kind) {
        let bench = Bench::new(kind, 100);
        accept(&bench, 7, 100, |new| new.options.throttle = Some(20));
        let mut worker = bench.worker("a", Toy::plain()).with_chunks_of(500);
        assert_eq!(bench.step(&mut worker), Step::Claimed(JOB));
        let start = bench.now();
        for second in 0..5 {
            let ended = if second == 4 {
                JobState::Completed
            } else {
                JobState::Running
            };
            assert_eq!(bench.step(&mut worker), Step::Ran(JOB, ended));
            assert_eq!(bench.job(7).cursor, 20 * (second + 1));
            if second < 4 {
                let until = start.plus_ms(1_000 * (second + 1));
                assert_eq!(bench.step(&mut worker), Step::Resting(until));
                bench.clock.advance_ms(999);
                assert_eq!(bench.step(&mut worker), Step::Resting(until));
                bench.clock.advance_ms(1);
            }
        }
        assert_eq!(bench.left(7), unhindered(100));
    }

    pub(super) fn a_throttle_is_never_exceeded_by_rounding(kind: Kind) {
        let bench = Bench::new(kind, 60);
        accept(&bench, 7, 60, |new| new.options.throttle = Some(1_500));
        let mut worker = bench.worker("a", Toy::plain()).with_chunks_of(2);
        let start = bench.now();
        loop {
            match bench.step(&mut worker) {
                Step::Resting(until) => bench.clock.advance_ms(until.0 - bench.now().0),
                Step::Idle => break,
                _ => {}
            }
        }
        let took = bench.job(7).finished_at.unwrap().0 - start.0;
        // 58 records before the last chunk; 1.33 ms for two are 2 ms on this clock.
        assert_eq!(took, 58);
    }

    pub(super) fn a_throttle_holds_for_whoever_runs_the_job(kind: Kind) {
        let bench = Bench::new(kind, 100);
        accept(&bench, 7, 100, |new| new.options.throttle = Some(20));
        let mut a = bench.worker("a", Toy::plain());
        bench.step(&mut a);
        assert_eq!(bench.step(&mut a), RAN);
        let until = bench.now().plus_ms(1_000);
        a.release();
        let mut b = bench.worker("b", Toy::plain());
        assert_eq!(bench.step(&mut b), Step::Claimed(JOB));
        assert_eq!(bench.step(&mut b), Step::Delayed(JOB));
        assert_eq!(bench.step(&mut b), Step::Resting(until));
        let now = bench.now();
        bench.write(|tx| {
            control::pause(tx, JOB, now)?;
            control::resume(tx, JOB, None, None, now)
        });
        b.look_for_jobs();
        assert_eq!(bench.step(&mut b), Step::Claimed(JOB));
        assert_eq!(bench.step(&mut b), Step::Delayed(JOB));
        assert_eq!((bench.job(7).cursor, bench.job(7).attempts), (20, 0));
        bench.clock.advance_ms(1_000);
        assert_eq!(bench.step(&mut b), RAN);
        // Without its throttle it need not wait any more.
        bench.write(|tx| control::throttle(tx, JOB, None));
        b.release();
        bench.finish(&mut bench.worker("c", Toy::plain()));
        assert_eq!(bench.left(7), unhindered(100));
    }

    pub(super) fn a_throttled_job_does_not_slow_others(kind: Kind) {
        let bench = Bench::new(kind, 100);
        accept(&bench, 7, 100, |new| new.options.throttle = Some(1));
        bench.accept(8, 100);
        let mut worker = bench.worker("a", Toy::plain()).with_chunks_of(10);
        let mut steps = Vec::new();
        while bench.job(8).state != JobState::Completed {
            steps.push(bench.step(&mut worker));
        }
        assert_eq!(steps.len(), 13, "two claims, one chunk and ten: {steps:?}");
        assert_eq!(bench.job(7).cursor, 1);
    }

    pub(super) fn a_job_for_later_starts_then_and_not_before(kind: Kind) {
        let bench = Bench::new(kind, 30);
        let at = bench.now().plus_ms(60_000);
        accept(&bench, 7, 30, |new| new.options.run_at = Some(at));
        let mut worker = bench.worker("a", Toy::plain());
        assert_eq!(bench.finish(&mut worker), []);
        bench.clock.advance_ms(59_999);
        assert_eq!(bench.finish(&mut worker), []);
        bench.clock.advance_ms(1);
        assert_eq!(bench.step(&mut worker), Step::Claimed(JOB));
        assert_eq!(bench.job(7).started_at, Some(at));
        bench.finish(&mut worker);
        assert_eq!(bench.left(7), unhindered(30));
    }

    pub(super) fn a_job_for_later_waits_for_its_key_and_takes_it(kind: Kind) {
        let bench = Bench::new(kind, 30);
        let key = |new: &mut NewJob| new.exclusive = Some("view:1".to_owned());
        let later = |new: &mut NewJob| {
            key(new);
            new.options.run_at = Some(bench.now().plus_ms(1_000));
        };
        // Waiting takes no key, so that all three are accepted.
        accept(&bench, 8, 30, later);
        accept(&bench, 9, 30, later);
        accept(&bench, 7, 30, key);
        let mut worker = bench.worker("a", Toy::plain()).with_chunks_of(20);
        bench.clock.advance_ms(1_000);
        let holds = || {
            bench.ints(
                "SELECT id FROM jobs WHERE exclusive = 'view:1' AND finished_at IS NULL",
                &[],
            )
        };
        assert_eq!(holds(), [7]);
        let mut ends = Vec::new();
        loop {
            match bench.step(&mut worker) {
                Step::Idle => break,
                Step::Claimed(id) => assert_eq!(holds(), [id.0]),
                Step::Ran(id, JobState::Completed) => ends.push(id.0),
                _ => {}
            }
        }
        ends.sort_unstable();
        assert_eq!(ends, [7, 8, 9]);
    }

    pub(super) fn a_job_for_later_selects_when_it_starts(kind: Kind) {
        let bench = Bench::new(kind, 30);
        accept_selecting(&bench, 7);
        bench.write(|tx| {
            tx.execute("INSERT INTO toy (id, n) VALUES (31, 0)", &[])?;
            Ok(())
        });
        assert_eq!(bench.job(7).total, 0);
        bench.clock.advance_ms(1_000);
        let mut worker = bench.worker("a", Toy::plain()).with_chunks_of(10);
        assert_eq!(bench.step(&mut worker), Step::Claimed(JOB));
        assert_eq!(bench.step(&mut worker), Step::Selected(JOB));
        let job = bench.job(7);
        assert_eq!((job.total, job.options.selects), (31, false));
        bench.finish(&mut worker);
        assert_eq!(bench.left(7), unhindered(31));
    }

    pub(super) fn a_selection_that_stops_half_way_is_done_again(kind: Kind) {
        for (round, stops) in (0..).zip([1, 2, 3, 4]) {
            for panics in [false, true] {
                let bench = Bench::new(kind, 30);
                accept_selecting(&bench, 7);
                bench.clock.advance_ms(1_000);
                let passed = Arc::new(AtomicUsize::new(0));
                let seen = Arc::clone(&passed);
                let mut a = bench
                    .worker("a", Toy::plain())
                    .with_chunks_of(10)
                    .with_faults(move |point| {
                        let is_it = point == Point::Selecting
                            && seen.fetch_add(1, Ordering::SeqCst) + 1 == stops;
                        assert!(!(is_it && panics), "planned");
                        if is_it { Err(failing()) } else { Ok(()) }
                    });
                assert_eq!(bench.step(&mut a), Step::Claimed(JOB));
                assert_eq!(bench.step(&mut a), Step::Stumbled(JOB));
                let half = bench.job(7);
                assert_eq!((half.total, half.options.selects), (0, true));
                assert_eq!(half.attempts, 1);
                let kept = bench.ints("SELECT count(*) FROM job_targets", &[]);
                assert_eq!(kept, [10 * round.min(3)], "what was committed before");
                if panics {
                    // Another one goes on, to whom fewer records are left.
                    drop(a);
                    bench.write(|tx| {
                        tx.execute("DELETE FROM toy WHERE id > 25", &[])?;
                        Ok(())
                    });
                    bench.clock.advance_ms(31_000);
                    bench.finish(&mut bench.worker("b", Toy::plain()).with_chunks_of(10));
                    assert_eq!(bench.left(7), unhindered(25));
                } else {
                    assert_eq!(bench.step(&mut a), Step::Selected(JOB));
                    assert_eq!(bench.job(7).attempts, 0);
                    bench.finish(&mut a);
                    assert_eq!(bench.left(7), unhindered(30));
                }
                assert!(passed.load(Ordering::SeqCst) >= stops);
            }
        }
    }

    pub(super) fn a_retry_visits_nothing_of_a_selection_that_was_not_complete(kind: Kind) {
        let bench = Bench::new(kind, 30);
        accept_selecting(&bench, 7);
        bench.clock.advance_ms(1_000);
        let mut passed = 0;
        let mut worker = bench
            .worker("a", Toy::plain())
            .with_chunks_of(10)
            .with_faults(move |point| {
                passed += i32::from(point == Point::Selecting);
                if passed == 3 { Err(failing()) } else { Ok(()) }
            });
        bench.step(&mut worker);
        assert_eq!(bench.step(&mut worker), Step::Stumbled(JOB));
        assert_eq!(bench.ints("SELECT count(*) FROM job_targets", &[]), [20]);
        let now = bench.now();
        bench.write(|tx| control::cancel(tx, JOB, now));
        let make = |_: &mut Tx, old: &Job| {
            let mut new = new_job(8, None);
            new.parent = Some((Relation::Retry, old.id));
            Ok(new)
        };
        let mut sealed = |_: &mut Tx, _: &Job| Ok(());
        let answer = jobs::retry(
            &bench.db,
            &actions(Toy::plain()),
            JOB,
            &make,
            now,
            &mut sealed,
        );
        match answer {
            Err(Fault::Refused(refusal)) => assert_eq!(refusal.code, Code::NoRecordsFound),
            answer => panic!("{answer:?}"),
        }
    }

    pub(super) fn a_selection_that_always_fails_ends_the_job(kind: Kind) {
        let bench = Bench::new(kind, 30);
        accept_selecting(&bench, 7);
        bench.clock.advance_ms(1_000);
        let mut worker = bench
            .worker("a", Toy::plain())
            .with_faults(|point| match point {
                Point::Selecting => Err(failing()),
                _ => Ok(()),
            });
        let steps = bench.finish(&mut worker);
        assert_eq!(steps.last(), Some(&Step::Failed(JOB)));
        let stumbles = steps.iter().filter(|step| **step == Step::Stumbled(JOB));
        assert_eq!(stumbles.count(), 15);
        let error = bench.job(7).error.unwrap();
        assert!(error.starts_with("INTERNAL_ERROR: "), "{error}");
        // What hindered it is over, and a person lets it go on.
        let now = bench.now();
        bench.write(|tx| control::resume(tx, JOB, None, None, now));
        bench.finish(&mut bench.worker("b", Toy::plain()));
        assert_eq!(bench.left(7), unhindered(30));
    }

    pub(super) fn a_selection_of_nothing_ends_the_job(kind: Kind) {
        let bench = Bench::new(kind, 0);
        accept_selecting(&bench, 7);
        bench.clock.advance_ms(1_000);
        let steps = bench.finish(&mut bench.worker("a", Toy::plain()));
        assert_eq!(steps, [Step::Claimed(JOB), Step::Failed(JOB)]);
        let error = bench.job(7).error.unwrap();
        assert!(error.starts_with("NO_RECORDS_FOUND: "), "{error}");
    }

    pub(super) fn a_late_worker_stores_no_targets(kind: Kind) {
        let bench = Bench::new(kind, 30);
        accept_selecting(&bench, 7);
        bench.clock.advance_ms(1_000);
        // While the first selects, its lease runs out, and another one does all of its work.
        let mut b = bench.worker("b", Toy::plain()).with_chunks_of(20);
        let clock = Arc::clone(&bench.clock);
        let mut done = false;
        let mut a = bench
            .worker("a", Toy::plain())
            .with_chunks_of(10)
            .with_faults(move |point| {
                if point != Point::Selecting || done {
                    return Ok(());
                }
                done = true;
                clock.advance_ms(31_000);
                Err(Error::Busy("planned".to_owned()).into())
            });
        assert_eq!(bench.step(&mut a), Step::Claimed(JOB));
        // It keeps its lease, because nobody else took it yet.
        assert_eq!(bench.step(&mut a), Step::Waiting);
        bench.clock.advance_ms(31_000);
        assert_eq!(bench.step(&mut b), Step::Claimed(JOB));
        assert_eq!(bench.step(&mut a), Step::Lost(JOB));
        bench.finish(&mut b);
        assert_eq!(bench.left(7), unhindered(30));
        assert_eq!(bench.ints("SELECT count(*) FROM job_targets", &[]), [30]);
    }

    pub(super) fn more_strays_than_tolerated_pause_a_job(kind: Kind) {
        let bench = Bench::new(kind, 40);
        bench.accept_planned(7, 70, 40, 1);
        for record in [2, 15, 23, 26, 31] {
            bench.touch(record);
        }
        let mut worker = bench.worker("a", Toy::plain()).with_chunks_of(10);
        bench.step(&mut worker);
        let paused = Step::Ran(JOB, JobState::Paused);
        let steps = bench.finish(&mut worker);
        assert_eq!(steps, [RAN, paused], "one is tolerated, the second not");
        let job = bench.job(7);
        assert_eq!(
            (job.drifted, job.cursor),
            (2, 15),
            "nothing after it is visited"
        );
        assert_eq!(job.paused_by, Some(PausedBy::Tolerance));
        assert_eq!(bench.finish(&mut worker), [], "until it is resumed");
        let now = bench.now();
        let resume = |tolerance| bench.write(|tx| control::resume(tx, JOB, tolerance, None, now));
        // A new tolerance counts from the start: the two that strayed are two of these three.
        assert_eq!(resume(Some(3)).options.tolerance, 3);
        worker.look_for_jobs();
        let claimed = Step::Claimed(JOB);
        assert_eq!(bench.finish(&mut worker), [claimed, RAN, paused]);
        assert_eq!((bench.job(7).drifted, bench.job(7).cursor), (4, 26));
        // Without one it goes on to its end.
        assert_eq!(resume(None).options.tolerance, 40);
        bench.finish(&mut worker);
        let left = bench.left(7);
        assert_eq!(left.state, "completed");
        assert_eq!(bench.job(7).drifted, 5);
        let strays: Vec<i64> = left
            .outcomes
            .iter()
            .filter(|(_, _, code)| code.as_deref() == Some("CHANGED_SINCE_PLAN"))
            .map(|(_, record, _)| *record)
            .collect();
        assert_eq!(strays, [2, 15, 23, 26, 31]);
    }

    pub(super) fn a_job_that_strays_only_at_its_end_completes(kind: Kind) {
        let bench = Bench::new(kind, 40);
        bench.accept_planned(7, 70, 40, 0);
        bench.touch(40);
        bench.finish(&mut bench.worker("a", Toy::plain()).with_chunks_of(10));
        let job = bench.job(7);
        assert_eq!((job.state, job.drifted), (JobState::Completed, 1));
        assert_eq!(job.paused_by, None);
    }

    pub(super) fn the_rate_is_not_told_of_a_blink_nor_above_the_throttle(kind: Kind) {
        let bench = Bench::new(kind, 1_000);
        accept(&bench, 7, 1_000, |new| new.options.throttle = Some(200));
        let mut worker = bench.worker("a", Toy::plain());
        bench.step(&mut worker);
        bench.clock.advance_ms(5);
        bench.step(&mut worker);
        assert_eq!((bench.job(7).cursor, bench.job(7).rate()), (200, None));
        bench.clock.advance_ms(1_000);
        bench.step(&mut worker);
        assert_eq!((bench.job(7).cursor, bench.job(7).rate()), (400, Some(200)));
    }

    pub(super) fn the_rate_is_that_of_the_last_seconds(kind: Kind) {
        let bench = Bench::new(kind, 1_000);
        bench.accept(7, 1_000);
        assert_eq!((bench.job(7).rate(), bench.job(7).eta()), (None, None));
        let mut worker = bench.worker("a", Toy::plain()).with_chunks_of(50);
        bench.step(&mut worker);
        bench.step(&mut worker);
        assert_eq!(bench.job(7).rate(), None, "no time has passed");
        // 50 records a second.
        for _ in 0..10 {
            bench.clock.advance_ms(1_000);
            bench.step(&mut worker);
        }
        let job = bench.job(7);
        assert_eq!((job.cursor, job.rate()), (550, Some(50)));
        assert_eq!(job.eta(), Some(bench.now().plus_ms(9_000)));
        // Then ten times as slow: after at most ten seconds nothing is left of what was before.
        bench.clock.advance_ms(10_000);
        bench.step(&mut worker);
        bench.clock.advance_ms(10_000);
        bench.step(&mut worker);
        let job = bench.job(7);
        assert_eq!((job.cursor, job.rate()), (650, Some(5)));
        assert_eq!(job.eta(), Some(bench.now().plus_ms(70_000)));
        // A clock that was put back says nothing of it, and nothing false.
        bench.clock.advance_ms(-3_600_000);
        bench.step(&mut worker);
        assert_eq!((bench.job(7).rate(), bench.job(7).eta()), (None, None));
        let now = bench.now();
        bench.write(|tx| control::pause(tx, JOB, now));
        assert_eq!(bench.job(7).rate(), None, "it does not run");
    }

    pub(super) fn a_job_that_an_unfinished_one_needs_is_not_removed(kind: Kind) {
        let bench = Bench::new(kind, 20);
        bench.accept(7, 20);
        bench.finish(&mut bench.worker("a", Toy::plain()));
        bench.clock.advance_ms(61 * 24 * 60 * 60 * 1_000);
        let relation = Relation::Retry;
        let at = bench.now().plus_ms(60_000);
        accept(&bench, 8, 20, |new| {
            new.parent = Some((relation, JOB));
            new.options.run_at = Some(at);
        });
        let of = |relation| bench.write(|tx| Ok(stored::unfinished_of(tx, JOB, relation)?));
        assert_eq!(of(relation), Some(JobId(8)));
        assert_eq!(of(Relation::Undo), None);
        let mut worker = bench.worker("b", Toy::plain());
        assert_eq!(bench.finish(&mut worker), []);
        assert_eq!(bench.left(7), unhindered(20));
        bench.clock.advance_ms(60 * 60 * 1_000);
        let tidied = std::iter::from_fn(|| Some(worker.step()))
            .take_while(|step| *step != Step::Idle)
            .filter(|step| *step == Step::Tidied);
        assert_eq!(tidied.count(), 2, "its rows, then itself");
        assert_eq!(bench.ints("SELECT id FROM jobs", &[]), [8]);
        assert_eq!(bench.left(8), unhindered(20));
        assert_eq!(of(relation), None);
    }

    pub(super) fn the_targets_of_a_plan_go_with_its_job(kind: Kind) {
        let bench = Bench::new(kind, 20);
        bench.accept_planned(7, 70, 20, 0);
        bench.accept_planned(8, 80, 20, 0);
        let mut worker = bench.worker("a", Toy::plain());
        bench.finish(&mut worker);
        assert_eq!(bench.left(7), unhindered(20));
        bench.write(|tx| {
            let later = bench.now().plus_ms(60 * 24 * 60 * 60 * 1_000);
            let sql = "UPDATE jobs SET finished_at = $1 WHERE id = 8";
            Ok(tx.execute(sql, params![later.0])?)
        });
        bench.clock.advance_ms(61 * 24 * 60 * 60 * 1_000);
        while worker.step() != Step::Idle {}
        let ids = |what: &str| bench.ints(&format!("SELECT DISTINCT {what}"), &[]);
        assert_eq!(ids("id FROM jobs"), [8]);
        assert_eq!(ids("id FROM plans"), [80]);
        assert_eq!(ids("job FROM job_targets"), [80]);
        assert_eq!(ids("job FROM job_outcomes"), [8]);
        // A day of the clock that was put back removes nothing that is younger.
        assert!(bench.job(8).finished_at > Some(Timestamp(0)));
    }
}

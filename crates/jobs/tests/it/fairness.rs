//! Whose turn it is: between jobs, between workers, and between jobs and people.

use crate::toy::{Bench, Toy, new_job, records, unhindered};
use jobs::{Point, Step, Worker};
use model::id::JobId;
use model::job::JobState;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use store::Priority;
use testkit::{Kind, each_db};

each_db! {
    twenty_jobs_take_turns,
    twenty_jobs_take_turns_with_two_workers,
    a_job_that_comes_later_has_its_turn_before_others_have_a_second,
    a_job_beyond_those_that_a_worker_holds_has_its_turn,
    a_job_is_not_starved_by_steady_writes,
    what_is_old_is_removed_while_a_slow_job_runs,
}

const JOBS: std::ops::RangeInclusive<i64> = 101..=120;

/// Steps the workers alternately until nothing is left to do; answers whose chunks ran, in order.
fn turns(bench: &Bench, workers: &mut [Worker]) -> Vec<i64> {
    let mut turns = Vec::new();
    loop {
        let mut idle = true;
        for worker in &mut *workers {
            match bench.step(worker) {
                Step::Ran(id, _) => turns.push(id.0),
                Step::Claimed(_) => {}
                Step::Idle => continue,
                step => panic!("{step:?}"),
            }
            idle = false;
        }
        if idle {
            return turns;
        }
    }
}

/// Nobody had a turn more than another one that had not ended.
fn are_fair(turns: &[i64], of_each: usize) {
    let mut had: BTreeMap<i64, usize> = JOBS.map(|id| (id, 0)).collect();
    for turn in turns {
        *had.get_mut(turn).unwrap() += 1;
        let most = had.values().max().unwrap();
        let least = had.values().min().unwrap();
        assert!(most - least <= 1, "after a turn of {turn}: {had:?}");
    }
    assert!(had.values().all(|turns| *turns == of_each), "{had:?}");
}

mod check {
    use super::*;

    /// Jobs of 20 records, one a second.
    fn slow(bench: &Bench, ids: std::ops::RangeInclusive<i64>) {
        for id in ids {
            let mut new = new_job(id, None);
            new.options.throttle = Some(1);
            jobs::accept(&bench.db, &new, &records(20), bench.now()).unwrap();
        }
    }

    pub(super) fn what_is_old_is_removed_while_a_slow_job_runs(kind: Kind) {
        let bench = Bench::new(kind, 20);
        bench.accept(7, 20);
        let mut worker = bench.worker("a", Toy::plain());
        bench.finish(&mut worker);
        bench.clock.advance_ms(61 * 24 * 60 * 60 * 1_000);
        slow(&bench, 8..=8);
        for _ in 0..15 {
            worker.look_for_jobs();
            // Between two of its removals a job is there by halves: what must hold of it does not.
            while !matches!(worker.step(), Step::Resting(_)) {}
            bench.clock.advance_ms(1_000);
        }
        assert_eq!(bench.job(8).state, JobState::Running);
        assert_eq!(bench.ints("SELECT id FROM jobs", &[]), [8]);
    }

    pub(super) fn twenty_jobs_take_turns(kind: Kind) {
        let bench = Bench::new(kind, 20);
        for id in JOBS {
            bench.accept(id, 20);
        }
        let worker = bench.worker("a", Toy::plain()).with_chunks_of(5);
        are_fair(&turns(&bench, &mut [worker]), 4);
    }

    pub(super) fn twenty_jobs_take_turns_with_two_workers(kind: Kind) {
        let bench = Bench::new(kind, 20);
        for id in JOBS {
            bench.accept(id, 20);
        }
        let mut two = ["a", "b"].map(|name| bench.worker(name, Toy::plain()).with_chunks_of(5));
        are_fair(&turns(&bench, &mut two), 4);
    }

    pub(super) fn a_job_that_comes_later_has_its_turn_before_others_have_a_second(kind: Kind) {
        let bench = Bench::new(kind, 20);
        for id in JOBS {
            bench.accept(id, 20);
        }
        let mut worker = bench.worker("a", Toy::plain()).with_chunks_of(2);
        for _ in JOBS {
            assert!(matches!(bench.step(&mut worker), Step::Claimed(_)));
        }
        for _ in 0..25 {
            assert!(matches!(bench.step(&mut worker), Step::Ran(..)));
        }
        bench.accept(7, 2);
        worker.look_for_jobs();
        let mut others = BTreeSet::new();
        loop {
            match bench.step(&mut worker) {
                Step::Claimed(id) => assert_eq!(id, JobId(7)),
                Step::Ran(JobId(7), state) => {
                    assert_eq!(state, JobState::Completed);
                    break;
                }
                Step::Ran(id, _) => assert!(others.insert(id.0), "{id} had two turns"),
                step => panic!("{step:?}"),
            }
        }
    }

    /// A worker holds 32 jobs at once.
    pub(super) fn a_job_beyond_those_that_a_worker_holds_has_its_turn(kind: Kind) {
        let bench = Bench::quick(kind, 20);
        for id in 101..=134 {
            bench.accept(id, 20);
            bench.clock.advance_ms(1);
        }
        let mut worker = bench.worker("a", Toy::plain()).with_chunks_of(1);
        let mut chunks = Vec::new();
        while chunks.len() < 90 {
            if let Step::Ran(id, _) = bench.step(&mut worker) {
                chunks.push(id.0);
                bench.clock.advance_ms(50);
            }
        }
        let had: BTreeSet<i64> = chunks.iter().copied().collect();
        assert_eq!(had.len(), 34, "each had a turn before any ended");
        let sql = "SELECT id FROM jobs WHERE finished_at IS NOT NULL OR attempts > 0";
        assert!(
            bench.ints(sql, &[]).is_empty(),
            "to give back is no attempt"
        );
        worker.release();
        bench.finish(&mut bench.worker("b", Toy::plain()));
        for id in 101..=134 {
            assert_eq!(bench.left(id), unhindered(20));
        }
    }

    /// People write all the time; their writes go first, and still the job ends.
    pub(super) fn a_job_is_not_starved_by_steady_writes(kind: Kind) {
        let bench = Bench::new(kind, 40);
        bench.accept(7, 20);
        let written = AtomicUsize::new(0);
        let (ended, has_ended) = channel::<()>();
        let has_ended = std::sync::Mutex::new(has_ended);
        thread::scope(|scope| {
            let (bench, written, has_ended) = (&bench, &written, &has_ended);
            for person in 0..3 {
                scope.spawn(move || {
                    let empty = std::sync::mpsc::TryRecvError::Empty;
                    while has_ended.lock().unwrap().try_recv() == Err(empty) {
                        bench.touch(30 + person);
                        written.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            while written.load(Ordering::SeqCst) < 10 {
                thread::yield_now();
            }
            let mut worker = bench.worker("a", Toy::plain()).with_chunks_of(20);
            assert_eq!(worker.step(), Step::Claimed(JobId(7)));
            let before = written.load(Ordering::SeqCst);
            assert_eq!(worker.step(), Step::Ran(JobId(7), JobState::Completed));
            let meanwhile = written.load(Ordering::SeqCst) - before;
            drop(ended);
            // On SQLite, where one writes at a time, people were let through before it.
            assert!(kind == Kind::Postgres || meanwhile > 0);
        });
        assert_eq!(bench.left(7), unhindered(20));
    }
}

/// Where transactions run side by side, a chunk's rows are locked: somebody who writes one of them
/// waits for that chunk, and for no other.
#[test]
fn who_writes_a_record_of_a_chunk_waits_for_that_chunk_only() {
    let bench = Bench::new(Kind::Postgres, 40);
    let job = new_job(7, None);
    jobs::accept(&bench.db, &job, &records(40), bench.now()).unwrap();
    let (locked, is_locked) = channel();
    let (go, may_go) = channel::<()>();
    let mut worker = bench
        .worker("a", Toy::plain())
        .with_chunks_of(10)
        .with_faults(move |point| {
            if point == Point::BeforeCommit && locked.send(()).is_ok() {
                may_go.recv().unwrap();
            }
            Ok(())
        });
    assert_eq!(worker.step(), Step::Claimed(JobId(7)));
    thread::scope(|scope| {
        let bench = &bench;
        let chunk = scope.spawn(move || {
            let step = worker.step();
            (step, worker)
        });
        is_locked.recv().unwrap();
        let person = scope.spawn(|| {
            bench.touch(1);
            bench.job(7).cursor
        });
        // A row outside of the chunk is free at once.
        bench.touch(11);
        let waits = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                     WHERE NOT l.granted AND a.query LIKE 'UPDATE toy SET rev%'";
        let waiting = || {
            bench
                .db
                .write(Priority::Interactive, |tx| Ok(tx.value::<i64>(waits, &[])?))
        };
        while waiting().unwrap() == 0 {
            thread::yield_now();
        }
        go.send(()).unwrap();
        let (step, mut worker) = chunk.join().unwrap();
        assert_eq!(step, Step::Ran(JobId(7), JobState::Running));
        assert_eq!(person.join().unwrap(), 10, "one chunk went before");
        drop((is_locked, go));
        bench.finish(&mut worker);
    });
    assert_eq!(bench.left(7), unhindered(40));
}

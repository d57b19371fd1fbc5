//! Who may write: claims, leases that run out, hand-overs.

use crate::toy::{Bench, Toy, new_job, records, unhindered};
use jobs::{Step, Worker};
use model::id::{JobId, RecordId};
use model::job::JobState;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use store::targets::{self, Target};
use store::{Error, Fault, jobs as stored};
use testkit::{Kind, each_db};

each_db! {
    a_late_worker_writes_nothing,
    a_lease_that_still_runs_is_nobody_elses,
    a_worker_whose_lease_ran_out_may_take_it_again,
    released_jobs_are_handed_over_without_an_attempt,
    a_dead_worker_is_an_attempt,
    the_jobs_of_a_dead_process_are_taken_at_once,
    what_a_dead_process_was_preparing_is_in_nobodys_way,
    a_job_that_must_wait_does_not_hold_up_others,
}

const JOB: JobId = JobId(7);

mod check {
    use super::*;

    pub(super) fn a_late_worker_writes_nothing(kind: Kind) {
        let bench = Bench::new(kind, 40);
        bench.accept(7, 40);
        let mut a = bench.worker("a", Toy::plain()).with_chunks_of(10);
        assert_eq!(bench.step(&mut a), Step::Claimed(JOB));
        assert_eq!(bench.step(&mut a), Step::Ran(JOB, JobState::Running));
        bench.clock.advance_ms(31_000);
        let mut b = bench.worker("b", Toy::plain()).with_chunks_of(10);
        assert_eq!(bench.step(&mut b), Step::Claimed(JOB));
        let (before, job) = (bench.left(7), bench.job(7));
        assert_eq!(bench.step(&mut a), Step::Lost(JOB));
        assert_eq!((bench.left(7), bench.job(7)), (before, job));
        assert!(!a.is_busy());
        bench.finish(&mut b);
        assert_eq!(bench.left(7), unhindered(40));
    }

    pub(super) fn a_lease_that_still_runs_is_nobody_elses(kind: Kind) {
        let bench = Bench::new(kind, 40);
        bench.accept(7, 40);
        let mut a = bench.worker("a", Toy::plain()).with_chunks_of(10);
        let mut b = bench.worker("b", Toy::plain()).with_chunks_of(10);
        bench.step(&mut a);
        for _ in 0..2 {
            // A chunk renews the lease.
            assert_eq!(bench.step(&mut a), Step::Ran(JOB, JobState::Running));
            bench.clock.advance_ms(29_000);
            assert_eq!(bench.step(&mut b), Step::Idle);
        }
        bench.finish(&mut a);
        assert_eq!(bench.left(7), unhindered(40));
    }

    pub(super) fn a_worker_whose_lease_ran_out_may_take_it_again(kind: Kind) {
        let bench = Bench::new(kind, 40);
        bench.accept(7, 40);
        let mut a = bench.worker("a", Toy::plain()).with_chunks_of(10);
        bench.step(&mut a);
        bench.step(&mut a);
        bench.clock.advance_ms(31_000);
        a.look_for_jobs();
        assert_eq!(bench.step(&mut a), Step::Claimed(JOB));
        assert!(!bench.finish(&mut a).contains(&Step::Lost(JOB)));
        assert_eq!(bench.left(7), unhindered(40));
    }

    pub(super) fn released_jobs_are_handed_over_without_an_attempt(kind: Kind) {
        let bench = Bench::new(kind, 40);
        bench.accept(7, 40);
        let mut a = bench.worker("a", Toy::plain()).with_chunks_of(10);
        bench.step(&mut a);
        bench.step(&mut a);
        a.release();
        bench.check();
        let mut b = bench.worker("b", Toy::plain()).with_chunks_of(10);
        assert_eq!(bench.step(&mut b), Step::Claimed(JOB));
        assert_eq!(bench.job(7).attempts, 0);
        assert_eq!(bench.step(&mut a), Step::Idle);
        bench.finish(&mut b);
        assert_eq!(bench.left(7), unhindered(40));
    }

    pub(super) fn a_dead_worker_is_an_attempt(kind: Kind) {
        let bench = Bench::new(kind, 40);
        bench.accept(7, 40);
        for (attempts, name) in (0..).zip(["a", "b", "c"]) {
            let mut worker = bench.worker(name, Toy::plain());
            assert_eq!(bench.step(&mut worker), Step::Claimed(JOB));
            assert_eq!(bench.job(7).attempts, attempts);
            bench.clock.advance_ms(31_000);
        }
    }

    /// Time stands still, so no lease runs out.
    pub(super) fn the_jobs_of_a_dead_process_are_taken_at_once(kind: Kind) {
        let mut bench = Bench::new(kind, 40);
        bench.accept(7, 40);
        for attempts in 0..3 {
            let mut worker = bench.worker("a", Toy::plain()).with_chunks_of(10);
            claim(&bench, &mut worker);
            assert_eq!(bench.job(7).attempts, i64::from(attempts > 0));
            bench.step(&mut worker);
            drop(worker);
            bench = bench.restarted();
        }
        let mut last = bench.worker("a", Toy::plain());
        claim(&bench, &mut last);
        bench.finish(&mut last);
        assert_eq!(bench.left(7), unhindered(40));
    }

    pub(super) fn what_a_dead_process_was_preparing_is_in_nobodys_way(kind: Kind) {
        let bench = Bench::new(kind, 40);
        let process = bench.db.process().unwrap();
        let key = Some("view:1");
        bench.write(|tx| {
            let until = bench.now().plus_ms(30_000);
            let process = Some(process);
            stored::insert_preparing(tx, &new_job(8, key), process, bench.now(), until)?;
            let target = Target {
                foreseen: None,
                seq: 0,
                record: RecordId(1),
                rev: 1,
            };
            Ok(targets::insert(tx, JobId(8), &[target])?)
        });
        let accept = |bench: &Bench| {
            jobs::past_given_up(&bench.db, bench.now(), || {
                jobs::accept(&bench.db, &new_job(7, key), &records(40), bench.now())
            })
        };
        assert!(matches!(accept(&bench), Err(Fault::Refused(_))));
        let bench = bench.restarted();
        // The server may see the end of a connection a moment later than its client.
        while accept(&bench).is_err() {}
        let targets = bench.ints("SELECT job FROM job_targets WHERE job <> 7", &[]);
        assert!(targets.is_empty());
        bench.finish(&mut bench.worker("a", Toy::plain()));
        assert_eq!(bench.left(7), unhindered(40));
    }

    pub(super) fn a_job_that_must_wait_does_not_hold_up_others(kind: Kind) {
        let bench = Bench::new(kind, 40);
        for id in [7, 8] {
            bench.accept(id, 40);
        }
        let calls = AtomicUsize::new(0);
        let busy = Toy::that(move |_, _| match calls.fetch_add(1, Ordering::SeqCst) {
            0 => Err(Error::Busy("planned".to_owned()).into()),
            _ => Ok(()),
        });
        let mut worker = bench.worker("a", busy).with_chunks_of(20);
        let other = JobId(8);
        for step in [
            Step::Claimed(JOB),
            Step::Claimed(other),
            Step::Delayed(JOB),
            Step::Ran(other, JobState::Running),
            Step::Ran(other, JobState::Completed),
            Step::Ran(JOB, JobState::Running),
            Step::Ran(JOB, JobState::Completed),
            Step::Idle,
        ] {
            assert_eq!(bench.step(&mut worker), step);
        }
    }
}

/// The server may see the end of a connection a moment later than its client.
fn claim(bench: &Bench, worker: &mut Worker) {
    loop {
        match bench.step(worker) {
            Step::Idle => {}
            step => return assert_eq!(step, Step::Claimed(JOB)),
        }
    }
}

/// A chunk that takes longer than the lease keeps its job: its row is locked.
#[test]
fn a_chunk_that_runs_is_not_claimed_by_others() {
    let bench = Bench::new(Kind::Postgres, 40);
    bench.accept(7, 40);
    let other = Arc::new(Mutex::new(bench.worker("b", Toy::plain())));
    let clock = Arc::clone(&bench.clock);
    let meanwhile = Toy::that(move |_, _| {
        clock.advance_ms(31_000);
        assert_eq!(other.lock().unwrap().step(), Step::Idle);
        Ok(())
    });
    let mut a = bench.worker("a", meanwhile).with_chunks_of(40);
    assert_eq!(bench.step(&mut a), Step::Claimed(JOB));
    assert_eq!(bench.step(&mut a), Step::Ran(JOB, JobState::Completed));
    assert_eq!(bench.left(7), unhindered(40));
}

//! Who may write: claims, leases that run out, hand-overs.

use crate::toy::{Bench, Toy, unhindered};
use jobs::Step;
use model::id::JobId;
use model::job::JobState;
use std::sync::{Arc, Mutex};
use testkit::{Kind, each_db};

each_db! {
    a_late_worker_writes_nothing,
    a_lease_that_still_runs_is_nobody_elses,
    a_worker_whose_lease_ran_out_may_take_it_again,
    released_jobs_are_handed_over_without_an_attempt,
    a_dead_worker_is_an_attempt,
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

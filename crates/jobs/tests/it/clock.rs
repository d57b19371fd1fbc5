//! The clock of a machine jumps: put right by its time server, or moved by hand. Jobs end as without.

use crate::toy::{Bench, Toy, new_job, records, unhindered};
use jobs::Step;
use model::id::JobId;
use model::job::JobState;
use testkit::{Kind, each_db};

each_db! {
    a_job_of_a_dead_process_is_taken_at_once_though_the_clock_was_put_back,
    a_clock_that_jumps_ahead_takes_leases_and_nothing_else,
    a_job_for_later_starts_by_the_clock_and_then_goes_on_whatever_it_does,
    a_throttled_job_rests_no_longer_because_the_clock_was_put_back,
}

const JOB: JobId = JobId(7);
const HOUR_MS: i64 = 60 * 60 * 1_000;

mod check {
    use super::*;

    pub(super) fn a_job_of_a_dead_process_is_taken_at_once_though_the_clock_was_put_back(
        kind: Kind,
    ) {
        let bench = Bench::new(kind, 40);
        bench.accept(7, 40);
        let mut a = bench.worker("a", Toy::plain()).with_chunks_of(10);
        assert_eq!(bench.step(&mut a), Step::Claimed(JOB));
        assert_eq!(bench.step(&mut a), Step::Ran(JOB, JobState::Running));
        // The lease now ends in an hour and half a minute.
        bench.clock.advance_ms(-HOUR_MS);
        drop(a);
        let bench = bench.restarted();
        let mut b = bench.worker("b", Toy::plain()).with_chunks_of(10);
        // The server may see the end of a connection a moment later than its client.
        while bench.step(&mut b) != Step::Claimed(JOB) {}
        bench.finish(&mut b);
        assert_eq!(bench.left(7), unhindered(40));
    }

    pub(super) fn a_clock_that_jumps_ahead_takes_leases_and_nothing_else(kind: Kind) {
        let bench = Bench::new(kind, 60);
        bench.accept(7, 60);
        let mut workers =
            ["a", "b"].map(|name| bench.worker(name, Toy::plain()).with_chunks_of(10));
        for jump in [
            HOUR_MS,
            -HOUR_MS,
            24 * HOUR_MS,
            -48 * HOUR_MS,
            HOUR_MS,
            31_000,
        ] {
            for worker in &mut workers {
                worker.look_for_jobs();
                bench.step(worker);
                bench.step(worker);
            }
            bench.clock.advance_ms(jump);
        }
        bench.clock.advance_ms(48 * HOUR_MS);
        let [mut a, mut b] = workers;
        bench.finish(&mut a);
        bench.finish(&mut b);
        assert_eq!(bench.job(7).state, JobState::Completed);
        assert_eq!(bench.left(7), unhindered(60));
    }

    pub(super) fn a_job_for_later_starts_by_the_clock_and_then_goes_on_whatever_it_does(
        kind: Kind,
    ) {
        let bench = Bench::new(kind, 40);
        let mut later = new_job(7, None);
        later.options.run_at = Some(bench.now().plus_ms(HOUR_MS));
        jobs::accept(&bench.db, &later, &records(40), bench.now()).unwrap();
        let mut a = bench.worker("a", Toy::plain()).with_chunks_of(10);
        assert_eq!(bench.step(&mut a), Step::Idle);
        bench.clock.advance_ms(-24 * HOUR_MS);
        assert_eq!(bench.step(&mut a), Step::Idle);
        bench.clock.advance_ms(25 * HOUR_MS);
        assert_eq!(bench.step(&mut a), Step::Claimed(JOB));
        assert_eq!(bench.step(&mut a), Step::Ran(JOB, JobState::Running));
        // By the clock it is not time yet, again; it has started all the same.
        bench.clock.advance_ms(-24 * HOUR_MS);
        assert_eq!(bench.step(&mut a), Step::Ran(JOB, JobState::Running));
        a.release();
        bench.finish(&mut bench.worker("b", Toy::plain()).with_chunks_of(10));
        assert_eq!(bench.left(7), unhindered(40));
    }

    pub(super) fn a_throttled_job_rests_no_longer_because_the_clock_was_put_back(kind: Kind) {
        let bench = Bench::new(kind, 40);
        let mut slow = new_job(7, None);
        slow.options.throttle = Some(10);
        jobs::accept(&bench.db, &slow, &records(40), bench.now()).unwrap();
        let mut a = bench.worker("a", Toy::plain()).with_chunks_of(10);
        assert_eq!(bench.step(&mut a), Step::Claimed(JOB));
        assert_eq!(bench.step(&mut a), Step::Ran(JOB, JobState::Running));
        assert!(matches!(bench.step(&mut a), Step::Resting(_)));
        bench.clock.advance_ms(-HOUR_MS);
        assert_eq!(bench.step(&mut a), Step::Ran(JOB, JobState::Running));
        // Far ahead it may go on at once too, and only for one more second's worth.
        bench.clock.advance_ms(24 * HOUR_MS);
        a.look_for_jobs();
        assert_eq!(bench.step(&mut a), Step::Claimed(JOB));
        assert_eq!(bench.step(&mut a), Step::Ran(JOB, JobState::Running));
        assert!(matches!(bench.step(&mut a), Step::Resting(_)));
    }
}

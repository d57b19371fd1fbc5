//! Records that always fail, and failures that pass.

use crate::toy::{Bench, Left, Toy, unhindered};
use jobs::Step;
use model::id::JobId;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use store::{Error, params};
use testkit::{Kind, each_db};

each_db! {
    records_that_always_fail_are_passed,
    a_store_error_in_a_record_is_passed,
    a_record_is_not_given_up_for_what_larger_chunks_did,
    a_job_whose_records_all_fail_ends_soon,
    passing_errors_are_no_attempts,
}

const JOB: JobId = JobId(7);

/// What a job leaves when these of its records were given up.
fn without(n: i64, poison: &[i64]) -> Left {
    let mut left = unhindered(n);
    for record in poison {
        assert!(left.changed.contains(record));
        left.changed.retain(|changed| changed != record);
        left.numbers[2] -= 1;
        left.numbers[4] += 1;
        let code = Some("INTERNAL_ERROR".to_owned());
        left.outcomes.push((record - 1, *record, code));
    }
    left.outcomes.sort();
    left
}

mod check {
    use super::*;

    pub(super) fn records_that_always_fail_are_passed(kind: Kind) {
        let bench = Bench::new(kind, 700);
        bench.accept(7, 700);
        let toy = Toy::that(|_, targets| {
            for target in targets {
                assert_ne!(target.record.0, 402, "planned");
                if [1, 450, 700].contains(&target.record.0) {
                    return Err(Error::Driver("planned".to_owned()).into());
                }
            }
            Ok(())
        });
        let mut worker = bench.worker("a", toy);
        bench.finish(&mut worker);
        assert_eq!(bench.left(7), without(700, &[1, 402, 450, 700]));
    }

    /// On PostgreSQL an error spoils the transaction for all statements that follow.
    pub(super) fn a_store_error_in_a_record_is_passed(kind: Kind) {
        let bench = Bench::new(kind, 30);
        bench.accept(7, 30);
        let toy = Toy::that(|tx, targets| {
            if targets.iter().any(|target| target.record.0 == 22) {
                tx.execute("INSERT INTO toy (id, n) VALUES ($1, 0)", params![22])?;
            }
            Ok(())
        });
        bench.finish(&mut bench.worker("a", toy).with_chunks_of(10));
        assert_eq!(bench.left(7), without(30, &[22]));
    }

    pub(super) fn a_record_is_not_given_up_for_what_larger_chunks_did(kind: Kind) {
        let bench = Bench::new(kind, 12_000);
        bench.accept(7, 12_000);
        let toy = || {
            Toy::that(|_, targets| {
                if targets.iter().any(|target| target.record.0 == 7_502) {
                    return Err(Error::Driver("planned".to_owned()).into());
                }
                Ok(())
            })
        };
        let mut a = bench.worker("a", toy());
        assert_eq!(a.step(), Step::Claimed(JOB));
        while bench.job(7).cursor < 7_500 {
            a.step();
        }
        // Its chunks have grown; it fails with two records, and hands over.
        while bench.job(7).attempts < 12 {
            assert_eq!(a.step(), Step::Stumbled(JOB));
        }
        a.release();
        let mut b = bench.worker("b", toy());
        while b.step() != Step::Idle {}
        bench.check();
        assert_eq!(bench.left(7), without(12_000, &[7_502]));
    }

    pub(super) fn a_job_whose_records_all_fail_ends_soon(kind: Kind) {
        let bench = Bench::new(kind, 30);
        bench.accept(7, 30);
        let tried = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&tried);
        let toy = Toy::that(move |_, targets| {
            count.fetch_add(targets.len(), Ordering::SeqCst);
            Err(Error::Driver("planned".to_owned()).into())
        });
        bench.finish(&mut bench.worker("a", toy));
        assert_eq!(bench.left(7).numbers, [30, 30, 0, 0, 30]);
        let tried = tried.load(Ordering::SeqCst);
        assert!(tried < 30 * 25, "{tried} records were tried");
    }

    pub(super) fn passing_errors_are_no_attempts(kind: Kind) {
        let bench = Bench::new(kind, 30);
        bench.accept(7, 30);
        let calls = AtomicU32::new(0);
        let toy = Toy::that(move |_, _| {
            let planned = || "planned".to_owned();
            match calls.fetch_add(1, Ordering::SeqCst) {
                0..20 => Err(Error::Busy(planned()).into()),
                20..40 => Err(Error::Away(planned()).into()),
                40..60 => Err(Error::Full(planned()).into()),
                60..80 => Err(Error::OutcomeUnknown(planned()).into()),
                80..100 => Err(Error::ReadOnly(planned()).into()),
                _ => Ok(()),
            }
        });
        let mut worker = bench.worker("a", toy);
        let mut other = bench.worker("b", Toy::plain());
        assert_eq!(bench.step(&mut worker), Step::Claimed(JOB));
        for _ in 0..100 {
            assert_eq!(bench.step(&mut worker), Step::Waiting);
            // It may last for hours; the worker lives and keeps its lease.
            bench.clock.advance_ms(20_000);
            assert_eq!(bench.step(&mut other), Step::Idle);
            assert_eq!(bench.job(7).attempts, 0);
        }
        bench.finish(&mut worker);
        assert_eq!(bench.left(7), unhindered(30));
    }
}

/// A chunk whose statement takes too long is halved like one that errs.
#[test]
fn a_chunk_that_times_out_is_tried_smaller() {
    let bench = Bench::new(Kind::Postgres, 30);
    bench.accept(7, 30);
    let toy = Toy::that(|tx, targets| {
        if targets.len() > 10 || targets.iter().any(|target| target.record.0 == 22) {
            tx.batch("SET LOCAL statement_timeout = '20ms'; SELECT pg_sleep(10)")?;
        }
        Ok(())
    });
    bench.finish(&mut bench.worker("a", toy).with_chunks_of(30));
    assert_eq!(bench.left(7), without(30, &[22]));
}

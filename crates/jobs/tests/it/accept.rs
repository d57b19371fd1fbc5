//! How a job comes to be: sealed before it is seen, alone with its key, or not at all.

use crate::toy::{Bench, Toy, new_job, records, unhindered};
use jobs::Step;
use model::id::JobId;
use model::refusal::Code;
use store::targets::{self, Target};
use store::{Fault, jobs as stored};
use testkit::{Kind, each_db};

each_db! {
    a_key_is_held_until_the_job_ends,
    a_job_in_preparation_is_not_claimed,
    a_large_job_is_seen_whole,
    a_preparation_that_was_given_up_is_swept,
    a_sealed_job_is_not_discarded,
    each_batch_of_targets_has_time_of_its_own,
}

const KEY: Option<&str> = Some("view:1");

fn accept(bench: &Bench, id: i64) -> Result<(), Fault> {
    jobs::accept(&bench.db, &new_job(id, KEY), &records(30), bench.now())
}

fn refused(answer: Result<(), Fault>) -> bool {
    match answer {
        Ok(()) => false,
        Err(Fault::Refused(refusal)) => {
            assert_eq!(refusal.code, Code::AlreadyScheduled);
            true
        }
        Err(error) => panic!("{error}"),
    }
}

/// A preparation whose process died after it stored some targets.
pub(crate) fn abandon(bench: &Bench, id: i64) {
    let now = bench.now();
    bench.write(|tx| {
        stored::insert_preparing(tx, &new_job(id, KEY), None, now, now.plus_ms(30_000))?;
        let some: Vec<Target> = records(10)
            .iter()
            .zip(0..)
            .map(|((record, rev), seq)| Target {
                foreseen: None,
                seq,
                record: *record,
                rev: *rev,
            })
            .collect();
        Ok(targets::insert(tx, JobId(id), &some)?)
    });
}

mod check {
    use super::*;

    pub(super) fn a_key_is_held_until_the_job_ends(kind: Kind) {
        let bench = Bench::new(kind, 30);
        abandon(&bench, 1);
        assert!(refused(accept(&bench, 2)), "while preparing");
        bench.write(|tx| Ok(stored::seal(tx, JobId(1), 10, bench.now())?));
        assert!(refused(accept(&bench, 2)), "while queued");
        let mut worker = bench.worker("a", Toy::plain()).with_chunks_of(5);
        assert_eq!(bench.step(&mut worker), Step::Claimed(JobId(1)));
        bench.step(&mut worker);
        assert!(refused(accept(&bench, 2)), "while running");
        bench.finish(&mut worker);
        assert!(!refused(accept(&bench, 2)), "after the end");
        let unkeyed = jobs::accept(&bench.db, &new_job(3, None), &records(1), bench.now());
        assert!(!refused(unkeyed), "without a key");
        assert_eq!(
            bench.ints("SELECT id FROM jobs ORDER BY id", &[]),
            [1, 2, 3]
        );
        bench.finish(&mut worker);
        assert_eq!(bench.left(2), unhindered(30));
    }

    pub(super) fn a_job_in_preparation_is_not_claimed(kind: Kind) {
        let bench = Bench::new(kind, 10);
        abandon(&bench, 7);
        let mut worker = bench.worker("a", Toy::plain());
        assert_eq!(bench.step(&mut worker), Step::Idle);
        bench.write(|tx| Ok(stored::seal(tx, JobId(7), 10, bench.now())?));
        assert_eq!(bench.step(&mut worker), Step::Claimed(JobId(7)));
        bench.finish(&mut worker);
        assert_eq!(bench.left(7), unhindered(10));
    }

    /// A worker that looks all the time finds the job with its last target, or not yet.
    pub(super) fn a_large_job_is_seen_whole(kind: Kind) {
        let bench = Bench::new(kind, 0);
        let mut worker = bench.worker("a", Toy::plain());
        std::thread::scope(|scope| {
            scope.spawn(|| bench.accept(7, 45_000));
            while worker.step() != Step::Claimed(JobId(7)) {}
            assert_eq!(bench.job(7).total, 45_000);
            let sql = "SELECT count(*) FROM job_targets WHERE seq BETWEEN 0 AND 44999";
            assert_eq!(bench.ints(sql, &[]), [45_000]);
        });
    }

    pub(super) fn a_preparation_that_was_given_up_is_swept(kind: Kind) {
        let bench = Bench::new(kind, 30);
        abandon(&bench, 1);
        let mut worker = bench.worker("a", Toy::plain());
        bench.clock.advance_ms(29_000);
        assert_eq!(bench.step(&mut worker), Step::Idle);
        assert!(refused(accept(&bench, 2)), "it may still go on");
        bench.clock.advance_ms(2_000);
        assert_eq!(bench.step(&mut worker), Step::Idle);
        assert!(bench.ints("SELECT id FROM jobs", &[]).is_empty());
        assert!(bench.ints("SELECT seq FROM job_targets", &[]).is_empty());
        assert!(!refused(accept(&bench, 2)));
        let late = bench.write(|tx| {
            let job = JobId(1);
            Ok([
                stored::extend_preparing(tx, job, bench.now())?,
                stored::seal(tx, job, 10, bench.now())?,
            ])
        });
        assert_eq!(late, [false, false]);
    }

    /// The commit of the seal may have an unknown outcome, after which the job is discarded.
    pub(super) fn a_sealed_job_is_not_discarded(kind: Kind) {
        let bench = Bench::new(kind, 10);
        bench.accept(7, 10);
        bench.write(|tx| Ok(stored::discard_preparing(tx, JobId(7))?));
        bench.finish(&mut bench.worker("a", Toy::plain()));
        assert_eq!(bench.left(7), unhindered(10));
    }

    pub(super) fn each_batch_of_targets_has_time_of_its_own(kind: Kind) {
        let bench = Bench::new(kind, 0);
        bench.write(|tx| {
            tx.batch("CREATE TABLE leases (lease_until BIGINT)")?;
            tx.batch(match kind {
                Kind::Sqlite => {
                    "CREATE TRIGGER note AFTER UPDATE ON jobs WHEN NEW.lease_until > 0
                     BEGIN INSERT INTO leases VALUES (NEW.lease_until); END"
                }
                Kind::Postgres => {
                    "CREATE RULE note AS ON UPDATE TO jobs WHERE NEW.lease_until > 0
                     DO ALSO INSERT INTO leases VALUES (NEW.lease_until)"
                }
            })?;
            Ok(())
        });
        bench.accept(7, 45_000);
        let sql = "SELECT lease_until FROM leases ORDER BY lease_until";
        let wanted = [60_000, 90_000].map(|ms| bench.now().plus_ms(ms).0);
        assert_eq!(bench.ints(sql, &[]), wanted);
    }
}

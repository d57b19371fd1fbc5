//! Retrying a job: once more what failed in it, and what it left.

use crate::toy::{Bench, Toy, actions, new_job, records};
use jobs::{TARGETS_AT_ONCE, control};
use model::id::{JobId, PlanId};
use model::job::{JobState, Relation};
use model::refusal::{Code, Refusal};
use std::sync::{Arc, Barrier};
use std::thread;
use store::jobs::Job;
use store::{Error, Fault, Priority, Tx, jobs as stored, params};
use testkit::{Kind, each_db};

each_db! {
    a_retry_visits_what_failed_and_nothing_else,
    a_retry_of_a_cancelled_job_visits_what_was_left_too,
    a_retry_of_a_failed_job_visits_what_was_left_too,
    a_retry_of_a_planned_job_has_no_plan,
    a_retry_of_a_retry_goes_on,
    a_retry_takes_the_exclusive_key,
    a_retry_is_refused_while_another_is_unfinished,
    a_retry_of_nothing_is_refused,
    a_retry_of_an_unfinished_job_is_refused,
    a_retry_that_could_not_run_is_refused,
    a_retry_of_a_forgotten_job_is_refused,
    a_job_that_was_retried_cannot_be_resumed,
    what_commits_with_a_retry_commits_with_it_or_not_at_all,
    more_targets_than_one_transaction_stores_are_copied_in_batches,
    of_two_retries_at_once_one_wins,
}

const JOB: JobId = JobId(7);

fn new_retry(id: i64, of: JobId, tx: &mut Tx) -> Result<store::jobs::NewJob, Fault> {
    let mut new = new_job(id, None);
    new.exclusive = stored::exclusive(tx, of)?;
    new.parent = Some((Relation::Retry, of));
    Ok(new)
}

/// Retries a job as job `id`.
fn retry_with(
    bench: &Bench,
    of: JobId,
    id: i64,
    toy: Toy,
    sealed: &mut dyn FnMut(&mut Tx, &Job) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let make = |tx: &mut Tx, old: &Job| new_retry(id, old.id, tx);
    jobs::retry(&bench.db, &actions(toy), of, &make, bench.now(), sealed)
}

fn retry(bench: &Bench, of: JobId, id: i64) -> Result<(), Fault> {
    retry_with(bench, of, id, Toy::plain(), &mut |_, _| Ok(()))
}

fn refused(answer: Result<(), Fault>) -> Refusal {
    match answer {
        Err(Fault::Refused(refusal)) => *refusal,
        other => panic!("{other:?}"),
    }
}

fn targets(bench: &Bench, job: i64) -> Vec<i64> {
    let sql = "SELECT record FROM job_targets WHERE job = $1 ORDER BY seq";
    bench.ints(sql, params![job])
}

/// A toy that refuses the whole job.
fn refusing() -> Toy {
    Toy::that(|_, _| Err(Refusal::new(Code::NoPermission).into()))
}

/// Job 7 over records 1 to 40, of which so many chunks of ten ran.
fn begun(kind: Kind, chunks: usize) -> Bench {
    let bench = Bench::new(kind, 40);
    bench.accept(7, 40);
    let mut worker = bench.worker("a", Toy::plain()).with_chunks_of(10);
    for _ in 0..=chunks {
        bench.step(&mut worker);
    }
    worker.release();
    bench
}

fn finished(kind: Kind) -> Bench {
    let bench = begun(kind, 0);
    bench.finish(&mut bench.worker("b", Toy::plain()));
    bench
}

/// As [`begun`], then cancelled.
fn cancelled(kind: Kind, chunks: usize) -> Bench {
    let bench = begun(kind, chunks);
    bench.write(|tx| control::cancel(tx, JOB, bench.now()));
    bench
}

mod check {
    use super::*;

    pub(super) fn a_retry_visits_what_failed_and_nothing_else(kind: Kind) {
        let bench = finished(kind);
        retry(&bench, JOB, 8).unwrap();
        let job = bench.job(8);
        assert_eq!((job.state, job.total), (JobState::Queued, 4));
        assert_eq!(job.parent, Some((Relation::Retry, JOB)));
        assert_eq!(targets(&bench, 8), [7, 17, 27, 37]);
        let before = bench.left(7);
        bench.finish(&mut bench.worker("b", Toy::plain()));
        assert_eq!(bench.left(8).numbers, [4, 4, 0, 0, 4]);
        assert_eq!(bench.left(7), before);
    }

    pub(super) fn a_retry_of_a_cancelled_job_visits_what_was_left_too(kind: Kind) {
        let bench = cancelled(kind, 2);
        retry(&bench, JOB, 8).unwrap();
        let wanted: Vec<i64> = [7, 17].into_iter().chain(21..=40).collect();
        assert_eq!(targets(&bench, 8), wanted);
        bench.finish(&mut bench.worker("b", Toy::plain()));
        // Together they did what one would have done.
        let changed = bench.left(7).changed.len() + bench.left(8).changed.len();
        assert_eq!(changed, 32);
    }

    pub(super) fn a_retry_of_a_failed_job_visits_what_was_left_too(kind: Kind) {
        let bench = begun(kind, 3);
        bench.finish(&mut bench.worker("b", refusing()));
        assert_eq!(bench.job(7).state, JobState::Failed);
        retry(&bench, JOB, 8).unwrap();
        let wanted: Vec<i64> = [7, 17, 27].into_iter().chain(31..=40).collect();
        assert_eq!(targets(&bench, 8), wanted);
    }

    pub(super) fn a_retry_of_a_planned_job_has_no_plan(kind: Kind) {
        let bench = Bench::new(kind, 40);
        bench.accept_planned(7, 900, 40, 0);
        bench.write(|tx| control::cancel(tx, JOB, bench.now()));
        assert_eq!(bench.job(7).plan, Some(PlanId(900)));
        retry(&bench, JOB, 8).unwrap();
        assert_eq!(bench.job(8).plan, None);
        assert_eq!(targets(&bench, 8), (1..=40).collect::<Vec<i64>>());
        let foreseen = "SELECT seq FROM job_targets WHERE job = 8 AND foreseen IS NOT NULL";
        assert_eq!(bench.ints(foreseen, &[]), Vec::<i64>::new());
    }

    pub(super) fn a_retry_of_a_retry_goes_on(kind: Kind) {
        let bench = finished(kind);
        for (id, of) in [(8, 7), (9, 8)] {
            retry(&bench, JobId(of), id).unwrap();
            assert_eq!(targets(&bench, id), [7, 17, 27, 37]);
            bench.finish(&mut bench.worker("b", Toy::plain()));
        }
    }

    pub(super) fn a_retry_takes_the_exclusive_key(kind: Kind) {
        let bench = Bench::new(kind, 40);
        let accept = |id| {
            let new = new_job(id, Some("view:1"));
            jobs::accept(&bench.db, &new, &records(40), bench.now())
        };
        accept(7).unwrap();
        bench.finish(&mut bench.worker("a", Toy::plain()));
        accept(8).unwrap();
        let refusal = refused(retry(&bench, JOB, 9));
        assert_eq!(refusal.code, Code::AlreadyScheduled);
        assert_eq!(refusal.details["job_id"], "8");
        bench.finish(&mut bench.worker("a", Toy::plain()));
        retry(&bench, JOB, 9).unwrap();
        assert_eq!(refused(accept(10)).details["job_id"], "9");
    }

    pub(super) fn a_retry_is_refused_while_another_is_unfinished(kind: Kind) {
        let bench = finished(kind);
        retry(&bench, JOB, 8).unwrap();
        let refusal = refused(retry(&bench, JOB, 9));
        assert_eq!(refusal.code, Code::AlreadyScheduled);
        assert_eq!(refusal.details["job_id"], "8");
        bench.finish(&mut bench.worker("a", Toy::plain()));
        retry(&bench, JOB, 9).unwrap();
        bench.write(|tx| control::cancel(tx, JobId(9), bench.now()));
        // An undo is in the way, too.
        bench.write(|tx| {
            let mut undo = new_job(10, None);
            undo.parent = Some((Relation::Undo, JOB));
            jobs::accept_in(tx, &undo, 0, bench.now())
        });
        assert_eq!(refused(retry(&bench, JOB, 11)).details["job_id"], "10");
    }

    pub(super) fn a_retry_of_nothing_is_refused(kind: Kind) {
        let bench = Bench::new(kind, 2);
        bench.accept(7, 2);
        bench.finish(&mut bench.worker("a", Toy::plain()));
        assert_eq!(refused(retry(&bench, JOB, 8)).code, Code::NoRecordsFound);
        assert_eq!(bench.ints("SELECT id FROM jobs", &[]), [7]);
        assert_eq!(refused(retry(&bench, JobId(5), 8)).code, Code::NotFound);
    }

    pub(super) fn a_retry_of_an_unfinished_job_is_refused(kind: Kind) {
        let bench = begun(kind, 2);
        assert_eq!(refused(retry(&bench, JOB, 8)).code, Code::WrongState);
        bench.write(|tx| control::pause(tx, JOB, bench.now()));
        assert_eq!(refused(retry(&bench, JOB, 8)).code, Code::WrongState);
    }

    pub(super) fn a_retry_that_could_not_run_is_refused(kind: Kind) {
        let bench = finished(kind);
        let answer = retry_with(&bench, JOB, 8, refusing(), &mut |_, _| Ok(()));
        assert_eq!(refused(answer).code, Code::NoPermission);
        assert_eq!(bench.ints("SELECT id FROM jobs", &[]), [7]);
        assert_eq!(targets(&bench, 8), Vec::<i64>::new());
    }

    pub(super) fn a_retry_of_a_forgotten_job_is_refused(kind: Kind) {
        let bench = begun(kind, 1);
        bench.finish(&mut bench.worker("b", refusing()));
        bench.clock.advance_ms(60 * 24 * 60 * 60 * 1_000);
        assert_eq!(refused(retry(&bench, JOB, 8)).code, Code::WrongState);
        let resumed = bench.db.write(Priority::Interactive, |tx| {
            control::resume(tx, JOB, None, None, bench.now()).map(|_| ())
        });
        assert_eq!(refused(resumed).code, Code::WrongState);
    }

    pub(super) fn a_job_that_was_retried_cannot_be_resumed(kind: Kind) {
        let bench = begun(kind, 1);
        bench.finish(&mut bench.worker("b", refusing()));
        retry(&bench, JOB, 8).unwrap();
        let resumed = bench.db.write(Priority::Interactive, |tx| {
            control::resume(tx, JOB, None, None, bench.now()).map(|_| ())
        });
        let refusal = refused(resumed);
        assert_eq!(refusal.code, Code::WrongState);
        assert_eq!(refusal.details["job_id"], "8");
    }

    pub(super) fn what_commits_with_a_retry_commits_with_it_or_not_at_all(kind: Kind) {
        let bench = finished(kind);
        let mark = |tx: &mut Tx, job: &Job| {
            let sql = "INSERT INTO toy (id, n) VALUES ($1, 0)";
            tx.execute(sql, params![1_000 + job.id.0])?;
            Ok(())
        };
        let marks = "SELECT id FROM toy WHERE id > 1000";
        let answer = retry_with(&bench, JOB, 8, Toy::plain(), &mut |tx, job| {
            mark(tx, job)?;
            Err(Error::Driver("planned".to_owned()).into())
        });
        assert!(matches!(answer, Err(Fault::Store(_))));
        assert_eq!(bench.ints("SELECT id FROM jobs", &[]), [7]);
        assert_eq!(bench.ints(marks, &[]), Vec::<i64>::new());
        retry_with(&bench, JOB, 8, Toy::plain(), &mut |tx, job| {
            assert_eq!((job.state, job.total), (JobState::Queued, 4));
            mark(tx, job)
        })
        .unwrap();
        assert_eq!(bench.ints(marks, &[]), [1_008]);
    }

    pub(super) fn more_targets_than_one_transaction_stores_are_copied_in_batches(kind: Kind) {
        let at_once = i64::try_from(TARGETS_AT_ONCE).unwrap();
        for n in [at_once, 2 * at_once + 5] {
            let bench = Bench::new(kind, 10);
            bench.accept(7, n);
            bench.write(|tx| control::cancel(tx, JOB, bench.now()));
            // A failure in the last transaction leaves nothing of it.
            let failing =
                &mut |_: &mut Tx, _: &Job| Err(Error::Driver("planned".to_owned()).into());
            assert!(retry_with(&bench, JOB, 8, Toy::plain(), failing).is_err());
            assert_eq!(bench.ints("SELECT id FROM jobs", &[]), [7]);
            assert_eq!(targets(&bench, 8), Vec::<i64>::new());
            retry(&bench, JOB, 8).unwrap();
            let job = bench.job(8);
            assert_eq!((job.state, job.total), (JobState::Queued, n));
            let sql = "SELECT seq FROM job_targets WHERE job = 8 AND record = seq + 1";
            assert_eq!(bench.ints(sql, &[]).len(), usize::try_from(n).unwrap());
        }
    }

    pub(super) fn of_two_retries_at_once_one_wins(kind: Kind) {
        let bench = Arc::new(finished(kind));
        for round in 0..10 {
            let start = Barrier::new(2);
            let answers = thread::scope(|scope| {
                let both = [0, 1].map(|n| {
                    let (bench, start) = (&bench, &start);
                    scope.spawn(move || {
                        start.wait();
                        retry(bench, JOB, 10 + 2 * round + n)
                    })
                });
                both.map(|one| one.join().unwrap())
            });
            let won = answers.iter().filter(|answer| answer.is_ok()).count();
            assert_eq!(won, 1, "{answers:?}");
            bench.finish(&mut bench.worker("a", Toy::plain()));
        }
    }
}

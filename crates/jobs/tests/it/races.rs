//! Real threads on PostgreSQL, where transactions run side by side.

use crate::accept::abandon;
use crate::toy::{Bench, Toy, new_job, records, unhindered};
use jobs::Step;
use model::id::JobId;
use model::refusal::Code;
use std::sync::Barrier;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;
use store::jobs::{InUse, Job};
use store::{Fault, Priority, jobs as stored};
use testkit::Kind;

#[test]
fn of_two_accepts_at_once_one_wins() {
    let bench = Bench::new(Kind::Postgres, 30);
    for round in 0..15 {
        let start = Barrier::new(2);
        let key = format!("view:{round}");
        let answers = thread::scope(|scope| {
            let both = [1, 2].map(|n| {
                let (start, bench, key) = (&start, &bench, &key);
                scope.spawn(move || {
                    let job = new_job(10 * round + n, Some(key));
                    start.wait();
                    jobs::accept(&bench.db, &job, &records(30), bench.now())
                })
            });
            both.map(|one| one.join().unwrap())
        });
        let mut won = 0;
        for answer in answers {
            match answer {
                Ok(()) => won += 1,
                Err(Fault::Refused(refusal)) => assert_eq!(refusal.code, Code::AlreadyScheduled),
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(won, 1, "round {round}");
    }
}

#[test]
fn two_workers_at_once_visit_each_record_once() {
    let bench = Bench::new(Kind::Postgres, 2_000);
    let ids = 1..=5;
    for id in ids.clone() {
        bench.accept(id, 2_000);
    }
    let start = Barrier::new(2);
    let steps = thread::scope(|scope| {
        let both = ["a", "b"].map(|name| {
            let (start, bench) = (&start, &bench);
            scope.spawn(move || {
                let mut worker = bench.worker(name, Toy::plain()).with_chunks_of(50);
                let mut ran = 0;
                start.wait();
                loop {
                    match worker.step() {
                        Step::Ran(..) => {
                            ran += 1;
                            if ran % 7 == 0 {
                                // The other shall have them, too.
                                worker.release();
                            }
                        }
                        Step::Claimed(_) => {}
                        Step::Idle if unfinished(bench) => {}
                        Step::Idle => return ran,
                        step => panic!("{step:?}"),
                    }
                }
            })
        });
        both.map(|one| one.join().unwrap())
    });
    bench.check();
    assert_eq!(steps[0] + steps[1], 200, "chunks {steps:?}");
    for id in ids {
        assert_eq!(bench.left(id), unhindered(2_000));
        assert_eq!(bench.job(id).attempts, 0);
    }
}

/// The sweep finds a preparation whose time ran out while its seal is about to commit.
#[test]
fn a_seal_at_the_last_moment_keeps_its_targets() {
    let bench = Bench::new(Kind::Postgres, 10);
    abandon(&bench, 7);
    bench.clock.advance_ms(31_000);
    let (sealed, is_sealed) = channel();
    let (swept, is_swept) = channel();
    thread::scope(|scope| {
        let bench = &bench;
        scope.spawn(move || {
            bench.write(|tx| {
                assert!(stored::seal(tx, JobId(7), 10, bench.now())?);
                sealed.send(()).unwrap();
                // A sweep that waits for this commit never says so.
                let _ = is_swept.recv_timeout(Duration::from_millis(300));
                Ok(())
            });
        });
        is_sealed.recv().unwrap();
        let gone = bench.db.write(Priority::Chunk, |tx| {
            Ok(stored::sweep_preparing(tx, 1, InUse::Pass, bench.now())?)
        });
        assert_eq!(gone.unwrap(), 0);
        let _ = swept.send(());
    });
    bench.finish(&mut bench.worker("a", Toy::plain()));
    assert_eq!(bench.left(7), unhindered(10));
}

fn unfinished(bench: &Bench) -> bool {
    let sql = "SELECT id FROM jobs WHERE state <> 'completed'";
    !bench.ints(sql, &[]).is_empty()
}

/// Whether a process is dead is asked by trying its lock, and so by several at once.
#[test]
fn two_that_claim_jobs_of_a_dead_process_at_once_both_get_one() {
    let bench = Bench::new(Kind::Postgres, 40);
    let (now, until) = (bench.now(), bench.now().plus_ms(30_000));
    let dead = bench.db.process().unwrap() ^ 1;
    for id in [7, 8] {
        bench.accept(id, 40);
        bench.write(|tx| Ok(stored::claim(tx, "dead", dead, now, until)?));
    }
    let (first, second) = bench.write(|tx| {
        let first = stored::claim(tx, "a", 1, now, until)?;
        let second = bench.write(|tx| Ok(stored::claim(tx, "b", 2, now, until)?));
        Ok((first, second))
    });
    let id = |job: Option<Job>| job.map(|job| job.id);
    assert_eq!((id(first), id(second)), (Some(JobId(7)), Some(JobId(8))));
}

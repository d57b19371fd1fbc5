//! Whatever fails wherever, a fresh worker leaves the tables that a run without faults leaves.

use crate::toy::{Bench, Toy, unhindered};
use jobs::{Point, Step, Worker};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::{Error, Fault};
use testkit::{Kind, each_db};

each_db! {
    a_fresh_worker_finishes_after_any_fault,
    the_same_worker_finishes_after_any_fault,
    a_storm_of_faults_changes_nothing,
}

/// Fails once, at the `nth` passing of a point.
fn once(worker: Worker, point: Point, nth: usize, panics: bool, fired: &Arc<AtomicBool>) -> Worker {
    let (fired, mut passed) = (Arc::clone(fired), 0);
    worker.with_faults(move |at| {
        if at == point {
            passed += 1;
        }
        if at != point || passed != nth + 1 || fired.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        fail(panics)
    })
}

fn fail(panics: bool) -> Result<(), Fault> {
    assert!(!panics, "planned");
    Err(Error::Driver("planned".to_owned()).into())
}

/// A step; `None` when the whole worker died of it.
fn step(bench: &Bench, worker: &mut Worker) -> Option<Step> {
    let step = catch_unwind(AssertUnwindSafe(|| worker.step())).ok();
    bench.check();
    step
}

fn each_fault(mut run: impl FnMut(i64, Point, usize, bool)) {
    let mut id = 100;
    for point in Point::ALL {
        for nth in [0, 1, 2] {
            for panics in [false, true] {
                // There is only one claim, and these jobs select nothing.
                if point != Point::Selecting && (point != Point::Claim || nth == 0) {
                    id += 1;
                    run(id, point, nth, panics);
                }
            }
        }
    }
}

mod check {
    use super::*;

    pub(super) fn a_fresh_worker_finishes_after_any_fault(kind: Kind) {
        let bench = Bench::new(kind, 60);
        each_fault(|id, point, nth, panics| {
            bench.accept(id, 60);
            let fired = Arc::new(AtomicBool::new(false));
            let worker = bench.worker("a", Toy::plain()).with_chunks_of(20);
            let mut worker = once(worker, point, nth, panics, &fired);
            while !fired.load(Ordering::SeqCst) {
                assert_ne!(step(&bench, &mut worker), Some(Step::Idle), "never fired");
            }
            drop(worker);
            bench.clock.advance_ms(31_000);
            bench.finish(&mut bench.worker("b", Toy::plain()).with_chunks_of(20));
            let left = bench.left(id);
            assert_eq!(left, unhindered(60), "{point:?} {nth} panic: {panics}");
        });
    }

    pub(super) fn the_same_worker_finishes_after_any_fault(kind: Kind) {
        let bench = Bench::new(kind, 60);
        each_fault(|id, point, nth, panics| {
            bench.accept(id, 60);
            let fired = Arc::new(AtomicBool::new(false));
            let worker = bench.worker("a", Toy::plain()).with_chunks_of(20);
            let mut worker = once(worker, point, nth, panics, &fired);
            while step(&bench, &mut worker) != Some(Step::Idle) {}
            assert!(fired.load(Ordering::SeqCst));
            let left = bench.left(id);
            assert_eq!(left, unhindered(60), "{point:?} {nth} panic: {panics}");
        });
    }

    /// Three workers that fail, die, hand over and stall at random, over four jobs.
    pub(super) fn a_storm_of_faults_changes_nothing(kind: Kind) {
        let bench = Bench::new(kind, 60);
        for seed in 1..=3 {
            let mut dice = Dice(seed);
            let ids = (0..4).map(|n| 100 * i64::from(seed) + n);
            for id in ids.clone() {
                bench.accept(id, 60);
            }
            let stormy = |dice: &mut Dice, name: &str| {
                let mut own = Dice(dice.roll(u32::MAX));
                let size = 1 + dice.roll(25) as usize;
                bench
                    .worker(name, Toy::plain())
                    .with_chunks_of(size)
                    .with_faults(move |_| match own.roll(24) {
                        0 => fail(false),
                        1 => fail(true),
                        2 => Err(Error::Busy("planned".to_owned()).into()),
                        _ => Ok(()),
                    })
            };
            let mut workers = ["a", "b", "c"].map(|name| stormy(&mut dice, name));
            for _ in 0..150 {
                let n = dice.roll(3) as usize;
                match dice.roll(20) {
                    0 => workers[n] = stormy(&mut dice, ["a", "b", "c"][n]),
                    1 => workers[n].release(),
                    2 => bench.clock.advance_ms(31_000),
                    3 => workers[n].look_for_jobs(),
                    _ => drop(step(&bench, &mut workers[n])),
                }
            }
            drop(workers);
            bench.clock.advance_ms(31_000);
            bench.finish(&mut bench.worker("last", Toy::plain()));
            for id in ids {
                assert_eq!(bench.left(id), unhindered(60), "seed {seed}, job {id}");
            }
        }
    }
}

/// Numbers that look random and are the same in each run.
struct Dice(u32);

impl Dice {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) % sides
    }
}

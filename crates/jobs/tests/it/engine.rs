//! The thread around a worker: woken, it runs; stopped, it hands over.

use crate::toy::{Bench, Toy, unhindered};
use jobs::{Engine, Point};
use model::job::JobState;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use testkit::{Kind, each_db};

each_db! {
    an_engine_runs_what_it_is_woken_for_and_hands_over_when_stopped,
    an_engine_survives_a_panic_outside_of_a_chunk,
}

mod check {
    use super::*;

    pub(super) fn an_engine_runs_what_it_is_woken_for_and_hands_over_when_stopped(kind: Kind) {
        let bench = Bench::new(kind, 100);
        let (began, begins) = channel();
        let (proceed, proceeds) = channel::<()>();
        let proceeds = Mutex::new(proceeds);
        let toy = Toy::that(move |_, targets| {
            if began.send(targets[0].seq).is_ok() {
                // Until the test says so, or is over.
                let _ = proceeds.lock().unwrap().recv();
            }
            Ok(())
        });
        let engine = Engine::start(bench.worker("a", toy).with_chunks_of(50)).unwrap();
        bench.accept(7, 100);
        engine.wake();
        assert_eq!(begins.recv().unwrap(), 0);
        let stopping = {
            let engine = engine.clone();
            std::thread::spawn(move || engine.stop())
        };
        // Whether it stops before the second chunk or after depends on who is quicker.
        drop(proceed);
        stopping.join().unwrap();
        bench.check();
        // Time stands still, so only a lease that was given back can be taken.
        let mut other = bench.worker("b", Toy::plain());
        bench.finish(&mut other);
        assert_eq!(bench.left(7), unhindered(100));
        assert_eq!(bench.job(7).attempts, 0);
    }

    pub(super) fn an_engine_survives_a_panic_outside_of_a_chunk(kind: Kind) {
        let bench = Bench::new(kind, 100);
        bench.accept(7, 100);
        let (claimed, claims) = channel();
        let worker = bench.worker("a", Toy::plain()).with_faults(move |at| {
            assert!(at != Point::Claim || claimed.send(()).is_err(), "planned");
            Ok(())
        });
        let engine = Engine::start(worker).unwrap();
        for _ in 0..2 {
            claims.recv().unwrap();
            engine.wake();
        }
        drop(claims);
        while bench.job(7).state != JobState::Completed {
            assert!(engine.is_well());
            engine.wake();
        }
        engine.stop();
        assert_eq!(bench.left(7), unhindered(100));
    }
}

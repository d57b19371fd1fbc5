//! The thread that lets a worker step: wakes when a job is accepted, polls each second, stops on demand.

use crate::worker::{Step, Worker};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A worker with nothing to do looks this often for jobs that other processes accepted, and for
/// leases that ran out. A busy one does so by itself.
const POLL: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Signal {
    woken: bool,
    stop: bool,
}

#[derive(Default)]
struct Shared {
    signal: Mutex<Signal>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Signal> {
        // Two flags mean the same after a panic elsewhere.
        self.signal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a worker on a thread of its own. Clones share it.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Engine {
    /// Starts the thread.
    pub fn start(mut worker: Worker) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("jobs".to_owned())
            .spawn(move || run(&mut worker, &of_thread))?;
        Ok(Self {
            shared,
            thread: Arc::new(Mutex::new(Some(thread))),
        })
    }

    /// An engine that runs nothing: a process that only accepts jobs for others to run.
    pub fn none() -> Self {
        Self {
            shared: Arc::default(),
            thread: Arc::default(),
        }
    }

    /// Makes the worker look for jobs now.
    pub fn wake(&self) {
        self.shared.lock().woken = true;
        self.shared.changed.notify_all();
    }

    /// Whether the thread, if there is one, still runs.
    pub fn is_well(&self) -> bool {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        thread.as_ref().is_none_or(|thread| !thread.is_finished())
    }

    /// Begins to stop: after the chunk that runs now, all leases are given back.
    pub fn halt(&self) {
        self.shared.lock().stop = true;
        self.shared.changed.notify_all();
    }

    /// Stops, and waits until that is done.
    pub fn stop(&self) {
        self.halt();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the worker's thread had panicked");
        }
    }
}

fn run(worker: &mut Worker, shared: &Shared) {
    loop {
        {
            let mut signal = shared.lock();
            if signal.stop {
                break;
            }
            if signal.woken {
                signal.woken = false;
                worker.look_for_jobs();
            }
        }
        // Chunks catch their own panics; a panic anywhere else must not end all work either.
        let step = catch_unwind(AssertUnwindSafe(|| worker.step())).unwrap_or_else(|_| {
            tracing::error!("the worker panicked outside of a chunk and goes on");
            Step::Waiting
        });
        match step {
            Step::Idle | Step::Waiting => {
                wait(shared, POLL);
                worker.look_for_jobs();
            }
            Step::Resting(until) => wait(shared, worker.until(until).min(POLL)),
            _ => {}
        }
    }
    worker.release();
}

/// Until woken, stopped, or so much time has passed.
fn wait(shared: &Shared, time: Duration) {
    let signal = shared.lock();
    let quiet = |signal: &mut Signal| !signal.woken && !signal.stop;
    drop(shared.changed.wait_timeout_while(signal, time, quiet));
}

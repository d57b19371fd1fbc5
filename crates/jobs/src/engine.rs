//! The threads that let workers step, one for jobs and one for events: each wakes when there is
//! something for it, polls each second, stops on demand.

use crate::event_worker::{EventStep, EventWorker};
use crate::worker::{Step, Worker};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A worker with nothing to do looks this often for what other processes left, and for leases that
/// ran out. A busy one does so by itself.
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

    fn wake(&self) {
        self.lock().woken = true;
        self.changed.notify_all();
    }
}

/// What a thread lets step.
trait Stepping: Send + 'static {
    /// Looks for what is new at its next step.
    fn look(&mut self);
    /// Does one thing, and says how long there is nothing more to do.
    fn step(&mut self) -> Option<Duration>;
    /// Lets go of what it holds.
    fn release(&mut self);
}

impl Stepping for Worker {
    fn look(&mut self) {
        self.look_for_jobs();
    }

    fn step(&mut self) -> Option<Duration> {
        match Worker::step(self) {
            Step::Idle | Step::Waiting => {
                self.look_for_jobs();
                Some(POLL)
            }
            Step::Resting(until) => Some(self.until(until).min(POLL)),
            _ => None,
        }
    }

    fn release(&mut self) {
        Worker::release(self);
    }
}

impl Stepping for EventWorker {
    fn look(&mut self) {}

    fn step(&mut self) -> Option<Duration> {
        match EventWorker::step(self) {
            EventStep::Idle | EventStep::Waiting => Some(POLL),
            EventStep::Ran(_) | EventStep::Stumbled | EventStep::GaveUp => None,
        }
    }

    fn release(&mut self) {}
}

/// A thread and what it is told by. Clones share it.
#[derive(Clone, Default)]
struct Part {
    shared: Arc<Shared>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Part {
    fn start(name: &str, mut worker: impl Stepping) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(&mut worker, &of_thread))?;
        Ok(Self {
            shared,
            thread: Arc::new(Mutex::new(Some(thread))),
        })
    }

    fn is_well(&self) -> bool {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        thread.as_ref().is_none_or(|thread| !thread.is_finished())
    }

    fn halt(&self) {
        self.shared.lock().stop = true;
        self.shared.changed.notify_all();
    }

    fn join(&self) {
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("a worker's thread had panicked");
        }
    }
}

/// Runs workers on threads of their own. Clones share them.
#[derive(Clone, Default)]
pub struct Engine {
    jobs: Part,
    events: Part,
}

impl Engine {
    /// Starts the thread of a worker that runs jobs.
    pub fn start(worker: Worker) -> std::io::Result<Self> {
        Ok(Self {
            jobs: Part::start("jobs", worker)?,
            events: Part::default(),
        })
    }

    /// The same with a thread for automation beside it.
    pub fn with_events(self, worker: EventWorker) -> std::io::Result<Self> {
        Ok(Self {
            events: Part::start("events", worker)?,
            ..self
        })
    }

    /// An engine that runs nothing: a process that only accepts jobs for others to run.
    pub fn none() -> Self {
        Self::default()
    }

    /// Makes the worker look for jobs now.
    pub fn wake(&self) {
        self.jobs.shared.wake();
    }

    /// What makes automation look for events now: to be called where some were left.
    pub fn waker_of_events(&self) -> impl Fn() + Send + Sync + use<> {
        let shared = Arc::clone(&self.events.shared);
        move || shared.wake()
    }

    /// Whether the threads, if there are any, still run.
    pub fn is_well(&self) -> bool {
        self.jobs.is_well() && self.events.is_well()
    }

    /// Begins to stop: after the chunk that runs now, all leases are given back.
    pub fn halt(&self) {
        self.jobs.halt();
        self.events.halt();
    }

    /// Stops, and waits until that is done.
    pub fn stop(&self) {
        self.halt();
        self.jobs.join();
        self.events.join();
    }
}

fn run(worker: &mut impl Stepping, shared: &Shared) {
    loop {
        {
            let mut signal = shared.lock();
            if signal.stop {
                break;
            }
            if signal.woken {
                signal.woken = false;
                worker.look();
            }
        }
        // Chunks catch their own panics; a panic anywhere else must not end all work either.
        let rest = catch_unwind(AssertUnwindSafe(|| worker.step())).unwrap_or_else(|_| {
            tracing::error!("a worker panicked outside of a chunk and goes on");
            worker.look();
            Some(POLL)
        });
        if let Some(rest) = rest {
            wait(shared, rest);
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

//! Who may write next on SQLite: interactive writes overtake job chunks, but a chunk that has waited
//! a quarter of a second goes first.

use crate::{Error, Result};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Whose write it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Somebody waits for the answer.
    Interactive,
    /// A job's chunk.
    Chunk,
}

/// A waiting chunk goes first after this long.
const CHUNK_PATIENCE: Duration = Duration::from_millis(250);
/// Nobody waits longer than this for the writer.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Default)]
struct State {
    busy: bool,
    interactive_waiting: usize,
    chunk_waiting_since: Vec<Instant>,
}

/// The turnstile before the one writer.
#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

/// The right to write; given back when dropped.
pub(crate) struct Turn<'a>(&'a Gate);

#[expect(
    clippy::disallowed_methods,
    reason = "waiting is measured on the monotonic clock"
)]
fn now() -> Instant {
    Instant::now()
}

impl State {
    fn chunk_overdue(&self, now: Instant) -> bool {
        self.chunk_waiting_since
            .iter()
            .any(|since| now.duration_since(*since) >= CHUNK_PATIENCE)
    }

    fn admits(&self, priority: Priority, since: Instant, now: Instant) -> bool {
        !self.busy
            && match priority {
                Priority::Interactive => !self.chunk_overdue(now),
                Priority::Chunk => {
                    self.interactive_waiting == 0 || now.duration_since(since) >= CHUNK_PATIENCE
                }
            }
    }
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves plain numbers behind, which stay meaningful.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the writer.
    pub(crate) fn enter(&self, priority: Priority) -> Result<Turn<'_>> {
        let since = now();
        let mut state = self.lock();
        match priority {
            Priority::Interactive => state.interactive_waiting += 1,
            Priority::Chunk => state.chunk_waiting_since.push(since),
        }
        let admitted = loop {
            let at = now();
            if state.admits(priority, since, at) {
                break true;
            }
            if at.duration_since(since) >= PATIENCE {
                break false;
            }
            state = self
                .changed
                .wait_timeout(state, CHUNK_PATIENCE)
                .map_or_else(|poison| poison.into_inner().0, |(state, _)| state);
        };
        match priority {
            Priority::Interactive => state.interactive_waiting -= 1,
            Priority::Chunk => {
                if let Some(place) = state.chunk_waiting_since.iter().position(|s| *s == since) {
                    state.chunk_waiting_since.swap_remove(place);
                }
            }
        }
        if !admitted {
            self.changed.notify_all();
            return Err(Error::Busy(
                "the writer did not come free in time".to_owned(),
            ));
        }
        state.busy = true;
        Ok(Turn(self))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().busy = false;
        self.0.changed.notify_all();
    }
}

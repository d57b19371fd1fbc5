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
                // Jobs and automation take turns: who writes chunk after chunk must let another in.
                Priority::Chunk => {
                    let next = self.chunk_waiting_since.iter().all(|other| since <= *other);
                    let patient = now.duration_since(since) < CHUNK_PATIENCE;
                    next && (self.interactive_waiting == 0 || !patient)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// People stand in line all the time, and each writes for so long: a chunk waits until its
    /// patience is over and that write ended, then it is next, and afterwards they are again.
    #[test]
    fn a_chunk_that_waited_a_quarter_of_a_second_is_next() {
        for write_ms in [1, 20, 100, 400] {
            let start = now();
            let mut state = State {
                busy: false,
                interactive_waiting: 3,
                chunk_waiting_since: vec![start],
            };
            let write = Duration::from_millis(write_ms);
            let mut at = start;
            let mut turns = 0;
            while state.admits(Priority::Interactive, at, at) {
                assert!(!state.admits(Priority::Chunk, start, at), "after {turns}");
                turns += 1;
                at += write;
            }
            assert!(state.admits(Priority::Chunk, start, at));
            let waited = at - start;
            assert!(waited >= CHUNK_PATIENCE && waited < CHUNK_PATIENCE + write);
            assert_eq!(turns, 250_u64.div_ceil(write_ms));
            // It writes, then waits for its next turn; a person that came meanwhile goes first.
            state.busy = true;
            assert!(!state.admits(Priority::Interactive, at, at));
            assert!(!state.admits(Priority::Chunk, at, at));
            (state.busy, state.chunk_waiting_since) = (false, vec![at]);
            assert!(state.admits(Priority::Interactive, at, at));
            assert!(!state.admits(Priority::Chunk, at, at));
        }
    }

    #[test]
    fn a_chunk_that_nobody_stands_before_need_not_wait() {
        let start = now();
        let state = State {
            busy: false,
            interactive_waiting: 0,
            chunk_waiting_since: vec![start],
        };
        assert!(state.admits(Priority::Chunk, start, start));
    }
}

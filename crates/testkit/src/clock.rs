//! A clock that stands still until it is told to move.

use model::time::{Clock, Timestamp};
use std::sync::atomic::{AtomicI64, Ordering};

/// Starts at 2024-01-01T00:00:00Z.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl Default for TestClock {
    fn default() -> Self {
        Self(AtomicI64::new(1_704_067_200_000))
    }
}

impl TestClock {
    /// Moves the clock by so many milliseconds, back when negative.
    pub fn advance_ms(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

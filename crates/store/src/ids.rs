//! New ids, from blocks reserved in the database, so that processes never hand out the same one.

use crate::{Error, Result};
use std::sync::{Mutex, PoisonError};

/// Ids reserved at once.
pub(crate) const BLOCK: i64 = 100_000;
/// A write transaction starts with at least this many at hand.
pub(crate) const ENOUGH: i64 = 20_000;

#[derive(Default)]
struct Block {
    next: i64,
    end: i64,
}

/// The ids that this process may hand out.
#[derive(Default)]
pub(crate) struct Ids(Mutex<Block>);

impl Ids {
    fn with<T>(&self, f: impl FnOnce(&mut Block) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn low(&self) -> bool {
        self.with(|block| block.end - block.next < ENOUGH)
    }

    /// Goes on with a block that was reserved durably.
    pub(crate) fn refill(&self, start: i64) {
        self.with(|block| {
            *block = Block {
                next: start,
                end: start + BLOCK,
            }
        });
    }

    /// The next id. An id is never handed out twice, not even after a rollback.
    pub(crate) fn next(&self) -> Result<i64> {
        self.with(|block| {
            if block.next >= block.end {
                return Err(Error::Driver(format!(
                    "one transaction took over {ENOUGH} ids"
                )));
            }
            block.next += 1;
            Ok(block.next - 1)
        })
    }
}

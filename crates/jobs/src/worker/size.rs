//! How many records, or events, are tried at once.

use std::ops::RangeInclusive;

/// At most so many.
pub(crate) const CHUNK_MAX: usize = 5_000;
/// Writer time that a chunk should take.
const CHUNK_MS: i64 = 25;
/// Tries of a single record, at least, before it gets INTERNAL_ERROR.
const SINGLE_TRIES: u32 = 3;

/// How many records to try at this many attempts; `None` when the record at the cursor was tried
/// alone often enough, whoever tried: the attempts are the job's, and other workers may have begun
/// at another size.
pub(super) fn limit(size: usize, attempts: i64) -> Option<usize> {
    let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
    if attempts >= CHUNK_MAX.ilog2() + SINGLE_TRIES {
        return None;
    }
    Some(size.checked_shr(attempts).unwrap_or(0).max(1))
}

/// The size after a chunk of `tried` records. One that failures made small grows again from there:
/// where one record fails for ever, its neighbours often do.
pub(crate) fn adapted(tried: usize, took_ms: i64, sizes: &RangeInclusive<usize>) -> usize {
    if took_ms * 2 < CHUNK_MS {
        (tried * 2).min(*sizes.end())
    } else if took_ms > CHUNK_MS * 2 {
        (tried / 2).max(tried.min(*sizes.start()))
    } else {
        tried
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_chunk_is_halved_down_to_one_record_which_then_is_passed() {
        for size in [1, 7, 500, CHUNK_MAX] {
            let tried: Vec<usize> = (0..).map_while(|n| limit(size, n)).collect();
            assert_eq!(tried[0], size);
            assert!(tried.windows(2).all(|two| two[1] == (two[0] / 2).max(1)));
            // No attempt of one worker can make another give up a record that was not tried alone.
            assert_eq!(tried.len(), 15);
            assert_eq!(tried[12..], [1, 1, 1]);
        }
    }

    #[test]
    fn chunks_grow_while_quick_and_shrink_when_slow_within_their_bounds() {
        let sizes = 100..=CHUNK_MAX;
        assert_eq!(adapted(500, 3, &sizes), 1000);
        assert_eq!(adapted(500, 25, &sizes), 500);
        assert_eq!(adapted(500, 80, &sizes), 250);
        assert_eq!(adapted(5000, 0, &sizes), CHUNK_MAX);
        assert_eq!(adapted(100, 900, &sizes), 100);
        assert_eq!(adapted(1, 3, &sizes), 2);
        assert_eq!(adapted(7, 900, &sizes), 7);
    }
}

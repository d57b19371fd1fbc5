//! What is forgotten when it is too old, beside jobs and plans: the engine purges it with them.

use jobs::{KEPT_MS, Purge};
use model::limits::IDEMPOTENCY_MS;
use store::{beside, calls, deleted, effects, idempotency, outbox};

/// That a record was deleted is known 120 days longer than it can be restored (wire API 9.7).
const REMEMBERED_MS: i64 = 2 * KEPT_MS;

/// All of it, in the order in which it is purged.
pub(crate) const PURGES: [Purge; 6] = [
    |tx, now, rows| outbox::purge(tx, now.plus_ms(-KEPT_MS), rows),
    |tx, now, rows| calls::purge(tx, now.plus_ms(-KEPT_MS), rows),
    |tx, now, rows| effects::purge(tx, now.plus_ms(-KEPT_MS), rows),
    |tx, now, rows| idempotency::purge(tx, now.plus_ms(-IDEMPOTENCY_MS), rows),
    |tx, now, rows| {
        let (before, forgotten) = (now.plus_ms(-KEPT_MS), now.plus_ms(-REMEMBERED_MS));
        deleted::tidy(tx, before, forgotten, now, rows)
    },
    |tx, now, rows| beside::tidy(tx, now, rows),
];

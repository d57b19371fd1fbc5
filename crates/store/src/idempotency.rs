//! What a request with an idempotency key was answered, stored with what it did. A request that is
//! sent again finds its answer here instead of doing it twice.

use crate::insert::Insert;
use crate::row::columns;
use crate::tx::Tx;
use crate::{Result, params};
use model::id::UserId;
use model::time::Timestamp;

/// Whose key it is, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The API client.
    pub client: String,
    /// The user.
    pub user: UserId,
    /// The path that was asked.
    pub path: String,
    /// The key itself.
    pub key: String,
}

columns! { write Key { client, user: user_id, path, key } }

/// A kept answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The hash of the body that was sent.
    pub body_hash: String,
    /// The HTTP status.
    pub status: i64,
    /// The answer's JSON.
    pub answer: String,
}

columns! { Kept { body_hash, status, answer } }

/// What a key of no earlier than `since` was answered.
pub fn find(tx: &mut Tx, key: &Key, since: Timestamp) -> Result<Option<Kept>> {
    let from = "FROM idempotency
                WHERE client = $1 AND user_id = $2 AND path = $3 AND key = $4 AND at >= $5";
    let params = params![
        key.client.as_str(),
        key.user.0,
        key.path.as_str(),
        key.key.as_str(),
        since.0
    ];
    tx.select_opt(from, params)
}

/// Keeps an answer, in the place of one from before `since`. `false` when there is a later one, which
/// another request has committed: waits for it if it is about to.
pub fn keep(tx: &mut Tx, key: &Key, kept: &Kept, since: Timestamp, now: Timestamp) -> Result<bool> {
    let row = Insert::into("idempotency")
        .row(key)
        .row(kept)
        .set("at", now);
    let newer = "(client, user_id, path, key) DO UPDATE SET body_hash = excluded.body_hash,
                   status = excluded.status, answer = excluded.answer, at = excluded.at
                 WHERE idempotency.at < $$";
    row.or_update_with(tx, newer, since)
}

/// Removes answers from before this time, at most so many; `true` if there were any.
pub fn purge(tx: &mut Tx, before: Timestamp, rows: i64) -> Result<bool> {
    let sql = "DELETE FROM idempotency WHERE (client, user_id, path, key) IN
               (SELECT client, user_id, path, key FROM idempotency WHERE at < $1
                ORDER BY at LIMIT $2)";
    Ok(tx.execute(sql, params![before.0, rows])? > 0)
}

//! Whose turn it is. Calls to one endpoint go one at a time, the one that is due longest first, and no
//! call before an earlier one about the same record. Endpoints take turns: the one that was called
//! longest ago comes first.

use super::Call;
use crate::insert::Insert;
use crate::row::{Columns, columns};
use crate::tx::Tx;
use crate::{Result, params};
use model::call::CallState;
use model::time::Timestamp;

/// A call whose turn it is. Its endpoint is taken until `until`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The call.
    pub call: Call,
    /// Whether the endpoint took its last call.
    pub proven: bool,
    /// How many tries failed there since it took one.
    pub failures: i64,
    /// Until when nobody else calls it.
    pub until: Timestamp,
}

/// What is known of an endpoint that was taken.
struct Taken {
    proven: bool,
    failures: i64,
}

columns! { read Taken { proven, failures } }

/// The call of `calls AS c` may go at `$1`: it is due, and no earlier one about its record waits.
const MAY_GO: &str = "c.state = 'waiting' AND c.next_at <= $1
    AND (c.record IS NULL OR NOT EXISTS (SELECT 1 FROM calls AS b WHERE b.state = 'waiting'
        AND b.record IS NOT NULL AND b.record = c.record AND b.endpoint = c.endpoint
        AND (b.owed_at, b.made_at, b.id) < (c.owed_at, c.made_at, c.id)))";

/// Endpoints with calls are gone through one by one, not call by call: there may be very many calls.
fn endpoints_sql(proven: bool) -> String {
    let proven = if proven { "AND e.proven" } else { "" };
    format!(
        "WITH RECURSIVE queues (endpoint) AS (
           SELECT endpoint FROM (SELECT endpoint FROM calls WHERE state = 'waiting'
                                 ORDER BY endpoint LIMIT 1) AS first
           UNION ALL
           SELECT (SELECT c.endpoint FROM calls AS c WHERE c.state = 'waiting'
                     AND c.endpoint > q.endpoint ORDER BY c.endpoint LIMIT 1)
           FROM queues AS q WHERE q.endpoint IS NOT NULL)
         SELECT q.endpoint FROM queues AS q LEFT JOIN endpoints AS e ON e.endpoint = q.endpoint
         WHERE q.endpoint IS NOT NULL
           AND (e.endpoint IS NULL OR (e.busy_until <= $1 AND e.rests_until <= $1)) {proven}
           AND EXISTS (SELECT 1 FROM calls AS c WHERE c.endpoint = q.endpoint AND {MAY_GO})
         ORDER BY COALESCE(e.called_at, 0), q.endpoint LIMIT 1"
    )
}

/// The endpoint whose turn it is; with `proven`, of those that took their last call.
pub fn next(tx: &mut Tx, now: Timestamp, proven: bool) -> Result<Option<String>> {
    tx.find_value(&endpoints_sql(proven), params![now.0])
}

impl Due {
    /// Takes the endpoint whose turn it is until `until`, and chooses its call. None if there is no
    /// turn, or another came first.
    pub fn take(
        tx: &mut Tx,
        now: Timestamp,
        until: Timestamp,
        proven: bool,
    ) -> Result<Option<Self>> {
        let Some(endpoint) = next(tx, now, proven)? else {
            return Ok(None);
        };
        let taken: Option<Taken> = Insert::into("endpoints")
            .set("endpoint", endpoint.as_str())
            .set("busy_until", until)
            .set("rests_until", 0)
            .set("called_at", now)
            .set("failures", 0)
            .set("proven", false)
            .or_update_read(
                tx,
                "(endpoint) DO UPDATE
                   SET busy_until = excluded.busy_until, called_at = excluded.called_at
                   WHERE endpoints.busy_until <= excluded.called_at
                     AND endpoints.rests_until <= excluded.called_at",
            )?;
        let Some(Taken { proven, failures }) = taken else {
            return Ok(None);
        };
        let sql = format!(
            "SELECT {} FROM calls AS c WHERE c.endpoint = $2 AND {MAY_GO}
             ORDER BY c.next_at, c.owed_at, c.made_at, c.id LIMIT 1",
            Call::list()
        );
        let Some(call) = tx.query_as_opt(&sql, params![now.0, endpoint.as_str()])? else {
            release(tx, &endpoint, until, now)?;
            return Ok(None);
        };
        Ok(Some(Self {
            call,
            proven,
            failures,
            until,
        }))
    }
}

/// Counts a try that begins. If nothing more is heard of it, the next is due at `next_at`. `false` if
/// the call is owed no longer: its endpoint is free again.
pub fn begin(tx: &mut Tx, due: &mut Due, now: Timestamp, next_at: Timestamp) -> Result<bool> {
    let sql = "UPDATE calls SET attempts = attempts + 1, next_at = $3, tried_at = $4
               WHERE id = $1 AND owed_at = $2 AND state = 'waiting'";
    let call = &mut due.call;
    let params = params![call.id.0, call.owed_at.0, next_at.0, now.0];
    if tx.execute(sql, params)? == 1 {
        call.attempts += 1;
        return Ok(true);
    }
    release(tx, &call.endpoint, due.until, now)?;
    Ok(false)
}

/// Leaves an endpoint to others, unless somebody has taken it since.
fn release(tx: &mut Tx, endpoint: &str, until: Timestamp, now: Timestamp) -> Result<()> {
    let sql = "UPDATE endpoints SET busy_until = $3 WHERE endpoint = $1 AND busy_until = $2";
    tx.execute(sql, params![endpoint, until.0, now.0])?;
    Ok(())
}

/// An endpoint rests no longer.
pub(super) fn wake(tx: &mut Tx, endpoint: &str, now: Timestamp) -> Result<()> {
    let sql = "UPDATE endpoints SET rests_until = $2 WHERE endpoint = $1 AND rests_until > $2";
    tx.execute(sql, params![endpoint, now.0])?;
    Ok(())
}

/// Keeps that a try was taken, whatever was tried meanwhile, unless the call was owed anew. The
/// endpoint comes first, as in [`Due::take`]: two that lock both must not wait for each other.
pub fn delivered(tx: &mut Tx, due: &Due, now: Timestamp) -> Result<()> {
    release(tx, &due.call.endpoint, due.until, now)?;
    let sql = "UPDATE endpoints SET rests_until = 0, failures = 0, proven = TRUE
               WHERE endpoint = $1";
    tx.execute(sql, params![due.call.endpoint.as_str()])?;
    let sql = "UPDATE calls SET state = 'delivered', last_error = NULL
               WHERE id = $1 AND owed_at = $2";
    tx.execute(sql, params![due.call.id.0, due.call.owed_at.0])?;
    Ok(())
}

/// Keeps why a try failed, if it is the last one. The next is due then; without one the call is dead.
/// The endpoint is left alone until `rests_until`.
pub fn failed(
    tx: &mut Tx,
    due: &Due,
    error: &str,
    now: Timestamp,
    next_at: Option<Timestamp>,
    rests_until: Timestamp,
) -> Result<()> {
    let call = &due.call;
    release(tx, &call.endpoint, due.until, now)?;
    let sql = "UPDATE endpoints SET rests_until = $2, failures = failures + 1, proven = FALSE
               WHERE endpoint = $1";
    tx.execute(sql, params![call.endpoint.as_str(), rests_until.0])?;
    let state = match next_at {
        Some(_) => CallState::Waiting,
        None => CallState::Dead,
    };
    let sql = "UPDATE calls SET state = $4, last_error = $5, next_at = $6
               WHERE id = $1 AND owed_at = $2 AND attempts = $3 AND state = 'waiting'";
    let params = params![
        call.id.0,
        call.owed_at.0,
        call.attempts,
        state.as_str(),
        error,
        next_at.unwrap_or(now).0
    ];
    tx.execute(sql, params)?;
    Ok(())
}

/// Gives up calls to an endpoint that are owed since before this time, at most so many at once; answers
/// how many.
pub fn give_up(
    tx: &mut Tx,
    endpoint: &str,
    before: Timestamp,
    why: &str,
    limit: i64,
) -> Result<usize> {
    let sql = "UPDATE calls SET state = 'dead', last_error = COALESCE(last_error, $3)
               WHERE state = 'waiting' AND id IN
                 (SELECT id FROM calls WHERE state = 'waiting' AND endpoint = $1 AND owed_at < $2
                  ORDER BY owed_at, id LIMIT $4)";
    tx.execute(sql, params![endpoint, before.0, why, limit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dialect;

    /// Calls are kept for long, and a receiver that is down may owe very many.
    #[test]
    fn looking_for_a_turn_reads_calls_by_their_indexes() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        crate::migrate::schema_for_test(&connection);
        for proven in [false, true] {
            let sql = Dialect::Sqlite.sql(&endpoints_sql(proven)).into_owned();
            let mut statement = connection
                .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
                .unwrap();
            let steps = statement.raw_query().mapped(|row| row.get::<_, String>(3));
            let steps: Vec<String> = steps.map(|step| step.unwrap()).collect();
            let scans = steps.iter().filter(|step| step.starts_with("SCAN calls"));
            let scans: Vec<&String> = scans.collect();
            assert_eq!(
                scans,
                ["SCAN calls USING COVERING INDEX calls_due"],
                "{steps:?}"
            );
            for wanted in [
                "SEARCH c USING COVERING INDEX calls_due (endpoint>?)",
                "SEARCH c EXISTS USING INDEX calls_due (endpoint=? AND next_at<?)",
                "SEARCH b USING COVERING INDEX calls_in_order (record=? AND endpoint=? AND owed_at<?)",
            ] {
                assert!(
                    steps.iter().any(|step| step == wanted),
                    "{wanted}: {steps:?}"
                );
            }
        }
    }
}

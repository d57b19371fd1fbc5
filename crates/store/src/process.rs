//! Who works on the database: each process that opened it has a number, and anyone can tell whether
//! the process of a number still lives. What a dead one began need not wait for its time to run out.
//!
//! A SQLite file has one owner, so every number but its own is a dead one's. On PostgreSQL a process
//! holds an advisory lock by its number on a connection kept for that: the server lets it go when the
//! connection ends. (`docs/decisions` says why, and what becomes of a process that only lost it.)

use crate::postgres::PgConnection;
use crate::row::Cells;
use crate::{Error, Result};

/// Tries to find a number that no other process has; the first one nearly always is.
const TRIES: usize = 8;

/// The number of a process on PostgreSQL, and the connection that holds its lock.
#[derive(Default)]
pub(crate) struct Presence(Option<(i64, PgConnection)>);

impl Presence {
    /// The number, once it is certain that its lock was held a moment ago.
    pub(crate) fn number(&mut self, url: &str) -> Result<i64> {
        if let Some((number, connection)) = &mut self.0 {
            match connection.batch("") {
                Ok(()) => return Ok(*number),
                Err(error) => tracing::warn!(%error, "this process is taken for dead by others"),
            }
        }
        self.0 = None;
        let mut connection = PgConnection::open(url)?;
        for _ in 0..TRIES {
            // Not from the id blocks: organisations in one database each count their own.
            let sql = "WITH dice AS MATERIALIZED (SELECT (random() * 9e18)::BIGINT AS number)
                       SELECT number, pg_try_advisory_lock(number) FROM dice";
            let mut dice = None;
            connection.query(sql, &[], None, &mut |row| {
                let mut cells = Cells::in_order(row, &["number", "ours"]);
                dice = Some((cells.take::<i64>()?, cells.take::<bool>()?));
                Ok(())
            })?;
            if let Some((number, true)) = dice {
                self.0 = Some((number, connection));
                return Ok(number);
            }
        }
        Err(Error::Busy("no number for this process is free".to_owned()))
    }
}

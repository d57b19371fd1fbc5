//! The measured part: one job that sets `Lead_Source` on the leads that a criteria selects.
//!
//! Two set-based statements a chunk (ids as an array, by rowid in ascending order) and one cached
//! insert a record, appended in the order of the primary key. The rows pass through the program,
//! because a server must look at what it changes; one `INSERT … SELECT` a chunk, which looks at
//! nothing, was measured at four fifths of the time.

use crate::Result;
use crate::leads::WANTED;
use rusqlite::types::Value;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use std::rc::Rc;

const JOB: i64 = 1;
const ACTOR: i64 = 1_000_000_000_000_000_007;
/// A value that no loaded row has, so that every selected row changes.
const SOURCE: &str = "Trade Show";

const SELECT: &str =
    "SELECT id FROM m_leads WHERE Lead_Status IN (?, ?) AND Converted = 0 ORDER BY id";
const BEFORE: &str = "SELECT id, rev, Lead_Source FROM m_leads WHERE id IN rarray(?) ORDER BY id";
const UPDATE: &str = "UPDATE m_leads SET Lead_Source = ?, Modified_Time = ?, Modified_By = ?, \
     rev = rev + 1 WHERE id IN rarray(?)";
const CHANGE: &str = "INSERT INTO changes (record, rev, job, actor, cause, before, at) \
     VALUES (?, ?, ?, ?, 'mass_update', ?, ?)";
const PROGRESS: &str = "UPDATE jobs SET cursor = ?, changed = changed + ? WHERE id = ?";

/// Runs the job to its end and says how many records it changed.
pub(crate) fn run(connection: &mut Connection, chunk: usize) -> Result<usize> {
    let ids = selected(connection)?;
    connection.execute(
        "INSERT INTO jobs (id, state, total, changed, cursor) VALUES (?, 'running', ?, 0, 0)",
        params![JOB, i64::try_from(ids.len())?],
    )?;
    let mut changed = 0;
    for ids in ids.chunks(chunk) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        changed += change(&transaction, ids)?;
        transaction.commit()?;
    }
    connection.execute("UPDATE jobs SET state = 'completed' WHERE id = ?", [JOB])?;
    Ok(changed)
}

fn selected(connection: &Connection) -> Result<Vec<i64>> {
    let mut select = connection.prepare(SELECT)?;
    let ids = select.query_map(WANTED, |row| row.get(0))?;
    Ok(ids.collect::<rusqlite::Result<_>>()?)
}

fn change(transaction: &Transaction<'_>, ids: &[i64]) -> Result<usize> {
    let Some(last) = ids.last() else { return Ok(0) };
    let array = Rc::new(ids.iter().copied().map(Value::from).collect::<Vec<_>>());
    let now = now()?;

    // The rows as they stand must be read before the update changes them.
    let mut before = transaction.prepare_cached(BEFORE)?;
    let mut insert = transaction.prepare_cached(CHANGE)?;
    let mut rows = before.query([&array])?;
    while let Some(row) = rows.next()? {
        let (record, rev): (i64, i64) = (row.get(0)?, row.get(1)?);
        let source = row.get_ref(2)?.as_str_or_null()?;
        insert.execute(params![record, rev + 1, JOB, ACTOR, source, now])?;
    }
    let mut update = transaction.prepare_cached(UPDATE)?;
    let changed = update.execute(params![SOURCE, now, ACTOR, array])?;
    let mut progress = transaction.prepare_cached(PROGRESS)?;
    progress.execute(params![last, i64::try_from(changed)?, JOB])?;
    Ok(changed)
}

#[expect(
    clippy::disallowed_methods,
    reason = "no tests depend on the hour of a benchmark"
)]
fn now() -> Result<i64> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(i64::try_from(since.as_millis())?)
}

/// A figure counts only if the work was done: every record once, with what stood there before.
pub(crate) fn verify(connection: &Connection, records: usize, changed: usize) -> Result<()> {
    let expected = i64::try_from(records)?;
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let found = [
        i64::try_from(changed)?,
        count("SELECT changed FROM jobs WHERE state = 'completed'")?,
        count("SELECT count(*) FROM changes WHERE before <> 'Trade Show' AND rev = 2")?,
        count("SELECT count(*) FROM m_leads WHERE Lead_Source = 'Trade Show' AND rev = 2")?,
    ];
    if found == [expected; 4] {
        Ok(())
    } else {
        Err(format!("expected {expected} everywhere, found {found:?}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leads;

    #[test]
    fn every_selected_record_is_changed_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        rusqlite::vtab::array::load_module(&connection).unwrap();
        leads::load(&mut connection, 500, 70).unwrap();
        let changed = run(&mut connection, 32).unwrap();
        verify(&connection, 70, changed).unwrap();
        assert!(
            verify(&connection, 71, changed).is_err(),
            "the check can fail"
        );
    }
}

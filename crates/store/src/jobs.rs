//! Jobs: one row each, with its state, counts, cursor and lease.

use crate::tx::{Param, Tx};
use crate::{Dialect, Error, Result, Row, params};
use model::id::{JobId, ModuleId, UserId};
use model::job::{Counts, JobKind, JobState};
use model::time::Timestamp;

/// A job as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What is done.
    pub kind: JobKind,
    /// To records of which module.
    pub module: ModuleId,
    /// For whom.
    pub actor: UserId,
    /// What exactly, as the action wrote it.
    pub request: String,
    /// Where it stands.
    pub state: JobState,
    /// How many targets.
    pub total: i64,
    /// How many of them were visited.
    pub cursor: i64,
    /// What happened to those.
    pub counts: Counts,
    /// Tries at this cursor that did not commit.
    pub attempts: i64,
    /// Which lease is valid.
    pub lease_no: i64,
    /// Why it failed as a whole.
    pub error: Option<String>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When a worker first claimed it.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// A job to be stored.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// What is done.
    pub kind: JobKind,
    /// To records of which module.
    pub module: ModuleId,
    /// For whom.
    pub actor: UserId,
    /// What exactly.
    pub request: String,
    /// At most one unfinished job has this key.
    pub exclusive: Option<String>,
}

const COLUMNS: &str = "id, kind, module, actor, request, state, total, cursor, changed, unchanged,
    failed, attempts, lease_no, error, created_at, started_at, finished_at";

/// As the index of jobs that somebody may have to look at says it, or it would not be used.
const RUNNABLE: &str = "state IN ('preparing', 'queued', 'running')";

fn job(row: &Row) -> Result<Job> {
    let unknown = |what: &str, word: &str| Error::Inconsistent(format!("a job's {what} is {word}"));
    Ok(Job {
        id: JobId(row.int(0)?),
        kind: JobKind::parse(row.text(1)?)
            .ok_or_else(|| unknown("kind", row.text(1).unwrap_or("")))?,
        module: ModuleId(row.int(2)?),
        actor: UserId(row.int(3)?),
        request: row.text(4)?.to_owned(),
        state: JobState::parse(row.text(5)?)
            .ok_or_else(|| unknown("state", row.text(5).unwrap_or("")))?,
        total: row.int(6)?,
        cursor: row.int(7)?,
        counts: Counts {
            changed: row.int(8)?,
            unchanged: row.int(9)?,
            failed: row.int(10)?,
        },
        attempts: row.int(11)?,
        lease_no: row.int(12)?,
        error: row.opt_text(13)?.map(str::to_owned),
        created_at: Timestamp(row.int(14)?),
        started_at: row.opt_int(15)?.map(Timestamp),
        finished_at: row.opt_int(16)?.map(Timestamp),
    })
}

/// The job of this id.
pub fn find(tx: &mut Tx, id: JobId) -> Result<Option<Job>> {
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id = $1");
    tx.query_opt(&sql, params![id.0])?
        .as_ref()
        .map(job)
        .transpose()
}

/// The unfinished job that has an exclusive key.
pub fn holding(tx: &mut Tx, exclusive: &str) -> Result<Option<JobId>> {
    let sql = "SELECT id FROM jobs WHERE exclusive = $1
               AND state IN ('preparing', 'queued', 'running', 'paused')";
    Ok(tx
        .query_opt(sql, params![exclusive])?
        .map(|row| row.int(0))
        .transpose()?
        .map(JobId))
}

/// Stores a job that is being prepared. Its exclusive key is taken from now on; a job that takes the
/// same key at the same moment makes this a conflict, and the closure runs again. A preparation that
/// takes more than this transaction says by which process it is done.
pub fn insert_preparing(
    tx: &mut Tx,
    new: &NewJob,
    process: Option<i64>,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO jobs (id, kind, module, actor, request, exclusive, state, total, cursor,
        changed, unchanged, failed, attempts, lease_no, lease_until, created_at, touched_at, process)
        VALUES ($1, $2, $3, $4, $5, $6, 'preparing', 0, 0, 0, 0, 0, 0, 0, $7, $8, $8, $9)";
    let (kind, module, actor) = (new.kind.as_str(), new.module.0, new.actor.0);
    let (request, exclusive) = (new.request.as_str(), new.exclusive.clone());
    let params = params![
        new.id.0,
        kind,
        module,
        actor,
        request,
        exclusive,
        lease_until.0,
        now.0,
        process
    ];
    match tx.execute(sql, params) {
        Err(Error::Constraint(why)) if new.exclusive.is_some() => Err(Error::Conflict(why)),
        other => other.map(|_| ()),
    }
}

/// Ends preparation: the targets are complete and the job may be claimed. `false` when the job is no
/// longer being prepared, because its time ran out.
pub fn seal(tx: &mut Tx, id: JobId, total: i64, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE jobs SET state = 'queued', total = $2, lease_until = NULL, touched_at = $3
               WHERE id = $1 AND state = 'preparing'";
    Ok(tx.execute(sql, params![id.0, total, now.0])? == 1)
}

/// Gives preparation more time; `false` when it is over.
pub fn extend_preparing(tx: &mut Tx, id: JobId, lease_until: Timestamp) -> Result<bool> {
    let sql = "UPDATE jobs SET lease_until = $2 WHERE id = $1 AND state = 'preparing'";
    Ok(tx.execute(sql, params![id.0, lease_until.0])? == 1)
}

/// What becomes of rows that another transaction holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InUse {
    /// They are passed by.
    Pass,
    /// They are waited for.
    Await,
}

/// Removes jobs whose preparation was given up: nobody was told of them. Answers how many. The job
/// goes first: whoever extends, seals or removes it holds its row, targets and all.
pub fn sweep_preparing(tx: &mut Tx, process: i64, in_use: InUse, now: Timestamp) -> Result<usize> {
    let sql = sweep_sql(tx.dialect(), process, in_use);
    let rows = tx.query(&sql, params![now.0])?;
    if !rows.is_empty() {
        let ids = Param::Ids(rows.iter().map(|row| row.int(0)).collect::<Result<_>>()?);
        tx.execute("DELETE FROM job_targets WHERE job IN ids($1)", &[ids])?;
    }
    Ok(rows.len())
}

fn sweep_sql(dialect: Dialect, process: i64, in_use: InUse) -> String {
    let gone = dialect.process_is_gone(process);
    let given_up = format!("{RUNNABLE} AND state = 'preparing' AND (lease_until < $1 OR {gone})");
    let locked = match in_use {
        InUse::Pass => dialect.for_update_skip_locked(),
        InUse::Await => dialect.for_update(),
    };
    format!(
        "DELETE FROM jobs WHERE {given_up}
         AND id IN (SELECT id FROM jobs WHERE {given_up}{locked}) RETURNING id"
    )
}

/// Removes one job whose preparation was refused after all; one that was sealed stays as it is.
pub fn discard_preparing(tx: &mut Tx, id: JobId) -> Result<()> {
    let sql = "DELETE FROM jobs WHERE state = 'preparing' AND id = $1";
    if tx.execute(sql, params![id.0])? == 1 {
        tx.execute("DELETE FROM job_targets WHERE job = $1", params![id.0])?;
    }
    Ok(())
}

/// Claims the job that waited longest: a queued one, or a running one whose lease ran out or whose
/// worker's process is dead. A worker that lost its lease without giving it back counts as an attempt.
pub fn claim(
    tx: &mut Tx,
    worker: &str,
    process: i64,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Option<Job>> {
    let sql = claim_sql(tx.dialect(), process);
    tx.query_opt(&sql, params![now.0, lease_until.0, worker, process])?
        .as_ref()
        .map(job)
        .transpose()
}

fn claim_sql(dialect: Dialect, process: i64) -> String {
    let gone = dialect.process_is_gone(process);
    let claimable = format!(
        "{RUNNABLE} AND (state = 'queued' OR (state = 'running' AND (lease_until < $1 OR {gone})))"
    );
    let skip = dialect.for_update_skip_locked();
    format!(
        "UPDATE jobs SET lease_no = lease_no + 1, lease_until = $2, touched_at = $1,
           attempts = attempts + CASE WHEN state = 'running' AND worker IS NOT NULL THEN 1 ELSE 0 END,
           state = 'running', worker = $3, process = $4, started_at = COALESCE(started_at, $1)
         WHERE id = (SELECT id FROM jobs WHERE {claimable} ORDER BY touched_at, id LIMIT 1{skip})
         AND {claimable} RETURNING {COLUMNS}"
    )
}

/// Claims one queued job for the transaction that runs it to its end at once.
pub fn claim_this(
    tx: &mut Tx,
    id: JobId,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Option<Job>> {
    let sql = format!(
        "UPDATE jobs SET lease_no = lease_no + 1, lease_until = $2, touched_at = $1,
           state = 'running', started_at = $1
         WHERE id = $3 AND state = 'queued' RETURNING {COLUMNS}"
    );
    tx.query_opt(&sql, params![now.0, lease_until.0, id.0])?
        .as_ref()
        .map(job)
        .transpose()
}

/// The job, locked, if this lease still holds it.
pub fn fenced(tx: &mut Tx, id: JobId, lease_no: i64) -> Result<Option<Job>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM jobs WHERE id = $1 AND lease_no = $2 AND state = 'running'{}",
        tx.dialect().for_update()
    );
    tx.query_opt(&sql, params![id.0, lease_no])?
        .as_ref()
        .map(job)
        .transpose()
}

/// What a chunk did.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Records visited by this chunk.
    pub visited: i64,
    /// Counts of all chunks so far.
    pub counts: Counts,
    /// The time now.
    pub now: Timestamp,
    /// The renewed lease.
    pub lease_until: Timestamp,
}

/// Moves the cursor and the counts, under the fence; after the last target the job is completed.
/// Exactly one row changes, or the lease was lost and nothing may commit.
pub fn advance(tx: &mut Tx, job: &Job, progress: Progress) -> Result<JobState> {
    let cursor = job.cursor + progress.visited;
    let done = cursor >= job.total;
    let state = if done {
        JobState::Completed
    } else {
        JobState::Running
    };
    let sql =
        "UPDATE jobs SET cursor = $4, changed = $5, unchanged = $6, failed = $7, attempts = 0,
        state = $8, lease_until = $9, touched_at = $10, finished_at = $11
        WHERE id = $1 AND lease_no = $2 AND cursor = $3 AND state = 'running'";
    let counts = progress.counts;
    let lease = (!done).then_some(progress.lease_until.0);
    let finished = done.then_some(progress.now.0);
    let touched = tx.execute(
        sql,
        params![
            job.id.0,
            job.lease_no,
            job.cursor,
            cursor,
            counts.changed,
            counts.unchanged,
            counts.failed,
            state.as_str(),
            lease,
            progress.now.0,
            finished
        ],
    )?;
    if touched == 1 {
        return Ok(state);
    }
    Err(Error::Inconsistent(format!(
        "job {} moved under its own fence",
        job.id
    )))
}

/// Counts a try that did not commit.
pub fn count_attempt(tx: &mut Tx, id: JobId, lease_no: i64) -> Result<bool> {
    let sql = "UPDATE jobs SET attempts = attempts + 1
               WHERE id = $1 AND lease_no = $2 AND state = 'running'";
    Ok(tx.execute(sql, params![id.0, lease_no])? == 1)
}

/// Ends a job that as a whole cannot go on.
pub fn fail(tx: &mut Tx, id: JobId, lease_no: i64, why: &str, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE jobs SET state = 'failed', error = $3, finished_at = $4, touched_at = $4,
               lease_until = NULL WHERE id = $1 AND lease_no = $2 AND state = 'running'";
    Ok(tx.execute(sql, params![id.0, lease_no, why, now.0])? == 1)
}

/// Keeps a lease that no chunk renewed; `false` when it is lost.
pub fn renew(tx: &mut Tx, id: JobId, lease_no: i64, lease_until: Timestamp) -> Result<bool> {
    let sql = "UPDATE jobs SET lease_until = $3
               WHERE id = $1 AND lease_no = $2 AND state = 'running'";
    Ok(tx.execute(sql, params![id.0, lease_no, lease_until.0])? == 1)
}

/// Gives a lease back, so that anyone may go on at once and no attempt is counted.
pub fn release(tx: &mut Tx, id: JobId, lease_no: i64) -> Result<bool> {
    let sql = "UPDATE jobs SET lease_until = 0, worker = NULL, process = NULL
               WHERE id = $1 AND lease_no = $2 AND state = 'running'";
    Ok(tx.execute(sql, params![id.0, lease_no])? == 1)
}

/// Removes what the oldest job that ended before `before` left: at most `rows` of its targets and
/// outcomes, and the job once neither is left. Its changes stay, they are the records' history.
/// `false` when there is no such job.
pub fn purge(tx: &mut Tx, before: Timestamp, rows: i64) -> Result<bool> {
    let sql = "SELECT id FROM jobs WHERE finished_at < $1 ORDER BY finished_at, id LIMIT 1";
    let Some(row) = tx.query_opt(sql, params![before.0])? else {
        return Ok(false);
    };
    let id = row.int(0)?;
    let mut removed = 0;
    for table in ["job_targets", "job_outcomes"] {
        let sql = format!(
            "DELETE FROM {table} WHERE job = $1
             AND seq < (SELECT MIN(seq) FROM {table} WHERE job = $1) + $2"
        );
        removed += tx.execute(&sql, params![id, rows])?;
    }
    if removed == 0 {
        tx.execute("DELETE FROM jobs WHERE id = $1", params![id])?;
    }
    Ok(true)
}

/// How many jobs there are in each state.
pub fn count_by_state(tx: &mut Tx) -> Result<Vec<(JobState, i64)>> {
    let rows = tx.query("SELECT state, count(*) FROM jobs GROUP BY state", &[])?;
    rows.iter()
        .map(|row| {
            let state = JobState::parse(row.text(0)?)
                .ok_or_else(|| Error::Inconsistent("an unknown job state".to_owned()))?;
            Ok((state, row.int(1)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Workers ask each second, and jobs are kept for long: looking must not read them all.
    #[test]
    fn looking_for_work_reads_unfinished_jobs_only() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let schema = include_str!("../../../migrations/0001_core.sql");
        let schema = schema.replace("{without_rowid}", Dialect::Sqlite.without_rowid());
        connection.execute_batch(&schema).unwrap();
        for sql in [
            claim_sql(Dialect::Sqlite, 7),
            sweep_sql(Dialect::Sqlite, 7, InUse::Pass),
        ] {
            let sql = format!("EXPLAIN QUERY PLAN {}", Dialect::Sqlite.sql(&sql));
            let mut statement = connection.prepare(&sql).unwrap();
            let detail = |row: &rusqlite::Row<'_>| row.get::<_, String>(3);
            let steps = statement.raw_query().mapped(detail);
            let steps: Vec<String> = steps.map(|step| step.unwrap()).collect();
            assert!(
                steps.iter().any(|step| step.contains("jobs_runnable")),
                "{steps:?}"
            );
            assert!(!steps.iter().any(|step| step == "SCAN jobs"), "{steps:?}");
        }
    }
}

//! Jobs: one row each, with its state, counts, cursor and lease.

mod control;
mod list;

pub use control::{Bounds, cancel, exclusive, lock, pause, pause_at_cap, resume, set_throttle};
pub use list::{JobQuery, count_by_state, follower, list, unfinished_of};

use crate::insert::Insert;
use crate::row::{Columns, columns};
use crate::tx::{Param, Tx};
use crate::{Dialect, Error, Result, calls, moves, params};
use model::id::{JobId, ModuleId, PlanId, UserId};
use model::job::{Automation, Counts, JobKind, JobState, PausedBy, Relation};
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
    /// The API client that asked for it.
    pub client: Option<String>,
    /// What exactly, as the action wrote it.
    pub request: String,
    /// The plan that it was made from, whose targets it visits.
    pub plan: Option<PlanId>,
    /// The job that it retries or undoes.
    pub parent: Option<(Relation, JobId)>,
    /// What the caller wants of the way it runs.
    pub options: JobOptions,
    /// How many records were found to be no longer as the plan saw them.
    pub drifted: i64,
    /// How many events its writes left to automation.
    pub fired: i64,
    /// How many more a resume lets them leave once its cap paused it.
    pub automation_step: Option<i64>,
    /// How many the record leaves before which its cap paused it.
    pub automation_next: i64,
    /// Where it stands.
    pub state: JobState,
    /// Why it is paused.
    pub paused_by: Option<PausedBy>,
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
    /// Where its rate is told from: a time and the cursor then.
    pub pace: Option<(Timestamp, i64)>,
    /// Its throttle allows no more records before then, whoever runs it.
    pub paced_until: Option<Timestamp>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it last moved.
    pub touched_at: Timestamp,
    /// When a worker first claimed it.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

columns! {
    read Job {
        id, kind, module, actor, client, request, plan, parent: (relation, parent), options: .., drifted,
        fired, automation_step, automation_next, state, paused_by, total, cursor, counts: .., attempts,
        lease_no, error, pace: (pace_at, pace_cursor), paced_until, created_at, touched_at, started_at,
        finished_at,
    }
}

columns! { read Counts { changed, unchanged, failed } }

impl Job {
    /// Under which id its targets stand.
    pub fn targets(&self) -> JobId {
        self.plan.map_or(self.id, |plan| JobId(plan.0))
    }

    /// Records a second in the last seconds of its run; `None` when it does not run, or too short a
    /// time to tell.
    pub fn rate(&self) -> Option<i64> {
        let (at, cursor) = self.pace.filter(|_| self.state == JobState::Running)?;
        let ms = self.touched_at.0 - at.0;
        let rate = (ms >= TELLING_MS).then(|| (self.cursor - cursor) * 1_000 / ms)?;
        // The first chunk is visited at once: so early, the marks tell of one too many.
        Some(
            self.options
                .throttle
                .map_or(rate, |throttle| rate.min(throttle)),
        )
    }

    /// When it will be done if it goes on at its rate.
    pub fn eta(&self) -> Option<Timestamp> {
        let rate = self.rate().filter(|rate| *rate > 0)?;
        Some(
            self.touched_at
                .plus_ms((self.total - self.cursor) * 1_000 / rate),
        )
    }
}

/// What a caller wants of the way a job runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobOptions {
    /// Whether what follows from its writes by itself happens.
    pub automation: Automation,
    /// At most so many events may its writes leave to automation.
    pub automation_cap: Option<i64>,
    /// More records than so many that changed since the plan pause it.
    pub tolerance: i64,
    /// Records a second at most.
    pub throttle: Option<i64>,
    /// It starts then.
    pub run_at: Option<Timestamp>,
    /// Its targets are selected when it starts.
    pub selects: bool,
    /// Who is called when it ends.
    pub notify_url: Option<String>,
}

columns! {
    JobOptions { automation, automation_cap, tolerance, throttle, run_at, selects, notify_url }
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
    /// The API client that asks for it.
    pub client: Option<String>,
    /// What exactly.
    pub request: String,
    /// At most one unfinished job has this key. A job for later takes it when it starts.
    pub exclusive: Option<String>,
    /// The plan that it is made from, whose targets it visits.
    pub plan: Option<PlanId>,
    /// The job that it retries or undoes.
    pub parent: Option<(Relation, JobId)>,
    /// The way it runs.
    pub options: JobOptions,
}

columns! {
    write NewJob {
        id, kind, module, actor, client, request, plan, parent: (relation, parent), options: ..,
    }
}

/// The states of a job that holds its exclusive key, as the index of those keys says it.
const UNFINISHED: &str = "state IN ('preparing', 'queued', 'running', 'paused')";

/// A rate over less time than this tells nothing.
const TELLING_MS: i64 = 250;

/// A mark from which the rate is told is replaced when it is so old.
const PACE_MS: i64 = 5_000;

/// As the index of jobs that somebody may have to look at says it, or it would not be used.
const RUNNABLE: &str = "state IN ('preparing', 'queued', 'running')";

/// The job of this id.
pub fn find(tx: &mut Tx, id: JobId) -> Result<Option<Job>> {
    tx.select_opt("FROM jobs WHERE id = $1", params![id.0])
}

/// The unfinished job that has an exclusive key.
pub fn holding(tx: &mut Tx, exclusive: &str) -> Result<Option<JobId>> {
    let sql = format!("SELECT id FROM jobs WHERE exclusive = $1 AND {UNFINISHED}");
    tx.find_value(&sql, params![exclusive])
}

/// Stores a job that is being prepared. Its exclusive key is taken from now on, unless it is for
/// later; a job that takes the same key at the same moment makes this a conflict, and the closure
/// runs again. A preparation that takes more than this transaction says by which process it is done.
pub fn insert_preparing(
    tx: &mut Tx,
    new: &NewJob,
    process: Option<i64>,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<()> {
    let later = new.options.run_at.is_some();
    let key = |of: bool| new.exclusive.clone().filter(|_| of);
    let inserted = Insert::into("jobs")
        .row(new)
        .set("automation_step", new.options.automation_cap)
        .set("exclusive", key(!later))
        .set("wants", key(later))
        .set("state", JobState::Preparing)
        .set("total", 0)
        .set("cursor", 0)
        .set("changed", 0)
        .set("unchanged", 0)
        .set("failed", 0)
        .set("drifted", 0)
        .set("attempts", 0)
        .set("lease_no", 0)
        .set("lease_until", lease_until)
        .set("process", process)
        .set("created_at", now)
        .set("touched_at", now)
        .one(tx);
    match inserted {
        Err(Error::Constraint(why)) if new.exclusive.is_some() => Err(Error::Conflict(why)),
        other => other,
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
    let swept: Vec<i64> = tx.values(&sql, params![now.0])?;
    let count = swept.len();
    if count > 0 {
        let ids = Param::Ids(swept);
        tx.execute("DELETE FROM job_targets WHERE job IN ids($1)", &[ids])?;
    }
    Ok(count)
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

/// Claims the job that waited longest: a queued one whose time has come, or a running one whose lease
/// ran out or whose worker's process is dead. A worker that lost its lease without giving it back
/// counts as an attempt. A job for later takes its exclusive key here, and waits while another has it.
pub fn claim(
    tx: &mut Tx,
    worker: &str,
    process: i64,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Option<Job>> {
    let sql = claim_sql(tx.dialect(), process);
    match tx.query_as_opt(&sql, params![now.0, lease_until.0, worker, process]) {
        Err(Error::Constraint(why)) => Err(Error::Conflict(why)),
        other => other,
    }
}

fn claim_sql(dialect: Dialect, process: i64) -> String {
    let gone = dialect.process_is_gone(process);
    let in_the_way = format!(
        "SELECT 1 FROM jobs o WHERE o.exclusive = jobs.wants AND o.{UNFINISHED} AND o.id <> jobs.id"
    );
    let due = format!(
        "(run_at IS NULL OR run_at <= $1) AND (wants IS NULL OR NOT EXISTS ({in_the_way}))"
    );
    let claimable = format!(
        "{RUNNABLE} AND ((state = 'queued' AND {due})
           OR (state = 'running' AND (lease_until < $1 OR {gone})))"
    );
    let skip = dialect.for_update_skip_locked();
    format!(
        "UPDATE jobs SET lease_no = lease_no + 1, lease_until = $2, touched_at = $1,
           attempts = attempts + CASE WHEN state = 'running' AND worker IS NOT NULL THEN 1 ELSE 0 END,
           state = 'running', worker = $3, process = $4, started_at = COALESCE(started_at, $1),
           exclusive = COALESCE(exclusive, wants), wants = NULL,
           pace_at = $1, pace_cursor = cursor, pace_next_at = $1, pace_next_cursor = cursor
         WHERE id = (SELECT id FROM jobs WHERE {claimable} ORDER BY touched_at, id LIMIT 1{skip})
         AND {claimable} RETURNING {}",
        Job::list()
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
         WHERE id = $3 AND state = 'queued' RETURNING {}",
        Job::list()
    );
    tx.query_as_opt(&sql, params![now.0, lease_until.0, id.0])
}

/// The job, locked, if this lease still holds it.
pub fn fenced(tx: &mut Tx, id: JobId, lease_no: i64) -> Result<Option<Job>> {
    let from = format!(
        "FROM jobs WHERE id = $1 AND lease_no = $2 AND state = 'running'{}",
        tx.dialect().for_update()
    );
    tx.select_opt(&from, params![id.0, lease_no])
}

/// What a chunk did.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Records visited by this chunk.
    pub visited: i64,
    /// Counts of all chunks so far.
    pub counts: Counts,
    /// How many of this chunk are no longer as the plan saw them.
    pub drifted: i64,
    /// How many events it left to automation.
    pub fired: i64,
    /// Until when the job's throttle allows no more.
    pub paced_until: Option<Timestamp>,
    /// The time now.
    pub now: Timestamp,
    /// The renewed lease.
    pub lease_until: Timestamp,
}

/// Moves the cursor and the counts, under the fence; after the last target the job is completed, and
/// after more strays than it tolerates it is paused. Exactly one row changes, or the lease was lost
/// and nothing may commit.
pub fn advance(tx: &mut Tx, job: &Job, progress: Progress) -> Result<JobState> {
    let cursor = job.cursor + progress.visited;
    let drifted = job.drifted + progress.drifted;
    let state = if cursor >= job.total {
        JobState::Completed
    } else if progress.drifted > 0 && drifted > job.options.tolerance {
        JobState::Paused
    } else {
        JobState::Running
    };
    let sql =
        "UPDATE jobs SET cursor = $4, changed = $5, unchanged = $6, failed = $7, attempts = 0,
        state = $8, lease_until = $9, touched_at = $10, finished_at = $11, drifted = $12,
        paused_by = $13, paced_until = $15, fired = $16,
        pace_at = CASE WHEN $10 - pace_next_at >= $14 THEN pace_next_at ELSE pace_at END,
        pace_cursor = CASE WHEN $10 - pace_next_at >= $14 THEN pace_next_cursor ELSE pace_cursor END,
        pace_next_cursor = CASE WHEN $10 - pace_next_at >= $14 THEN $4 ELSE pace_next_cursor END,
        pace_next_at = CASE WHEN $10 - pace_next_at >= $14 THEN $10 ELSE pace_next_at END
        WHERE id = $1 AND lease_no = $2 AND cursor = $3 AND state = 'running'";
    let counts = progress.counts;
    let lease = (state == JobState::Running).then_some(progress.lease_until.0);
    let finished = (state == JobState::Completed).then_some(progress.now.0);
    let paused_by = (state == JobState::Paused).then_some(PausedBy::Tolerance.as_str());
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
            finished,
            drifted,
            paused_by,
            PACE_MS,
            progress.paced_until.map(|until| until.0),
            job.fired + progress.fired
        ],
    )?;
    if touched == 1 {
        if state == JobState::Completed && job.options.notify_url.is_some() {
            calls::owe_end(tx, job.id, progress.now)?;
        }
        return Ok(state);
    }
    Err(Error::Inconsistent(format!(
        "job {} moved under its own fence",
        job.id
    )))
}

/// Says that the targets of a job for later are all stored, under the fence.
pub fn selected(tx: &mut Tx, id: JobId, lease_no: i64, total: i64) -> Result<bool> {
    let sql = "UPDATE jobs SET total = $3, selects = FALSE, attempts = 0
               WHERE id = $1 AND lease_no = $2 AND state = 'running' AND selects";
    Ok(tx.execute(sql, params![id.0, lease_no, total])? == 1)
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
    if tx.execute(sql, params![id.0, lease_no, why, now.0])? != 1 {
        return Ok(false);
    }
    calls::owe_end(tx, id, now)?;
    Ok(true)
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

/// Removes what the oldest job that ended before `before` left: at most `rows` of each of the tables that
/// grow with it, and the job once none of that is left. Its changes stay, they are the records' history. A job
/// that an unfinished retry or undo needs stays too. `false` when there is no such job.
pub fn purge(tx: &mut Tx, before: Timestamp, rows: i64) -> Result<bool> {
    let from = format!(
        "FROM jobs WHERE finished_at < $1 AND NOT EXISTS
           (SELECT 1 FROM jobs c WHERE c.parent = jobs.id AND c.{UNFINISHED})
         ORDER BY finished_at, id LIMIT 1"
    );
    let oldest: Option<(i64, Option<i64>)> =
        tx.select_tuple(["id", "plan"], &from, params![before.0])?;
    let Some((id, plan)) = oldest else {
        return Ok(false);
    };
    let mut removed = 0;
    for (table, of) in [("job_targets", plan.unwrap_or(id)), ("job_outcomes", id)] {
        let sql = format!(
            "DELETE FROM {table} WHERE job = $1
             AND seq < (SELECT MIN(seq) FROM {table} WHERE job = $1) + $2"
        );
        removed += tx.execute(&sql, params![of, rows])?;
    }
    for (table, key) in [("job_along", "record"), ("job_effects", "record, rev")] {
        let sql = format!(
            "DELETE FROM {table} WHERE job = $1 AND ({key}) IN
               (SELECT {key} FROM {table} WHERE job = $1 LIMIT $2)"
        );
        removed += tx.execute(&sql, params![id, rows])?;
    }
    removed += moves::forget(tx, JobId(id), rows)?;
    if removed == 0 {
        tx.execute("DELETE FROM job_failures WHERE job = $1", params![id])?;
        calls::forget_end(tx, JobId(id))?;
        tx.execute("DELETE FROM plans WHERE id = $1", params![plan])?;
        tx.execute("DELETE FROM jobs WHERE id = $1", params![id])?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Workers ask each second, and jobs are kept for long: looking must not read them all.
    #[test]
    fn looking_for_work_reads_unfinished_jobs_only() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        crate::migrate::schema_for_test(&connection);
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

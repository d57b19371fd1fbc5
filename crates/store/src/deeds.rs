//! What a job did: the changes that it made, and those that automation made because of its writes.

use crate::changes::Past;
use crate::module_table::{column, table};
use crate::moves::MoveKind;
use crate::row::{Columns, columns};
use crate::tx::{Param, Tx};
use crate::{Result, params};
use model::field::Field;
use model::id::{JobId, ModuleId, RecordId};
use model::job::Relation;
use model::module::Module;
use model::time::Timestamp;
use std::collections::HashMap;

/// A record that a job changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    /// The record.
    pub record: RecordId,
    /// The revision that the job left it at.
    pub rev: i64,
    /// Its module.
    pub module: ModuleId,
}

columns! { read Made { record: "c.record", rev: "MAX(c.rev)", module: "MIN(c.module)" } }

/// A change that put a value back or away, not only something beside the values.
const WRITES: &str = "(c.kind <> 'update' OR c.before <> '{}')";

/// The records that a job changed of its targets from place `from` on, `count` places. The targets
/// stand under `targets`.
pub fn of_targets(
    tx: &mut Tx,
    job: JobId,
    targets: JobId,
    from: i64,
    count: i64,
) -> Result<Vec<Made>> {
    let sql = "FROM job_targets t JOIN changes c ON c.record = t.record AND c.job = $1
               WHERE t.job = $2 AND t.seq >= $3 AND t.seq < $4 GROUP BY c.record";
    tx.select(sql, params![job.0, targets.0, from, from + count])
}

/// The records whose values a job changed beside its targets.
pub fn of_along(tx: &mut Tx, job: JobId) -> Result<Vec<Made>> {
    let from = format!(
        "FROM job_along a JOIN changes c ON c.record = a.record AND c.job = $1
         WHERE a.job = $1 AND {WRITES} GROUP BY c.record"
    );
    tx.select(&from, params![job.0])
}

/// The records that automation changed because of a job's writes.
pub fn of_effects(tx: &mut Tx, job: JobId) -> Result<Vec<Made>> {
    let from = "FROM job_effects e JOIN changes c ON c.record = e.record AND c.rev = e.rev
                WHERE e.job = $1 GROUP BY c.record";
    tx.select(from, params![job.0])
}

/// How many changes automation made because of a job's writes.
pub fn effects(tx: &mut Tx, job: JobId) -> Result<i64> {
    let sql = "SELECT count(*) FROM job_effects WHERE job = $1";
    tx.value(sql, params![job.0])
}

/// Which of these jobs undo which job; the retry of an undo undoes what that did.
pub fn undos(tx: &mut Tx, jobs: &[JobId]) -> Result<HashMap<JobId, JobId>> {
    let from = "FROM jobs WHERE id IN ids($1) AND kind = 'undo' AND parent IS NOT NULL";
    let mut undos = HashMap::new();
    // Each job with the one of its line that is looked at.
    let mut open: Vec<(JobId, JobId)> = jobs.iter().map(|job| (*job, *job)).collect();
    while !open.is_empty() {
        let ids = Param::Ids(open.iter().map(|(_, of)| of.0).collect());
        let mut parents = HashMap::new();
        let found: Vec<(JobId, JobId, Relation)> =
            tx.select_tuples(["id", "parent", "relation"], from, &[ids])?;
        for (job, parent, relation) in found {
            parents.insert(job, (parent, relation == Relation::Undo));
        }
        let mut next = Vec::new();
        for (job, of) in open {
            match parents.get(&of) {
                Some((parent, true)) => {
                    undos.insert(job, *parent);
                }
                Some((parent, false)) => next.push((job, *parent)),
                None => {}
            }
        }
        open = next;
    }
    Ok(undos)
}

/// All changes of these records that a job made or that automation made because of it, oldest first,
/// without the values of what was made or deleted.
pub fn of(tx: &mut Tx, job: JobId, records: &[RecordId]) -> Result<Vec<Past>> {
    let before = "CASE WHEN kind = 'update' THEN before ELSE '{}' END";
    let columns = Past::list().with("before", before);
    let sql = format!(
        "SELECT {columns} FROM changes c WHERE c.record IN ids($1)
         AND (c.job = $2 OR EXISTS (SELECT 1 FROM job_effects e
           WHERE e.job = $2 AND e.record = c.record AND e.rev = c.rev))
         ORDER BY c.record, c.rev"
    );
    let records = Param::Ids(records.iter().map(|record| record.0).collect());
    tx.query_as(&sql, &[records, job.0.into()])
}

/// Keeps automation from what a job's writes left to it until then, and waits for what it has begun.
pub fn put_off(tx: &mut Tx, job: JobId, until: Timestamp) -> Result<()> {
    let sql = "UPDATE events SET next_at = $2 WHERE job = $1 AND next_at < $2";
    // What ends while this waits can leave further ones.
    while tx.execute(sql, params![job.0, until.0])? > 0 {}
    Ok(())
}

/// Takes what a job's writes left to automation away from it.
pub fn drop_events(tx: &mut Tx, job: JobId) -> Result<()> {
    while tx.execute("DELETE FROM events WHERE job = $1", params![job.0])? > 0 {}
    Ok(())
}

/// What of a record is not counted as tied to another: what stands as a job left it, because the same
/// undo takes it away too. Nothing is left out without a job.
#[derive(Clone, Copy, Debug)]
pub struct Ties {
    /// The job, of a question that is asked before anything was put back.
    pub but: Option<JobId>,
}

impl Ties {
    fn ask(
        self,
        tx: &mut Tx,
        to: &Module,
        records: &[RecordId],
        sql: &str,
    ) -> Result<Vec<RecordId>> {
        let sql = format!(
            "SELECT t.id FROM {} t WHERE t.id IN ids($1) AND EXISTS ({sql}) ORDER BY t.id",
            table(to)
        );
        let mut params = vec![Param::Ids(records.iter().map(|record| record.0).collect())];
        params.extend(self.but.map(|job| job.0.into()));
        tx.values(&sql, &params)
    }

    /// Those of these records of a module that others of `from` name in a lookup.
    pub fn named_by(
        self,
        tx: &mut Tx,
        (from, lookup): (&Module, &Field),
        to: &Module,
        records: &[RecordId],
    ) -> Result<Vec<RecordId>> {
        let mut sql = format!(
            "SELECT 1 FROM {} m WHERE m.{} = t.id AND m.id <> t.id",
            table(from),
            column(lookup)
        );
        if self.but.is_some() {
            sql.push_str(
                " AND NOT EXISTS (SELECT 1 FROM changes c WHERE c.record = m.id AND c.rev = m.rev
                   AND (c.job = $2 OR EXISTS (SELECT 1 FROM job_effects e
                     WHERE e.job = $2 AND e.record = c.record AND e.rev = c.rev)))",
            );
        }
        self.ask(tx, to, records, &sql)
    }

    /// Those of these records of a module that have notes, or that have attachments.
    pub fn holding(
        self,
        tx: &mut Tx,
        kind: MoveKind,
        to: &Module,
        records: &[RecordId],
    ) -> Result<Vec<RecordId>> {
        let Some(own) = kind.table() else {
            return Ok(Vec::new());
        };
        let mut sql = format!("SELECT 1 FROM {own} n WHERE n.record = t.id");
        if self.but.is_some() {
            sql.push_str(&format!(
                " AND NOT EXISTS (SELECT 1 FROM job_moves v WHERE v.job = $2 AND v.kind = '{}'
                   AND v.item = n.id AND v.to_record = n.record)",
                kind.as_str()
            ));
        }
        self.ask(tx, to, records, &sql)
    }
}

/// The targets of an undo that it found gone so far, with their values when they were deleted.
pub fn gone(tx: &mut Tx, undo: JobId) -> Result<Vec<Past>> {
    let sql = "SELECT records FROM job_failures WHERE job = $1 AND code = 'GONE'";
    if tx.find_value::<i64>(sql, params![undo.0])?.is_none() {
        return Ok(Vec::new());
    }
    let from = "FROM changes c WHERE c.kind = 'delete' AND c.record IN
                  (SELECT o.record FROM job_outcomes o
                   WHERE o.job = $1 AND o.outcome = 'failed' AND o.code = 'GONE')
                ORDER BY c.record, c.rev";
    tx.select(from, params![undo.0])
}

//! Which records are in which approval process, and what was decided about them.

use crate::insert::Insert;
use crate::row::columns;
use crate::tx::{Param, Tx};
use crate::{Result, params};
use model::approval::{ApprovalState, Decision};
use model::id::{HoldId, JobId, ModuleId, ProcessId, RecordId, UserId};
use model::time::Timestamp;

/// A record in an approval process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The record.
    pub record: RecordId,
    /// Its module.
    pub module: ModuleId,
    /// The process.
    pub process: ProcessId,
    /// Which step it waits at, from 0; where it was rejected.
    pub step: i64,
    /// Whether it waits or was rejected.
    pub state: ApprovalState,
    /// The job through which it entered.
    pub job: Option<JobId>,
    /// Whose write brought it in, or who gave it in again.
    pub submitted_by: UserId,
    /// When.
    pub submitted_at: Timestamp,
    /// The hold that the process put on it; none where one of somebody else stood there already.
    pub hold: Option<HoldId>,
}

columns! {
    Approval { record, module, process, step, state, job, submitted_by, submitted_at, hold }
}

fn ids_of(records: &[RecordId]) -> Param {
    Param::Ids(records.iter().map(|record| record.0).collect())
}

/// Who brought records in, through which job and when.
#[derive(Clone, Copy, Debug)]
pub struct Submitted {
    /// The records' module.
    pub module: ModuleId,
    /// Who.
    pub by: UserId,
    /// Through which job.
    pub job: Option<JobId>,
    /// When.
    pub at: Timestamp,
}

columns! { write Submitted { module, by: submitted_by, job, at: submitted_at } }

/// A record that enters a process, and the hold that was put on it for that.
pub type Entry = (RecordId, ProcessId, Option<HoldId>);

/// Puts records into approval processes, at the first step.
pub fn enter(tx: &mut Tx, new: Submitted, records: &[Entry]) -> Result<()> {
    Insert::into("record_approvals")
        .row(&new)
        .set("step", 0)
        .set("state", ApprovalState::Pending)
        .tuples(tx, ["record", "process", "hold"], records.iter().copied())
}

/// How it stands with these records, as far as they are in a process.
pub fn of(tx: &mut Tx, records: &[RecordId]) -> Result<Vec<Approval>> {
    let from = "FROM record_approvals WHERE record IN ids($1)";
    tx.select(from, &[ids_of(records)])
}

/// Stores how it stands with a record now: its step, its state and its hold.
pub fn update(tx: &mut Tx, now: &Approval) -> Result<()> {
    let sql = "UPDATE record_approvals SET step = $2, state = $3, hold = $4 WHERE record = $1";
    let params = params![
        now.record.0,
        now.step,
        now.state.as_str(),
        now.hold.map(|hold| hold.0)
    ];
    tx.execute(sql, params).map(|_| ())
}

/// Removes the holds that processes put on these records.
pub fn delete_holds_of(tx: &mut Tx, records: &[RecordId]) -> Result<()> {
    let sql = "DELETE FROM holds WHERE id IN
               (SELECT hold FROM record_approvals WHERE record IN ids($1))";
    tx.execute(sql, &[ids_of(records)])?;
    Ok(())
}

/// Takes records out of the process that they are in.
pub fn delete_of(tx: &mut Tx, records: &[RecordId]) -> Result<()> {
    let sql = "DELETE FROM record_approvals WHERE record IN ids($1)";
    tx.execute(sql, &[ids_of(records)])?;
    Ok(())
}

/// A place in the list of approvals: when a record was submitted, and the record.
pub type Place = (Timestamp, RecordId);

/// Approvals after this place, those that were submitted first first.
pub fn list(
    tx: &mut Tx,
    state: ApprovalState,
    module: Option<ModuleId>,
    after: Option<Place>,
    limit: usize,
) -> Result<Vec<Approval>> {
    let (at, record) = after.map_or((i64::MIN, i64::MIN), |(at, record)| (at.0, record.0));
    let mut params = params![state.as_str(), at, record].to_vec();
    let mut of = "";
    if let Some(module) = module {
        of = " AND module = $4";
        params.push(module.0.into());
    }
    let from = format!(
        "FROM record_approvals WHERE state = $1
           AND (submitted_at, record) > ($2, $3){of}
         ORDER BY submitted_at, record LIMIT {limit}"
    );
    tx.select(&from, &params)
}

/// A decision about a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// In which process.
    pub process: ProcessId,
    /// At which step, from 0.
    pub step: i64,
    /// What.
    pub decision: Decision,
    /// By whom.
    pub actor: UserId,
    /// What they said.
    pub comment: Option<String>,
    /// When.
    pub at: Timestamp,
}

columns! { Decided { process, step, decision, actor, comment, at } }

/// Keeps a decision.
pub fn decide(tx: &mut Tx, record: RecordId, decided: &Decided) -> Result<()> {
    Insert::into("approval_decisions")
        .set("id", tx.new_id()?)
        .set("record", record)
        .row(decided)
        .one(tx)
}

/// The last decisions about a record, the newest first.
pub fn decisions(tx: &mut Tx, record: RecordId, limit: usize) -> Result<Vec<Decided>> {
    let from = format!(
        "FROM approval_decisions WHERE record = $1 ORDER BY at DESC, id DESC LIMIT {limit}"
    );
    tx.select(&from, params![record.0])
}

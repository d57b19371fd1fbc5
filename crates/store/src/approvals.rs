//! Which records are in which approval process, and what was decided about them.

use crate::tx::{Param, Same, Tx};
use crate::{Error, Result, Row, params};
use model::approval::{ApprovalState, Decision};
use model::id::{HoldId, JobId, ModuleId, ProcessId, RecordId, UserId};
use model::time::Timestamp;
use model::value::{Class, Value};

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

const COLUMNS: &str = "record, module, process, step, state, job, submitted_by, submitted_at, hold";

fn approval(row: &Row) -> Result<Approval> {
    let state = row.text(4)?;
    let unknown = || Error::Inconsistent(format!("an approval is {state}"));
    Ok(Approval {
        record: RecordId(row.int(0)?),
        module: ModuleId(row.int(1)?),
        process: ProcessId(row.int(2)?),
        step: row.int(3)?,
        state: ApprovalState::parse(state).ok_or_else(unknown)?,
        job: row.opt_int(5)?.map(JobId),
        submitted_by: UserId(row.int(6)?),
        submitted_at: Timestamp(row.int(7)?),
        hold: row.opt_int(8)?.map(HoldId),
    })
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

/// A record that enters a process, and the hold that was put on it for that.
pub type Entry = (RecordId, ProcessId, Option<HoldId>);

/// Puts records into approval processes, at the first step.
pub fn enter(tx: &mut Tx, new: Submitted, records: &[Entry]) -> Result<()> {
    let same = [
        Same::int("module", new.module.0),
        Same::int("step", 0),
        Same::text("state", ApprovalState::Pending.as_str()),
        Same::int("job", new.job.map(|job| job.0)),
        Same::int("submitted_by", new.by.0),
        Same::int("submitted_at", new.at.0),
    ];
    let columns = ["record", "process", "hold"].map(|name| (name.to_owned(), Class::Int));
    let row = |(record, process, hold): &Entry| {
        let hold = hold.map(|hold| hold.0);
        vec![record.0.into(), process.0.into(), hold.into()]
    };
    let rows: Vec<Vec<Value>> = records.iter().map(row).collect();
    tx.insert_rows("record_approvals", &same, &columns, &rows)
}

/// How it stands with these records, as far as they are in a process.
pub fn of(tx: &mut Tx, records: &[RecordId]) -> Result<Vec<Approval>> {
    let sql = format!("SELECT {COLUMNS} FROM record_approvals WHERE record IN ids($1)");
    let rows = tx.query(&sql, &[ids_of(records)])?;
    rows.iter().map(approval).collect()
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
    let sql = format!(
        "SELECT {COLUMNS} FROM record_approvals WHERE state = $1
           AND (submitted_at, record) > ($2, $3){of}
         ORDER BY submitted_at, record LIMIT {limit}"
    );
    let rows = tx.query(&sql, &params)?;
    rows.iter().map(approval).collect()
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

/// Keeps a decision.
pub fn decide(tx: &mut Tx, record: RecordId, decided: &Decided) -> Result<()> {
    let sql =
        "INSERT INTO approval_decisions (id, record, process, step, decision, actor, comment, at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let params = params![
        tx.new_id()?,
        record.0,
        decided.process.0,
        decided.step,
        decided.decision.as_str(),
        decided.actor.0,
        decided.comment.clone(),
        decided.at.0
    ];
    tx.execute(sql, params).map(|_| ())
}

/// The last decisions about a record, the newest first.
pub fn decisions(tx: &mut Tx, record: RecordId, limit: usize) -> Result<Vec<Decided>> {
    let sql = format!(
        "SELECT process, step, decision, actor, comment, at FROM approval_decisions
         WHERE record = $1 ORDER BY at DESC, id DESC LIMIT {limit}"
    );
    let rows = tx.query(&sql, params![record.0])?;
    let decided = |row: &Row| {
        let word = row.text(2)?;
        let unknown = || Error::Inconsistent(format!("a decision is {word}"));
        Ok(Decided {
            process: ProcessId(row.int(0)?),
            step: row.int(1)?,
            decision: Decision::parse(word).ok_or_else(unknown)?,
            actor: UserId(row.int(3)?),
            comment: row.opt_text(4)?.map(str::to_owned),
            at: Timestamp(row.int(5)?),
        })
    };
    rows.iter().map(decided).collect()
}

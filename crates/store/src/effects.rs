//! What automation did to records because of a job's writes, and what it was to do and did not.

use crate::events::{Event, chain_of, chain_text};
use crate::tx::{Param, Tx};
use crate::{Error, Result, Row, Same, params};
use model::id::{JobId, ModuleId, RecordId, RuleId, UserId};
use model::refusal::Refusal;
use model::time::Timestamp;
use model::value::{Class, Value};
use model::workflow::{ActionKind, Trigger};

/// Notes that a rule changed these records, to these revisions, because of a job's writes.
pub fn note(tx: &mut Tx, job: JobId, rule: RuleId, records: &[(RecordId, i64)]) -> Result<()> {
    let same = [Same::int("job", job.0), Same::int("rule", rule.0)];
    let columns = ["record", "rev"].map(|name| (name.to_owned(), Class::Int));
    let rows: Vec<Vec<Value>> = records
        .iter()
        .map(|(record, rev)| vec![record.0.into(), (*rev).into()])
        .collect();
    tx.insert_rows("job_effects", &same, &columns, &rows)
}

/// Something that automation was to do and did not.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Its id.
    pub id: i64,
    /// The record whose change met the rule.
    pub record: RecordId,
    /// The module of the record.
    pub module: ModuleId,
    /// The rule.
    pub rule: RuleId,
    /// What the change was.
    pub trigger: Trigger,
    /// The job whose write led here.
    pub job: Option<JobId>,
    /// Who made that write.
    pub actor: UserId,
    /// The rules whose effects led here, the first one first.
    pub chain: Vec<RuleId>,
    /// Which of the rule's actions; `None` when the rule was not run at all.
    pub action: Option<ActionKind>,
    /// Why, in a code.
    pub code: String,
    /// Why, in a sentence.
    pub message: String,
    /// Its details, as JSON.
    pub details: String,
    /// When the change was made.
    pub fired_at: Timestamp,
    /// When it failed.
    pub at: Timestamp,
}

const COLUMNS: &str =
    "id, record, module, rule, trigger_word, job, actor, chain, action, code, message,
    details, fired_at, at";

fn failure(row: &Row) -> Result<Failure> {
    let odd =
        |what: &str| Error::Inconsistent(format!("a failure of automation has an odd {what}"));
    let action = row.opt_text(8)?.map(ActionKind::parse);
    Ok(Failure {
        id: row.int(0)?,
        record: RecordId(row.int(1)?),
        module: ModuleId(row.int(2)?),
        rule: RuleId(row.int(3)?),
        trigger: Trigger::parse(row.text(4)?).ok_or_else(|| odd("trigger"))?,
        job: row.opt_int(5)?.map(JobId),
        actor: UserId(row.int(6)?),
        chain: chain_of(row.text(7)?).ok_or_else(|| odd("chain"))?,
        action: match action {
            Some(None) => return Err(odd("action")),
            found => found.flatten(),
        },
        code: row.text(9)?.to_owned(),
        message: row.text(10)?.to_owned(),
        details: row.text(11)?.to_owned(),
        fired_at: Timestamp(row.int(12)?),
        at: Timestamp(row.int(13)?),
    })
}

/// Stores that an event's rule, or one of its actions, was not run, and why.
pub fn fail(
    tx: &mut Tx,
    event: &Event,
    action: Option<ActionKind>,
    why: &Refusal,
    now: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO automation_failures (id, record, rev, module, rule, trigger_word, job,
                 actor, chain, action, code, message, details, fired_at, at)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    let id = tx.new_id()?;
    let details = serde_json::Value::Object(why.details.clone()).to_string();
    let params = params![
        id,
        event.record.0,
        event.rev,
        event.module.0,
        event.rule.0,
        event.trigger.as_str(),
        event.job.map(|job| job.0),
        event.actor.0,
        Value::Text(chain_text(&event.chain)),
        action.map(ActionKind::as_str),
        why.code.as_str(),
        why.message.as_ref(),
        details,
        event.at.0,
        now.0
    ];
    tx.execute(sql, params)?;
    Ok(())
}

/// Which failures of a list.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Of this rule.
    pub rule: Option<RuleId>,
    /// Of this job.
    pub job: Option<JobId>,
    /// Of records of this module.
    pub module: Option<ModuleId>,
    /// Of writes that this user made.
    pub actor: Option<UserId>,
    /// Of these modules only.
    pub within: Option<Vec<ModuleId>>,
    /// Older than this one, by time and id.
    pub before: Option<(Timestamp, i64)>,
}

/// Failures, the newest first.
pub fn list(tx: &mut Tx, wanted: &Wanted, limit: usize) -> Result<Vec<Failure>> {
    let mut conditions: Vec<String> = Vec::new();
    let mut params: Vec<Param> = Vec::new();
    for (column, id) in [
        ("rule", wanted.rule.map(|id| id.0)),
        ("job", wanted.job.map(|id| id.0)),
        ("module", wanted.module.map(|id| id.0)),
        ("actor", wanted.actor.map(|id| id.0)),
    ] {
        if let Some(id) = id {
            params.push(id.into());
            conditions.push(format!("{column} = ${}", params.len()));
        }
    }
    if let Some(modules) = &wanted.within {
        params.push(Param::Ids(modules.iter().map(|id| id.0).collect()));
        conditions.push(format!("module IN ids(${})", params.len()));
    }
    if let Some((at, id)) = wanted.before {
        params.extend([at.0.into(), id.into()]);
        let (at, id) = (params.len() - 1, params.len());
        conditions.push(format!("(at < ${at} OR (at = ${at} AND id < ${id}))"));
    }
    if conditions.is_empty() {
        conditions.push("TRUE".to_owned());
    }
    let sql = format!(
        "SELECT {COLUMNS} FROM automation_failures WHERE {} ORDER BY at DESC, id DESC LIMIT {limit}",
        conditions.join(" AND ")
    );
    let rows = tx.query(&sql, &params)?;
    rows.iter().map(failure).collect()
}

/// Removes at most `rows` failures of before then; `false` when there are none.
pub fn purge(tx: &mut Tx, before: Timestamp, rows: i64) -> Result<bool> {
    let sql = "DELETE FROM automation_failures WHERE id IN
               (SELECT id FROM automation_failures WHERE at < $1 ORDER BY at, id LIMIT $2)";
    Ok(tx.execute(sql, params![before.0, rows])? > 0)
}

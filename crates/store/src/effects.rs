//! What automation did to records because of a job's writes, and what it was to do and did not.

use crate::events::Event;
use crate::insert::Insert;
use crate::row::columns;
use crate::tx::{Param, Tx};
use crate::{Result, params};
use model::id::{JobId, ModuleId, RecordId, RuleId, UserId};
use model::refusal::Refusal;
use model::time::Timestamp;
use model::workflow::{ActionKind, Trigger};

/// Notes that a rule changed these records, to these revisions, because of a job's writes.
pub fn note(tx: &mut Tx, job: JobId, rule: RuleId, records: &[(RecordId, i64)]) -> Result<()> {
    let records = records.iter().copied();
    Insert::into("job_effects")
        .set("job", job)
        .set("rule", rule)
        .tuples(tx, ["record", "rev"], records)
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

columns! {
    read Failure {
        id, record, module, rule, trigger: trigger_word, job, actor, chain, action, code, message,
        details, fired_at, at,
    }
}

/// Stores that an event's rule, or one of its actions, was not run, and why.
pub fn fail(
    tx: &mut Tx,
    event: &Event,
    action: Option<ActionKind>,
    why: &Refusal,
    now: Timestamp,
) -> Result<()> {
    let details = serde_json::Value::Object(why.details.clone()).to_string();
    Insert::into("automation_failures")
        .set("id", tx.new_id()?)
        .set("record", event.record)
        .set("rev", event.rev)
        .set("module", event.module)
        .set("rule", event.rule)
        .set("trigger_word", event.trigger)
        .set("job", event.job)
        .set("actor", event.actor)
        .set("chain", &event.chain)
        .set("action", action)
        .set("code", why.code.as_str())
        .set("message", why.message.as_ref())
        .set("details", details)
        .set("fired_at", event.at)
        .set("at", now)
        .one(tx)
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
    let from = format!(
        "FROM automation_failures WHERE {} ORDER BY at DESC, id DESC LIMIT {limit}",
        conditions.join(" AND ")
    );
    tx.select(&from, &params)
}

/// Removes at most `rows` failures of before then; `false` when there are none.
pub fn purge(tx: &mut Tx, before: Timestamp, rows: i64) -> Result<bool> {
    let sql = "DELETE FROM automation_failures WHERE id IN
               (SELECT id FROM automation_failures WHERE at < $1 ORDER BY at, id LIMIT $2)";
    Ok(tx.execute(sql, params![before.0, rows])? > 0)
}

//! The outbox of automation: a row for each workflow rule that a record's change met, stored with that
//! change and taken out in the transaction of the rule's effects.

use crate::insert::Insert;
use crate::row::columns;
use crate::tx::{Param, Tx};
use crate::{Error, Result, params};
use model::id::{JobId, ModuleId, RecordId, RuleId, UserId};
use model::time::Timestamp;
use model::workflow::Trigger;

/// A rule that is to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The record whose change met the rule.
    pub record: RecordId,
    /// The revision that the change made.
    pub rev: i64,
    /// Which of that change's events this is: they run in this order.
    pub place: i64,
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
    /// So many of those, the first ones, led to the record being made.
    pub made: usize,
    /// How often its effects did not commit.
    pub attempts: i64,
    /// When the change was made.
    pub at: Timestamp,
}

/// What all events of one write have in common.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The module of the records.
    pub module: ModuleId,
    /// What the write was.
    pub trigger: Trigger,
    /// The job whose write led here.
    pub job: Option<JobId>,
    /// Who made that write.
    pub actor: UserId,
    /// The rules whose effects led here, the first one first.
    pub chain: &'a [RuleId],
    /// So many of those, the first ones, led to the records being made.
    pub made: usize,
    /// When.
    pub at: Timestamp,
}

columns! { write Source<'_> { module, trigger: trigger_word, job, actor, chain, at } }

/// The rules that one record's change met, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Met {
    /// The record.
    pub record: RecordId,
    /// The revision that the change made.
    pub rev: i64,
    /// The rules.
    pub rules: Vec<RuleId>,
}

columns! {
    read Event {
        record, rev, place, module, rule, trigger: trigger_word, job, actor, chain, made, attempts, at,
    }
}

/// The stored form of a chain: ids with commas between.
pub(crate) fn chain_text(chain: &[RuleId]) -> String {
    let ids: Vec<String> = chain.iter().map(ToString::to_string).collect();
    ids.join(",")
}

pub(crate) fn chain_of(text: &str) -> Option<Vec<RuleId>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    text.split(',').map(RuleId::parse).collect()
}

/// Leaves events for automation, and counts them: see [`Tx::events_left`].
pub fn insert(tx: &mut Tx, source: Source<'_>, met: &[Met]) -> Result<()> {
    let rows = met.iter().flat_map(|met| {
        let rules = met.rules.iter().zip(0_i64..);
        rules.map(|(rule, place)| (met.record, met.rev, place, *rule))
    });
    let rows: Vec<(RecordId, i64, i64, RuleId)> = rows.collect();
    if rows.is_empty() {
        return Ok(());
    }
    let count = rows.len();
    Insert::into("events")
        .row(&source)
        .set("made", i64::try_from(source.made).unwrap_or(i64::MAX))
        .set("attempts", 0)
        .set("next_at", source.at)
        .tuples(tx, ["record", "rev", "place", "rule"], rows)?;
    tx.leave_events(count);
    Ok(())
}

/// No earlier event of the same record is left.
const FIRST: &str = "NOT EXISTS (SELECT 1 FROM events AS f WHERE f.record = e.record
    AND (f.rev < e.rev OR (f.rev = e.rev AND f.place < e.place)))";

/// Takes the events that are to be run next, at most `limit`: of each record the first only, and none
/// that somebody else has taken, and of those as many as `reach` says. They are back if the transaction
/// does not commit. One that failed before is taken alone.
pub fn take(
    tx: &mut Tx,
    now: Timestamp,
    limit: usize,
    reach: impl FnOnce(&mut Tx, &[Event]) -> Result<usize>,
) -> Result<Vec<Event>> {
    let from = format!(
        "FROM events AS e WHERE next_at <= $1 AND {FIRST}
         ORDER BY next_at, record LIMIT {limit}{}",
        tx.dialect().for_update_skip_locked()
    );
    let mut events: Vec<Event> = tx.select(&from, params![now.0])?;
    match events.first() {
        None => return Ok(events),
        Some(first) if first.attempts > 0 => events.truncate(1),
        Some(_) => events.retain(|event| event.attempts == 0),
    }
    let reach = reach(tx, &events)?;
    events.truncate(reach.max(1));
    let records = events.iter().map(|event| event.record.0);
    let records = Param::Ids(records.collect());
    let sql = format!("DELETE FROM events AS e WHERE record IN ids($1) AND {FIRST}");
    let gone = tx.execute(&sql, &[records])?;
    if gone == events.len() {
        return Ok(events);
    }
    let text = format!("{gone} of {} events were there to be taken", events.len());
    Err(Error::Conflict(text))
}

/// Counts a try of an event whose effects did not commit; it is not tried again before then.
pub fn delay(tx: &mut Tx, event: &Event, next_at: Timestamp) -> Result<()> {
    let sql = "UPDATE events SET attempts = attempts + 1, next_at = $4
               WHERE record = $1 AND rev = $2 AND place = $3";
    let key = params![event.record.0, event.rev, event.place, next_at.0];
    tx.execute(sql, key)?;
    Ok(())
}

/// Takes one event out; `false` when it is not there any more.
pub fn remove(tx: &mut Tx, event: &Event) -> Result<bool> {
    let sql = "DELETE FROM events WHERE record = $1 AND rev = $2 AND place = $3";
    let key = params![event.record.0, event.rev, event.place];
    Ok(tx.execute(sql, key)? == 1)
}

/// How many events wait.
pub fn count(tx: &mut Tx) -> Result<i64> {
    tx.value("SELECT count(*) FROM events", &[])
}

//! What must hold of automation and of conversions: each edit that meets the rule makes one task, and
//! each converted lead is one contact and one account.

use super::{Facts, Wrong};
use crate::sql::{Row, Sql, number, text};
use anyhow::{Context, Result};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Queries that must find nothing, each with what it would mean.
const NEVER: [(&str, &str); 4] = [
    (
        "leads that became a contact or an account that is not there",
        "SELECT id FROM \"m_Leads\" WHERE \"Converted__s\" AND (
           \"Converted_Contact\" NOT IN (SELECT id FROM \"m_Contacts\")
           OR \"Converted_Account\" NOT IN (SELECT id FROM \"m_Accounts\"))",
    ),
    (
        "leads that became something and are not converted",
        "SELECT id FROM \"m_Leads\" WHERE NOT \"Converted__s\" AND
           (\"Converted_Contact\" IS NOT NULL OR \"Converted_Account\" IS NOT NULL)",
    ),
    (
        // An undo begins with the leads, and leaves what somebody built on.
        "contacts that no lead became and no undo leaves",
        "SELECT id FROM \"m_Contacts\" WHERE id NOT IN (SELECT \"Converted_Contact\"
           FROM \"m_Leads\" WHERE \"Converted_Contact\" IS NOT NULL)
         AND id NOT IN (SELECT t.record FROM job_targets t JOIN jobs j ON j.id = t.job
           WHERE j.relation = 'undo' AND t.seq >= j.cursor)
         AND id NOT IN (SELECT o.record FROM job_outcomes o JOIN jobs j ON j.id = o.job
           WHERE j.relation = 'undo' AND o.outcome = 'failed')",
    ),
    (
        "accounts that no lead became and no undo leaves",
        "SELECT id FROM \"m_Accounts\" WHERE id NOT IN (SELECT \"Converted_Account\"
           FROM \"m_Leads\" WHERE \"Converted_Account\" IS NOT NULL)
         AND id NOT IN (SELECT t.record FROM job_targets t JOIN jobs j ON j.id = t.job
           WHERE j.relation = 'undo' AND t.seq >= j.cursor)
         AND id NOT IN (SELECT o.record FROM job_outcomes o JOIN jobs j ON j.id = o.job
           WHERE j.relation = 'undo' AND o.outcome = 'failed')",
    ),
];

/// Judges both, `over` where nothing is left to run.
pub(super) fn judge(sql: &mut Sql, facts: &Facts, over: bool, wrong: &mut Wrong) -> Result<()> {
    for (what, query) in NEVER {
        wrong.note(what, &sql.ints(query)?);
    }
    let (fired, unsure) = fired(sql, facts)?;
    let made = made(sql, facts)?;
    let waiting = counted(sql, "SELECT record, count(*) FROM events GROUP BY record")?;
    let failed = counted(
        sql,
        "SELECT record, count(*) FROM automation_failures GROUP BY record",
    )?;
    if over && !waiting.is_empty() {
        let records: Vec<i64> = waiting.keys().copied().collect();
        wrong.note("records with events that nobody runs", &records);
    }
    let records: BTreeSet<i64> = [&fired, &made, &waiting, &failed]
        .into_iter()
        .flat_map(|counts| counts.keys().copied())
        .collect();
    for record in records {
        let of = |counts: &HashMap<i64, i64>| counts.get(&record).copied().unwrap_or(0);
        let (fired, made, waiting, failed) = (of(&fired), of(&made), of(&waiting), of(&failed));
        let known = made + waiting + failed;
        // The undo of a job drops what its automation has not done yet.
        let fits = if unsure.contains(&record) {
            known <= fired
        } else {
            known == fired
        };
        if !fits {
            wrong.0.push(format!(
                "record {record} met the rule {fired} times: {made} tasks were made, {waiting} \
                 events wait, {failed} failed"
            ));
        }
    }
    Ok(())
}

/// How often each record met the rule, and the records of which some of that may have been dropped.
fn fired(sql: &mut Sql, facts: &Facts) -> Result<(HashMap<i64, i64>, HashSet<i64>)> {
    let undone = "SELECT parent FROM jobs WHERE relation = 'undo'";
    let undone: HashSet<i64> = sql.ints(undone)?.into_iter().collect();
    let rows = sql.rows(
        "SELECT id FROM jobs WHERE kind = 'mass_update' AND (automation = 'fire'
           OR (automation = 'wire' AND (total < 1000 OR request LIKE '%\"selection\":\"ids\"%')))",
    )?;
    let firing: HashSet<i64> = rows
        .iter()
        .map(|row| number(row, 0))
        .collect::<Result<_>>()?;
    let key = format!("\"{}\":", facts.company);
    let rows = sql.rows(
        "SELECT record, job, before FROM changes
         WHERE kind = 'update' AND cause IN ('job', 'api')",
    )?;
    let watched = "SELECT id FROM \"m_Leads\" WHERE \"Lead_Status\" = 'Contacted'";
    let watched: HashSet<i64> = sql.ints(watched)?.into_iter().collect();
    let (mut counts, mut unsure) = (HashMap::new(), HashSet::new());
    for row in &rows {
        let record = number(row, 0)?;
        if !watched.contains(&record) {
            continue;
        }
        let job: Option<i64> = row
            .get(1)
            .cloned()
            .flatten()
            .map(|id| id.parse())
            .transpose()?;
        let fires = job.is_none_or(|job| firing.contains(&job));
        if fires && text(row, 2)?.contains(&key) {
            *counts.entry(record).or_insert(0) += 1;
            if job.is_some_and(|job| undone.contains(&job)) {
                unsure.insert(record);
            }
        }
    }
    Ok((counts, unsure))
}

/// How many tasks were ever made about each record. A conversion hands them on, so what a task was
/// made about is what its first later change found there, or what stands there still.
fn made(sql: &mut Sql, facts: &Facts) -> Result<HashMap<i64, i64>> {
    let (what, tasks) = (&facts.what, &facts.tasks);
    let mut first: BTreeMap<i64, Option<i64>> = BTreeMap::new();
    let history =
        format!("SELECT record, before FROM changes WHERE module = {tasks} ORDER BY record, rev");
    for row in &sql.rows(&history)? {
        let before = text(row, 1)?;
        let before: Map<String, Json> =
            serde_json::from_str(before).with_context(|| before.to_owned())?;
        let about = first.entry(number(row, 0)?).or_default();
        *about = about.or_else(|| before.get(what).and_then(Json::as_i64));
    }
    let here = "SELECT id, \"What_Id\" FROM \"m_Tasks\" WHERE \"What_Id\" IS NOT NULL";
    for row in &sql.rows(here)? {
        let about = first.entry(number(row, 0)?).or_default();
        *about = about.or(Some(number(row, 1)?));
    }
    let mut counts = HashMap::new();
    for about in first.into_values().flatten() {
        *counts.entry(about).or_insert(0) += 1;
    }
    Ok(counts)
}

fn counted(sql: &mut Sql, query: &str) -> Result<HashMap<i64, i64>> {
    let pair = |row: &Row| Ok((number(row, 0)?, number(row, 1)?));
    sql.rows(query)?.iter().map(pair).collect()
}

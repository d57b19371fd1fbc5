//! Calls to the outside that are owed: a row for each, stored in the transaction of what it tells of.
//! `calls/queue.rs` says whose turn it is.

mod queue;

pub use queue::{Due, begin, delivered, failed, give_up, next};

use crate::insert::Insert;
use crate::row::{Columns, columns};
use crate::tx::{Param, Tx};
use crate::{Result, params};
use model::call::{CallKind, CallState};
use model::id::{CallId, JobId, ModuleId, RecordId, RuleId};
use model::time::Timestamp;
use std::collections::{BTreeMap, HashMap};

/// A call as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its id.
    pub id: CallId,
    /// What it tells of.
    pub kind: CallKind,
    /// By this a receiver tells repetitions; it is the same through all tries.
    pub event: String,
    /// The job that ended, or that made the rule fire.
    pub job: Option<JobId>,
    /// The workflow rule that was met.
    pub rule: Option<RuleId>,
    /// The module of the record that met it.
    pub module: Option<ModuleId>,
    /// That record.
    pub record: Option<RecordId>,
    /// The queue that it stands in: its URL without the query.
    pub endpoint: String,
    /// Whom to call.
    pub url: String,
    /// What is sent; of a job's end it is made when it is sent.
    pub body: Option<String>,
    /// Whether it was made.
    pub state: CallState,
    /// How often it was tried, the try that runs included, since it is owed.
    pub attempts: i64,
    /// When it is tried next.
    pub next_at: Timestamp,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// When it happened.
    pub made_at: Timestamp,
    /// Since when it is owed: since it happened, or since it was owed anew.
    pub owed_at: Timestamp,
    /// When the last try began.
    pub tried_at: Option<Timestamp>,
}

columns! {
    read Call {
        id, kind, event, job, rule, module, record, endpoint, url, body, state, attempts, next_at,
        last_error, made_at, owed_at, tried_at,
    }
}

/// Owes a call for a job that ends now, if anybody wants one. An earlier end of the same job is told
/// no longer.
pub(crate) fn owe_end(tx: &mut Tx, job: JobId, now: Timestamp) -> Result<()> {
    let sql = "SELECT notify_url FROM jobs WHERE id = $1 AND notify_url IS NOT NULL";
    let Some(url) = tx.find_value::<String>(sql, params![job.0])? else {
        return Ok(());
    };
    forget_end(tx, job)?;
    Insert::into("calls")
        .set("id", tx.new_id()?)
        .set("kind", CallKind::JobFinished)
        .set("event", format!("job_{job}_{}", now.0))
        .set("job", job)
        .set("endpoint", endpoint(&url))
        .set("url", url)
        .set("state", CallState::Waiting)
        .set("attempts", 0)
        .set("next_at", now)
        .set("made_at", now)
        .set("owed_at", now)
        .one(tx)
}

/// Owes the call about a job's end no longer: the job goes on, or nobody knows of it any more.
pub(crate) fn forget_end(tx: &mut Tx, job: JobId) -> Result<()> {
    let sql = "DELETE FROM calls WHERE job = $1 AND kind = 'job_finished'";
    tx.execute(sql, params![job.0])?;
    Ok(())
}

/// What a workflow rule tells of a record.
#[derive(Clone, Debug)]
pub struct NewHook<'a> {
    /// Which event of which rule, and which of the rule's actions: no two calls may have the same.
    pub event: String,
    /// The rule that was met.
    pub rule: RuleId,
    /// The record's module.
    pub module: ModuleId,
    /// The record.
    pub record: RecordId,
    /// The job that made the rule fire.
    pub job: Option<JobId>,
    /// Whom to call.
    pub url: &'a str,
    /// What is sent.
    pub body: String,
}

columns! { write NewHook<'_> { event, rule, module, record, job, url, body } }

/// A hook with its place in the queue of its endpoint.
struct OwedHook<'a> {
    id: CallId,
    hook: &'a NewHook<'a>,
    endpoint: String,
    owed_at: Timestamp,
    next_at: Timestamp,
}

columns! { write OwedHook<'_> { id, hook: .., endpoint, owed_at, next_at } }

/// Owes calls, in the transaction of what else the rule does. Of one record they go out in the order
/// in which they were owed, also to clocks that differ.
pub fn owe_hooks(tx: &mut Tx, hooks: &[NewHook<'_>], now: Timestamp) -> Result<()> {
    let endpoints: Vec<String> = hooks.iter().map(|hook| endpoint(hook.url)).collect();
    let last = last_owed(tx, hooks, &endpoints)?;
    let mut owed = Vec::with_capacity(hooks.len());
    for (hook, endpoint) in hooks.iter().zip(endpoints) {
        let last = last.get(&(hook.record, endpoint.clone())).copied();
        let at = Timestamp(last.map_or(now.0, |last| now.0.max(last + 1)));
        owed.push(OwedHook {
            id: CallId(tx.new_id()?),
            hook,
            endpoint,
            owed_at: at,
            next_at: at,
        });
    }
    Insert::into("calls")
        .set("kind", CallKind::Workflow)
        .set("state", CallState::Waiting)
        .set("attempts", 0)
        .set("made_at", now)
        .all(tx, &owed)
}

/// When the last call that still waits was owed, by record and endpoint.
fn last_owed(
    tx: &mut Tx,
    hooks: &[NewHook<'_>],
    endpoints: &[String],
) -> Result<HashMap<(RecordId, String), i64>> {
    let records = Param::Ids(hooks.iter().map(|hook| hook.record.0).collect());
    let endpoints = Param::Texts(endpoints.to_vec());
    let columns = ["record", "endpoint", "MAX(owed_at)"];
    let from = "FROM calls WHERE state = 'waiting'
                  AND record IS NOT NULL AND record IN ids($1) AND endpoint IN texts($2)
                GROUP BY record, endpoint";
    let rows = tx.select_tuples(columns, from, &[records, endpoints])?;
    let last = |(record, endpoint, owed_at)| ((record, endpoint), owed_at);
    Ok(rows.into_iter().map(last).collect())
}

/// The endpoint of a URL that was accepted: scheme, host, port and path, in one spelling. Its calls
/// stand in one queue.
fn endpoint(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let scheme = scheme.to_ascii_lowercase();
    let until = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(until);
    let path = tail.split(['?', '#']).next().unwrap_or_default();
    let path = if path.is_empty() { "/" } else { path };
    let authority = authority.to_ascii_lowercase();
    let usual = if scheme == "https" { ":443" } else { ":80" };
    let authority = authority.strip_suffix(usual).unwrap_or(&authority);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, format!(":{port}")),
        _ => (authority, String::new()),
    };
    format!("{scheme}://{}{port}{path}", host.trim_end_matches('.'))
}

/// The calls that tell of the end of these jobs.
pub fn of_jobs(tx: &mut Tx, jobs: &[JobId]) -> Result<BTreeMap<JobId, Call>> {
    let ids = Param::Ids(jobs.iter().map(|job| job.0).collect());
    let from = "FROM calls WHERE kind = 'job_finished' AND job IN ids($1)";
    let calls: Vec<Call> = tx.select(from, &[ids])?;
    let of = |call: Call| call.job.map(|job| (job, call));
    Ok(calls.into_iter().filter_map(of).collect())
}

/// The call of this id.
pub fn find(tx: &mut Tx, id: CallId) -> Result<Option<Call>> {
    tx.select_opt("FROM calls WHERE id = $1", params![id.0])
}

/// Which calls are listed.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only those in this state.
    pub state: Option<CallState>,
    /// Only those of this rule.
    pub rule: Option<RuleId>,
    /// Only those of this job.
    pub job: Option<JobId>,
    /// Only those to this endpoint.
    pub endpoint: Option<String>,
    /// Only those that are owed for longer than the one at this place.
    pub before: Option<(Timestamp, CallId)>,
}

impl Wanted {
    fn conditions(&self) -> (String, Vec<Param>) {
        let (mut conditions, mut params) = (String::from("TRUE"), Vec::new());
        let mut add = |term: &str, param: Param| {
            params.push(param);
            conditions.push_str(&format!(" AND {term} ${}", params.len()));
        };
        if let Some(rule) = self.rule {
            add("rule =", rule.0.into());
        }
        if let Some(job) = self.job {
            add("job =", job.0.into());
        }
        if let Some(endpoint) = &self.endpoint {
            add("endpoint =", endpoint.as_str().into());
        }
        if let Some(state) = self.state {
            // As it stands: an index over one state is not chosen for a parameter.
            conditions.push_str(&format!(" AND state = '{}'", state.as_str()));
        }
        if let Some((at, id)) = self.before {
            params.extend([at.0.into(), id.0.into()]);
            let n = params.len();
            conditions.push_str(&format!(" AND (owed_at, id) < (${}, ${n})", n - 1));
        }
        (conditions, params)
    }
}

/// Calls without what is sent, those that were owed last first.
pub fn list(tx: &mut Tx, wanted: &Wanted, limit: usize) -> Result<Vec<Call>> {
    let (conditions, params) = wanted.conditions();
    let columns = Call::list().with("body", "CAST(NULL AS TEXT)");
    let sql = format!(
        "SELECT {columns} FROM calls WHERE {conditions} ORDER BY owed_at DESC, id DESC LIMIT {limit}"
    );
    tx.query_as(&sql, &params)
}

/// Owes a call anew that was taken or is dead, under the same event, and makes one that waits due;
/// its endpoint rests no longer.
pub fn resend(tx: &mut Tx, call: &Call, now: Timestamp) -> Result<()> {
    queue::wake(tx, &call.endpoint, now)?;
    let sql = "UPDATE calls SET next_at = $2 WHERE id = $1 AND state = 'waiting' AND next_at > $2";
    tx.execute(sql, params![call.id.0, now.0])?;
    let sql = "UPDATE calls SET state = 'waiting', attempts = 0, last_error = NULL, next_at = $2,
               owed_at = $2 WHERE id = $1 AND state <> 'waiting'";
    tx.execute(sql, params![call.id.0, now.0])?;
    Ok(())
}

/// Owes the dead calls among these anew, at most so many, those that happened first; answers how many.
pub fn resend_dead(tx: &mut Tx, wanted: Wanted, now: Timestamp, limit: usize) -> Result<usize> {
    let wanted = Wanted {
        state: Some(CallState::Dead),
        ..wanted
    };
    let (conditions, mut params) = wanted.conditions();
    let sql = format!(
        "SELECT DISTINCT endpoint FROM
           (SELECT endpoint FROM calls WHERE {conditions} ORDER BY made_at, id LIMIT {limit}) AS dead
         ORDER BY endpoint"
    );
    for endpoint in tx.values::<String>(&sql, &params)? {
        queue::wake(tx, &endpoint, now)?;
    }
    params.push(now.0.into());
    let at = params.len();
    let sql = format!(
        "UPDATE calls SET state = 'waiting', attempts = 0, last_error = NULL, next_at = ${at},
           owed_at = ${at} WHERE state = 'dead' AND id IN
           (SELECT id FROM calls WHERE {conditions} ORDER BY made_at, id LIMIT {limit})"
    );
    tx.execute(&sql, &params)
}

/// Removes calls that are owed since before this time, at most so many, and what is known of endpoints
/// that nobody called since; `true` if there were any.
pub fn purge(tx: &mut Tx, before: Timestamp, rows: i64) -> Result<bool> {
    let sql = "DELETE FROM calls WHERE id IN
               (SELECT id FROM calls WHERE owed_at < $1 ORDER BY owed_at, id LIMIT $2)";
    let calls = tx.execute(sql, params![before.0, rows])?;
    let sql = "DELETE FROM endpoints WHERE endpoint IN
               (SELECT endpoint FROM endpoints WHERE called_at < $1 ORDER BY called_at LIMIT $2)";
    let endpoints = tx.execute(sql, params![before.0, rows])?;
    Ok(calls + endpoints > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_the_same_in_every_spelling() {
        for url in [
            "http://a.example/x",
            "HTTP://A.Example:80/x?y=z",
            "http://a.example./x#y",
            "http://a.example/x?x=http://b.example/",
        ] {
            assert_eq!(endpoint(url), "http://a.example/x", "{url}");
        }
        assert_eq!(endpoint("http://[::1]:9"), "http://[::1]:9/");
        assert_eq!(endpoint("https://[::1]?x"), "https://[::1]/");
        assert_eq!(endpoint("https://a.example:443"), "https://a.example/");
        assert_eq!(
            endpoint("https://a.example.:80/X"),
            "https://a.example:80/X"
        );
    }
}

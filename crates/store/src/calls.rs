//! Calls to the outside that are owed: a row for each, stored in the transaction of what it tells of.
//! `calls/queue.rs` says whose turn it is.

mod queue;

pub use queue::{Due, begin, delivered, failed, give_up, next};

use crate::tx::{Param, Tx};
use crate::{Error, Result, Row, Same, params};
use model::call::{CallKind, CallState};
use model::id::{CallId, JobId, ModuleId, RecordId, RuleId};
use model::time::Timestamp;
use model::value::Class;
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

const COLUMNS: &str = "id, kind, event, job, rule, module, record, endpoint, url, body, state,
    attempts, next_at, last_error, made_at, owed_at, tried_at";

fn call(row: &Row) -> Result<Call> {
    let text = |column| row.opt_text(column).map(|text| text.map(str::to_owned));
    let (kind, state) = (row.text(1)?, row.text(10)?);
    let unknown = |word: &str| Error::Inconsistent(format!("a call is {word}"));
    Ok(Call {
        id: CallId(row.int(0)?),
        kind: CallKind::parse(kind).ok_or_else(|| unknown(kind))?,
        event: row.text(2)?.to_owned(),
        job: row.opt_int(3)?.map(JobId),
        rule: row.opt_int(4)?.map(RuleId),
        module: row.opt_int(5)?.map(ModuleId),
        record: row.opt_int(6)?.map(RecordId),
        endpoint: row.text(7)?.to_owned(),
        url: row.text(8)?.to_owned(),
        body: text(9)?,
        state: CallState::parse(state).ok_or_else(|| unknown(state))?,
        attempts: row.int(11)?,
        next_at: Timestamp(row.int(12)?),
        last_error: text(13)?,
        made_at: Timestamp(row.int(14)?),
        owed_at: Timestamp(row.int(15)?),
        tried_at: row.opt_int(16)?.map(Timestamp),
    })
}

/// Owes a call for a job that ends now, if anybody wants one. An earlier end of the same job is told
/// no longer.
pub(crate) fn owe_end(tx: &mut Tx, job: JobId, now: Timestamp) -> Result<()> {
    let sql = "SELECT notify_url FROM jobs WHERE id = $1 AND notify_url IS NOT NULL";
    let Some(row) = tx.query_opt(sql, params![job.0])? else {
        return Ok(());
    };
    let url = row.text(0)?;
    forget_end(tx, job)?;
    let sql = "INSERT INTO calls (id, kind, event, job, endpoint, url, state, attempts, next_at,
                 made_at, owed_at)
               VALUES ($1, 'job_finished', $2, $3, $4, $5, 'waiting', 0, $6, $6, $6)";
    let event = format!("job_{job}_{}", now.0);
    let params = params![
        tx.new_id()?,
        event.as_str(),
        job.0,
        endpoint(url).as_str(),
        url,
        now.0
    ];
    tx.execute(sql, params).map(|_| ())
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

/// Owes calls, in the transaction of what else the rule does. Of one record they go out in the order
/// in which they were owed, also to clocks that differ.
pub fn owe_hooks(tx: &mut Tx, hooks: &[NewHook<'_>], now: Timestamp) -> Result<()> {
    let endpoints: Vec<String> = hooks.iter().map(|hook| endpoint(hook.url)).collect();
    let last = last_owed(tx, hooks, &endpoints)?;
    let mut rows = Vec::with_capacity(hooks.len());
    for (hook, endpoint) in hooks.iter().zip(endpoints) {
        let last = last.get(&(hook.record, endpoint.clone())).copied();
        let at = last.map_or(now.0, |last| now.0.max(last + 1));
        rows.push(vec![
            tx.new_id()?.into(),
            hook.event.as_str().into(),
            hook.rule.0.into(),
            hook.module.0.into(),
            hook.record.0.into(),
            hook.job.map(|job| job.0).into(),
            endpoint.into(),
            hook.url.into(),
            hook.body.as_str().into(),
            now.0.into(),
            at.into(),
            at.into(),
        ]);
    }
    let same = [
        Same::text("kind", CallKind::Workflow.as_str()),
        Same::text("state", CallState::Waiting.as_str()),
        Same::int("attempts", 0),
    ];
    let columns = [
        ("id", Class::Int),
        ("event", Class::Text),
        ("rule", Class::Int),
        ("module", Class::Int),
        ("record", Class::Int),
        ("job", Class::Int),
        ("endpoint", Class::Text),
        ("url", Class::Text),
        ("body", Class::Text),
        ("made_at", Class::Int),
        ("owed_at", Class::Int),
        ("next_at", Class::Int),
    ];
    let columns = columns.map(|(name, class)| (name.to_owned(), class));
    tx.insert_rows("calls", &same, &columns, &rows)
}

/// When the last call that still waits was owed, by record and endpoint.
fn last_owed(
    tx: &mut Tx,
    hooks: &[NewHook<'_>],
    endpoints: &[String],
) -> Result<HashMap<(RecordId, String), i64>> {
    let records = Param::Ids(hooks.iter().map(|hook| hook.record.0).collect());
    let endpoints = Param::Texts(endpoints.to_vec());
    let sql = "SELECT record, endpoint, MAX(owed_at) FROM calls WHERE state = 'waiting'
                 AND record IS NOT NULL AND record IN ids($1) AND endpoint IN texts($2)
               GROUP BY record, endpoint";
    let rows = tx.query(sql, &[records, endpoints])?;
    let last = |row: &Row| {
        let key = (RecordId(row.int(0)?), row.text(1)?.to_owned());
        Ok((key, row.int(2)?))
    };
    rows.iter().map(last).collect()
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
    let sql = format!("SELECT {COLUMNS} FROM calls WHERE kind = 'job_finished' AND job IN ids($1)");
    let rows = tx.query(&sql, &[ids])?;
    let of = |row: &Row| call(row).map(|call| call.job.map(|job| (job, call)));
    rows.iter().filter_map(|row| of(row).transpose()).collect()
}

/// The call of this id.
pub fn find(tx: &mut Tx, id: CallId) -> Result<Option<Call>> {
    let sql = format!("SELECT {COLUMNS} FROM calls WHERE id = $1");
    let row = tx.query_opt(&sql, params![id.0])?;
    row.as_ref().map(call).transpose()
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
    fn options(&self) -> (String, Vec<Param>) {
        let (mut options, mut params) = (String::from("TRUE"), Vec::new());
        let mut add = |term: &str, param: Param| {
            params.push(param);
            options.push_str(&format!(" AND {term} ${}", params.len()));
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
            options.push_str(&format!(" AND state = '{}'", state.as_str()));
        }
        if let Some((at, id)) = self.before {
            params.extend([at.0.into(), id.0.into()]);
            let n = params.len();
            options.push_str(&format!(" AND (owed_at, id) < (${}, ${n})", n - 1));
        }
        (options, params)
    }
}

/// Calls without what is sent, those that were owed last first.
pub fn list(tx: &mut Tx, wanted: &Wanted, limit: usize) -> Result<Vec<Call>> {
    let (options, params) = wanted.options();
    let columns = COLUMNS.replace("body", "CAST(NULL AS TEXT)");
    let sql = format!(
        "SELECT {columns} FROM calls WHERE {options} ORDER BY owed_at DESC, id DESC LIMIT {limit}"
    );
    let rows = tx.query(&sql, &params)?;
    rows.iter().map(call).collect()
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
    let (options, mut params) = wanted.options();
    let sql = format!(
        "SELECT DISTINCT endpoint FROM
           (SELECT endpoint FROM calls WHERE {options} ORDER BY made_at, id LIMIT {limit}) AS dead
         ORDER BY endpoint"
    );
    for row in tx.query(&sql, &params)? {
        queue::wake(tx, row.text(0)?, now)?;
    }
    params.push(now.0.into());
    let at = params.len();
    let sql = format!(
        "UPDATE calls SET state = 'waiting', attempts = 0, last_error = NULL, next_at = ${at},
           owed_at = ${at} WHERE state = 'dead' AND id IN
           (SELECT id FROM calls WHERE {options} ORDER BY made_at, id LIMIT {limit})"
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

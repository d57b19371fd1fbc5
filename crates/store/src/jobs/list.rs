//! Jobs by what they have in common.

use super::{Job, UNFINISHED};
use crate::tx::{Param, Tx};
use crate::{Result, params};
use model::id::{JobId, ModuleId, UserId};
use model::job::{JobKind, JobState, Relation};
use model::time::Timestamp;

/// Which jobs of a list.
#[derive(Clone, Debug, Default)]
pub struct JobQuery {
    /// In this state.
    pub state: Option<JobState>,
    /// Doing this.
    pub kind: Option<JobKind>,
    /// To records of this module.
    pub module: Option<ModuleId>,
    /// For this user.
    pub actor: Option<UserId>,
    /// Older than this one, by acceptance and id.
    pub before: Option<(Timestamp, JobId)>,
}

/// Jobs, newest first; none that is still being prepared, because nobody was told of it.
pub fn list(tx: &mut Tx, wanted: &JobQuery, limit: i64) -> Result<Vec<Job>> {
    let mut from = String::from("FROM jobs WHERE state <> 'preparing'");
    let mut params: Vec<Param> = Vec::new();
    let mut add = |condition: &str, values: Vec<Param>| {
        let mut text = condition.to_owned();
        for (n, value) in values.into_iter().enumerate() {
            params.push(value);
            text = text.replace(&format!("#{n}"), &format!("${}", params.len()));
        }
        from.push_str(&text);
    };
    if let Some(state) = wanted.state {
        add(" AND state = #0", vec![state.as_str().into()]);
    }
    if let Some(kind) = wanted.kind {
        add(" AND kind = #0", vec![kind.as_str().into()]);
    }
    if let Some(module) = wanted.module {
        add(" AND module = #0", vec![module.0.into()]);
    }
    if let Some(actor) = wanted.actor {
        add(" AND actor = #0", vec![actor.0.into()]);
    }
    if let Some((at, id)) = wanted.before {
        let older = " AND (created_at < #0 OR (created_at = #0 AND id < #1))";
        add(older, vec![at.0.into(), id.0.into()]);
    }
    add(
        " ORDER BY created_at DESC, id DESC LIMIT #0",
        vec![limit.into()],
    );
    tx.select(&from, &params)
}

/// The newest job of this relation to a parent that is not finished.
pub fn unfinished_of(tx: &mut Tx, parent: JobId, relation: Relation) -> Result<Option<JobId>> {
    let sql = format!(
        "SELECT id FROM jobs WHERE parent = $1 AND relation = $2 AND {UNFINISHED}
         ORDER BY id DESC LIMIT 1"
    );
    tx.find_value(&sql, params![parent.0, relation.as_str()])
}

/// The newest job that retries or undoes this one, however it ended.
pub fn follower(tx: &mut Tx, parent: JobId) -> Result<Option<JobId>> {
    let sql = "SELECT id FROM jobs WHERE parent = $1 ORDER BY id DESC LIMIT 1";
    tx.find_value(sql, params![parent.0])
}

/// How many jobs there are in each state.
pub fn count_by_state(tx: &mut Tx) -> Result<Vec<(JobState, i64)>> {
    tx.select_tuples(["state", "count(*)"], "FROM jobs GROUP BY state", &[])
}

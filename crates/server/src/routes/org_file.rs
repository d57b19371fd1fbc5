//! `/swathe/v1/org`: the org as a file, for administrators.

use super::native::{self, administrators_only};
use crate::answer::Answer;
use crate::call::Call;
use crm::org::{self, Unfit};
use model::org::{Change, Problem};
use model::refusal::{Code, Refusal};
use serde_json::{Value as Json, json};
use store::Fault;

/// `GET /swathe/v1/org`: the file of the running org, in JSON or, where `Accept` wants that, as text.
pub(super) fn export(call: &Call<'_>) -> Result<Answer, Fault> {
    call.app
        .db
        .read(|tx| administrators_only(tx, call.actor.user))?;
    let text = org::export(&call.app.db)?;
    let accept = call.header("accept").unwrap_or_default();
    Ok(if accept.contains("text/plain") {
        Answer::other(200, "text/plain;charset=UTF-8", text)
    } else {
        Answer::ok(json!({ "org": text }))
    })
}

/// `PUT /swathe/v1/org`: `{"org","allow_remove","dry_run"}`, of which only `org` is needed. With
/// `dry_run` it only says what the file would change.
pub(super) fn apply(call: &Call<'_>) -> Result<Answer, Fault> {
    call.app
        .db
        .read(|tx| administrators_only(tx, call.actor.user))?;
    let body = call.json_object()?;
    let body = native::body(&body);
    body.known(&["org", "allow_remove", "dry_run"])?;
    let text = body.key("org").required()?.text()?;
    let allow_remove = body.key("allow_remove").flag()?;
    let db = &call.app.db;
    let answer = if body.key("dry_run").flag()? {
        org::diff(db, text).map(|changes| json!({ "changed": false, "changes": shown(&changes) }))
    } else {
        org::apply(db, text, allow_remove, call.now).map(|applied| {
            json!({
                "changed": applied.changed,
                "version": applied.version,
                "changes": shown(&applied.changes),
            })
        })
    };
    match answer {
        Ok(answer) => Ok(Answer::ok(answer)),
        Err(Unfit::Fault(fault)) => Err(fault),
        Err(Unfit::Problems(problems)) => Err(wrong(&problems).into()),
    }
}

fn shown(changes: &[Change]) -> Json {
    let shown = changes.iter();
    shown
        .map(|change| json!({ "kind": change.kind.as_str(), "what": change.what }))
        .collect()
}

fn wrong(problems: &[Problem]) -> Refusal {
    let listed: Vec<Json> = problems
        .iter()
        .map(|problem| {
            json!({
                "line": problem.line, "column": problem.column, "message": problem.message,
            })
        })
        .collect();
    Refusal::new(Code::InvalidData)
        .saying("the org file cannot be applied")
        .with("problems", listed)
}

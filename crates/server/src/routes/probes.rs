//! What an orchestrator asks: is it up, is it ready, how is it doing. No token is needed.

use crate::answer::Answer;
use crate::call::Ask;
use serde_json::json;
use store::Fault;

/// `GET /healthz`: the process is up.
#[expect(clippy::unnecessary_wraps, reason = "a handler has this shape")]
pub(crate) fn health(_: &Ask<'_>) -> Result<Answer, Fault> {
    Ok(Answer::ok(json!({"status": "up"})))
}

/// `GET /readyz`: the database answers and has an org, and the workers of this process work.
pub(crate) fn ready(ask: &Ask<'_>) -> Result<Answer, Fault> {
    if !ask.app.engine.is_well() {
        return Ok(Answer::json(
            503,
            json!({"status": "the workers have stopped"}),
        ));
    }
    let has_org = ask.app.db.read(|tx| Ok(tx.find_catalog().is_some()))?;
    Ok(if has_org {
        Answer::ok(json!({"status": "ready"}))
    } else {
        Answer::json(503, json!({"status": "the database has no org yet"}))
    })
}

/// `GET /metrics`, for Prometheus. It answers even when the database does not.
#[expect(clippy::unnecessary_wraps, reason = "a handler has this shape")]
pub(crate) fn metrics(ask: &Ask<'_>) -> Result<Answer, Fault> {
    let jobs = ask.app.db.read(|tx| Ok(store::jobs::count_by_state(tx)?));
    if let Err(error) = &jobs {
        tracing::warn!(%error, "jobs were not counted");
    }
    let text = ask.app.metrics.render(jobs.ok().as_deref());
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    Ok(Answer::other(200, content_type, text))
}

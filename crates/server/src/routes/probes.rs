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
    let counted = ask.app.db.read(|tx| {
        let jobs = store::jobs::count_by_state(tx)?;
        Ok((jobs, store::events::count(tx)?))
    });
    if let Err(error) = &counted {
        tracing::warn!(%error, "jobs and events were not counted");
    }
    let (jobs, events) = counted.ok().unzip();
    let text = ask.app.metrics.render(jobs.as_deref(), events);
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    Ok(Answer::other(200, content_type, text))
}

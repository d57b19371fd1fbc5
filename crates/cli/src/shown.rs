//! Plans and jobs as people read them.

use crate::follow::{count, text};
use crate::settings::{Failure, say};
use crate::terminal::{self, Rows, bold, clean, grouped, value};
use anyhow::bail;
use serde_json::Value as Json;

/// The objects of a list in an answer.
pub(crate) fn items<'a>(json: &'a Json, key: &str) -> &'a [Json] {
    let found = json.get(key).and_then(Json::as_array);
    found.map(Vec::as_slice).unwrap_or_default()
}

/// What a plan or a job does: `update of Leads`.
pub(crate) fn what(json: &Json) -> String {
    let action = clean(&text(json, "/action").replace('_', " "));
    format!("{action} of {}", module(json))
}

/// The module of a plan or a job.
pub(crate) fn module(json: &Json) -> String {
    match text(json, "/module") {
        "" => "a module that is gone".to_owned(),
        module => clean(module),
    }
}

/// `1 record`, `1,000 records`.
pub(crate) fn records(count: i64) -> String {
    let noun = if count == 1 { "record" } else { "records" };
    format!("{} {noun}", grouped(count))
}

/// Says a job: where it stands, and its counts.
pub(crate) fn job(job: &Json) -> Result<(), Failure> {
    let about = format!("job {}: {}", text(job, "/id"), what(job));
    let state = text(job, "/state");
    let by = match text(job, "/paused_by") {
        "" => String::new(),
        by => clean(&format!(" by {}", by.replace('_', " "))),
    };
    say(format_args!(
        "{}, {}{by}",
        bold(&clean(&about)),
        terminal::state(state)
    ))?;
    let mut counts = Rows::of(&["records", "#"]);
    for name in [
        "total",
        "changed",
        "unchanged",
        "failed",
        "cancelled",
        "not_run",
        "pending",
    ] {
        let count = count(job, name);
        // Most jobs have none of the last three.
        if count > 0 || matches!(name, "total" | "changed" | "unchanged" | "failed") {
            counts.row([name.replace('_', " "), grouped(count)]);
        }
    }
    counts.say()?;
    let mut failed = Rows::of(&["failed by", "#records"]);
    let by_code = job.get("failed_by_code").and_then(Json::as_object);
    for (code, count) in by_code.into_iter().flatten() {
        failed.row([clean(code), grouped(count.as_i64().unwrap_or_default())]);
    }
    if failed.is_empty() {
        return Ok(());
    }
    failed.say()
}

/// Says all that is known of a job.
pub(crate) fn whole_job(shown: &Json) -> Result<(), Failure> {
    job(shown)?;
    let mut rows = Rows::of(&["about it", "…"]);
    let actor = value(shown.get("actor").unwrap_or(&Json::Null));
    rows.row(["started by".to_owned(), actor]);
    for (key, said) in [
        ("rate", "records a second"),
        ("eta", "done at about"),
        ("throttle", "records a second at most"),
        ("tolerance", "records that may have changed since the plan"),
        ("plan", "made from plan"),
        ("retry_of", "retries job"),
        ("undo_of", "undoes job"),
        ("undo_until", "can be undone until"),
        ("run_at", "to start at"),
        ("created_at", "accepted"),
        ("started_at", "started"),
        ("finished_at", "ended"),
        ("error", "failed because"),
    ] {
        if let Some(json) = shown.get(key).filter(|json| !json.is_null()) {
            rows.row([said.to_owned(), value(json)]);
        }
    }
    rows.say()?;
    if let Some(request) = shown.get("request").filter(|json| json.is_object()) {
        for key in ["selection", "change"] {
            if let Some(json) = request.get(key).filter(|json| !json.is_null()) {
                say(format_args!("\n{key}: {}", clean(&json.to_string())))?;
            }
        }
    }
    Ok(())
}

/// How a command ends that followed a job to where it rests: as a failure unless every record is as
/// it was wanted.
pub(crate) fn verdict(job: &Json) -> Result<(), Failure> {
    let id = text(job, "/id");
    let failed = count(job, "failed");
    match text(job, "/state") {
        "completed" if failed == 0 => Ok(()),
        "completed" => bail!(
            "{} of {} failed: `swathe jobs outcomes {id} --outcome failed` says why of each",
            grouped(failed),
            records(count(job, "total"))
        ),
        "paused" => bail!(
            "job {id} paused itself, since more records than its tolerance changed after the plan: \
             `swathe jobs resume {id} --tolerance N` goes on, `swathe jobs cancel {id}` ends it"
        ),
        "failed" => bail!("job {id} failed: {}", text(job, "/error")),
        state => bail!("job {id} is {state}"),
    }
}

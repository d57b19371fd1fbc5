//! Plans and jobs as people read them.

use crate::follow::{count, text};
use crate::settings::{Failure, note, say};
use crate::terminal::{self, Rows, bold, clean, grouped, value};
use anyhow::bail;
use serde_json::{Map, Value as Json};

/// Samples of ids beside a code.
const IDS: usize = 2;
/// Records of a plan's sample that people are shown.
const SAMPLE: usize = 8;

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

/// Says a plan.
pub(crate) fn plan(plan: &Json) -> Result<(), Failure> {
    let (id, expires) = (text(plan, "/id"), text(plan, "/expires_at"));
    let about = format!("plan {id}: {}", what(plan));
    say(format_args!(
        "{}, good until {expires}",
        bold(&clean(&about))
    ))?;
    let mut counts = Rows::of(&["records", "#"]);
    for (name, said) in [
        ("selected", "selected"),
        ("change", "would change"),
        ("unchanged", "would stay as they are"),
        ("refused", "would be refused"),
    ] {
        counts.row([said.to_owned(), grouped(count(plan, name))]);
    }
    for (key, what) in [
        ("along", "that go along"),
        ("makes", "that are made"),
        ("attaches", "that exist, found by"),
    ] {
        for entry in items(plan, key) {
            let part = |key: &str| value(entry.get(key).unwrap_or(&Json::Null));
            let count = entry.get("count").and_then(Json::as_i64);
            let by = if entry.get("by").is_some() {
                format!(" {}", part("by"))
            } else {
                String::new()
            };
            let said = format!("{} {what}{by}", part("module"));
            counts.row([said, grouped(count.unwrap_or_default())]);
        }
    }
    counts.say()?;
    reasons(plan, "refused", "refused by")?;
    reasons(plan, "refused_in_part", "in part refused by")?;
    automation(plan)?;
    sample(plan)
}

fn reasons(plan: &Json, key: &str, title: &str) -> Result<(), Failure> {
    let mut rows = Rows::of(&[title, "#records", "because…", "for example"]);
    for reason in items(plan, key) {
        let ids = items(reason, "sample").iter().take(IDS).map(value);
        let of = |key: &str| value(reason.get(key).unwrap_or(&Json::Null));
        let count = reason
            .get("count")
            .and_then(Json::as_i64)
            .unwrap_or_default();
        rows.row([
            of("code"),
            grouped(count),
            of("message"),
            ids.collect::<Vec<String>>().join(" "),
        ]);
    }
    if rows.is_empty() {
        return Ok(());
    }
    rows.say()
}

fn automation(plan: &Json) -> Result<(), Failure> {
    let fires = plan
        .pointer("/automation/would_fire")
        .and_then(Json::as_array);
    let mut rows = Rows::of(&["would fire…", "#records"]);
    for rule in fires.into_iter().flatten() {
        let count = rule.get("count").and_then(Json::as_i64);
        rows.row([
            value(rule.pointer("/rule/name").unwrap_or(&Json::Null)),
            grouped(count.unwrap_or_default()),
        ]);
    }
    if rows.is_empty() {
        return Ok(());
    }
    rows.say()
}

fn sample(plan: &Json) -> Result<(), Failure> {
    let mut rows = Rows::of(&["sample", "name…", "field", "before…", "after…"]);
    for record in items(plan, "sample").iter().take(SAMPLE) {
        let side = |key: &str| record.get(key).and_then(Json::as_object);
        let (before, after) = (side("before"), side("after"));
        let fields = after.filter(|after| !after.is_empty()).or(before);
        let mut fields: Vec<&str> = fields
            .into_iter()
            .flat_map(Map::keys)
            .map(String::as_str)
            .collect();
        if fields.is_empty() {
            // A deletion leaves nothing: the name says which record it is.
            fields.push("");
        }
        for (n, field) in fields.into_iter().enumerate() {
            let of = |side: Option<&Map<String, Json>>| match field {
                "" => String::new(),
                field => value(side.and_then(|side| side.get(field)).unwrap_or(&Json::Null)),
            };
            let first = |key: &str| match n {
                0 => value(record.get(key).unwrap_or(&Json::Null)),
                _ => String::new(),
            };
            rows.row([
                first("id"),
                first("name"),
                clean(field),
                of(before),
                of(after),
            ]);
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    rows.say()
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
        "paused" if text(job, "/paused_by") == "automation_cap" => bail!(
            "job {id} paused itself, since its next record would leave more events to automation than \
             its cap allows: `swathe jobs resume {id} --automation-cap N` goes on, \
             `swathe jobs cancel {id}` ends it"
        ),
        "paused" => bail!(
            "job {id} paused itself, since more records than its tolerance changed after the plan: \
             `swathe jobs resume {id} --tolerance N` goes on, `swathe jobs cancel {id}` ends it"
        ),
        "failed" => bail!("job {id} failed: {}", text(job, "/error")),
        state => bail!("job {id} is {state}"),
    }
}

/// Says how to take back what a job changed.
pub(crate) fn hint_undo(job: &Json) {
    let undoable = job.get("undo_until").is_some_and(|until| !until.is_null());
    if undoable && count(job, "changed") > 0 {
        let (id, until) = (text(job, "/id"), text(job, "/undo_until"));
        note(format_args!(
            "\n`swathe jobs undo {id}` takes it back, until {until}"
        ));
    }
}

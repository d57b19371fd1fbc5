//! What a job costs beside its own time: to plan it, to undo it, and what others wait for meanwhile;
//! and what a million records change.

use super::http::{Asked, Latency, ask, now, pause};
use super::node::{Ended, Node};
use super::{Options, measure, new_dir};
use crate::process::announce;
use anyhow::{Context, Result};
use serde_json::{Value as Json, json};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A table of so many is large.
const MILLION: u32 = 1_000_000;
/// Answers needed before one in a hundred says something.
const ANSWERS: usize = 500;
/// So long is measured without a job.
const IDLE: Duration = Duration::from_secs(4);

/// A measure, its goal, and what limits it.
pub(super) struct Row {
    what: String,
    measured: String,
    goal: &'static str,
    limit: &'static str,
}

fn row(
    what: impl Into<String>,
    measured: impl Into<String>,
    goal: &'static str,
    limit: &'static str,
) -> Row {
    let row = Row {
        what: what.into(),
        measured: measured.into(),
        goal,
        limit,
    };
    println!("{}: {} (goal: {})", row.what, row.measured, row.goal);
    row
}

/// The rows as a Markdown table.
pub(super) fn table(rows: &[Row]) -> String {
    let mut text =
        "| what | measured | goal | what limits it |\n| --- | ---: | --- | --- |\n".to_owned();
    for Row {
        what,
        measured,
        goal,
        limit,
    } in rows
    {
        text.push_str(&format!("| {what} | {measured} | {goal} | {limit} |\n"));
    }
    text
}

/// The parts that were asked for.
pub(super) fn run(binaries: &Path, options: &Options) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    if ["jobs", "latency", "twenty"]
        .iter()
        .any(|part| options.wants(part))
    {
        let mut node = Node::start(binaries, new_dir()?, options.records, options.records)?;
        if options.wants("jobs") {
            jobs(&mut node, options.runs, &mut rows)?;
        }
        if options.wants("latency") {
            latency(&mut node, &porto(), &mut rows)?;
        }
        if options.wants("twenty") {
            twenty(&mut node, &mut rows)?;
        }
    }
    if options.wants("million") {
        million(binaries, options, &mut rows)?;
    }
    Ok(rows)
}

fn porto() -> Json {
    json!({ "criteria": "(City:equals:Porto)" })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A plan and an undo, each against the run between them.
fn jobs(node: &mut Node, runs: usize, rows: &mut Vec<Row>) -> Result<()> {
    announce("a plan, its run, and its undo, in turns");
    let (mut plans, mut undos, mut seconds) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        let asked = node.asked(&porto());
        let start = now();
        let plan = node.client.post("/swathe/v1/plans", &asked)?;
        let planning = start.elapsed().as_secs_f64();
        let start = now();
        let job = json!({ "plan": plan.get("id") });
        let job = node.client.post("/swathe/v1/jobs", &job)?;
        let ran = node.ended(&job, start)?;
        let start = now();
        let path = format!("/swathe/v1/jobs/{}/actions/undo", ran.id);
        let undo = node.client.post(&path, &json!({}))?;
        let undone = node.ended(&undo, start)?;
        plans.push(planning / ran.seconds);
        undos.push(undone.seconds / ran.seconds);
        seconds.push(ran.seconds);
    }
    let run = median(seconds);
    rows.push(row(
        "a plan, its run = 1",
        format!("{:.2} (run: {run:.2} s)", median(plans)),
        "at most 0.5",
        "storing the targets with what was foreseen of each; judging is the same as in the run",
    ));
    rows.push(row(
        "an undo, its run = 1",
        format!("{:.2}", median(undos)),
        "none",
        "each record's changes since are read back before it is written",
    ));
    Ok(())
}

/// Asks while `work` is done, and as often as needed for enough answers.
fn meanwhile(
    node: &mut Node,
    asked: Asked,
    ids: &[String],
    mut work: impl FnMut(&mut Node) -> Result<()>,
) -> Result<Latency> {
    let stop = AtomicBool::new(false);
    let client = node.client.another();
    let mut taken = Vec::new();
    while taken.len() < ANSWERS {
        stop.store(false, Ordering::Relaxed);
        let told = std::thread::scope(|scope| {
            let asking = scope.spawn(|| ask(&client, asked, ids, &stop));
            let worked = work(node);
            stop.store(true, Ordering::Relaxed);
            let told = asking.join().ok().context("the client panicked")?;
            worked.and(told)
        })?;
        taken.extend(told.into_times());
    }
    Ok(Latency::new(taken))
}

/// Reads and writes of single records, idle and while jobs run.
fn latency(node: &mut Node, selection: &Json, rows: &mut Vec<Row>) -> Result<()> {
    let ids = node.client.leads()?;
    let records = node.job(selection)?.total;
    for (name, asked, goal) in [
        (
            "a read by id",
            Asked::Read,
            "p99 at most 2 times idle, and under 10",
        ),
        ("a single write", Asked::Write, "p99 under 50"),
    ] {
        announce(&format!("{name}, idle and during jobs of {records}"));
        let idle = meanwhile(node, asked, &ids, |_| {
            pause(IDLE);
            Ok(())
        })?;
        let busy = meanwhile(node, asked, &ids, |node| node.job(selection).map(drop))?;
        let ratio = busy.percentile(99) / idle.percentile(99);
        let limit = match asked {
            Asked::Read => "two cores: the job, the server and this client share them",
            Asked::Write => {
                "one writer at a time: a write waits for the chunk that runs, then for its own sync"
            }
        };
        rows.push(row(
            format!("{name} during jobs of {records}, p50 / p99 in ms"),
            format!(
                "{} (idle {}; p99 {ratio:.1} times; {} answers)",
                busy.shown(),
                idle.shown(),
                busy.len()
            ),
            goal,
            limit,
        ));
    }
    Ok(())
}

/// Twenty jobs at once against one job of as many records.
fn twenty(node: &mut Node, rows: &mut Vec<Row>) -> Result<()> {
    announce("twenty jobs at once");
    let one = node.job(&porto())?;
    let start = now();
    let mut jobs = Vec::new();
    for company in 0..20 {
        let selection = json!({ "criteria": format!("(Company:equals:Company {company})") });
        let asked = node.asked(&selection);
        jobs.push(node.client.post("/swathe/v1/jobs", &asked)?);
    }
    let ended = jobs.iter().map(|job| node.ended(job, start));
    let ended: Vec<Ended> = ended.collect::<Result<_>>()?;
    let last = ended.iter().map(|job| job.seconds).fold(0.0, f64::max);
    rows.push(row(
        "twenty jobs at once, one job of all their records = 1",
        format!("{:.2} ({last:.2} s)", last / one.seconds),
        "none",
        "each selects by reading the whole table; chunks start small again in each job",
    ));
    Ok(())
}

/// A table of a million, of which some are changed, and all.
fn million(binaries: &Path, options: &Options, rows: &mut Vec<Row>) -> Result<()> {
    let floor_options = [("--records", options.records), ("--table", MILLION)];
    announce("the floor in a table of a million");
    let floor = measure(binaries, "floor", &floor_options)?;
    let mut node = Node::start(binaries, new_dir()?, MILLION, options.records)?;
    announce("scattered in a million");
    let mut few = Vec::new();
    for _ in 0..options.runs {
        few.push(node.job(&porto())?.each());
    }
    let few = median(few);
    rows.push(row(
        format!("{} scattered in {MILLION}, the floor = 1", options.records),
        format!(
            "{:.2} ({few:.1} µs a record)",
            few / (1e6 / floor.records_per_second)
        ),
        "at most 1.25",
        "pages that are read and written for one record each",
    ));
    announce("all of a million");
    node.forget_peak()?;
    let all = node.job(&json!({ "everything": true }))?;
    rows.push(row(
        format!(
            "time for a record of {MILLION}, of {} in the same table = 1",
            options.records
        ),
        format!("{:.2} ({:.1} s in all)", all.each() / few, all.seconds),
        "at most 1.2",
        "the log is checked in every 16 MiB, and indexes of changes no longer fit the cache",
    ));
    rows.push(row(
        format!("most memory while {MILLION} records change"),
        format!("{:.0} MiB", node.peak_mib()?),
        "at most 128 MiB",
        "page caches, and the ids of the selection at 16 bytes each",
    ));
    latency(&mut node, &json!({ "everything": true }), rows)
}

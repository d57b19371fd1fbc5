//! The judge: reads the tables with its own SQL, and finds what must never be there.

mod follows;

use crate::sql::{Row, Sql, number, text};
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What the judge knows beside the tables: what clients were answered.
#[derive(Default)]
pub(crate) struct Facts {
    /// Ids of the fields that are written.
    pub(crate) company: String,
    pub(crate) owner: String,
    /// Of the field by which a task is about a record.
    pub(crate) what: String,
    /// Ids of the modules.
    pub(crate) leads_module: String,
    pub(crate) tasks: String,
    /// Users who get records.
    pub(crate) owners: Vec<String>,
    /// How many leads there are, here or in the bin.
    pub(crate) leads: i64,
    /// Jobs that were accepted, by what clients were told.
    pub(crate) accepted: HashSet<i64>,
    /// Jobs of which clients were told that they are cancelled.
    pub(crate) cancelled: HashSet<i64>,
    /// Values that clients were told to be written at once.
    pub(crate) written: Vec<(i64, String)>,
    /// How far each job was when it was looked at last, and its state.
    pub(crate) seen: HashMap<i64, (i64, String)>,
}

/// What the judge counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) jobs: i64,
    pub(crate) targets: i64,
    pub(crate) changes: i64,
    pub(crate) given_up: i64,
}

struct Job {
    id: i64,
    kind: String,
    state: String,
    total: i64,
    cursor: i64,
    counts: [i64; 3],
    targets: i64,
    parent: Option<i64>,
    relation: Option<String>,
    request: String,
}

/// One change of a record.
struct Change {
    rev: i64,
    kind: String,
    job: Option<i64>,
    before: Map<String, Json>,
}

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Jobs, and their targets, outcomes and changes.
    Jobs,
    /// The history of each record too.
    Records,
    /// All of it, where nothing runs any more, and nothing is left to run.
    End,
}

/// What must hold at any moment.
pub(crate) fn judge(sql: &mut Sql, facts: &mut Facts, depth: Depth) -> Result<Figures> {
    sql.snapshot()?;
    let jobs = jobs(sql)?;
    let mut wrong = Wrong::default();
    counts(sql, &jobs, &mut wrong)?;
    for (what, query) in NEVER {
        wrong.note(what, &sql.ints(query)?);
    }
    outcomes(sql, &jobs, &mut wrong)?;
    progress(&jobs, facts, depth == Depth::End, &mut wrong);
    if depth != Depth::Jobs {
        records(sql, &jobs, facts, &mut wrong)?;
        follows::judge(sql, facts, depth == Depth::End, &mut wrong)?;
    }
    wrong.verdict()?;
    let figures = Figures {
        jobs: i64::try_from(jobs.len())?,
        targets: sql.int("SELECT count(*) FROM job_targets")?,
        changes: sql.int("SELECT count(*) FROM changes")?,
        given_up: sql.int("SELECT count(*) FROM job_outcomes WHERE code = 'INTERNAL_ERROR'")?,
    };
    sql.run("ROLLBACK")?;
    Ok(figures)
}

/// What was found wrong.
#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn note(&mut self, what: &str, ids: &[i64]) {
        if !ids.is_empty() {
            let some: Vec<_> = ids.iter().take(5).collect();
            self.0
                .push(format!("{what}: {} such, {some:?} …", ids.len()));
        }
    }

    fn verdict(&self) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let some: Vec<&str> = self.0.iter().take(12).map(String::as_str).collect();
        bail!(
            "the judge found {} wrong:\n  {}",
            self.0.len(),
            some.join("\n  ")
        )
    }
}

/// Queries that must find nothing, each with what it would mean.
const NEVER: [(&str, &str); 7] = [
    (
        "targets of no job and no plan",
        "SELECT DISTINCT job FROM job_targets WHERE job NOT IN (SELECT id FROM jobs)
         AND job NOT IN (SELECT id FROM plans)",
    ),
    (
        "outcomes of no job",
        "SELECT DISTINCT job FROM job_outcomes WHERE job NOT IN (SELECT id FROM jobs)",
    ),
    (
        "changes of no job",
        "SELECT DISTINCT job FROM changes WHERE job IS NOT NULL
         AND job NOT IN (SELECT id FROM jobs)",
    ),
    (
        "records whose changes are not as many as their revision says",
        "SELECT l.id FROM \"m_Leads\" l WHERE l.rev <>
           (SELECT count(*) FROM changes c WHERE c.record = l.id)
         OR l.rev <> (SELECT max(c.rev) FROM changes c WHERE c.record = l.id)",
    ),
    (
        "records both here and in the bin",
        "SELECT d.record FROM deleted_records d JOIN \"m_Leads\" l ON l.id = d.record
         WHERE d.purged_at IS NULL",
    ),
    (
        "records in the bin without the change that put them there",
        "SELECT d.record FROM deleted_records d WHERE NOT EXISTS (SELECT 1 FROM changes c
           WHERE c.record = d.record AND c.rev = d.rev AND c.kind = 'delete')",
    ),
    (
        "unfinished jobs with one key",
        "SELECT min(id) FROM jobs WHERE exclusive IS NOT NULL
         AND state IN ('preparing', 'queued', 'running', 'paused')
         GROUP BY exclusive HAVING count(*) > 1",
    ),
];

fn jobs(sql: &mut Sql) -> Result<Vec<Job>> {
    let rows = sql.rows(
        "SELECT id, kind, state, total, cursor, changed, unchanged, failed, COALESCE(plan, id),
           parent, relation, request FROM jobs ORDER BY id",
    )?;
    let optional = |row: &Row, n: usize| row.get(n).cloned().flatten();
    rows.iter()
        .map(|row| {
            Ok(Job {
                id: number(row, 0)?,
                kind: text(row, 1)?.to_owned(),
                state: text(row, 2)?.to_owned(),
                total: number(row, 3)?,
                cursor: number(row, 4)?,
                counts: [number(row, 5)?, number(row, 6)?, number(row, 7)?],
                targets: number(row, 8)?,
                parent: optional(row, 9).map(|id| id.parse()).transpose()?,
                relation: optional(row, 10),
                request: text(row, 11)?.to_owned(),
            })
        })
        .collect()
}

/// What a job says of itself against the rows that there are.
fn counts(sql: &mut Sql, jobs: &[Job], wrong: &mut Wrong) -> Result<()> {
    let mut grouped = |query: &str| -> Result<HashMap<String, i64>> {
        let rows = sql.rows(query)?;
        let pair = |row: &Row| Ok((text(row, 0)?.to_owned(), number(row, 1)?));
        rows.iter().map(pair).collect()
    };
    let changed = grouped(
        "SELECT job, count(*) FROM changes c WHERE cause = 'job' AND job IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM job_along a WHERE a.job = c.job AND a.record = c.record)
         GROUP BY job",
    )?;
    let outcomes =
        grouped("SELECT job || ' ' || outcome, count(*) FROM job_outcomes GROUP BY job, outcome")?;
    let targets = grouped(
        "SELECT job, CASE WHEN count(*) = count(DISTINCT record) AND min(seq) = 0
           AND max(seq) = count(*) - 1 THEN count(*) ELSE -1 END FROM job_targets GROUP BY job",
    )?;
    let of = |map: &HashMap<String, i64>, key: String| map.get(&key).copied().unwrap_or(0);
    for job in jobs {
        let id = job.id;
        let rows = [
            of(&changed, id.to_string()),
            of(&outcomes, format!("{id} unchanged")),
            of(&outcomes, format!("{id} failed")),
        ];
        if rows != job.counts {
            let counts = job.counts;
            let what = format!("job {id} counts {counts:?}, its rows are {rows:?}");
            wrong.0.push(what);
        }
        if job.counts.iter().sum::<i64>() != job.cursor {
            wrong
                .0
                .push(format!("the counts of job {id} are not its cursor"));
        }
        let stored = of(&targets, job.targets.to_string());
        let complete = job.state != "preparing" && (job.total > 0 || job.cursor > 0);
        if complete && stored != job.total {
            let total = job.total;
            wrong.0.push(format!(
                "job {id} ({}) has {stored} targets in a row, and says {total}",
                job.state
            ));
        }
        if job.state == "completed" && job.cursor != job.total {
            wrong
                .0
                .push(format!("job {id} is completed before its end"));
        }
    }
    Ok(())
}

/// Every target that was visited has just one change or outcome, every other has none, and a job
/// changes nothing but its targets. In memory: by SQL it would take a look for each pair.
fn outcomes(sql: &mut Sql, jobs: &[Job], wrong: &mut Wrong) -> Result<()> {
    let mut numbers = |query: &str| -> Result<Vec<[i64; 3]>> {
        let rows = sql.rows(query)?;
        let three = |row: &Row| Ok([number(row, 0)?, number(row, 1)?, number(row, 2)?]);
        rows.iter().map(three).collect()
    };
    let mut targets: HashMap<i64, Vec<(i64, i64)>> = HashMap::new();
    for [job, seq, record] in numbers("SELECT job, seq, record FROM job_targets")? {
        targets.entry(job).or_default().push((seq, record));
    }
    // Whatever a target left, by job and record.
    let mut left: HashMap<(i64, i64), i64> = HashMap::new();
    let by_job = "SELECT job, record, count(*) FROM changes c
                  WHERE cause = 'job' AND job IS NOT NULL AND NOT EXISTS
                    (SELECT 1 FROM job_along a WHERE a.job = c.job AND a.record = c.record)
                  GROUP BY job, record";
    for [job, record, count] in numbers(by_job)? {
        left.insert((job, record), count);
    }
    let refused = "SELECT job, seq, record FROM job_outcomes WHERE outcome <> 'changed'";
    let mut seats: HashMap<(i64, i64), i64> = HashMap::new();
    for [job, seq, record] in numbers(refused)? {
        seats.insert((job, seq), record);
    }
    for job in jobs {
        for (seq, record) in targets.get(&job.targets).into_iter().flatten() {
            let changes = left.remove(&(job.id, *record)).unwrap_or(0);
            let settled = match seats.remove(&(job.id, *seq)) {
                Some(of) if of == *record => 1,
                Some(_) => 2,
                None => 0,
            };
            if changes + settled != i64::from(*seq < job.cursor) {
                wrong.0.push(format!(
                    "target {seq} of job {} at {} has {changes} changes and {settled} outcomes",
                    job.id, job.cursor
                ));
            }
        }
    }
    let ids = |keys: &mut dyn Iterator<Item = i64>| keys.collect::<Vec<_>>();
    wrong.note(
        "jobs that changed what is no target",
        &ids(&mut left.keys().map(|key| key.0)),
    );
    wrong.note(
        "outcomes of no target",
        &ids(&mut seats.keys().map(|key| key.0)),
    );
    Ok(())
}

fn finished(state: &str) -> bool {
    matches!(state, "completed" | "failed" | "cancelled")
}

/// Nothing that was answered is gone, nothing goes backwards, and in the end all is done.
fn progress(jobs: &[Job], facts: &mut Facts, over: bool, wrong: &mut Wrong) {
    let known: HashMap<i64, &Job> = jobs.iter().map(|job| (job.id, job)).collect();
    let lost = facts.accepted.iter().filter(|id| !known.contains_key(id));
    wrong.note(
        "jobs that were accepted and are gone",
        &lost.copied().collect::<Vec<_>>(),
    );
    for id in &facts.cancelled {
        if known.get(id).is_none_or(|job| job.state != "cancelled") {
            wrong.0.push(format!("job {id} was cancelled and is not"));
        }
    }
    for job in jobs {
        if let Some((cursor, state)) = facts.seen.get(&job.id)
            && (job.cursor < *cursor
                || (state == "completed" && job.state != "completed")
                || (state == "cancelled" && job.state != "cancelled"))
        {
            wrong.0.push(format!(
                "job {} was {state} at {cursor} and is {} at {}",
                job.id, job.state, job.cursor
            ));
        }
        facts.seen.insert(job.id, (job.cursor, job.state.clone()));
    }
    if over {
        let open = jobs.iter().filter(|job| !finished(&job.state));
        let open: Vec<i64> = open.map(|job| job.id).collect();
        wrong.note("jobs that have not ended", &open);
    }
}

/// Every record is what its history says.
fn records(sql: &mut Sql, jobs: &[Job], facts: &Facts, wrong: &mut Wrong) -> Result<()> {
    let rows = sql.rows("SELECT id, rev, \"Company\", \"Owner\" FROM \"m_Leads\"")?;
    let mut now: BTreeMap<i64, [Option<String>; 2]> = BTreeMap::new();
    for row in &rows {
        let cell = |n: usize| row.get(n).cloned().flatten();
        now.insert(number(row, 0)?, [cell(2), cell(3)]);
    }
    let in_bin = sql.int(&format!(
        "SELECT count(*) FROM deleted_records WHERE purged_at IS NULL AND module = {}",
        facts.leads_module
    ))?;
    let here = i64::try_from(now.len())?;
    if here + in_bin != facts.leads {
        wrong.0.push(format!(
            "{} leads were made, {here} are here and {in_bin} in the bin",
            facts.leads
        ));
    }
    let rows = sql.rows(&format!(
        "SELECT record, rev, kind, job, before FROM changes WHERE module = {}
         ORDER BY record, rev",
        facts.leads_module
    ))?;
    let mut histories: BTreeMap<i64, Vec<Change>> = BTreeMap::new();
    for row in &rows {
        let before = text(row, 4)?;
        histories.entry(number(row, 0)?).or_default().push(Change {
            rev: number(row, 1)?,
            kind: text(row, 2)?.to_owned(),
            job: row
                .get(3)
                .cloned()
                .flatten()
                .map(|id| id.parse())
                .transpose()?,
            before: serde_json::from_str(before).with_context(|| before.to_owned())?,
        });
    }
    let asked: HashMap<i64, Asked> = jobs.iter().map(|job| (job.id, asked(job, facts))).collect();
    let mut wrote: HashSet<(i64, String)> = HashSet::new();
    for (record, history) in &histories {
        let current = now.get(record);
        let record = History {
            record: *record,
            changes: history,
            now: current,
            facts,
        };
        record.judge(&asked, wrong);
        for n in 0..history.len() {
            if let Some(value) = record.after(n, &facts.company) {
                wrote.insert((record.record, value));
            }
        }
    }
    let lost = facts.written.iter().filter(|one| !wrote.contains(*one));
    let lost: Vec<i64> = lost.map(|(record, _)| *record).collect();
    wrong.note(
        "records that lost a value that was answered as written",
        &lost,
    );
    Ok(())
}

/// What a job was asked to write.
enum Asked {
    /// This value into this field.
    Value(String, String),
    /// What stood there before this job.
    Undo(i64),
    /// Nothing that can be told from here.
    Other,
}

fn asked(job: &Job, facts: &Facts) -> Asked {
    if job.relation.as_deref() == Some("undo")
        && let Some(parent) = job.parent
    {
        return Asked::Undo(parent);
    }
    match job.kind.as_str() {
        "mass_update" => {
            let parts = job.request.split('"');
            let mut parts = parts.filter(|part| part.starts_with("Forged "));
            parts.next().map_or(Asked::Other, |value| {
                Asked::Value(facts.company.clone(), value.to_owned())
            })
        }
        "change_owner" => {
            let mut owners = facts.owners.iter();
            let owner = owners.find(|owner| job.request.contains(owner.as_str()));
            owner.map_or(Asked::Other, |owner| {
                Asked::Value(facts.owner.clone(), owner.clone())
            })
        }
        _ => Asked::Other,
    }
}

/// One record's history.
struct History<'a> {
    record: i64,
    changes: &'a [Change],
    now: Option<&'a [Option<String>; 2]>,
    facts: &'a Facts,
}

fn shown(value: &Json) -> Option<String> {
    match value {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

impl History<'_> {
    /// What stood in a field after the nth change: what the next one found, or what stands there now.
    fn after(&self, n: usize, field: &str) -> Option<String> {
        for change in self.changes.iter().skip(n + 1) {
            if let Some(value) = change.before.get(field) {
                return shown(value);
            }
            if change.kind == "delete" {
                return None;
            }
        }
        let place = usize::from(field == self.facts.owner);
        self.now?.get(place)?.clone()
    }

    fn judge(&self, asked: &HashMap<i64, Asked>, wrong: &mut Wrong) {
        let record = self.record;
        let mut jobs = HashSet::new();
        for (n, change) in self.changes.iter().enumerate() {
            if usize::try_from(change.rev) != Ok(n + 1) {
                wrong
                    .0
                    .push(format!("record {record} has no change {}", n + 1));
                return;
            }
            let Some(job) = change.job else { continue };
            if !jobs.insert(job) {
                wrong
                    .0
                    .push(format!("job {job} changed record {record} twice"));
            }
            let (field, value) = match asked.get(&job) {
                Some(Asked::Value(field, value)) => (field.clone(), Some(value.clone())),
                Some(Asked::Undo(parent)) => {
                    let undone = self.changes.iter().find(|c| c.job == Some(*parent));
                    let fields = [&self.facts.company, &self.facts.owner];
                    let undone = undone.and_then(|undone| {
                        let field = fields
                            .into_iter()
                            .find(|f| undone.before.contains_key(*f))?;
                        Some((field.clone(), shown(undone.before.get(field)?)))
                    });
                    match undone {
                        Some((field, value)) if change.before.contains_key(&field) => {
                            (field, value)
                        }
                        _ => continue,
                    }
                }
                _ => continue,
            };
            if self.after(n, &field) != value {
                wrong.0.push(format!(
                    "job {job} wrote {value:?} into record {record}, which then held {:?}",
                    self.after(n, &field)
                ));
            }
            if change.before.get(&field).map(shown) == Some(value) {
                wrong
                    .0
                    .push(format!("job {job} changed nothing of record {record}"));
            }
        }
        let deleted = self
            .changes
            .last()
            .is_some_and(|change| change.kind == "delete");
        if deleted == self.now.is_some() {
            wrong.0.push(format!(
                "record {record} is not where its last change left it"
            ));
        }
    }
}

//! Making a plan: an action says what it would do to each target, a few thousand at a time, each time
//! in a read of its own. What it says is stored with the targets and in sum, never in a long write;
//! no record is touched.

use crate::accept::{TARGETS_AT_ONCE, numbered};
use crate::action::{Actions, Difference, Forecast, Memory};
use model::id::{FieldId, JobId, ModuleId, ProcessId, RecordId, RuleId};
use model::job::{Counts, JobState};
use model::limits::{PLAN_REASONS_MAX, PLAN_SAMPLE_BYTES_MAX, PLAN_SAMPLE_MAX};
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::value::Value;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use store::jobs::{Job, Terms};
use store::plans::{self, Plan};
use store::targets::{self, Target};
use store::{Db, Error, Fault, Priority, Tx};

/// Records foreseen in one read.
const FORESEEN_AT_ONCE: usize = 2_000;

/// What was foreseen, in sum.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Records that would change.
    pub change: i64,
    /// Records that already are as wanted.
    pub unchanged: i64,
    /// Records that would be refused.
    pub refused: i64,
    /// Why, the most frequent reason first.
    pub reasons: Vec<Reason>,
    /// Why a part of a record that would change would be left as it is.
    pub in_part: Vec<Reason>,
    /// How many records of which module would be deleted along.
    pub along: BTreeMap<ModuleId, i64>,
    /// How many records of which module would be made.
    #[serde(default)]
    pub makes: BTreeMap<ModuleId, i64>,
    /// How many records would become one that exists, by the module of that one and by what it was
    /// found.
    #[serde(default)]
    pub attaches: Vec<(ModuleId, String, i64)>,
    /// How often which workflow rule would fire.
    #[serde(default)]
    pub fires: BTreeMap<RuleId, i64>,
    /// How many records would enter which approval process.
    #[serde(default)]
    pub enters: BTreeMap<ProcessId, i64>,
    /// Some of the records that would change.
    pub sample: Vec<Example>,
    /// Bytes of the sample's values.
    #[serde(skip)]
    sampled: usize,
}

/// Records that would be refused for one reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The code.
    pub code: String,
    /// The sentence.
    pub message: String,
    /// How many records.
    pub count: i64,
    /// Some of them.
    pub sample: Vec<RecordId>,
}

/// What would be written into one record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// The record.
    pub record: RecordId,
    /// Values that stand there, by field.
    pub before: Vec<(FieldId, Value)>,
    /// Values that would stand there.
    pub after: Vec<(FieldId, Value)>,
}

impl Summary {
    /// How many records were selected.
    pub fn total(&self) -> i64 {
        self.change + self.unchanged + self.refused
    }

    fn add(&mut self, record: RecordId, forecast: Forecast) {
        match forecast {
            Forecast::Unchanged => self.unchanged += 1,
            Forecast::Refuse(refusal) => {
                self.refused += 1;
                note(&mut self.reasons, record, &refusal);
            }
            Forecast::Change(difference) => {
                self.change += 1;
                if let Some(refusal) = &difference.refused {
                    note(&mut self.in_part, record, refusal);
                }
                for (module, count) in &difference.along {
                    *self.along.entry(*module).or_default() += count;
                }
                if let Some(process) = difference.enters {
                    *self.enters.entry(process).or_default() += 1;
                }
                for module in &difference.makes {
                    *self.makes.entry(*module).or_default() += 1;
                }
                for (module, by) in &difference.attaches {
                    let mut known = self.attaches.iter_mut();
                    match known.find(|(m, b, _)| m == module && b == by) {
                        Some((_, _, count)) => *count += 1,
                        None => self.attaches.push((*module, by.clone(), 1)),
                    }
                }
                for rule in &difference.fires {
                    *self.fires.entry(*rule).or_default() += 1;
                }
                self.show(record, difference);
            }
        }
    }

    fn show(&mut self, record: RecordId, difference: Difference) {
        if self.sample.len() >= PLAN_SAMPLE_MAX {
            return;
        }
        let Difference { before, after, .. } = difference;
        let values = before.iter().chain(&after);
        let texts = values.filter_map(|(_, value)| value.as_text());
        let bytes: usize = texts.map(str::len).sum();
        if self.sampled + bytes > PLAN_SAMPLE_BYTES_MAX {
            return;
        }
        self.sampled += bytes;
        self.sample.push(Example {
            record,
            before,
            after,
        });
    }

    fn sort(&mut self) {
        for reasons in [&mut self.reasons, &mut self.in_part] {
            reasons.sort_by_key(|reason| Reverse(reason.count));
        }
    }
}

/// Counts a refusal under its code and sentence. An org's rules have sentences of their own; past a
/// number of them, further ones go under their code's usual sentence.
fn note(reasons: &mut Vec<Reason>, record: RecordId, refusal: &Refusal) {
    let code = refusal.code.as_str();
    let place = |reasons: &[Reason], message: &str| {
        let mut all = reasons.iter();
        all.position(|reason| reason.code == code && reason.message == message)
    };
    let mut message = refusal.message.as_ref();
    let mut found = place(reasons, message);
    if found.is_none() && reasons.len() >= PLAN_REASONS_MAX {
        message = refusal.code.message();
        found = place(reasons, message);
    }
    match found.and_then(|n| reasons.get_mut(n)) {
        Some(reason) => {
            reason.count += 1;
            if reason.sample.len() < PLAN_SAMPLE_MAX {
                reason.sample.push(record);
            }
        }
        None => reasons.push(Reason {
            code: code.to_owned(),
            message: message.to_owned(),
            count: 1,
            sample: vec![record],
        }),
    }
}

/// Why a plan cannot be run any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outdated {
    /// The org's catalog changed.
    Catalog,
    /// Its time ran out.
    Expired,
    /// A job was made from it.
    Taken(JobId),
}

impl Outdated {
    /// The refusal that says so.
    pub fn refusal(self) -> Refusal {
        let refusal = Refusal::new(Code::PlanOutdated);
        match self {
            Self::Catalog => refusal
                .saying("the org was changed since the plan was made: make a new plan")
                .with("reason", "catalog_version"),
            Self::Expired => refusal
                .saying("the plan is too old: make a new one")
                .with("reason", "expires_at"),
            Self::Taken(job) => refusal
                .saying("a job was made from the plan already: make a new plan")
                .with("reason", "job")
                .with("job_id", job.to_string()),
        }
    }
}

/// Makes a plan for these records, which differ: it is found once this is done, together with what
/// `sealed` does, and after a failure nothing of it is left. Refuses with PLAN_OUTDATED when the org changes meanwhile.
pub fn make_plan<T>(
    db: &Db,
    actions: &Actions,
    plan: &Plan,
    records: &[(RecordId, i64)],
    now: Timestamp,
    sealed: &mut dyn FnMut(&mut Tx, &Summary) -> Result<T, Fault>,
) -> Result<T, Fault> {
    db.write(Priority::Interactive, |tx| Ok(plans::insert(tx, plan)?))?;
    let made = foresee(db, actions, plan, records, now).and_then(|summary| {
        let text = serde_json::to_string(&summary)
            .map_err(|error| Error::Inconsistent(format!("a summary has no JSON form: {error}")))?;
        db.write(Priority::Interactive, |tx| {
            plans::seal(tx, plan.id, summary.total(), &text)?;
            sealed(tx, &summary)
        })
    });
    if made.is_err() {
        let discarded = db.write(Priority::Interactive, |tx| Ok(plans::discard(tx, plan.id)?));
        if let Err(error) = discarded {
            tracing::warn!(plan = %plan.id, %error, "a plan that was not made is left to the sweep");
        }
    }
    made
}

fn foresee(
    db: &Db,
    actions: &Actions,
    plan: &Plan,
    records: &[(RecordId, i64)],
    now: Timestamp,
) -> Result<Summary, Fault> {
    let job = job_of(plan, records.len());
    let action = actions.of(plan.kind);
    let mut summary = Summary::default();
    let mut memory = Memory::default();
    let mut ready: Vec<Target> = Vec::new();
    let mut done = 0;
    while let Some(rest) = records.get(done..).filter(|rest| !rest.is_empty()) {
        let some = rest.get(..FORESEEN_AT_ONCE).unwrap_or(rest);
        let wanted = numbered(some, done);
        let (foreseen, mind) = db.read(|tx| {
            let catalog = tx.find_catalog();
            if catalog.is_some_and(|catalog| catalog.version != plan.catalog_version) {
                return Err(Outdated::Catalog.refusal().into());
            }
            // What a read keeps in mind counts once it is done: it may run again.
            let mut mind = memory.clone();
            let foreseen = action.foresee(tx, &job, &wanted, now, &mut mind)?;
            Ok((foreseen, mind))
        })?;
        memory = mind;
        if foreseen.is_empty() || foreseen.len() > wanted.len() {
            let text = format!("{} forecasts for {} targets", foreseen.len(), wanted.len());
            return Err(Error::Inconsistent(text).into());
        }
        done += foreseen.len();
        for (target, (rev, forecast)) in wanted.into_iter().zip(foreseen) {
            ready.push(Target {
                rev,
                foreseen: Some(forecast.word()),
                ..target
            });
            summary.add(target.record, forecast);
        }
        if ready.len() >= TARGETS_AT_ONCE {
            store_targets(db, plan, &ready)?;
            ready.clear();
        }
    }
    store_targets(db, plan, &ready)?;
    summary.sort();
    Ok(summary)
}

fn store_targets(db: &Db, plan: &Plan, ready: &[Target]) -> Result<(), Fault> {
    db.write(Priority::Chunk, |tx| {
        Ok(targets::insert(tx, JobId(plan.id.0), ready)?)
    })
}

/// What was foreseen in sum.
pub fn summary_of(plan: &Plan) -> Result<Summary, Fault> {
    serde_json::from_str(&plan.summary).map_err(|error| {
        Error::Inconsistent(format!("the summary of plan {}: {error}", plan.id)).into()
    })
}

/// The job that a plan would become, as far as an action asks about it.
fn job_of(plan: &Plan, total: usize) -> Job {
    Job {
        id: JobId(plan.id.0),
        kind: plan.kind,
        module: plan.module,
        actor: plan.actor,
        client: plan.client.clone(),
        request: plan.request.clone(),
        plan: Some(plan.id),
        parent: None,
        terms: Terms {
            automation: plan.automation,
            ..Terms::default()
        },
        drifted: 0,
        fired: 0,
        automation_step: None,
        automation_next: 0,
        state: JobState::Preparing,
        paused_by: None,
        total: i64::try_from(total).unwrap_or(i64::MAX),
        cursor: 0,
        counts: Counts::default(),
        attempts: 0,
        lease_no: 0,
        error: None,
        pace: None,
        paced_until: None,
        created_at: plan.created_at,
        touched_at: plan.created_at,
        started_at: None,
        finished_at: None,
    }
}

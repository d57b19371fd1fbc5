//! The one road to a job: a mass action is prepared, with its records frozen or to be selected at the
//! start, and then accepted, whoever asked for it in which form.

use super::request::{Request, Selection, freeze, over_limit, selection_of};
use super::undo;
use crate::actor::Actor;
use crate::job::shown;
use crate::plan::Summary;
use crate::selection::{self, SelectionQuery};
use jobs::{Outdated, Settled};
use model::id::{JobId, ModuleId, PlanId, RecordId, UserId};
use model::job::{Automation, JobKind, Relation};
use model::limits::{AUTOMATION_RECORDS_MAX, PLAN_MS};
use model::module::Module;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::ControlFlow;
use store::jobs::{self as stored, Job, JobOptions, NewJob};
use store::plans::Plan;
use store::records::Filter;
use store::{Db, Error, Fault, Priority, Tx};

/// A mass action whose records are known, or will be: a plan or a job is made of it.
pub struct Prepared {
    /// What is done.
    pub kind: JobKind,
    /// To records of which module.
    pub module: ModuleId,
    /// What exactly, as the action reads it.
    pub request: String,
    /// The key that at most one unfinished job has.
    pub exclusive: Option<String>,
    /// The catalog that it was read with.
    pub catalog_version: i64,
    /// The records.
    pub targets: Targets,
    /// The job that it follows from.
    pub parent: Option<(Relation, JobId)>,
}

/// The records of a job that is to be accepted.
pub enum Targets {
    /// These, with their revisions; 0 for one that the actor does not see.
    Frozen(Vec<(RecordId, i64)>),
    /// Those that are selected when the job starts.
    AtStart,
}

impl Targets {
    fn frozen(&self) -> &[(RecordId, i64)] {
        match self {
            Self::Frozen(records) => records,
            Self::AtStart => &[],
        }
    }
}

/// When the records of a mass action are selected, and what is asked of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Select {
    /// Now; there must be so many, where the caller says how many.
    Now(Option<i64>),
    /// Now, as the wire API schedules a view (wire API 1.9, step 7).
    Scheduled,
    /// When the job starts.
    AtStart,
}

/// Prepares a mass action: the selection is resolved, the change is checked, the records are frozen, in
/// this order. Refuses a selection without records, with more than a job may have, or with another
/// number than the caller expects.
pub fn prepare(
    tx: &mut Tx,
    (actor, module): (&Actor, &Module),
    request: &Request,
    query: &SelectionQuery,
    select: Select,
    now: Timestamp,
) -> Result<Prepared, Fault> {
    let action = super::of(request.kind());
    let traits = action.traits();
    if select == Select::AtStart && query.ids.is_some() {
        let refusal = Refusal::invalid("select_at", "$.select_at");
        return Err(refusal
            .saying("records that are named are known now: nothing is selected at the start")
            .into());
    }
    query.check()?;
    let limit = actor.catalog.org.limits.records_per_job;
    if query.ids.as_ref().is_some_and(|ids| ids.len() > limit) {
        return Err(over_limit(traits.too_many, limit).into());
    }
    let (selection, filter) = resolve(actor, module, query, now)?;
    let exclusive = query.view.map(|cvid| traits.exclusive.key(cvid, module.id));
    if select == Select::Scheduled {
        check_scheduled(tx, actor, exclusive.as_deref())?;
    }
    action.check(tx, actor, module, request)?;
    let targets = match select {
        Select::AtStart => Targets::AtStart,
        Select::Now(_) | Select::Scheduled => {
            let found = freeze(tx, module, &filter, traits.too_many)?;
            Targets::Frozen(in_order(query, found))
        }
    };
    check_count(&targets, select)?;
    Ok(Prepared {
        kind: request.kind(),
        module: module.id,
        request: request.encode(&selection)?,
        exclusive,
        catalog_version: actor.catalog.version,
        targets,
        parent: None,
    })
}

/// The selection as a job keeps it, and the filter that its records pass now.
fn resolve(
    actor: &Actor,
    module: &Module,
    query: &SelectionQuery,
    now: Timestamp,
) -> Result<(Selection, Filter), Refusal> {
    let SelectionQuery {
        ids,
        view,
        territory,
        criteria,
        ..
    } = query;
    let mut filter = selection::resolve(actor, module, *view, *territory, criteria.as_ref(), now)?;
    let (criteria, territories) = (filter.criteria.clone(), filter.territories.clone());
    if let Some(ids) = ids {
        filter = filter.of_ids(ids.iter().copied());
    }
    let selection = match view {
        _ if query.named() => Selection::Ids,
        Some(cvid) => Selection::View {
            cvid: *cvid,
            criteria,
            territories,
        },
        None => Selection::Free {
            criteria,
            territories,
        },
    };
    Ok((selection, filter))
}

/// Records that are named stand in the order of their ids, those that the actor does not see too.
fn in_order(query: &SelectionQuery, found: Vec<(RecordId, i64)>) -> Vec<(RecordId, i64)> {
    match &query.ids {
        Some(ids) if query.named() => {
            let seen: HashMap<RecordId, i64> = found.into_iter().collect();
            let rev = |id: &RecordId| seen.get(id).copied().unwrap_or_default();
            ids.iter().map(|id| (*id, rev(id))).collect()
        }
        _ => found,
    }
}

fn check_scheduled(tx: &mut Tx, actor: &Actor, exclusive: Option<&str>) -> Result<(), Fault> {
    if !actor.catalog.org.edition.schedules_mass_actions() {
        let text = "Scheduled Mass Operation feature is not available in your edition";
        return Err(Refusal::new(Code::FeatureNotSupported).saying(text).into());
    }
    // Asked before the records are selected, which costs more.
    match exclusive {
        Some(key) if stored::holding(tx, key)?.is_some() => Err(view_is_taken().into()),
        _ => Ok(()),
    }
}

fn view_is_taken() -> Refusal {
    Refusal::new(Code::AlreadyScheduled).with("api_name", "cvid")
}

fn check_count(targets: &Targets, select: Select) -> Result<(), Refusal> {
    let Targets::Frozen(records) = targets else {
        return Ok(());
    };
    let found = i64::try_from(records.len()).unwrap_or(i64::MAX);
    match select {
        Select::Now(Some(expected)) if expected != found => {
            let refusal = Refusal::new(Code::UnexpectedCount).with("expected", expected);
            Err(refusal.with("found", found))
        }
        _ if found == 0 => Err(Refusal::new(Code::NoRecordsFound)),
        _ => Ok(()),
    }
}

/// Who asks for a job.
#[derive(Clone, Debug)]
pub struct Asker {
    /// The job acts for them.
    pub user: UserId,
    /// Through which API client.
    pub client: Option<String>,
}

/// How a job is to run.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// All but what its automation is.
    pub options: JobOptions,
    /// Whether what follows from its writes by itself happens; without a word, as the plan says that it
    /// is made from, as in the job that it retries, or as the wire API has it.
    pub automation: Option<Automation>,
}

/// What a job is made of.
pub enum Source<'a> {
    /// What this prepares; it may be asked for several times.
    Prepared(&'a dyn Fn(&mut Tx) -> Result<Prepared, Fault>),
    /// The records of the plan that this finds, as it saw them.
    Plan(&'a dyn Fn(&mut Tx) -> Result<Plan, Fault>),
    /// What failed in a job or was left by it, judged anew with the rights of who asks.
    Retry {
        /// The job.
        of: JobId,
        /// What else is asked of who retries it.
        may: &'a dyn Fn(&Actor, &Job) -> Result<(), Fault>,
    },
    /// What a job changed, which is put back.
    Undo(&'a Job),
}

/// What commits together with a job.
pub type Sealed<'a, T> = &'a mut dyn FnMut(&mut Tx, JobId) -> Result<T, Fault>;

/// Accepts a job. Its targets are stored when this answers, and `sealed` commits with it; after a
/// refusal or a failure nothing of it is left.
pub fn accept<T>(
    db: &Db,
    source: &Source<'_>,
    asker: &Asker,
    run: &Run,
    now: Timestamp,
    sealed: Sealed<'_, T>,
) -> Result<T, Fault> {
    let id = JobId(db.new_id()?);
    match source {
        Source::Prepared(prepare) => jobs::past_given_up(db, now, || {
            let prepared = db.read(prepare)?;
            let new = new_job(id, &prepared, asker, run, None);
            accept_prepared(db, &new, &prepared.targets, now, sealed)
        }),
        Source::Plan(find) => jobs::past_given_up(db, now, || {
            db.write(Priority::Interactive, |tx| {
                let plan = find(tx)?;
                accept_planned(tx, id, plan, run, now)?;
                sealed(tx, id)
            })
        }),
        Source::Retry { of, may } => {
            let make = |tx: &mut Tx, old: &Job| {
                let actor = Actor::of(&tx.catalog()?, asker.user)?;
                if !shown(&actor, old) {
                    let refusal = Refusal::new(Code::NotFound);
                    return Err(refusal.saying("there is no such job").into());
                }
                may(&actor, old)?;
                retry_of(tx, id, old, asker, run)
            };
            jobs::retry(db, &super::all(), *of, &make, now, &mut |tx, job| {
                sealed(tx, job.id)
            })
        }
        Source::Undo(job) => undo::accept::accept(db, id, job, asker, run, now, sealed),
    }
}

/// The job that something prepared becomes.
pub(super) fn new_job(
    id: JobId,
    prepared: &Prepared,
    asker: &Asker,
    run: &Run,
    plan: Option<PlanId>,
) -> NewJob {
    NewJob {
        id,
        kind: prepared.kind,
        module: prepared.module,
        actor: asker.user,
        client: asker.client.clone(),
        request: prepared.request.clone(),
        exclusive: prepared.exclusive.clone(),
        plan,
        parent: prepared.parent,
        options: JobOptions {
            automation: run.automation.unwrap_or_default(),
            selects: matches!(prepared.targets, Targets::AtStart),
            ..run.options.clone()
        },
    }
}

/// Accepts a job with the targets that were prepared for it.
pub(super) fn accept_prepared<T>(
    db: &Db,
    new: &NewJob,
    targets: &Targets,
    now: Timestamp,
    sealed: Sealed<'_, T>,
) -> Result<T, Fault> {
    match targets {
        Targets::Frozen(records) => {
            jobs::accept_then(db, new, records, now, &mut |tx| sealed(tx, new.id))
        }
        Targets::AtStart => db.write(Priority::Interactive, |tx| {
            jobs::accept_in(tx, new, 0, now)?;
            sealed(tx, new.id)
        }),
    }
}

/// Accepts a job from a plan: the catalog, the actor, the client and the time are compared, no record.
fn accept_planned(
    tx: &mut Tx,
    id: JobId,
    plan: Plan,
    run: &Run,
    now: Timestamp,
) -> Result<(), Fault> {
    let outdated = if let Some(job) = plan.job {
        Some(Outdated::Taken(job))
    } else if plan.expires_at <= now {
        Some(Outdated::Expired)
    } else {
        (plan.catalog_version != tx.catalog()?.version).then_some(Outdated::Catalog)
    };
    if let Some(outdated) = outdated {
        return Err(outdated.refusal().into());
    }
    let asker = Asker {
        user: plan.actor,
        client: plan.client,
    };
    let run = Run {
        automation: Some(run.automation.unwrap_or(plan.automation)),
        options: run.options.clone(),
    };
    let (plan_id, total) = (plan.id, plan.total);
    let prepared = Prepared {
        kind: plan.kind,
        module: plan.module,
        request: plan.request,
        exclusive: plan.exclusive,
        catalog_version: plan.catalog_version,
        // The plan's own.
        targets: Targets::Frozen(Vec::new()),
        // Only an undo is planned for a job.
        parent: plan.parent.map(|job| (Relation::Undo, job)),
    };
    let new = new_job(id, &prepared, &asker, &run, Some(plan_id));
    undo::accept::end_automation_of(tx, new.kind, &new.request)?;
    jobs::accept_in(tx, &new, total, now)?;
    if store::plans::take(tx, plan_id, id)? {
        return Ok(());
    }
    // Another request took it a moment ago: reading it again says which job.
    let text = format!("plan {plan_id} was taken by another request");
    Err(Error::Conflict(text).into())
}

fn retry_of(tx: &mut Tx, id: JobId, old: &Job, asker: &Asker, run: &Run) -> Result<NewJob, Fault> {
    let prepared = Prepared {
        kind: old.kind,
        module: old.module,
        request: old.request.clone(),
        exclusive: stored::exclusive(tx, old.id)?,
        catalog_version: tx.catalog()?.version,
        // Those that are left of the old one.
        targets: Targets::Frozen(Vec::new()),
        parent: Some((Relation::Retry, old.id)),
    };
    let run = Run {
        automation: Some(match run.automation {
            Some(automation) => automation,
            None => automation_of(old)?,
        }),
        options: JobOptions {
            // What was asked for, not what was allowed in the end.
            automation_cap: old.automation_step,
            throttle: old.options.throttle,
            ..run.options.clone()
        },
    };
    Ok(new_job(id, &prepared, asker, &run, None))
}

/// Whether what follows from a retry's writes happens: as in the job that it retries, whose size
/// decided it where the wire API leaves it to the size.
fn automation_of(old: &Job) -> Result<Automation, Fault> {
    let selection = selection_of(&old.request)?;
    let named = selection.is_none_or(|selection| selection.named());
    Ok(match old.options.automation {
        Automation::Wire if super::fires_automation(named, old) => Automation::Fire,
        Automation::Wire => Automation::Suppress,
        other => other,
    })
}

/// Reads a request of the wire, and prepares the job that it asks for or breaks off.
pub type ReadRequest<'a, B> = &'a dyn Fn(&mut Tx) -> Result<ControlFlow<B, Prepared>, Fault>;

/// Accepts the job that `read` prepares, as the wire API schedules one; a job in the way is told by the
/// view. What is no job breaks off, and is answered as it is.
pub fn schedule<B>(
    db: &Db,
    read: ReadRequest<'_, B>,
    user: UserId,
    now: Timestamp,
) -> Result<ControlFlow<B, JobId>, Fault> {
    let (asker, run) = (Asker { user, client: None }, Run::default());
    let scheduled = jobs::past_given_up(db, now, || {
        let prepared = match db.read(read)? {
            ControlFlow::Continue(prepared) => prepared,
            ControlFlow::Break(other) => return Ok(ControlFlow::Break(other)),
        };
        let id = JobId(db.new_id()?);
        let new = new_job(id, &prepared, &asker, &run, None);
        let mut sealed = |_: &mut Tx, id| Ok(ControlFlow::Continue(id));
        accept_prepared(db, &new, &prepared.targets, now, &mut sealed)
    });
    scheduled.map_err(|fault| match fault {
        Fault::Refused(refusal) if refusal.code == Code::AlreadyScheduled => view_is_taken().into(),
        other => other,
    })
}

/// Does a job to the named records at once, inside this transaction, and answers which job it was and
/// for each id what happened. A repeated id is visited once; without ids there is no job.
pub fn run_named(
    tx: &mut Tx,
    (user, module): (UserId, ModuleId),
    request: &Request,
    ids: &[RecordId],
    now: Timestamp,
) -> Result<(Option<JobId>, BTreeMap<RecordId, Settled>), Fault> {
    let ids: BTreeSet<RecordId> = ids.iter().copied().collect();
    if ids.is_empty() {
        return Ok((None, BTreeMap::new()));
    }
    // The revision that a target was accepted at is not asked for in this form: 0 says so.
    let targets: Vec<(RecordId, i64)> = ids.iter().map(|id| (*id, 0)).collect();
    let prepared = Prepared {
        kind: request.kind(),
        module,
        request: request.encode(&Selection::Ids)?,
        exclusive: None,
        catalog_version: tx.catalog()?.version,
        targets: Targets::Frozen(targets),
        parent: None,
    };
    let asker = Asker { user, client: None };
    let new = new_job(
        JobId(tx.new_id()?),
        &prepared,
        &asker,
        &Run::default(),
        None,
    );
    let records = prepared.targets.frozen();
    let settled = jobs::run_now(tx, &super::all(), &new, records, now)?;
    Ok((Some(new.id), ids.into_iter().zip(settled).collect()))
}

/// Makes the plan of something prepared, and answers what `sealed` does with it and with what was
/// foreseen, which commits with the plan. No record is touched.
pub fn make_plan<T>(
    db: &Db,
    prepared: Prepared,
    asker: &Asker,
    automation: Automation,
    now: Timestamp,
    sealed: &mut dyn FnMut(&mut Tx, &Plan, &Summary) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let Prepared {
        kind,
        module,
        request,
        exclusive,
        catalog_version,
        targets,
        parent,
    } = prepared;
    let records = targets.frozen();
    let plan = Plan {
        id: PlanId(db.new_id()?),
        kind,
        module,
        actor: asker.user,
        client: asker.client.clone(),
        request,
        exclusive,
        automation,
        parent: parent.map(|(_, job)| job),
        total: i64::try_from(records.len()).unwrap_or(i64::MAX),
        summary: "{}".to_owned(),
        catalog_version,
        created_at: now,
        expires_at: now.plus_ms(PLAN_MS),
        job: None,
    };
    jobs::make_plan(
        db,
        &super::all(),
        &plan,
        records,
        now,
        &mut |tx, summary| sealed(tx, &plan, &Summary::parse(summary)?),
    )
}

/// Whether a job from this plan fires automation, if the caller does not say otherwise (wire API 1.8).
pub fn plan_fires(plan: &Plan) -> Result<bool, Fault> {
    Ok(match plan.automation {
        Automation::Fire => true,
        Automation::Suppress => false,
        Automation::Wire => {
            // An undo has no selection: of itself nothing follows from it.
            let selection = selection_of(&plan.request)?;
            selection
                .is_some_and(|selection| selection.named() || plan.total < AUTOMATION_RECORDS_MAX)
        }
    })
}

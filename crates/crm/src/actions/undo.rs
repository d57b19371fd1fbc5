//! Undo: what a job changed is put back by a job of its own, record by record, as far as nobody
//! changed it since (DESIGN 6, decision 31). What is done follows from what the job's changes were, so
//! any kind of job can be undone, and an undo too.

use super::request::Prepared;
use super::scheduled::{decode, decode_text, encode, module_of};
use super::{change_owner, mass_delete, mass_update};
use crate::actor::Actor;
use crate::change::{Change, FieldWrite, Write};
use crate::history::value_of;
use crate::record::{self, Deed, Expected, Left, Writing};
use crate::triggers::Triggers;
use jobs::{Action, Forecast, KEPT_MS, Memory, Settled, control};
use model::id::{FieldId, JobId, RecordId, UserId};
use model::job::{Automation, JobKind, Relation};
use model::module::Module;
use model::people::{FieldRight, Right};
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use store::changes::{self, Cause, ChangeKind, Made, Past};
use store::jobs::{Job, NewJob, Terms};
use store::plans::Plan;
use store::records::Filter;
use store::targets::Target;
use store::{Db, Error, Fault, Tx};

/// Places of a job that are read in one transaction.
const PLACES_AT_ONCE: i64 = 20_000;

/// What an undo keeps of its request.
#[derive(Serialize, Deserialize)]
struct Request {
    job: JobId,
    did: Did,
}

/// What a job did to its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Did {
    Update,
    ChangeOwner,
    Delete,
    Restore,
    Convert,
}

impl Did {
    fn of(job: &Job) -> Result<Self, Fault> {
        Ok(match job.kind {
            JobKind::MassUpdate => Self::Update,
            JobKind::ChangeOwner => Self::ChangeOwner,
            JobKind::MassDelete => Self::Delete,
            JobKind::MassConvert => Self::Convert,
            JobKind::Undo => match decode::<Request>(job)?.did {
                Self::Delete => Self::Restore,
                Self::Restore => Self::Delete,
                same => same,
            },
        })
    }

    /// The kind of job that does it, or whose undo does.
    fn kind(self) -> JobKind {
        match self {
            Self::Update => JobKind::MassUpdate,
            Self::ChangeOwner => JobKind::ChangeOwner,
            Self::Delete | Self::Restore => JobKind::MassDelete,
            Self::Convert => JobKind::MassConvert,
        }
    }

    /// Refuses an actor who may not undo it: it takes the rights of doing what puts it back.
    fn authorise(self, actor: &Actor, module: &Module) -> Result<(), Refusal> {
        match self {
            Self::Update => mass_update::authorise(actor, module),
            Self::ChangeOwner => change_owner::authorise(actor, module, Right::MassTransfer)
                .or_else(|_| change_owner::authorise(actor, module, Right::ChangeOwner)),
            Self::Delete => {
                actor.require(Right::View, module)?;
                actor.require(Right::Delete, module)
            }
            Self::Restore => mass_delete::authorise(actor, module),
            Self::Convert => {
                let text = "what a conversion made cannot be put back yet";
                Err(Refusal::new(Code::NotSupported).saying(text))
            }
        }
    }
}

/// The kind of the first job of a chain of undos: whoever may do it may undo it.
pub fn of_kind(job: &Job) -> Result<JobKind, Fault> {
    Ok(Did::of(job)?.kind())
}

/// The same of a job that is planned.
pub fn of_plan(plan: &Plan) -> Result<JobKind, Fault> {
    Ok(match plan.kind {
        JobKind::Undo => decode_text::<Request>(&plan.request)?.did.kind(),
        kind => kind,
    })
}

/// What an undo was asked to do: to put back which job, and what that did.
pub(super) fn told(job: &Job) -> Result<Json, Fault> {
    let Request { job, did } = decode(job)?;
    Ok(json!({ "undo_of": job.to_string(), "did": did }))
}

/// The key of which at most one unfinished undo of a job has it.
fn exclusive(job: JobId) -> String {
    format!("undo:{job}")
}

/// Until when all that a job changed can be put back; `None` when it is not finished or changed
/// nothing. What it deleted leaves the recycle bin as long after its deletion as a job is kept.
pub fn until(job: &Job) -> Result<Option<Timestamp>, Fault> {
    let did = Did::of(job)?;
    if did == Did::Convert {
        return Ok(None);
    }
    // What went along to a new owner is not counted.
    let changed = job.counts.changed > 0 || did == Did::ChangeOwner;
    let Some(finished) = job.finished_at.filter(|_| changed) else {
        return Ok(None);
    };
    let from = match did {
        Did::Delete => job.started_at.unwrap_or(finished),
        _ => finished,
    };
    Ok(Some(from.plus_ms(KEPT_MS)))
}

/// An undo that somebody asks for.
pub struct Wanted<'a> {
    /// Of which job.
    pub job: &'a Job,
    /// Who asks: the new job acts for them.
    pub actor: UserId,
    /// Through which API client.
    pub client: Option<String>,
    /// Records a second at most.
    pub throttle: Option<i64>,
}

/// Accepts the undo of a finished job. Its targets are frozen and stored when this answers; `sealed`
/// commits with it.
pub fn schedule<T>(
    db: &Db,
    wanted: &Wanted<'_>,
    now: Timestamp,
    sealed: &mut dyn FnMut(&mut Tx, JobId) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let id = JobId(db.new_id()?);
    jobs::past_given_up(db, now, || {
        let (undone, prepared) = prepare_of(db, wanted, now)?;
        let Prepared {
            kind,
            module,
            request,
            exclusive,
            targets,
            ..
        } = prepared;
        let new = NewJob {
            id,
            kind,
            module,
            actor: wanted.actor,
            client: wanted.client.clone(),
            request,
            exclusive,
            plan: None,
            parent: Some((Relation::Undo, wanted.job.id)),
            terms: Terms {
                automation: Automation::Suppress,
                throttle: wanted.throttle,
                ..Terms::default()
            },
        };
        jobs::accept_then(db, &new, &targets, now, &mut |tx| {
            check_frozen(tx, &undone)?;
            sealed(tx, id)
        })
    })
    .map_err(|fault| match fault {
        Fault::Refused(refusal) if refusal.code == Code::AlreadyScheduled => {
            let text = "an undo of this job is not finished";
            refusal.saying(text).into()
        }
        other => other,
    })
}

/// Prepares the undo of a finished job, whose records are frozen as it left them: a plan or a job is
/// made of it.
pub fn prepare(db: &Db, wanted: &Wanted<'_>, now: Timestamp) -> Result<Prepared, Fault> {
    prepare_of(db, wanted, now).map(|(_, prepared)| prepared)
}

/// The same, with the job as it was when its records were frozen.
fn prepare_of(db: &Db, wanted: &Wanted<'_>, now: Timestamp) -> Result<(Job, Prepared), Fault> {
    let (job, request, catalog_version) = db.read(|tx| {
        let actor = Actor::of(&tx.catalog()?, wanted.actor)?;
        // It may have run on since the caller looked at it.
        let job = control::undoable(tx, wanted.job.id, now)?;
        let request = asked(&actor, &job)?;
        Ok((job, request, actor.catalog.version))
    })?;
    let prepared = Prepared {
        kind: JobKind::Undo,
        module: job.module,
        request,
        exclusive: Some(exclusive(job.id)),
        catalog_version,
        targets: frozen(db, &job)?,
    };
    Ok((job, prepared))
}

/// Checks that the actor may undo a job, and answers the request of its undo.
fn asked(actor: &Actor, job: &Job) -> Result<String, Fault> {
    let did = Did::of(job)?;
    did.authorise(actor, module_of(actor, job)?)?;
    encode(&Request { job: job.id, did })
}

/// Refuses when a failed job was resumed while its records were frozen: some may be missing.
fn check_frozen(tx: &mut Tx, undone: &Job) -> Result<(), Fault> {
    let now = store::jobs::find(tx, undone.id)?;
    let same = |now: &Job| now.cursor == undone.cursor && now.finished_at == undone.finished_at;
    if now.as_ref().is_some_and(same) {
        return Ok(());
    }
    let text = "the job went on while its undo was accepted: ask again";
    Err(Refusal::new(Code::WrongState).saying(text).into())
}

/// The records that a finished job changed, with the revisions that it left: those of its own module
/// first, each module in the order of ids.
fn frozen(db: &Db, job: &Job) -> Result<Vec<(RecordId, i64)>, Fault> {
    let mut made = Vec::new();
    // A job that ended changes nothing more unless it is resumed, which is looked for at the end.
    for from in places(job) {
        made.extend(db.read(|tx| Ok(of_targets(tx, job, from)?))?);
    }
    made.extend(db.read(|tx| Ok(changes::of_along(tx, job.id)?))?);
    sorted(job, made)
}

fn places(job: &Job) -> impl Iterator<Item = i64> {
    let step = usize::try_from(PLACES_AT_ONCE).unwrap_or(usize::MAX);
    (0..job.cursor).step_by(step)
}

fn of_targets(tx: &mut Tx, job: &Job, from: i64) -> store::Result<Vec<Made>> {
    changes::of_targets(tx, job.id, job.targets(), from, PLACES_AT_ONCE)
}

fn sorted(job: &Job, mut made: Vec<Made>) -> Result<Vec<(RecordId, i64)>, Fault> {
    if made.is_empty() {
        let refusal = Refusal::new(Code::NoRecordsFound);
        return Err(refusal.saying("the job changed no record").into());
    }
    made.sort_by_key(|made| (made.module != job.module, made.module.0, made.record));
    Ok(made
        .into_iter()
        .map(|made| (made.record, made.rev))
        .collect())
}

/// An undo's request, checked once more against the actor's rights as they are now.
struct Ready {
    actor: Actor,
    request: Request,
}

/// The first of a chunk's targets to which the job did the same in the same module.
struct Run<'a> {
    module: &'a Module,
    kind: ChangeKind,
    /// Of each why it is left as it is whatever it looks like now, if there is a reason.
    refused: Vec<Option<Refusal>>,
    /// The others, what puts each of them back, and how the job left it.
    targets: Vec<Target>,
    changes: Vec<Change>,
    deed: Deed,
}

impl Ready {
    fn of(tx: &mut Tx, job: &Job) -> Result<Self, Fault> {
        let request: Request = decode(job)?;
        let actor = Actor::of(&tx.catalog()?, job.actor)?;
        request.did.authorise(&actor, module_of(&actor, job)?)?;
        Ok(Self { actor, request })
    }

    fn run(&self, tx: &mut Tx, targets: &[Target]) -> Result<Option<Run<'_>>, Fault> {
        let Request { job, did } = self.request;
        let ids: Vec<RecordId> = targets.iter().map(|target| target.record).collect();
        let Some(first) = ids.first() else {
            return Ok(None);
        };
        let pasts = changes::to_undo(tx, job, &ids)?.into_iter();
        let mut pasts: HashMap<RecordId, Past> = pasts.map(|past| (past.record, past)).collect();
        let lost = |id: RecordId| Error::Inconsistent(format!("job {job} did not change {id}"));
        let first = pasts.get(first).ok_or_else(|| lost(*first))?;
        let (of, kind) = (first.module, first.kind);
        let gone = || Refusal::new(Code::InvalidModule).saying("the module was removed");
        let module = self.actor.catalog.module_by_id(of).ok_or_else(gone)?;
        let denied = did.authorise(&self.actor, module).err();
        let mut run = Run {
            module,
            kind,
            refused: Vec::new(),
            targets: Vec::new(),
            changes: Vec::new(),
            deed: Deed {
                job,
                left: HashMap::new(),
            },
        };
        for target in targets {
            let id = target.record;
            let past = pasts.remove(&id).ok_or_else(|| lost(id))?;
            if (past.module, past.kind) != (of, kind) {
                break;
            }
            let refused = denied.clone().or_else(|| self.fixed(module, &past));
            if refused.is_none() {
                let (change, gone) = back(module, &past);
                let rev = past.rev;
                run.targets.push(*target);
                run.changes.push(change);
                run.deed.left.insert(id, Left { rev, gone });
            }
            run.refused.push(refused);
        }
        Ok(Some(run))
    }

    /// Refuses values of fields that the actor may not edit.
    fn fixed(&self, module: &Module, past: &Past) -> Option<Refusal> {
        let fields = past.before.keys().filter_map(|key| field_id(key));
        let mut fields = fields.filter_map(|id| module.field_by_id(id));
        let fixed = fields.find(|field| {
            let right = self.actor.profile.field(field.id);
            field.computed.is_none() && right != FieldRight::Editable
        })?;
        let refusal = Refusal::new(Code::NoPermission).saying("Field Edit Permission not given");
        let refusal = refusal.with("id", past.record.to_string());
        Some(if self.actor.sees(fixed) {
            refusal.with("api_name", fixed.api_name.as_str())
        } else {
            refusal
        })
    }

    fn writing<'a>(&'a self, module: &'a Module, job: &Job, now: Timestamp) -> Writing<'a> {
        Writing {
            actor: &self.actor,
            module,
            cause: Cause::Job,
            job: Some(job.id),
            rules: &[],
            now,
            // Of itself nothing follows from what is put back: it was so before.
            triggers: Triggers::all_if(job.terms.automation == Automation::Fire),
        }
    }
}

fn field_id(key: &str) -> Option<FieldId> {
    key.parse().ok().map(FieldId)
}

/// The change that puts back what one took away, and how many of its fields cannot be written any
/// more. What the server computes follows by itself.
fn back(module: &Module, past: &Past) -> (Change, usize) {
    let mut change = Change::default();
    let mut gone = 0;
    for (key, json) in &past.before {
        let field = field_id(key).and_then(|id| module.field_by_id(id));
        if field.is_some_and(|field| field.computed.is_some()) {
            continue;
        }
        match field.and_then(|field| Some((field.id, value_of(field, json)?))) {
            Some((field, value)) => {
                let write = Write::Set(value);
                change.0.push(FieldWrite { field, write });
            }
            None => gone += 1,
        }
    }
    (change, gone)
}

impl Run<'_> {
    fn items(&self) -> Vec<(RecordId, &Change)> {
        let ids = self.targets.iter().map(|target| target.record);
        ids.zip(&self.changes).collect()
    }

    fn ids(&self) -> Vec<RecordId> {
        self.targets.iter().map(|target| target.record).collect()
    }

    fn expected<'a>(&'a self, within: &'a Filter) -> Expected<'a> {
        Expected {
            within: Some(within),
            targets: &self.targets,
            left_by: Some(&self.deed),
        }
    }

    /// Puts what happened to those that were tried between those that were not, up to the first that
    /// was left to the next chunk.
    fn merge<T>(self, tried: Vec<T>, refuse: impl Fn(Refusal) -> T) -> Vec<T> {
        let mut tried = tried.into_iter();
        let each = self.refused.into_iter();
        each.map_while(|refused| match refused {
            Some(refusal) => Some(refuse(refusal)),
            None => tried.next(),
        })
        .collect()
    }
}

/// The action behind all undos.
pub struct Undo;

impl Action for Undo {
    fn run(
        &self,
        tx: &mut Tx,
        job: &Job,
        targets: &[Target],
        now: Timestamp,
    ) -> Result<Vec<Settled>, Fault> {
        let ready = Ready::of(tx, job)?;
        let Some(run) = ready.run(tx, targets)? else {
            return Ok(Vec::new());
        };
        let writing = ready.writing(run.module, job, now);
        // Whoever may be visited was decided when the job was undone; nothing narrows it further.
        let everything = Filter::everything();
        let expected = run.expected(&everything);
        let settled = match run.kind {
            ChangeKind::Update => record::update(tx, writing, &run.items(), expected)?,
            ChangeKind::Delete => record::restore_first(tx, writing, &run.targets, &run.deed)?,
            ChangeKind::Create | ChangeKind::Restore => {
                record::delete_first(tx, writing, &run.ids(), expected)?
            }
        };
        Ok(run.merge(settled, Settled::Failed))
    }

    fn foresee(
        &self,
        tx: &mut Tx,
        job: &Job,
        targets: &[Target],
        now: Timestamp,
        _memory: &mut Memory,
    ) -> Result<Vec<(i64, Forecast)>, Fault> {
        let ready = Ready::of(tx, job)?;
        let Some(run) = ready.run(tx, targets)? else {
            return Ok(Vec::new());
        };
        let writing = ready.writing(run.module, job, now);
        let everything = Filter::everything();
        let expected = run.expected(&everything);
        let foreseen = match run.kind {
            ChangeKind::Update => record::foresee(tx, writing, &run.items(), expected)?,
            ChangeKind::Delete => record::foresee_return(tx, writing, &run.targets, &run.deed)?,
            ChangeKind::Create | ChangeKind::Restore => {
                record::foresee_deletion(tx, writing, &run.ids(), expected)?
            }
        };
        Ok(run.merge(foreseen, |refusal| (0, Forecast::Refuse(refusal))))
    }

    fn select(
        &self,
        tx: &mut Tx,
        job: &Job,
        _now: Timestamp,
    ) -> Result<Vec<(RecordId, i64)>, Fault> {
        let Request { job: parent, .. } = decode(job)?;
        let gone = || Refusal::new(Code::NotFound).saying("there is no such job");
        let parent = store::jobs::find(tx, parent)?.ok_or_else(gone)?;
        let mut made = Vec::new();
        for from in places(&parent) {
            made.extend(of_targets(tx, &parent, from)?);
        }
        made.extend(changes::of_along(tx, parent.id)?);
        sorted(&parent, made)
    }
}

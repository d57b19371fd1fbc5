//! Undo: what a job changed is put back by a job of its own, record by record, as far as nobody
//! changed it since (DESIGN 6, decision 31). What is done follows from what the job's changes were, so
//! any kind of job can be undone, and an undo too.

mod frozen;
mod traces;

use super::request::Prepared;
use super::scheduled::{decode, decode_text, encode, module_of};
use super::{change_owner, convert, mass_delete, mass_update};
use crate::actor::Actor;
use crate::carry;
use crate::change::Change;
use crate::record::{self, Deed, Expected, Judged, Purpose, Writing};
use crate::triggers::Triggers;
use frozen::Frozen;
use jobs::{Action, Forecast, KEPT_MS, Memory, Settled, control};
use model::id::{JobId, ModuleId, RecordId, UserId};
use model::job::{Automation, JobKind, Relation};
use model::module::Module;
use model::people::{FieldRight, Right};
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use store::changes::{Cause, ChangeKind};
use store::jobs::{Job, NewJob, Terms};
use store::plans::Plan;
use store::records::Filter;
use store::targets::Target;
use store::{Db, Error, Fault, Priority, Tx, conversions, deeds, moves};
use traces::{Back, Book, Traces};

/// How long automation is kept from a job that is about to be undone.
const PUT_OFF_MS: i64 = 30_000;
/// How often records are frozen anew because automation changed further ones.
const FREEZES_MAX: usize = 5;

/// What an undo keeps of its request.
#[derive(Serialize, Deserialize)]
struct Request {
    job: JobId,
    did: Did,
    /// How many changes automation had made because of the job.
    #[serde(default)]
    effects: i64,
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
    Unconvert,
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
                Self::Convert => Self::Unconvert,
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
            Self::Convert | Self::Unconvert => JobKind::MassConvert,
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
            Self::Convert => convert::authorise(actor, module),
            // What was made went into the recycle bin, what was moved is with the leads: to go that
            // way again by halves would leave leads that are neither.
            Self::Unconvert => {
                let text = "a conversion that was undone is not done again by undoing that: convert \
                            the leads again";
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
    let Request { job, did, .. } = decode(job)?;
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
    if did == Did::Unconvert {
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
    /// Whether what is put back sets off automation.
    pub fires: bool,
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
    let accepted = jobs::past_given_up(db, now, || {
        let mut tries = 1;
        loop {
            let mut grown = false;
            match accept(db, wanted, (id, &mut grown), now, sealed) {
                Err(_) if grown && tries < FREEZES_MAX => tries += 1,
                done => return done,
            }
        }
    });
    accepted.map_err(|fault| match fault {
        Fault::Refused(refusal) if refusal.code == Code::AlreadyScheduled => {
            let text = "an undo of this job is not finished";
            refusal.saying(text).into()
        }
        other => other,
    })
}

/// One try of it; `grown` says that automation changed further records meanwhile.
fn accept<T>(
    db: &Db,
    wanted: &Wanted<'_>,
    (id, grown): (JobId, &mut bool),
    now: Timestamp,
    sealed: &mut dyn FnMut(&mut Tx, JobId) -> Result<T, Fault>,
) -> Result<T, Fault> {
    // Were it to go on while records are frozen, there would be more of them each time.
    db.write(Priority::Interactive, |tx| {
        let actor = Actor::of(&tx.catalog()?, wanted.actor)?;
        let job = control::undoable(tx, wanted.job.id, now)?;
        Did::of(&job)?.authorise(&actor, module_of(&actor, &job)?)?;
        // Who asks while another undo goes on is refused in the end, and keeps nothing waiting.
        if store::jobs::holding(tx, &exclusive(job.id))?.is_none() {
            deeds::put_off(tx, job.id, now.plus_ms(PUT_OFF_MS))?;
        }
        Ok(())
    })?;
    let (undone, effects, prepared) = prepare_of(db, wanted, now)?;
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
            automation: if wanted.fires {
                Automation::Fire
            } else {
                Automation::Suppress
            },
            throttle: wanted.throttle,
            ..Terms::default()
        },
    };
    jobs::accept_then(db, &new, &targets, now, &mut |tx| {
        check_frozen(tx, &undone)?;
        *grown = ended(tx, undone.id)? != effects;
        if *grown {
            return Err(went_on().into());
        }
        sealed(tx, id)
    })
}

/// Ends what automation was still to do because of a job, and answers how many changes it made.
fn ended(tx: &mut Tx, job: JobId) -> Result<i64, Fault> {
    deeds::drop_events(tx, job)?;
    Ok(deeds::effects(tx, job)?)
}

/// Ends the automation of the job whose undo is accepted from a plan. Refuses when it changed records
/// that the plan did not see.
pub fn accept_planned(tx: &mut Tx, kind: JobKind, request: &str) -> Result<(), Fault> {
    if kind != JobKind::Undo {
        return Ok(());
    }
    let Request { job, effects, .. } = decode_text(request)?;
    if ended(tx, job)? == effects {
        return Ok(());
    }
    let text = "the job's automation went on since the plan was made: make a new plan";
    let refusal = Refusal::new(Code::PlanOutdated).saying(text);
    Err(refusal.with("reason", "automation").into())
}

/// Prepares the undo of a finished job, whose records are frozen as it left them: a plan or a job is
/// made of it.
pub fn prepare(db: &Db, wanted: &Wanted<'_>, now: Timestamp) -> Result<Prepared, Fault> {
    prepare_of(db, wanted, now).map(|(_, _, prepared)| prepared)
}

/// The same, with the job as it was when its records were frozen, and how many changes automation had
/// made because of it.
fn prepare_of(db: &Db, wanted: &Wanted<'_>, now: Timestamp) -> Result<(Job, i64, Prepared), Fault> {
    let (job, did, catalog) = db.read(|tx| {
        let actor = Actor::of(&tx.catalog()?, wanted.actor)?;
        // It may have run on since the caller looked at it.
        let job = control::undoable(tx, wanted.job.id, now)?;
        let did = Did::of(&job)?;
        did.authorise(&actor, module_of(&actor, &job)?)?;
        Ok((job, did, actor.catalog))
    })?;
    let Frozen { records, effects } = Frozen::read(db, &catalog, &job)?;
    let prepared = Prepared {
        kind: JobKind::Undo,
        module: job.module,
        request: encode(&Request {
            job: job.id,
            did,
            effects,
        })?,
        exclusive: Some(exclusive(job.id)),
        catalog_version: catalog.version,
        targets: records,
    };
    Ok((job, effects, prepared))
}

/// Refuses when a failed job was resumed while its records were frozen: some may be missing.
fn check_frozen(tx: &mut Tx, undone: &Job) -> Result<(), Fault> {
    let now = store::jobs::find(tx, undone.id)?;
    let same = |now: &Job| now.cursor == undone.cursor && now.finished_at == undone.finished_at;
    if now.as_ref().is_some_and(same) {
        return Ok(());
    }
    Err(went_on().into())
}

fn went_on() -> Refusal {
    let text = "the job went on while its undo was accepted: ask again";
    Refusal::new(Code::WrongState).saying(text)
}

/// An undo's request, checked once more against the actor's rights as they are now.
struct Ready {
    actor: Actor,
    request: Request,
    /// The module of the job's own targets.
    own: ModuleId,
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
        Ok(Self {
            actor,
            request,
            own: job.module,
        })
    }

    fn run(&self, tx: &mut Tx, targets: &[Target], dry: bool) -> Result<Option<Run<'_>>, Fault> {
        let job = self.request.job;
        let ids: Vec<RecordId> = targets.iter().map(|target| target.record).collect();
        let Some(first) = ids.first() else {
            return Ok(None);
        };
        let own = deeds::of(tx, job, &ids)?;
        let book = Book::read(tx, own)?;
        let of_record = |id: RecordId| {
            let traces = book.of(id)?;
            Some((traces.module()?, traces.kind()?, traces))
        };
        let lost = |id: RecordId| Error::Inconsistent(format!("job {job} did not change {id}"));
        let (of, kind, _) = of_record(*first).ok_or_else(|| lost(*first))?;
        let gone = || Refusal::new(Code::InvalidModule).saying("the module was removed");
        let module = self.actor.catalog.module_by_id(of).ok_or_else(gone)?;
        let mut run = Run {
            module,
            kind,
            refused: Vec::new(),
            targets: Vec::new(),
            changes: Vec::new(),
            deed: Deed {
                job,
                left: HashMap::new(),
                made: kind == ChangeKind::Create,
                dry,
            },
        };
        for target in targets {
            let id = target.record;
            let (its_module, its_kind, traces) = of_record(id).ok_or_else(|| lost(id))?;
            if (its_module, its_kind) != (of, kind) {
                break;
            }
            let refused = self.authorise(module, &traces).err();
            let refused = refused.or_else(|| self.fixed(module, id, &traces));
            if refused.is_none() {
                let Back { change, left } = traces.back(module);
                run.targets.push(*target);
                run.changes.push(change);
                run.deed.left.insert(id, left);
            }
            run.refused.push(refused);
        }
        Ok(Some(run))
    }

    /// Refuses an actor who may not put this back. What the job was asked to do takes the rights of its
    /// kind; what a conversion made and moved, and what automation did, takes those of a single write.
    fn authorise(&self, module: &Module, traces: &Traces<'_>) -> Result<(), Refusal> {
        let did = self.request.did;
        let beside = did == Did::Convert && module.id != self.own;
        if !traces.by_automation() && !beside {
            return did.authorise(&self.actor, module);
        }
        let right = match traces.kind() {
            Some(ChangeKind::Update) => Right::Edit,
            _ => Right::Delete,
        };
        self.actor.require(Right::View, module)?;
        self.actor.require(right, module)
    }

    /// Refuses values of fields that the actor may not edit.
    fn fixed(&self, module: &Module, id: RecordId, traces: &Traces<'_>) -> Option<Refusal> {
        let mut fields = traces.fields(module).into_iter();
        let fixed =
            fields.find(|field| self.actor.profile.field(field.id) != FieldRight::Editable)?;
        let refusal = Refusal::new(Code::NoPermission).saying("Field Edit Permission not given");
        let refusal = refusal.with("id", id.to_string());
        Some(if self.actor.sees(fixed) {
            refusal.with("api_name", fixed.api_name.as_str())
        } else {
            refusal
        })
    }

    /// Gives leads that are no longer converted their tags, notes and attachments back, as far as these
    /// still are where they went.
    fn move_back(
        &self,
        tx: &mut Tx,
        run: &Run<'_>,
        settled: &[Settled],
        writing: Writing<'_>,
    ) -> Result<(), Fault> {
        let back =
            run.targets.iter().zip(settled).filter(|(_, settled)| {
                matches!(settled, Settled::Changed | Settled::ChangedInPart(_))
            });
        let leads: Vec<RecordId> = back.map(|(target, _)| target.record).collect();
        let moved = moves::of(tx, self.request.job, &leads)?;
        let through = (writing.cause, writing.job);
        let of_job = (self.request.job, moved.as_slice());
        carry::put_back(tx, &self.actor, through, of_job, writing.now)?;
        Ok(())
    }

    fn writing<'a>(&'a self, module: &'a Module, job: &Job, now: Timestamp) -> Writing<'a> {
        Writing {
            actor: &self.actor,
            module,
            cause: Cause::Job,
            job: Some(job.id),
            rules: &[],
            made: 0,
            now,
            // Of itself nothing follows from what is put back: it was so before.
            triggers: Triggers::all_if(job.terms.automation == Automation::Fire),
        }
    }
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
        if ready.request.did.kind() == JobKind::MassConvert {
            // What a conversion finds must not be taken back meanwhile.
            conversions::take_turn(tx)?;
        }
        let Some(run) = ready.run(tx, targets, false)? else {
            return Ok(Vec::new());
        };
        let writing = ready.writing(run.module, job, now);
        // Whoever may be visited was decided when the job was undone; nothing narrows it further.
        let everything = Filter::everything();
        let expected = run.expected(&everything);
        let settled = match run.kind {
            ChangeKind::Update => {
                let judged = record::judge_update(tx, writing, &run.items(), expected)?;
                let settled = Box::new(judged).apply(tx)?;
                if ready.request.did == Did::Convert && run.module.id == ready.own {
                    ready.move_back(tx, &run, &settled, writing)?;
                }
                settled
            }
            ChangeKind::Delete => {
                let judged = record::judge_return(tx, writing, &run.targets, &run.deed)?;
                Box::new(judged).apply(tx)?
            }
            ChangeKind::Restore => {
                let purpose = Purpose::Write;
                let judged = record::judge_deletion(tx, writing, &run.ids(), expected, purpose)?;
                Box::new(judged).apply(tx)?
            }
            ChangeKind::Create => {
                let purpose = Purpose::Write;
                let judged = record::judge_deletion(tx, writing, &run.ids(), expected, purpose)?;
                let settled = Box::new(judged).apply(tx)?.into_iter();
                // Somebody deleted it: that is all that is wanted.
                let wanted = |one| match one {
                    Settled::Failed(refusal) if refusal.code == Code::Gone => Settled::Unchanged,
                    other => other,
                };
                settled.map(wanted).collect()
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
        memory: &mut Memory,
    ) -> Result<Vec<(i64, Forecast)>, Fault> {
        let ready = Ready::of(tx, job)?;
        let Some(run) = ready.run(tx, targets, true)? else {
            return Ok(Vec::new());
        };
        let writing = ready.writing(run.module, job, now);
        let everything = Filter::everything();
        let expected = run.expected(&everything);
        let foreseen = match run.kind {
            ChangeKind::Update => {
                let judged = record::judge_update(tx, writing, &run.items(), expected)?;
                Box::new(judged).tell()?
            }
            ChangeKind::Delete => {
                let judged = record::judge_return(tx, writing, &run.targets, &run.deed)?;
                Box::new(judged).tell()?
            }
            ChangeKind::Restore => {
                let purpose = Purpose::Tell(memory);
                let judged = record::judge_deletion(tx, writing, &run.ids(), expected, purpose)?;
                Box::new(judged).tell()?
            }
            ChangeKind::Create => {
                let purpose = Purpose::Tell(memory);
                let judged = record::judge_deletion(tx, writing, &run.ids(), expected, purpose)?;
                let foreseen = Box::new(judged).tell()?;
                let wanted = |(rev, forecast)| match forecast {
                    Forecast::Refuse(refusal) if refusal.code == Code::Gone => {
                        (rev, Forecast::Unchanged)
                    }
                    other => (rev, other),
                };
                foreseen.into_iter().map(wanted).collect()
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
        let catalog = tx.catalog()?;
        Ok(Frozen::read_in(tx, &catalog, &parent)?.records)
    }
}

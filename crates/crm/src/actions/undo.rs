//! Undo: what a job changed is put back by a job of its own, record by record, as far as nobody
//! changed it since (DESIGN 6, decision 31). What is done follows from what the job's changes were, so
//! any kind of job can be undone, and an undo too.

pub(super) mod accept;
mod frozen;
mod reversal;
mod traces;

use super::action::{AnyAction, Exclusive, Told, Traits, Writes};
use super::module_of;
use super::request::{Request, decode};
use crate::actor::Actor;
use crate::carry;
use crate::change::Change;
use crate::plan::Forecast;
use crate::record::{self, Deed, Expected, Judged, Purpose, Writing};
use crate::triggers::Triggers;
use frozen::Frozen;
use jobs::{Action, Memory, Settled};
use model::body::Object;
use model::id::{JobId, ModuleId, RecordId};
use model::job::{Automation, Foreseen};
use model::module::Module;
use model::people::{FieldRight, Right};
use model::refusal::{Code, Refusal};
use model::scope::{ActionScope, Op};
use model::time::Timestamp;
use reversal::Done;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use std::sync::Arc;
use store::changes::{Cause, ChangeKind};
use store::jobs::Job;
use store::records::Filter;
use store::targets::Target;
use store::{Error, Fault, Tx, conversions, deeds, moves};
use traces::{Back, Book, Traces};

pub use accept::prepare;
pub(crate) use reversal::{Kept, Reversal};
pub use reversal::{of_kind, of_plan, until};

/// What an undo keeps of its request.
#[derive(Serialize, Deserialize)]
struct UndoRequest {
    job: JobId,
    did: Done,
    /// How many changes automation had made because of the job.
    #[serde(default)]
    effects: i64,
}

/// An undo's request, checked once more against the actor's rights as they are now.
struct Ready {
    actor: Actor,
    request: UndoRequest,
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
        let request: UndoRequest = decode(&job.request)?;
        let actor = Actor::of(&tx.catalog()?, job.actor)?;
        request
            .did
            .authorise(&actor, module_of(&actor, job.module)?)?;
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
        let beside = did.moved() && module.id != self.own;
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
            triggers: Triggers::all_if(job.options.automation == Automation::Fire),
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
        if ready.request.did.reversal().moves {
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
                if ready.request.did.moved() && run.module.id == ready.own {
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
    ) -> Result<Vec<(i64, Foreseen)>, Fault> {
        Told::tell(memory, targets, |own| foresee(tx, job, targets, now, own))
    }

    fn summary(&self, memory: &Memory) -> Result<String, Fault> {
        Told::summary(memory)
    }

    fn select(
        &self,
        tx: &mut Tx,
        job: &Job,
        _now: Timestamp,
    ) -> Result<Vec<(RecordId, i64)>, Fault> {
        let UndoRequest { job: parent, .. } = decode(&job.request)?;
        let gone = || Refusal::new(Code::NotFound).saying("there is no such job");
        let parent = store::jobs::find(tx, parent)?.ok_or_else(gone)?;
        let catalog = tx.catalog()?;
        Ok(Frozen::read_in(tx, &catalog, &parent)?.records)
    }
}

/// Says what an undo would do to these records.
fn foresee(
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

impl AnyAction for Undo {
    fn traits(&self) -> Traits {
        Traits {
            // An undo is asked about as what it undoes.
            scope: ActionScope::ByModule("mass_update", Op::Update),
            exclusive: Exclusive::View,
            too_many: Code::LimitExceeded,
            // It is undone as what it undoes.
            reversal: Reversal {
                done: "undo",
                undone: "undo",
                authorise: |_, _| Err(not_here()),
                authorise_again: |_, _| Err(not_here()),
                kept: Kept::Changed,
                moves: false,
            },
            writes: Writes::Named,
        }
    }

    fn authorise(&self, _actor: &Actor, _module: &Module, _named: bool) -> Result<(), Refusal> {
        Err(not_here())
    }

    fn read(
        &self,
        _tx: &mut Tx,
        _actor: &Actor,
        _module: &Module,
        _body: &Object<'_>,
    ) -> Result<Request, Fault> {
        Err(not_here().into())
    }

    fn check(
        &self,
        _tx: &mut Tx,
        _actor: &Actor,
        _module: &Module,
        _request: &Request,
    ) -> Result<(), Fault> {
        Err(not_here().into())
    }

    /// To put back which job, and what that did.
    fn describe(&self, _reader: &Actor, _module: &Module, request: &str) -> Result<Json, Fault> {
        let UndoRequest { job, did, .. } = decode(request)?;
        Ok(json!({ "undo_of": job.to_string(), "did": did }))
    }

    fn engine(&self) -> Arc<dyn Action> {
        Arc::new(Self)
    }
}

/// The refusal of an undo where a mass action is asked for by what it does to a selection.
fn not_here() -> Refusal {
    let text = "an undo is asked for at the job that it undoes";
    Refusal::invalid("action", "$.action").saying(text)
}

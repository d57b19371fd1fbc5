//! What an undo would do to its targets: what puts each back is judged as any other write is, with an
//! eye to what happened since.

use super::UndoRequest;
use super::since::{Left, Since};
use super::traces::{Back, Book, Traces};
use crate::actions::module_of;
use crate::actions::request::decode;
use crate::actor::Actor;
use crate::carry;
use crate::change::Change;
use crate::plan::Forecast;
use crate::record::{
    Expected, Judged, Purpose, Writing, judge_adjusted_deletion, judge_adjusted_update,
    judge_return,
};
use crate::triggers::Triggers;
use jobs::Settled;
use model::id::{JobId, ModuleId, RecordId};
use model::job::Automation;
use model::module::Module;
use model::people::{FieldRight, Right};
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use std::collections::HashMap;
use store::changes::{Cause, ChangeKind};
use store::jobs::Job;
use store::records::Filter;
use store::targets::Target;
use store::{Error, Fault, Tx, conversions, deeds, moves};

/// An undo's request, checked once more against the actor's rights as they are now.
pub(super) struct Ready {
    actor: Actor,
    request: UndoRequest,
    /// The module of the job's own targets.
    own: ModuleId,
}

/// The first of a chunk's targets, those to which the job did the same in the same module.
struct Group<'a> {
    module: &'a Module,
    kind: ChangeKind,
    /// Of each why it is left as it is whatever it looks like now, if there is a reason.
    refused: Vec<Option<Refusal>>,
    /// The others, what puts each of them back, and how the job left it.
    targets: Vec<Target>,
    changes: Vec<Change>,
    left: HashMap<RecordId, Left>,
}

impl Ready {
    pub(super) fn load(tx: &mut Tx, job: &Job) -> Result<Self, Fault> {
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

    /// Judges the first of these targets, as many as one transaction may.
    pub(super) fn judge<'a>(
        &'a self,
        tx: &mut Tx,
        job: &Job,
        targets: &[Target],
        now: Timestamp,
        purpose: Purpose<'a>,
    ) -> Result<JudgedUndo<'a>, Fault> {
        if purpose.writes() && self.request.did.reversal().carries {
            // What a conversion finds must not be taken back meanwhile.
            conversions::take_turn(tx)?;
        }
        let Some(group) = self.group(tx, targets)? else {
            return Ok(JudgedUndo::default());
        };
        let writing = self.writing(group.module, job, now);
        let made = group.kind == ChangeKind::Create;
        let ids: Vec<RecordId> = group.targets.iter().map(|target| target.record).collect();
        // Whoever may be visited was decided when the job was undone; nothing narrows it further.
        let everything = Filter::everything();
        let expected = Expected {
            within: Some(&everything),
            targets: &group.targets,
        };
        let revs = group.left.iter().map(|(id, left)| (*id, left.last()));
        let revs: HashMap<RecordId, i64> = revs.collect();
        let mut since = Since::new(self.request.job, made, group.left);
        let mut leads = None;
        let tried: Box<dyn Judged + 'a> = match group.kind {
            ChangeKind::Update => {
                if self.request.did.moved() && group.module.id == self.own {
                    let (ids, job) = (ids.clone(), self.request.job);
                    leads = Some(LeadsBack { writing, job, ids });
                }
                if let Some(judge) = self.request.did.reversal().judge {
                    judge(tx, writing, &ids, expected, self.request.job)?
                } else {
                    let items: Vec<_> = ids.into_iter().zip(&group.changes).collect();
                    let judged = judge_adjusted_update(tx, writing, &items, expected, &mut since)?;
                    Box::new(judged)
                }
            }
            ChangeKind::Delete => Box::new(judge_return(tx, writing, &group.targets, &revs)?),
            ChangeKind::Restore | ChangeKind::Create => Box::new(judge_adjusted_deletion(
                tx, writing, &ids, expected, purpose, &mut since,
            )?),
        };
        Ok(JudgedUndo {
            refused: group.refused,
            tried: Some(tried),
            leads,
        })
    }

    fn group(&self, tx: &mut Tx, targets: &[Target]) -> Result<Option<Group<'_>>, Fault> {
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
        let mut group = Group {
            module,
            kind,
            refused: Vec::new(),
            targets: Vec::new(),
            changes: Vec::new(),
            left: HashMap::new(),
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
                group.targets.push(*target);
                group.changes.push(change);
                group.left.insert(id, left);
            }
            group.refused.push(refused);
        }
        Ok(Some(group))
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

/// Targets of an undo that were judged; by default, none.
#[derive(Default)]
pub(super) struct JudgedUndo<'a> {
    /// Of each target why it is not even tried, if there is a reason.
    refused: Vec<Option<Refusal>>,
    /// The others.
    tried: Option<Box<dyn Judged + 'a>>,
    /// Those that are leads again.
    leads: Option<LeadsBack<'a>>,
}

impl Judged for JudgedUndo<'_> {
    fn apply(self: Box<Self>, tx: &mut Tx) -> Result<Vec<Settled>, Fault> {
        let Some(tried) = self.tried else {
            return Ok(Vec::new());
        };
        let settled = tried.apply(tx)?;
        if let Some(leads) = self.leads {
            leads.give(tx, &settled)?;
        }
        Ok(merge(self.refused, settled, Settled::Failed))
    }

    fn tell(self: Box<Self>) -> Result<Vec<(i64, Forecast)>, Fault> {
        let Some(tried) = self.tried else {
            return Ok(Vec::new());
        };
        let told = tried.tell()?;
        let refuse = |refusal| (0, Forecast::Refuse(refusal));
        Ok(merge(self.refused, told, refuse))
    }
}

/// Puts what is said of those that were tried between those that were not, up to the first that was left
/// to the next chunk.
fn merge<T>(refused: Vec<Option<Refusal>>, tried: Vec<T>, refuse: impl Fn(Refusal) -> T) -> Vec<T> {
    let mut tried = tried.into_iter();
    let each = refused.into_iter();
    each.map_while(|refused| match refused {
        Some(refusal) => Some(refuse(refusal)),
        None => tried.next(),
    })
    .collect()
}

/// Leads whose conversion by a job is put back.
struct LeadsBack<'a> {
    writing: Writing<'a>,
    job: JobId,
    ids: Vec<RecordId>,
}

impl LeadsBack<'_> {
    /// Gives those that are no longer converted their tags, notes and attachments back, as far as these
    /// still are where they went.
    fn give(self, tx: &mut Tx, settled: &[Settled]) -> Result<(), Fault> {
        let Writing {
            actor,
            cause,
            job,
            now,
            ..
        } = self.writing;
        let changed =
            |settled: &Settled| matches!(settled, Settled::Changed | Settled::ChangedInPart(_));
        let back = self.ids.into_iter().zip(settled);
        let back = back.filter(|(_, settled)| changed(settled));
        let leads: Vec<RecordId> = back.map(|(id, _)| id).collect();
        let moved = moves::of(tx, self.job, &leads)?;
        let of_job = (self.job, moved.as_slice());
        carry::put_back(tx, actor, (cause, job), of_job, now)?;
        Ok(())
    }
}

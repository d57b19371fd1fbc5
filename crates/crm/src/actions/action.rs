//! What a mass action is: one trait, which each kind implements in a file of its own, and what follows
//! from it for all of them: reading and storing a request, describing it, running, planning, selecting.

use super::request::{Request, Stored};
use super::undo::Reversal;
use crate::actor::Actor;
use crate::change::Change;
use crate::plan::{Forecast, Summary};
use crate::record::{Expected, Judged, Purpose, Writing, judge_update};
use crate::triggers::Triggers;
use jobs::{Memory, Settled};
use model::body::Object;
use model::id::{ModuleId, RecordId, ViewId};
use model::job::{Foreseen, JobKind};
use model::module::Module;
use model::refusal::{Code, Refusal};
use model::scope::ActionScope;
use model::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use std::marker::PhantomData;
use std::sync::Arc;
use store::changes::Cause;
use store::jobs::Job;
use store::records::Filter;
use store::targets::Target;
use store::{Fault, Tx};

/// A kind of mass action. Everything that is particular to the kind stands here; nothing elsewhere asks
/// which kind a job is.
pub(crate) trait MassAction: Send + Sync + 'static {
    /// What is done to each record, as a job keeps it: ids and literals only, nothing that could mean
    /// something else later. It serialises to an object without the key `selection`.
    type Change: Serialize + DeserializeOwned;

    /// Its kind, from which its words follow.
    const KIND: JobKind;
    /// Its traits.
    const TRAITS: Traits;

    /// Refuses an actor who may not do this to records of the module, named one by one or selected.
    fn authorise(actor: &Actor, module: &Module, named: bool) -> Result<(), Refusal>;

    /// Reads `change` of a native request, whose other keys are known.
    fn read(
        tx: &mut Tx,
        actor: &Actor,
        module: &Module,
        body: &Object<'_>,
    ) -> Result<Self::Change, Fault>;

    /// Refuses what cannot be done as the catalog and the actor's rights are now: asked when a job is
    /// accepted, and again by each of its chunks.
    fn check(
        tx: &mut Tx,
        actor: &Actor,
        module: &Module,
        change: &Self::Change,
    ) -> Result<(), Fault>;

    /// The change as a reader may know it, in the form of a native request; none for an action that has
    /// no `change`.
    fn describe(
        reader: &Actor,
        module: &Module,
        change: Self::Change,
    ) -> Result<Option<Json>, Fault>;

    /// Judges records: the first of these, as many as one transaction may.
    fn judge<'a>(
        tx: &mut Tx,
        task: Task<'a>,
        change: &'a Self::Change,
        purpose: Purpose<'a>,
    ) -> Result<Box<dyn Judged + 'a>, Fault>;

    /// Why the changes of its jobs are made.
    fn cause(_named: bool) -> Cause {
        Cause::Job
    }
}

/// Records that an action is to judge.
#[derive(Clone, Copy)]
pub(crate) struct Task<'a> {
    /// The write.
    pub(crate) writing: Writing<'a>,
    /// The records.
    pub(crate) targets: &'a [Target],
    /// How they are expected to be found.
    pub(crate) expected: Expected<'a>,
}

impl<'a> Task<'a> {
    /// The records' ids, in order.
    pub(crate) fn ids(&self) -> Vec<RecordId> {
        self.targets.iter().map(|target| target.record).collect()
    }

    /// Judges the same change of values for all of them.
    pub(crate) fn judge_change(
        &self,
        tx: &mut Tx,
        change: &Change,
    ) -> Result<Box<dyn Judged + 'a>, Fault> {
        let items: Vec<(RecordId, &Change)> =
            self.ids().into_iter().map(|id| (id, change)).collect();
        let judged = judge_update(tx, self.writing, &items, self.expected)?;
        Ok(Box::new(judged))
    }
}

/// What is particular to a kind and the same for all its jobs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Traits {
    /// What a token must be good for.
    pub(crate) scope: ActionScope,
    /// What at most one unfinished job of a selection by view may have.
    pub(crate) exclusive: Exclusive,
    /// The code of a selection that holds too many records.
    pub(crate) too_many: Code,
    /// How its jobs are undone.
    pub(crate) reversal: Reversal,
    /// What it changes is told of a record.
    pub(crate) writes: Writes,
}

/// What at most one unfinished job may have (docs/jobs.md).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Exclusive {
    /// A view.
    View,
    /// A module, among the jobs whose keys begin so (wire API 4.4). The word is stored and stays.
    Module(&'static str),
}

impl Exclusive {
    /// The key of a job for a view's records.
    pub(crate) fn key(self, cvid: ViewId, module: ModuleId) -> String {
        match self {
            Self::View => format!("view:{cvid}"),
            Self::Module(word) => format!("{word}:{module}"),
        }
    }
}

/// Which values of a record an action writes, as an outcome tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writes {
    /// The fields of its change.
    Named,
    /// These fields, whatever its change; none where it writes no field.
    Fields(&'static [&'static str]),
    /// Its outcomes also say what each record became.
    Becomes(&'static [&'static str]),
    /// The whole record goes.
    Whole,
}

/// A kind of mass action behind one type, as the registry has it.
pub(crate) trait AnyAction: Send + Sync {
    /// Its traits.
    fn traits(&self) -> Traits;
    /// See [`MassAction::authorise`].
    fn authorise(&self, actor: &Actor, module: &Module, named: bool) -> Result<(), Refusal>;
    /// See [`MassAction::read`].
    fn read(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        module: &Module,
        body: &Object<'_>,
    ) -> Result<Request, Fault>;
    /// See [`MassAction::check`].
    fn check(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        module: &Module,
        request: &Request,
    ) -> Result<(), Fault>;
    /// What a job was asked to do, as a reader who sees the module may know it.
    fn describe(&self, reader: &Actor, module: &Module, request: &str) -> Result<Json, Fault>;
    /// What the engine runs.
    fn engine(&self) -> Arc<dyn jobs::Action>;
}

/// An action on a selection of records.
pub(crate) struct Mass<A>(PhantomData<A>);

impl<A> Mass<A> {
    /// The one of its type.
    pub(crate) const NEW: Self = Self(PhantomData);
}

impl<A: MassAction> AnyAction for Mass<A> {
    fn traits(&self) -> Traits {
        A::TRAITS
    }

    fn authorise(&self, actor: &Actor, module: &Module, named: bool) -> Result<(), Refusal> {
        A::authorise(actor, module, named)
    }

    fn read(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        module: &Module,
        body: &Object<'_>,
    ) -> Result<Request, Fault> {
        Request::of::<A>(&A::read(tx, actor, module, body)?)
    }

    fn check(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        module: &Module,
        request: &Request,
    ) -> Result<(), Fault> {
        A::check(tx, actor, module, &request.change::<A>()?)
    }

    fn describe(&self, reader: &Actor, module: &Module, request: &str) -> Result<Json, Fault> {
        let Stored { selection, change } = Stored::<A::Change>::decode(request)?;
        let mut told = serde_json::Map::new();
        told.insert("selection".to_owned(), selection.describe(reader, module));
        if let Some(change) = A::describe(reader, module, change)? {
            told.insert("change".to_owned(), change);
        }
        Ok(Json::Object(told))
    }

    fn engine(&self) -> Arc<dyn jobs::Action> {
        Arc::new(Self::NEW)
    }
}

/// A job's request, checked once more against the catalog and the actor's rights as they are now.
struct Ready<A: MassAction> {
    actor: Actor,
    change: A::Change,
    named: bool,
    /// What its records must still pass; named ones pass anything.
    within: Option<Filter>,
}

impl<A: MassAction> Ready<A> {
    fn load(tx: &mut Tx, job: &Job) -> Result<Self, Fault> {
        let Stored { selection, change } = Stored::<A::Change>::decode(&job.request)?;
        let actor = Actor::of(&tx.catalog()?, job.actor)?;
        let module = super::module_of(&actor, job.module)?;
        let named = selection.named();
        A::authorise(&actor, module, named)?;
        A::check(tx, &actor, module, &change)?;
        let within = selection.within(module)?;
        Ok(Self {
            actor,
            change,
            named,
            within,
        })
    }

    fn judge<'a>(
        &'a self,
        tx: &mut Tx,
        job: &Job,
        targets: &'a [Target],
        now: Timestamp,
        purpose: Purpose<'a>,
    ) -> Result<Box<dyn Judged + 'a>, Fault> {
        let writing = Writing {
            actor: &self.actor,
            module: super::module_of(&self.actor, job.module)?,
            cause: A::cause(self.named),
            job: Some(job.id),
            rules: &[],
            made: 0,
            now,
            triggers: Triggers::all_if(super::fires_automation(self.named, job)),
        };
        let expected = Expected {
            within: self.within.as_ref(),
            // Only what is written is held against what a plan saw.
            targets: if purpose.writes() { targets } else { &[] },
        };
        let task = Task {
            writing,
            targets,
            expected,
        };
        A::judge(tx, task, &self.change, purpose)
    }
}

impl<A: MassAction> jobs::Action for Mass<A> {
    fn run(
        &self,
        tx: &mut Tx,
        job: &Job,
        targets: &[Target],
        now: Timestamp,
    ) -> Result<Vec<Settled>, Fault> {
        let ready = Ready::<A>::load(tx, job)?;
        let judged = ready.judge(tx, job, targets, now, Purpose::Write)?;
        judged.apply(tx)
    }

    fn foresee(
        &self,
        tx: &mut Tx,
        job: &Job,
        targets: &[Target],
        now: Timestamp,
        memory: &mut Memory,
    ) -> Result<Vec<(i64, Foreseen)>, Fault> {
        let ready = Ready::<A>::load(tx, job)?;
        PlanTally::tell(memory, targets, |own| {
            let judged = ready.judge(tx, job, targets, now, Purpose::Tell(own))?;
            judged.tell()
        })
    }

    fn summary(&self, memory: &Memory) -> Result<String, Fault> {
        PlanTally::summary(memory)
    }

    fn select(
        &self,
        tx: &mut Tx,
        job: &Job,
        _now: Timestamp,
    ) -> Result<Vec<(RecordId, i64)>, Fault> {
        let Stored { selection, .. } = Stored::<A::Change>::decode(&job.request)?;
        super::request::select(tx, job, selection, A::TRAITS.too_many)
    }
}

/// What is kept in mind while a plan is made: what was told so far, and what is the action's own.
#[derive(Clone, Default)]
pub(super) struct PlanTally {
    summary: Summary,
    own: Memory,
}

impl PlanTally {
    /// Adds what is told of these records to the summary.
    pub(super) fn tell(
        memory: &mut Memory,
        targets: &[Target],
        tell: impl FnOnce(&mut Memory) -> Result<Vec<(i64, Forecast)>, Fault>,
    ) -> Result<Vec<(i64, Foreseen)>, Fault> {
        let mut told: Self = memory.recall();
        let forecasts = tell(&mut told.own)?;
        let mut foreseen = Vec::with_capacity(forecasts.len());
        for (target, (rev, forecast)) in targets.iter().zip(forecasts) {
            foreseen.push((rev, forecast.word()));
            told.summary.add(target.record, forecast);
        }
        memory.keep(told);
        Ok(foreseen)
    }

    /// The summary of all of them.
    pub(super) fn summary(memory: &Memory) -> Result<String, Fault> {
        let told: Self = memory.recall();
        told.summary.sorted().encode()
    }
}

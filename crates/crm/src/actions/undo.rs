//! Undo: what a job changed is put back by a job of its own, record by record, as far as nobody
//! changed it since (DESIGN 6, decision 31). What is done follows from what the job's changes were, so
//! any kind of job can be undone, and an undo too.

pub(super) mod accept;
mod frozen;
mod judge;
mod reversal;
mod since;
mod ties;
mod traces;

use super::action::{AnyAction, Exclusive, PlanTally, Traits, Writes};
use super::request::{Request, decode};
use crate::actor::Actor;
use crate::record::{Judged, Purpose};
use frozen::Frozen;
use jobs::{Action, Memory, Settled};
use judge::Ready;
use model::body::Object;
use model::id::{JobId, RecordId};
use model::job::Foreseen;
use model::module::Module;
use model::refusal::{Code, Refusal};
use model::scope::{ActionScope, Op};
use model::time::Timestamp;
use reversal::Done;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use store::jobs::Job;
use store::targets::Target;
use store::{Fault, Tx};

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
        let ready = Ready::load(tx, job)?;
        let judged = ready.judge(tx, job, targets, now, Purpose::Write)?;
        Box::new(judged).apply(tx)
    }

    fn foresee(
        &self,
        tx: &mut Tx,
        job: &Job,
        targets: &[Target],
        now: Timestamp,
        memory: &mut Memory,
    ) -> Result<Vec<(i64, Foreseen)>, Fault> {
        let ready = Ready::load(tx, job)?;
        PlanTally::tell(memory, targets, |own| {
            let judged = ready.judge(tx, job, targets, now, Purpose::Tell(own))?;
            Box::new(judged).tell()
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
        let UndoRequest { job: parent, .. } = decode(&job.request)?;
        let gone = || Refusal::new(Code::NotFound).saying("there is no such job");
        let parent = store::jobs::find(tx, parent)?.ok_or_else(gone)?;
        let catalog = tx.catalog()?;
        Ok(Frozen::read_in(tx, &catalog, &parent)?.records)
    }
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
                carries: false,
                judge: None,
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

//! Mass delete: records go into the recycle bin (wire API 4).

use super::action::{Exclusive, MassAction, Task, Traits, Writes};
use super::request::Request;
use super::undo::{Kept, Reversal};
use crate::actor::Actor;
use crate::record::{Judged, Purpose, judge_deletion};
use model::body::Object;
use model::job::JobKind;
use model::module::Module;
use model::people::Right;
use model::refusal::{Code, Refusal};
use model::scope::{ActionScope, Op};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use store::{Fault, Tx};

/// Puts records into the recycle bin.
pub(crate) struct MassDelete;

/// A deletion has no more to say.
#[derive(Serialize, Deserialize)]
pub(crate) struct NoChange {}

/// Refuses an actor who may not mass delete in the module at all (wire API 4.4).
pub fn authorise(actor: &Actor, module: &Module) -> Result<(), Refusal> {
    actor.require(Right::MassDelete, module)?;
    actor.require(Right::Delete, module)
}

/// What is to be done to each record, as a job keeps it.
pub fn request() -> Result<Request, Fault> {
    Request::of::<MassDelete>(&NoChange {})
}

impl MassAction for MassDelete {
    type Change = NoChange;

    const KIND: JobKind = JobKind::MassDelete;
    const TRAITS: Traits = Traits {
        scope: ActionScope::ByModule("mass_delete", Op::Delete),
        exclusive: Exclusive::Module("delete"),
        too_many: Code::LimitExceeded,
        reversal: Reversal {
            done: "delete",
            undone: "restore",
            authorise: |actor, module| {
                actor.require(Right::View, module)?;
                actor.require(Right::Delete, module)
            },
            authorise_again: authorise,
            kept: Kept::FromStart,
            carries: false,
            judge: None,
        },
        writes: Writes::Whole,
    };

    fn authorise(actor: &Actor, module: &Module, _named: bool) -> Result<(), Refusal> {
        authorise(actor, module)
    }

    fn read(
        _tx: &mut Tx,
        _actor: &Actor,
        _module: &Module,
        body: &Object<'_>,
    ) -> Result<NoChange, Fault> {
        let change = body.key("change");
        match change.node() {
            None => Ok(NoChange {}),
            Some(_) => Err(change
                .place()
                .invalid()
                .saying("a deletion has no change")
                .into()),
        }
    }

    fn check(
        _tx: &mut Tx,
        _actor: &Actor,
        _module: &Module,
        _change: &NoChange,
    ) -> Result<(), Fault> {
        Ok(())
    }

    fn describe(
        _reader: &Actor,
        _module: &Module,
        _change: NoChange,
    ) -> Result<Option<Json>, Fault> {
        Ok(None)
    }

    fn judge<'a>(
        tx: &mut Tx,
        task: Task<'a>,
        _change: &'a NoChange,
        purpose: Purpose<'a>,
    ) -> Result<Box<dyn Judged + 'a>, Fault> {
        let deletion = judge_deletion(tx, task.writing, &task.ids(), task.expected, purpose)?;
        Ok(Box::new(deletion))
    }
}

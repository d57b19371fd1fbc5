//! The mass actions: one file for each, and one registry from which everything else follows: the native
//! API's words, the engine's work, what is told of a job, the scopes, the undo.

pub mod accept;
mod action;
pub mod change_owner;
pub mod convert;
pub(crate) mod describe;
pub mod mass_delete;
pub mod mass_update;
mod request;
mod tag;
pub mod undo;

use crate::actor::Actor;
use crate::purge::PURGES;
use action::{AnyAction, Mass};
use model::body::Object;
use model::id::ModuleId;
use model::job::{Automation, JobKind};
use model::limits::AUTOMATION_RECORDS_MAX;
use model::module::Module;
use model::refusal::{Code, Refusal};
use model::scope::ActionScope;
use store::jobs::Job;
use store::{Fault, Tx};

pub(crate) use action::Writes;
pub use request::Request;

/// The registry: the action of each kind.
fn of(kind: JobKind) -> &'static dyn AnyAction {
    match kind {
        JobKind::MassUpdate => &Mass::<mass_update::MassUpdate>::NEW,
        JobKind::ChangeOwner => &Mass::<change_owner::ChangeOwner>::NEW,
        JobKind::MassDelete => &Mass::<mass_delete::MassDelete>::NEW,
        JobKind::MassConvert => &Mass::<convert::MassConvert>::NEW,
        JobKind::Tag => &Mass::<tag::TagRecords>::NEW,
        JobKind::Undo => &undo::Undo,
    }
}

/// All actions, and what is purged with their jobs, for the engine.
pub fn all() -> jobs::Actions {
    let actions = JobKind::ALL.iter().map(|kind| (*kind, of(*kind).engine()));
    jobs::Actions::new(actions).with_purges(PURGES)
}

/// What a token must be good for so that its user may ask for a job of this kind.
pub fn scope(kind: JobKind) -> ActionScope {
    of(kind).traits().scope
}

/// Refuses an actor who may not do this to records of the module, named one by one or selected.
pub fn authorise(
    kind: JobKind,
    actor: &Actor,
    module: &Module,
    named: bool,
) -> Result<(), Refusal> {
    of(kind).authorise(actor, module, named)
}

/// Reads what a native request asks to be done to each record: its `change`, in the form of the action.
pub fn read(
    kind: JobKind,
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    body: &Object<'_>,
) -> Result<Request, Fault> {
    of(kind).read(tx, actor, module, body)
}

/// Which values of a record jobs of this kind write.
pub(crate) fn writes(kind: JobKind) -> Writes {
    of(kind).traits().writes
}

/// The module of a job, if it still exists.
fn module_of(actor: &Actor, id: ModuleId) -> Result<&Module, Refusal> {
    let gone = || Refusal::new(Code::InvalidModule).saying("the module was removed");
    actor.catalog.module_by_id(id).ok_or_else(gone)
}

/// Whether a job's writes fire automation. As the wire API has it, those of named records always do,
/// those of a view where it held less than a thousand records (1.8).
fn fires_automation(named: bool, job: &Job) -> bool {
    match job.options.automation {
        Automation::Wire => named || job.total < AUTOMATION_RECORDS_MAX,
        Automation::Fire => true,
        Automation::Suppress => false,
    }
}

//! Activities: tasks, meetings and calls under one name (wire API 22). The module of a request is
//! that of its view, or of each id.

use crate::actions::mass_update;
use crate::actor::Actor;
use model::id::{RecordId, ViewId};
use model::module::Module;
use model::people::Right;
use model::reason::Reason;
use model::refusal::{Code, Refusal};
use store::records;
use store::{Fault, Tx};

/// The modules of activities that the actor sees.
pub fn seen(actor: &Actor) -> impl Iterator<Item = &Module> {
    let modules = actor.catalog.activities();
    modules.filter(|module| actor.profile.may(Right::View, module.id))
}

/// Refuses an actor who may mass update none of the modules.
pub fn authorise(actor: &Actor) -> Result<(), Refusal> {
    let mut modules = actor.catalog.activities();
    let invalid = || Refusal::new(Code::InvalidModule).with("resource_path_index", 0);
    let first = mass_update::authorise(actor, modules.next().ok_or_else(invalid)?);
    if modules.any(|module| mass_update::authorise(actor, module).is_ok()) {
        return Ok(());
    }
    first
}

/// The module of a view of activities.
pub fn of_view(actor: &Actor, id: Option<ViewId>) -> Result<&Module, Refusal> {
    let has = |module: &&Module| module.views.iter().any(|view| Some(view.id) == id);
    seen(actor).find(has).ok_or_else(|| {
        let refusal = Refusal::invalid("cvid", "$.cvid").because(Reason::UnknownView);
        refusal.saying("the cvid given seems to be invalid")
    })
}

/// The modules in which these records are, each with its own; those that the actor does not see are
/// in none.
pub fn of_ids<'a>(
    tx: &mut Tx,
    actor: &'a Actor,
    ids: &[RecordId],
) -> Result<Vec<(&'a Module, Vec<RecordId>)>, Fault> {
    let mut found = Vec::new();
    for module in seen(actor) {
        let filter = actor.seen(module).of_ids(ids.iter().copied());
        let own = records::select_ids(tx, module, &filter, ids.len())?;
        if !own.is_empty() {
            found.push((module, own.into_iter().map(|(id, _)| id).collect()));
        }
    }
    Ok(found)
}

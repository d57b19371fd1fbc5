//! A mass action as the native API asks for it: what to do to which records. A plan and a job are
//! prepared alike, so that both mean the same records.

use super::convert::{self, Terms};
use super::scheduled::{self, Selection};
use super::{change_owner, mass_delete, mass_update};
use crate::actor::Actor;
use crate::change::Change;
use crate::selection::{self, Wanted};
use model::id::{ModuleId, RecordId, UserId};
use model::job::{Automation, JobKind};
use model::limits::AUTOMATION_RECORDS_MAX;
use model::module::Module;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use serde::Deserialize;
use std::collections::HashMap;
use store::plans::Plan;
use store::records::Filter;
use store::{Fault, Tx};

/// What is to be done to each record.
pub enum Doing {
    /// These values are written.
    Update(Change),
    /// This user gets it.
    ChangeOwner(UserId),
    /// It goes into the recycle bin.
    Delete,
    /// It becomes a contact, an account and a deal.
    Convert(Terms),
}

impl Doing {
    fn kind(&self) -> JobKind {
        match self {
            Self::Update(_) => JobKind::MassUpdate,
            Self::ChangeOwner(_) => JobKind::ChangeOwner,
            Self::Delete => JobKind::MassDelete,
            Self::Convert(_) => JobKind::MassConvert,
        }
    }
}

/// A mass action whose records are frozen: a plan or a job is made of it.
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
    /// The records, with their revisions; 0 for one that the actor does not see.
    pub targets: Vec<(RecordId, i64)>,
}

/// Refuses an actor who may not do this to records of the module, named one by one or selected.
pub fn authorise(
    actor: &Actor,
    module: &Module,
    kind: JobKind,
    named: bool,
) -> Result<(), Refusal> {
    match kind {
        JobKind::MassUpdate => mass_update::authorise(actor, module),
        JobKind::ChangeOwner => change_owner::authorise(actor, module, change_owner::right(named)),
        JobKind::MassDelete => mass_delete::authorise(actor, module),
        JobKind::MassConvert => convert::authorise(actor, module),
        JobKind::Undo => Err(not_here()),
    }
}

/// The refusal of an undo where a mass action is asked for by what it does to a selection.
pub fn not_here() -> Refusal {
    let text = "an undo is asked for at the job that it undoes";
    Refusal::invalid("action", "$.action").saying(text)
}

/// Prepares a mass action, with its records as they are now. Refuses one without records, with more
/// than a job may have, or with another number than the caller expects.
pub fn prepare(
    tx: &mut Tx,
    (actor, module): (&Actor, &Module),
    doing: &Doing,
    wanted: &Wanted,
    expected: Option<i64>,
    now: Timestamp,
) -> Result<Prepared, Fault> {
    let (mut prepared, filter) = prepared(tx, (actor, module), doing, wanted, now)?;
    prepared.targets = match &wanted.ids {
        Some(ids) if wanted.named() => {
            let seen = scheduled::frozen(tx, module, &filter, prepared.kind)?;
            let seen: HashMap<RecordId, i64> = seen.into_iter().collect();
            let rev = |id: &RecordId| seen.get(id).copied().unwrap_or_default();
            ids.iter().map(|id| (*id, rev(id))).collect()
        }
        _ => scheduled::frozen(tx, module, &filter, prepared.kind)?,
    };
    let found = i64::try_from(prepared.targets.len()).unwrap_or(i64::MAX);
    if let Some(expected) = expected.filter(|expected| *expected != found) {
        let refusal = Refusal::new(Code::UnexpectedCount).with("expected", expected);
        return Err(refusal.with("found", found).into());
    }
    if found == 0 {
        return Err(Refusal::new(Code::NoRecordsFound).into());
    }
    Ok(prepared)
}

/// Prepares a mass action whose records are selected when its job starts.
pub fn prepare_later(
    tx: &mut Tx,
    (actor, module): (&Actor, &Module),
    doing: &Doing,
    wanted: &Wanted,
    now: Timestamp,
) -> Result<Prepared, Fault> {
    if wanted.ids.is_some() {
        let refusal = Refusal::invalid("select_at", "$.select_at");
        return Err(refusal
            .saying("records that are named are known now: nothing is selected at the start")
            .into());
    }
    Ok(prepared(tx, (actor, module), doing, wanted, now)?.0)
}

/// All but the records, and the filter that they pass.
fn prepared(
    tx: &mut Tx,
    (actor, module): (&Actor, &Module),
    doing: &Doing,
    wanted: &Wanted,
    now: Timestamp,
) -> Result<(Prepared, Filter), Fault> {
    wanted.check()?;
    let kind = doing.kind();
    let limit = actor.catalog.org.limits.records_per_job;
    if wanted.ids.as_ref().is_some_and(|ids| ids.len() > limit) {
        return Err(scheduled::too_many(kind, limit).into());
    }
    let Wanted {
        ids,
        view,
        territory,
        criteria,
        ..
    } = wanted;
    let mut filter = selection::resolve(actor, module, *view, *territory, criteria.as_ref(), now)?;
    let (criteria, territories) = (filter.criteria.clone(), filter.territories.clone());
    if let Some(ids) = ids {
        filter = filter.of_ids(ids.iter().copied());
    }
    let selection = match view {
        _ if wanted.named() => Selection::Ids,
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
    let request = match doing {
        Doing::Update(change) => {
            mass_update::check_references(tx, actor, module, change)?;
            mass_update::stored(module, change, selection)?
        }
        Doing::ChangeOwner(owner) => change_owner::stored(actor, module, *owner, selection)?,
        Doing::Delete => mass_delete::stored(selection)?,
        Doing::Convert(terms) => convert::stored(actor, terms, selection)?,
    };
    let prepared = Prepared {
        kind,
        module: module.id,
        request,
        exclusive: view.map(|cvid| scheduled::exclusive(kind, cvid, module)),
        catalog_version: actor.catalog.version,
        targets: Vec::new(),
    };
    Ok((prepared, filter))
}

/// Whether a job from this plan fires automation, if the caller does not say otherwise (wire API 1.8).
pub fn fires_automation(plan: &Plan) -> Result<bool, Fault> {
    #[derive(Deserialize)]
    struct Stored {
        selection: Selection,
    }
    Ok(match (plan.automation, plan.kind) {
        (Automation::Fire, _) => true,
        (Automation::Suppress, _) | (_, JobKind::Undo) => false,
        (Automation::Wire, _) => {
            let stored: Stored = scheduled::decode_text(&plan.request)?;
            stored.selection.named() || plan.total < AUTOMATION_RECORDS_MAX
        }
    })
}

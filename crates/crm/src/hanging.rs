//! What hangs on a record and is not part of it: who may see it, and who may add to it or change it.
//! A lock keeps the record, not what is said about it (wire API 14.1).

use crate::actor::Actor;
use crate::judge::{Columns, converted, denied};
use crate::record::{Standing, Writing, each};
use model::access::Access;
use model::id::RecordId;
use model::module::{Module, system};
use model::people::Right;
use model::reason::Reason;
use model::refusal::{Code, Refusal};
use store::records;
use store::{Fault, Tx};

/// Whether the actor sees the record; refused when their profile may not see the module.
pub(crate) fn seen(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    record: RecordId,
) -> Result<bool, Fault> {
    actor.require(Right::View, module)?;
    let seen = actor.seen(module).of_ids([record]);
    Ok(!records::select_ids(tx, module, &seen, 1)?.is_empty())
}

/// Locks the record, if the actor may change what hangs on it.
pub(crate) fn open(tx: &mut Tx, writing: Writing<'_>, record: RecordId) -> Result<(), Fault> {
    let Writing { actor, module, .. } = writing;
    actor.require(Right::Edit, module)?;
    let columns = Columns(module.field(system::CONVERTED).into_iter().collect());
    let mut found = each(tx, writing, &columns, &[record])?;
    let Standing { record, facts, .. } = found.remove(&record).ok_or_else(unknown)?;
    let refused = denied(record.id, &facts, Access::Write);
    match refused.or_else(|| converted(&record, &columns, &facts)) {
        Some(refusal) => Err(refusal.into()),
        None => Ok(()),
    }
}

/// The refusal of an id that names no record.
pub fn unknown() -> Refusal {
    Refusal::new(Code::InvalidData)
        .because(Reason::UnknownRecord)
        .saying("the related id given seems to be invalid")
        .with("resource_path_index", 1)
}

/// The refusal of an id that names nothing on the record.
pub fn unrelated() -> Refusal {
    Refusal::new(Code::InvalidData)
        .saying("the relation id given seems to be invalid")
        .with("resource_path_index", 3)
}

/// Refuses one more where a record has as many as it can be given.
pub(crate) fn room(count: i64, max: usize, text: &'static str) -> Result<(), Refusal> {
    if usize::try_from(count).is_ok_and(|count| count < max) {
        return Ok(());
    }
    let refusal = Refusal::new(Code::LimitExceeded).saying(text);
    Err(refusal.with("limit", max))
}

//! Locking a record by hand, and unlocking it (wire API 14.1).

use crate::actor::Actor;
use crate::judge::{denied, held_beside};
use crate::record::{self, Standing, Writing, touch};
use model::access::Access;
use model::hold::HoldKind;
use model::id::{HoldId, RecordId};
use model::module::{Module, system};
use model::people::Right;
use model::reason::Reason;
use model::refusal::{Code, Refusal};
use model::value::Value;
use store::changes::Cause;
use store::holds::{self, Hold};
use store::records::{self, Record};
use store::{Fault, Tx};

/// The record, if there is one and nothing but a lock holds it. Also says no where the module's
/// records cannot be locked.
fn open(tx: &mut Tx, writing: Writing<'_>, id: RecordId) -> Result<Record, Fault> {
    let Writing { actor, module, .. } = writing;
    actor.require(Right::Edit, module)?;
    if !module.locking {
        let refusal = Refusal::new(Code::NotAllowed)
            .because(Reason::LockingNotConfigured)
            .saying("Required Record Locking Configuration is not present");
        return Err(refusal.with("resource_path_index", 0).into());
    }
    let unknown = || {
        let refusal = Refusal::new(Code::InvalidData);
        refusal
            .saying("the related id given seems to be invalid")
            .with("resource_path_index", 1)
    };
    let Standing { record, facts, .. } = record::one(tx, writing, id)?.ok_or_else(unknown)?;
    let refused = denied(id, &facts, Access::Write);
    match refused.or_else(|| held_beside(id, &facts, HoldKind::Lock)) {
        Some(refusal) => Err(refusal.into()),
        None => Ok(record),
    }
}

/// The lock on a record.
pub fn find(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    id: RecordId,
) -> Result<Option<Hold>, Fault> {
    actor.require(Right::View, module)?;
    let seen = actor.seen(module).of_ids([id]);
    if records::select_ids(tx, module, &seen, 1)?.is_empty() {
        return Ok(None);
    }
    Ok(holds::find(tx, id, HoldKind::Lock)?.filter(|lock| lock.module == module.id))
}

/// Locks a record: nobody whom its module's configuration does not exclude may change it until it
/// is unlocked.
pub fn put(
    tx: &mut Tx,
    writing: Writing<'_>,
    id: RecordId,
    reason: Option<String>,
) -> Result<Hold, Fault> {
    let record = open(tx, writing, id)?;
    if holds::find(tx, id, HoldKind::Lock)?.is_some() {
        let refusal = Refusal::new(Code::NotAllowed).saying("Record is already locked.");
        return Err(refusal.with("resource_path_index", 1).into());
    }
    let lock = Hold {
        id: HoldId(tx.new_id()?),
        record: id,
        module: writing.module.id,
        kind: HoldKind::Lock,
        reason,
        actor: writing.actor.user.id,
        at: writing.now,
    };
    holds::insert(tx, std::slice::from_ref(&lock))?;
    mark(tx, writing, &record, Cause::Lock)?;
    Ok(lock)
}

/// Changes why a record is locked.
pub fn explain(
    tx: &mut Tx,
    writing: Writing<'_>,
    id: RecordId,
    lock: HoldId,
    reason: Option<&str>,
) -> Result<(), Fault> {
    open(tx, writing, id)?;
    existing(tx, id, lock)?;
    Ok(holds::update_reason(tx, lock, reason)?)
}

/// Unlocks a record.
pub fn lift(tx: &mut Tx, writing: Writing<'_>, id: RecordId, lock: HoldId) -> Result<(), Fault> {
    let record = open(tx, writing, id)?;
    existing(tx, id, lock)?;
    holds::delete(tx, lock)?;
    mark(tx, writing, &record, Cause::Unlock)
}

fn existing(tx: &mut Tx, id: RecordId, lock: HoldId) -> Result<(), Fault> {
    if holds::find(tx, id, HoldKind::Lock)?.is_some_and(|found| found.id == lock) {
        return Ok(());
    }
    let refusal = Refusal::new(Code::InvalidData);
    let text = "the relation id given seems to be invalid";
    Err(refusal.saying(text).with("resource_path_index", 3).into())
}

/// Writes on the record itself whether it is locked, so that views can select by it.
fn mark(tx: &mut Tx, writing: Writing<'_>, record: &Record, cause: Cause) -> Result<(), Fault> {
    let locked = Value::Bool(cause == Cause::Lock);
    let field = writing.module.field(system::LOCKED);
    let values: Vec<_> = field.map(|field| (field, locked)).into_iter().collect();
    touch(tx, Writing { cause, ..writing }, record, &values)
}

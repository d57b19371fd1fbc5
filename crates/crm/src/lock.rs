//! Locking a record by hand, and unlocking it.

use crate::actor::Actor;
use crate::record::{Writing, touch};
use model::id::{HoldId, RecordId};
use model::module::{Module, system};
use model::people::Right;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use model::value::Value;
use store::changes::Cause;
use store::holds::{self, Lock};
use store::records::{self, Record};
use store::{Fault, Tx};

/// What is said where the module's records cannot be locked.
pub const NOT_CONFIGURED: &str = "Required Record Locking Configuration is not present";

/// The record, if there is one. Also says no where the module's records cannot be locked.
fn open(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    right: Right,
    id: RecordId,
) -> Result<Record, Fault> {
    actor.require(right, module)?;
    if !module.locking {
        let refusal = Refusal::new(Code::NotAllowed).saying(NOT_CONFIGURED);
        return Err(refusal.with("resource_path_index", 0).into());
    }
    let fields: Vec<_> = module.fields.iter().collect();
    let record = records::lock(tx, module, &fields, &[id])?.pop();
    let unknown = || {
        let refusal = Refusal::new(Code::InvalidData);
        refusal
            .saying("the related id given seems to be invalid")
            .with("resource_path_index", 1)
    };
    record.ok_or_else(|| unknown().into())
}

/// The lock on a record.
pub fn find(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    id: RecordId,
) -> Result<Option<Lock>, Fault> {
    actor.require(Right::View, module)?;
    Ok(holds::find_lock(tx, id)?.filter(|lock| lock.module == module.id))
}

/// Locks a record: nobody may change it until it is unlocked.
pub fn put(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    id: RecordId,
    reason: Option<String>,
    now: Timestamp,
) -> Result<Lock, Fault> {
    let record = open(tx, actor, module, Right::Edit, id)?;
    if holds::find_lock(tx, id)?.is_some() {
        let refusal = Refusal::new(Code::NotAllowed).saying("Record is already locked.");
        return Err(refusal.with("resource_path_index", 1).into());
    }
    let lock = Lock {
        id: HoldId(tx.new_id()?),
        record: id,
        module: module.id,
        reason,
        actor: actor.user.id,
        at: now,
    };
    holds::insert_lock(tx, &lock)?;
    mark(tx, actor, module, &record, Cause::Lock, now)?;
    Ok(lock)
}

/// Changes why a record is locked.
pub fn explain(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    id: RecordId,
    lock: HoldId,
    reason: Option<&str>,
) -> Result<(), Fault> {
    open(tx, actor, module, Right::Edit, id)?;
    existing(tx, id, lock)?;
    Ok(holds::update_reason(tx, lock, reason)?)
}

/// Unlocks a record.
pub fn lift(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    id: RecordId,
    lock: HoldId,
    now: Timestamp,
) -> Result<(), Fault> {
    let record = open(tx, actor, module, Right::Edit, id)?;
    existing(tx, id, lock)?;
    holds::delete_of(tx, &[id])?;
    mark(tx, actor, module, &record, Cause::Unlock, now)
}

fn existing(tx: &mut Tx, id: RecordId, lock: HoldId) -> Result<(), Fault> {
    if holds::find_lock(tx, id)?.is_some_and(|found| found.id == lock) {
        return Ok(());
    }
    let refusal = Refusal::new(Code::InvalidData);
    let text = "the relation id given seems to be invalid";
    Err(refusal.saying(text).with("resource_path_index", 3).into())
}

/// Writes on the record itself whether it is locked, so that reading its row is enough to judge it.
fn mark(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    record: &Record,
    cause: Cause,
    now: Timestamp,
) -> Result<(), Fault> {
    let writing = Writing {
        actor,
        module,
        cause,
        job: None,
        now,
    };
    let locked = Value::Bool(cause == Cause::Lock);
    let values: Vec<_> = module
        .field(system::LOCKED)
        .map(|field| (field, locked))
        .into_iter()
        .collect();
    touch(tx, writing, record, &values)
}

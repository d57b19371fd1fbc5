//! Holds that other systems put on records and take off again: an approval, a review, the check of
//! an image, a merge, a stop of processing. A lock is a hold too, but persons put it there: `lock.rs`.

use crate::actor::Actor;
use crate::record::{self, Standing, Writing, touch};
use model::hold::HoldKind;
use model::id::{HoldId, RecordId};
use model::module::Module;
use model::people::Right;
use store::changes::Cause;
use store::holds::{self, Hold};
use store::{Fault, Tx, approvals, records};

/// What holds a record, the oldest first; `None` when there is no such record.
pub fn of(
    tx: &mut Tx,
    actor: &Actor,
    module: &Module,
    id: RecordId,
) -> Result<Option<Vec<Hold>>, Fault> {
    actor.require(Right::View, module)?;
    let filter = actor.seen(module).of_ids([id]);
    if records::select_ids(tx, module, &filter, 1)?.is_empty() {
        return Ok(None);
    }
    Ok(Some(holds::of(tx, id)?))
}

/// What putting a hold did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// The record was not held so before.
    New,
    /// It was, and still is.
    Known,
}

/// Puts a hold on a record, or gives the one that is there this reason; `None` when there is no such
/// record. Only a new hold is a revision of the record: why it is held decides nothing.
pub fn put(
    tx: &mut Tx,
    writing: Writing<'_>,
    id: RecordId,
    kind: HoldKind,
    reason: Option<String>,
) -> Result<Option<(Put, Hold)>, Fault> {
    let Some(Standing { record, .. }) = record::one(tx, writing, id)? else {
        return Ok(None);
    };
    if let Some(mut known) = holds::find(tx, id, kind)? {
        holds::update_reason(tx, known.id, reason.as_deref())?;
        known.reason = reason;
        return Ok(Some((Put::Known, known)));
    }
    let mut new = new_hold(tx, writing, id, kind)?;
    new.reason = reason;
    holds::insert(tx, std::slice::from_ref(&new))?;
    let writing = Writing {
        cause: Cause::Hold,
        ..writing
    };
    touch(tx, writing, &record, &[])?;
    Ok(Some((Put::New, new)))
}

/// Takes a hold off a record; `false` when there is no such record or it is not held so.
pub fn lift(
    tx: &mut Tx,
    writing: Writing<'_>,
    id: RecordId,
    kind: HoldKind,
) -> Result<bool, Fault> {
    let Some(Standing { record, .. }) = record::one(tx, writing, id)? else {
        return Ok(false);
    };
    let Some(hold) = holds::find(tx, id, kind)? else {
        return Ok(false);
    };
    holds::delete(tx, hold.id)?;
    let found = approvals::of(tx, &[id])?.pop();
    if found.is_some_and(|approval| approval.state.hold() == kind) {
        // A record that nothing holds waits for nobody.
        approvals::delete_of(tx, &[id])?;
    }
    let writing = Writing {
        cause: Cause::Unhold,
        ..writing
    };
    touch(tx, writing, &record, &[])?;
    Ok(true)
}

/// Puts a hold on records that this transaction wrote, where it is not there already: their revision
/// says so. Answers those that are new.
pub fn put_on_new(
    tx: &mut Tx,
    writing: Writing<'_>,
    made: &[RecordId],
    kind: HoldKind,
) -> Result<Vec<Hold>, Fault> {
    let known = holds::kinds_of(tx, made)?;
    let mut new = Vec::with_capacity(made.len());
    for id in made.iter().filter(|id| !known.contains(&(**id, kind))) {
        new.push(new_hold(tx, writing, *id, kind)?);
    }
    holds::insert(tx, &new)?;
    Ok(new)
}

fn new_hold(
    tx: &mut Tx,
    writing: Writing<'_>,
    record: RecordId,
    kind: HoldKind,
) -> Result<Hold, Fault> {
    Ok(Hold {
        id: HoldId(tx.new_id()?),
        record,
        module: writing.module.id,
        kind,
        reason: None,
        actor: writing.actor.user.id,
        at: writing.now,
    })
}

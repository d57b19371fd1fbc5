//! Sharing one record by hand with other users, as the vendor's calls for that do: all of what is
//! asked for, or nothing.

use crate::actor::Actor;
use crate::judge::{Columns, denied, fixed};
use crate::record::{self, Standing, Writing, touch};
use model::access::{Access, Permission};
use model::body::Place;
use model::id::{RecordId, UserId};
use model::limits::SHARES_PER_RECORD_MAX;
use model::module::{Module, system};
use model::people::{Right, User};
use model::refusal::{Code, Refusal};
use model::value::Value;
use std::collections::BTreeMap;
use store::changes::Cause;
use store::records::{self, Record};
use store::shares::{self, Share};
use store::{Fault, Tx, access};

/// With whom a record is to be shared, and where the request says so.
pub struct Wanted {
    /// The user.
    pub user: UserId,
    /// What they may do.
    pub permission: Permission,
    /// Where the entry stands in the request.
    pub place: Place,
}

/// Which of the record's shares a request speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those that it names, which must be new.
    Further,
    /// All of them: who is not named loses the record.
    All,
}

/// The refusal of an id that names no record that the actor sees.
pub fn unknown() -> Refusal {
    Refusal::new(Code::InvalidData)
        .saying("ENTITY_ID_INVALID")
        .with("resource_path_index", 1)
}

/// With whom a record is shared, in the order in which it was.
pub fn of(tx: &mut Tx, actor: &Actor, module: &Module, id: RecordId) -> Result<Vec<Share>, Fault> {
    actor.require(Right::View, module)?;
    let seen = actor.seen(module).of_ids([id]);
    if records::select_ids(tx, module, &seen, 1)?.is_empty() {
        return Err(unknown().into());
    }
    Ok(shares::of(tx, &[id])?)
}

/// Refuses an actor who may share no record of the module.
pub fn authorise(writing: Writing<'_>) -> Result<(), Refusal> {
    writing.actor.require(Right::Edit, writing.module)
}

/// The record, if the actor may share it: they may do everything with it, and not because it was
/// shared with them.
fn open(tx: &mut Tx, writing: Writing<'_>, id: RecordId) -> Result<Record, Fault> {
    let Writing { actor, module, .. } = writing;
    authorise(writing)?;
    let Standing {
        record, mut facts, ..
    } = record::one(tx, writing, id)?.ok_or_else(unknown)?;
    facts.access = own_access(tx, actor, module, id)?;
    let refused = denied(id, &facts, Access::Full);
    match refused.or_else(|| fixed(&record, &Columns::all(module), &facts)) {
        Some(refusal) => Err(refusal.into()),
        None => Ok(record),
    }
}

/// What somebody may do with a record without its shares.
fn own_access(tx: &mut Tx, actor: &Actor, module: &Module, id: RecordId) -> Result<Access, Fault> {
    let Some(reach) = actor.reach(module) else {
        return Ok(Access::Full);
    };
    let found = access::of(tx, module, &reach.without_shares(), &[id])?;
    Ok(found.first().map_or(Access::None, |(_, access)| *access))
}

/// Shares a record.
pub fn put(
    tx: &mut Tx,
    writing: Writing<'_>,
    id: RecordId,
    wanted: &[Wanted],
    scope: Scope,
) -> Result<(), Fault> {
    let record = open(tx, writing, id)?;
    let known: BTreeMap<UserId, Share> = shares::of(tx, &[id])?
        .into_iter()
        .map(|share| (share.user, share))
        .collect();
    let mut after = BTreeMap::new();
    for entry in wanted {
        if scope == Scope::Further && known.contains_key(&entry.user) {
            return Err(at(already_visible(), entry).into());
        }
        check(tx, writing, &record, entry)?;
        if after.insert(entry.user, entry.permission).is_some() {
            return Err(at(Refusal::new(Code::DuplicateData), entry).into());
        }
    }
    let kept = known.values().filter(|_| scope == Scope::Further).count();
    if after.len() + kept > SHARES_PER_RECORD_MAX {
        let refusal = Refusal::new(Code::ShareLimitExceeded);
        return Err(refusal.with("limit", SHARES_PER_RECORD_MAX).into());
    }
    let mut changed = false;
    for (user, permission) in &after {
        if known
            .get(user)
            .is_none_or(|share| share.permission != *permission)
        {
            let share = Share {
                record: id,
                user: *user,
                permission: *permission,
                actor: writing.actor.user.id,
                at: writing.now,
            };
            shares::put(tx, writing.module.id, &share)?;
            changed = true;
        }
    }
    for user in known.keys().filter(|_| scope == Scope::All) {
        if !after.contains_key(user) {
            shares::remove(tx, id, *user)?;
            changed = true;
        }
    }
    if changed {
        mark(tx, writing, &record)?;
    }
    Ok(())
}

fn at(refusal: Refusal, entry: &Wanted) -> Refusal {
    refusal.at(&entry.place.key("user").key("id"))
}

fn already_visible() -> Refusal {
    Refusal::new(Code::InvalidData).saying("record is already visible to the user.")
}

/// Refuses a user who cannot use the share, or does not need it.
fn check(tx: &mut Tx, writing: Writing<'_>, record: &Record, entry: &Wanted) -> Result<(), Fault> {
    let Writing { actor, module, .. } = writing;
    let wrong = |text| at(Refusal::new(Code::InvalidData).saying(text), entry);
    let user = actor
        .catalog
        .user(entry.user)
        .ok_or_else(|| wrong("the related id given seems to be invalid"))?;
    let columns = Columns::all(module);
    let owns = *columns.value(record, system::OWNER) == Value::Int(user.id.0);
    if owns {
        return Err(at(already_visible(), entry).into());
    }
    let no = || wrong("cannot share to the user");
    let may = Actor::of(&actor.catalog, user.id).ok();
    let may = may.filter(|other| user.confirmed && other.require(Right::View, module).is_ok());
    let other = may.ok_or_else(no)?;
    if own_access(tx, &other, module, record.id)? >= entry.permission.access() {
        return Err(at(already_visible(), entry).into());
    }
    Ok(())
}

/// Takes a record back from everyone it is shared with.
pub fn revoke(tx: &mut Tx, writing: Writing<'_>, id: RecordId) -> Result<(), Fault> {
    let record = open(tx, writing, id)?;
    if shares::of(tx, &[id])?.is_empty() {
        return Err(Refusal::new(Code::BadRequest).into());
    }
    shares::remove_all(tx, id)?;
    mark(tx, writing, &record)
}

/// Users with whom a record of this owner may be shared, at most `max`.
pub fn shareable<'a>(
    actor: &'a Actor,
    module: &Module,
    taken: &[UserId],
    max: usize,
) -> Vec<&'a User> {
    let users = actor.catalog.users.iter();
    let fit = users.filter(|user| {
        let reach = actor.catalog.reach(user, module);
        user.is_active()
            && user.confirmed
            && !taken.contains(&user.id)
            && reach.is_some_and(|reach| reach.shared_to.is_some())
    });
    fit.take(max).collect()
}

fn mark(tx: &mut Tx, writing: Writing<'_>, record: &Record) -> Result<(), Fault> {
    let writing = Writing {
        cause: Cause::Share,
        ..writing
    };
    touch(tx, writing, record, &[])
}

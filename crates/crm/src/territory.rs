//! Putting records into territories and taking them out.

use crate::judge::{Columns, denied, standing_still};
use crate::record::{self, Standing, Writing, touch};
use model::access::Access;
use model::body::Place;
use model::id::{RecordId, TerritoryId};
use model::limits::TERRITORIES_PER_RECORD_MAX;
use model::module::Module;
use model::reason::Reason;
use model::refusal::{Code, Refusal};
use std::collections::BTreeSet;
use store::changes::Cause;
use store::territories::{self, Assignment};
use store::{Fault, Tx};

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Into territories.
    Assign,
    /// Out of territories.
    Remove,
}

fn wrong_id(place: &Place) -> Refusal {
    let refusal = place.key("id").invalid();
    refusal.saying("the id given seems to be invalid")
}

/// Moves one record into or out of these territories: all of them or none.
pub fn change(
    tx: &mut Tx,
    writing: Writing<'_>,
    id: RecordId,
    wanted: &[TerritoryId],
    direction: Direction,
    place: &Place,
) -> Result<Result<(), Refusal>, Fault> {
    let Writing {
        actor, module, now, ..
    } = writing;
    let list = place.key("Territories");
    let distinct: BTreeSet<TerritoryId> = wanted.iter().copied().collect();
    if distinct.len() < wanted.len() {
        return Ok(Err(Refusal::new(Code::AlreadyUsed).at(&list)));
    }
    if let Some(n) = wanted
        .iter()
        .position(|t| actor.catalog.territory(*t).is_none())
    {
        return Ok(Err(wrong_id(&list.item(n))));
    }
    let Some(Standing { record, facts, .. }) = record::one(tx, writing, id)? else {
        return Ok(Err(wrong_id(place).because(Reason::UnknownRecord)));
    };
    // A territory's members may do with the record what the territory says, the actor among them.
    let refusal = denied(id, &facts, Access::Full)
        .or_else(|| standing_still(&record, &Columns::all(module), &facts));
    if let Some(refusal) = refusal {
        return Ok(Err(refusal));
    }
    let has: BTreeSet<TerritoryId> = territories::of(tx, &[id])?
        .into_iter()
        .map(|a| a.territory)
        .collect();
    let refusal = match direction {
        Direction::Assign => cannot_assign(module, &has, &distinct, &list),
        Direction::Remove => cannot_remove(&has, wanted, &list),
    };
    if let Some(refusal) = refusal {
        return Ok(Err(refusal));
    }
    for territory in wanted {
        match direction {
            Direction::Assign => {
                let new = Assignment {
                    record: id,
                    territory: *territory,
                    actor: actor.user.id,
                    at: now,
                };
                territories::assign(tx, module.id, new)?;
            }
            Direction::Remove => {
                territories::remove(tx, id, *territory)?;
            }
        }
    }
    let writing = Writing {
        cause: Cause::Territory,
        ..writing
    };
    touch(tx, writing, &record, &[])?;
    Ok(Ok(()))
}

fn cannot_assign(
    module: &Module,
    has: &BTreeSet<TerritoryId>,
    wanted: &BTreeSet<TerritoryId>,
    list: &Place,
) -> Option<Refusal> {
    if !has.is_disjoint(wanted) {
        let text = "Given territory already exists for that record";
        let refusal = Refusal::new(Code::DuplicateData).saying(text);
        return Some(refusal.at(list));
    }
    // A deal belongs to one territory (wire API 12).
    let max = if module.api_name == "Deals" {
        1
    } else {
        TERRITORIES_PER_RECORD_MAX
    };
    if has.len() + wanted.len() > max {
        let text = "Maximum limit of territories for that record exceeds";
        let refusal = Refusal::new(Code::LimitExceeded).saying(text);
        return Some(refusal.with("limit", max).at(list));
    }
    None
}

fn cannot_remove(
    has: &BTreeSet<TerritoryId>,
    wanted: &[TerritoryId],
    list: &Place,
) -> Option<Refusal> {
    let n = wanted
        .iter()
        .position(|territory| !has.contains(territory))?;
    Some(wrong_id(&list.item(n)))
}

//! Whether a user may be given records, and whether the one who gives them may: asked by the calls
//! that change owners, by their jobs, and by every write of an owner (wire API 2.4, 5).

use crate::actor::Actor;
use crate::record::Writing;
use model::body::Place;
use model::field::Field;
use model::id::UserId;
use model::module::{Module, system};
use model::people::{Right, TransferTo, UserStatus, UserType};
use model::reason::Reason;
use model::refusal::{Code, Refusal};
use model::value::Value;
use std::collections::HashMap;
use store::changes::Cause;

/// Modules whose records a service provider may own (wire API 5).
const APPOINTMENTS: [&str; 3] = ["Tasks", "Events", "Calls"];
const APPOINTMENTS_ONLY: &str =
    "Service Provider User can only be assigned to tasks, meetings, calls, and appointments";

/// Why a user may not be given records of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// There is no such user.
    Unknown,
    /// They have not confirmed their invitation.
    Unconfirmed,
    /// They were deactivated.
    Inactive,
    /// Their account is closed.
    Deleted,
    /// Their licence is for reading.
    Lite,
    /// Their licence is for appointments.
    ServiceProvider,
    /// The giver's profile gives to subordinates only, and they are none.
    NotSubordinate,
    /// Their profile does not show them the module.
    CannotView,
}

/// Whether this user may be given records of the module by the actor.
pub fn fit(actor: &Actor, module: &Module, to: UserId) -> Result<(), Unfit> {
    let user = actor.catalog.user(to).ok_or(Unfit::Unknown)?;
    match user.status {
        UserStatus::Active if user.confirmed => {}
        UserStatus::Active => return Err(Unfit::Unconfirmed),
        UserStatus::Inactive => return Err(Unfit::Inactive),
        UserStatus::Deleted => return Err(Unfit::Deleted),
    }
    match user.user_type {
        UserType::Regular => {}
        UserType::Lite => return Err(Unfit::Lite),
        UserType::ServiceProvider if APPOINTMENTS.contains(&module.api_name.as_str()) => {}
        UserType::ServiceProvider => return Err(Unfit::ServiceProvider),
    }
    if !may_give_to(actor, to) {
        return Err(Unfit::NotSubordinate);
    }
    let profile = actor.catalog.profile(user.profile);
    if profile.is_some_and(|profile| profile.may(Right::View, module.id)) {
        Ok(())
    } else {
        Err(Unfit::CannotView)
    }
}

/// Whether the actor's profile lets them give something to this user: to everyone, or only to
/// themselves and to users whose role is below theirs.
pub fn may_give_to(actor: &Actor, to: UserId) -> bool {
    let below = |to| {
        let user = actor.catalog.user(to);
        user.is_some_and(|user| actor.catalog.is_below(user.role, actor.user.role))
    };
    match actor.profile.transfer_to {
        TransferTo::Anyone => true,
        TransferTo::Subordinates => to == actor.user.id || below(to),
    }
}

/// Where a request names the new owner.
fn id_in_request() -> Place {
    Place::body().key("owner").key("id")
}

impl Unfit {
    /// The `owner_status` of the wire, where it has one.
    fn status(self) -> Option<&'static str> {
        match self {
            Self::Unknown | Self::Unconfirmed => Some("not_crm_user"),
            Self::Inactive => Some("inactive"),
            Self::Deleted => Some("deleted"),
            _ => None,
        }
    }

    /// What all ways of giving say alike: the user may not see the module, or own its records.
    fn of_any(self, module: &Module) -> Option<Refusal> {
        match self {
            Self::CannotView => {
                let permission = format!("Crm_Implied_Role_View_{}", module.api_name);
                Some(Refusal::new(Code::CannotAssign).with("permissions", vec![permission]))
            }
            Self::ServiceProvider => {
                let refusal = Refusal::new(Code::NotAllowed).saying(APPOINTMENTS_ONLY);
                Some(refusal.at(&id_in_request()))
            }
            _ => None,
        }
    }

    /// The refusal of a mass change of owner (wire API 2.4).
    pub fn of_mass(self, module: &Module) -> Refusal {
        if let Some(refusal) = self.of_any(module) {
            return refusal;
        }
        if self == Self::NotSubordinate {
            // The vendor's own spaces.
            let text = "The user to whom you are trying to transfer the records is  not a \
                        subordinate user.";
            let refusal = Refusal::new(Code::InvalidData).saying(text);
            return refusal.with("param_name", "owner_id");
        }
        let refusal = id_in_request().called("owner").invalid();
        let refusal = refusal.saying("Invalid data provided");
        match self.status() {
            Some(status) => refusal.with("owner_status", status),
            None => refusal,
        }
    }

    /// The refusal of a change of owner, in the newest version's words (wire API 5).
    pub fn of_call(self, module: &Module) -> Refusal {
        if let Some(refusal) = self.of_any(module) {
            return refusal;
        }
        let (what, status) = match self {
            Self::NotSubordinate => ("is not a subordinate", Some("include_subordinate_owners")),
            Self::Inactive | Self::Unconfirmed => ("is not active", Some("inactive")),
            Self::Deleted => ("has closed their account", Some("deleted")),
            Self::Lite => ("is a Lite User", None),
            _ => {
                let refusal = id_in_request().called("owner").invalid();
                let refusal = refusal.because(Reason::UnknownOwner);
                return refusal.saying("Invalid data provided");
            }
        };
        let text = format!("The user to whom you are trying to transfer the records {what}.");
        let refusal = id_in_request().invalid().saying(text);
        let refusal = match self {
            Self::Deleted => refusal.because(Reason::ClosedOwner),
            _ => refusal,
        };
        match status {
            Some(status) => refusal.with("owner_status", status),
            None => refusal,
        }
    }

    /// The refusal of one record whose owner is written like any other field.
    pub(crate) fn of_record(self, module: &Module) -> Refusal {
        match self {
            Self::CannotView => self.of_mass(module),
            Self::NotSubordinate => Refusal::new(Code::InvalidData)
                .saying("Non Subordinate User Found")
                .with("api_name", system::OWNER),
            Self::ServiceProvider => Refusal::new(Code::NotAllowed)
                .saying(APPOINTMENTS_ONLY)
                .with("api_name", system::OWNER),
            _ => {
                let refusal = Refusal::new(Code::InvalidData).with("api_name", system::OWNER);
                match self.status() {
                    Some(status) => refusal.with("owner_status", status),
                    None => refusal,
                }
            }
        }
    }
}

/// Judges the owners that a set of records would get, each once.
#[derive(Default)]
pub(crate) struct Owners(HashMap<i64, Option<Unfit>>);

impl Owners {
    /// Refuses a new record's owner.
    pub(crate) fn of_new(
        &mut self,
        writing: Writing<'_>,
        values: &[(&Field, Value)],
    ) -> Option<Refusal> {
        let Writing { actor, module, .. } = writing;
        let owner = values
            .iter()
            .find(|(field, _)| field.api_name == system::OWNER)?;
        let to = owner.1.as_int()?;
        let judged = self.0.entry(to);
        let unfit = *judged.or_insert_with(|| fit(actor, module, UserId(to)).err());
        unfit.map(|unfit| unfit.of_record(module))
    }

    /// Refuses another owner of a record. Whoever writes the owner as a field needs the same right as
    /// by the call for it, save the actions that asked for a right of their own.
    pub(crate) fn of_change(
        &mut self,
        writing: Writing<'_>,
        writes: &[(&Field, Value)],
    ) -> Option<Refusal> {
        let owner = |(field, _): &&(&Field, Value)| field.api_name == system::OWNER;
        let (_, to) = writes.iter().find(owner)?;
        let asked = matches!(writing.cause, Cause::Job | Cause::Owner | Cause::Parent);
        let right = writing.actor.require(Right::ChangeOwner, writing.module);
        let right = right.err().filter(|_| !asked);
        // Without an owner a record would be nobody's, and nobody but administrators would reach it.
        let nobody = || Refusal::new(Code::MandatoryNotFound).with("api_name", system::OWNER);
        right
            .or_else(|| to.is_null().then(nobody))
            .or_else(|| self.of_new(writing, writes))
    }
}

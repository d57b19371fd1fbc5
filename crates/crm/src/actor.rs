//! Who acts: a user with their profile's rights, as the catalog has them now.

use model::access::Reach;
use model::catalog::Catalog;
use model::criteria::BindContext;
use model::field::Field;
use model::id::{ProfileId, UserId};
use model::module::Module;
use model::people::{FieldRight, Profile, Right, User};
use model::reason::Reason;
use model::refusal::{Code, Refusal};
use model::time::Timestamp;
use std::sync::Arc;
use store::records::Filter;

/// A user who may work, with their rights.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The user.
    pub user: User,
    /// Their profile.
    pub profile: Profile,
    /// The time zone of their days and date-times.
    pub zone: jiff::tz::TimeZone,
    /// The catalog that says so.
    pub catalog: Arc<Catalog>,
}

impl Actor {
    /// The user of this id. A user who is gone, deactivated or without a profile may do nothing
    /// (wire API 22: AUTHORIZATION_FAILED).
    pub fn of(catalog: &Arc<Catalog>, id: UserId) -> Result<Self, Refusal> {
        let refused = || Refusal::new(Code::AuthorizationFailed).because(Reason::NoAccess);
        let user = catalog
            .user(id)
            .filter(|user| user.is_active())
            .ok_or_else(refused)?
            .clone();
        let profile = catalog.profile(user.profile).ok_or_else(refused)?.clone();
        let zone = catalog.zone(&user);
        Ok(Self {
            user,
            profile,
            zone,
            catalog: Arc::clone(catalog),
        })
    }

    /// The org's automation in the name of a user: theirs is the name in what it writes, and no right
    /// of theirs is asked. Nobody's lock is passed.
    pub(crate) fn of_automation(catalog: &Arc<Catalog>, id: UserId) -> Result<Self, Refusal> {
        let refused = |text: &'static str| Refusal::new(Code::AuthorizationFailed).saying(text);
        let gone = || refused("the user who caused it was removed");
        let mut user = catalog.user(id).ok_or_else(gone)?.clone();
        let mut profiles = catalog.profiles.iter();
        let administrator = profiles.find(|profile| profile.administrator);
        let none = || refused("the org has no administrator's profile");
        let mut profile = administrator.ok_or_else(none)?.clone();
        let zone = catalog.zone(&user);
        user.profile = profile.id;
        profile.id = ProfileId(0);
        Ok(Self {
            user,
            profile,
            zone,
            catalog: Arc::clone(catalog),
        })
    }

    /// The active user of this e-mail address; without one, the first active administrator, for whom
    /// a person at the machine acts.
    pub fn at_console(catalog: &Arc<Catalog>, email: Option<&str>) -> Result<Self, Refusal> {
        let user = match email {
            Some(email) => catalog.user_by_email(email).filter(|user| user.is_active()),
            None => catalog.users.iter().find(|user| {
                let profile = catalog.profile(user.profile);
                user.is_active() && profile.is_some_and(|profile| profile.administrator)
            }),
        };
        let nobody = || {
            let text = email.map_or_else(
                || "no active user is an administrator".to_owned(),
                |email| format!("no active user has the e-mail address {email}"),
            );
            Refusal::new(Code::AuthorizationFailed).saying(text)
        };
        Self::of(catalog, user.ok_or_else(nobody)?.id)
    }

    /// Refuses without this right over the module.
    pub fn require(&self, right: Right, module: &Module) -> Result<(), Refusal> {
        if self.profile.may(right, module.id) {
            return Ok(());
        }
        Err(Refusal::no_permission(right.permission(&module.api_name)))
    }

    /// Which records of the module they reach; `None` is all of them, for everything.
    pub fn reach(&self, module: &Module) -> Option<Reach> {
        self.catalog.reach(&self.user, module)
    }

    /// The records of the module that they see: every list, count and search for them starts here.
    pub fn seen(&self, module: &Module) -> Filter {
        Filter::seen_by(self.reach(module))
    }

    /// Whether the field is shown at all.
    pub fn sees(&self, field: &Field) -> bool {
        self.profile.field(field.id) != FieldRight::Hidden
    }

    /// Whether locks of the module's records do not affect the actor (wire API 14.1).
    pub fn passes_locks(&self, module: &Module) -> bool {
        module.lock_exclusions.profiles.contains(&self.profile.id)
    }

    /// What criteria mean for this actor at this time.
    pub fn bind_context(&self, now: Timestamp) -> BindContext<'_> {
        BindContext {
            now,
            zone: self.zone.clone(),
            user: self.user.id,
            role: self.user.role,
            catalog: &self.catalog,
        }
    }
}

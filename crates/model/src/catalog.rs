//! The catalog: all metadata of the org at one version, as one value.

use crate::field::FieldKind;
use crate::id::{ModuleId, OrgId, ProfileId, RoleId, RuleId, TerritoryId, UserId, ViewId};
use crate::limits::VIEW_RECORDS_MAX;
use crate::module::{ACTIVITY_MODULES, Module, RELATED_TO};
use crate::people::{Profile, Role, User};
use crate::territory::Territory;
use crate::view::View;
use crate::workflow::WorkflowRule;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What the org may use, as the vendor sells it: an org behaves like one of the edition that it
/// names (wire API 1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edition {
    /// Free.
    Free,
    /// Standard.
    Standard,
    /// Professional.
    Professional,
    /// Enterprise, and what includes it.
    #[default]
    Enterprise,
    /// Ultimate.
    Ultimate,
}

impl Edition {
    /// All of them, the smallest first.
    pub const ALL: [Self; 5] = [
        Self::Free,
        Self::Standard,
        Self::Professional,
        Self::Enterprise,
        Self::Ultimate,
    ];

    /// Its word in the org file and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Standard => "standard",
            Self::Professional => "professional",
            Self::Enterprise => "enterprise",
            Self::Ultimate => "ultimate",
        }
    }

    /// The edition that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|edition| edition.as_str() == word)
    }

    /// Whether mass actions may be scheduled for a view (wire API 1.1, 2.1, 4.1).
    pub fn schedules_mass_actions(self) -> bool {
        matches!(self, Self::Enterprise | Self::Ultimate)
    }
}

/// Bounds that an org sets for itself; the vendor's where it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Records of one job.
    pub records_per_job: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            records_per_job: VIEW_RECORDS_MAX,
        }
    }
}

/// The customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Org {
    /// Its id, the wire's `id` and `zgid`.
    pub id: OrgId,
    /// The company's name.
    pub company: String,
    /// IANA time zone of users who have none of their own.
    pub time_zone: String,
    /// Name of the currency.
    pub currency: String,
    /// Sign of the currency.
    pub currency_symbol: String,
    /// ISO 4217 code of the currency.
    pub iso_code: String,
    /// ISO 3166 code of the country.
    pub country_code: String,
    /// Contact address.
    pub primary_email: String,
    /// Which edition it behaves like.
    #[serde(default)]
    pub edition: Edition,
    /// How much of something it may have.
    #[serde(default)]
    pub limits: Limits,
}

/// All metadata of the org.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    /// Raised by every change of the catalog.
    pub version: i64,
    /// The customer.
    pub org: Org,
    /// Modules, standard ones first.
    pub modules: Vec<Module>,
    /// Roles.
    pub roles: Vec<Role>,
    /// Profiles.
    pub profiles: Vec<Profile>,
    /// Users.
    pub users: Vec<User>,
    /// Territories.
    pub territories: Vec<Territory>,
}

impl Catalog {
    /// The module of this api name; exact case, `Meetings` and `Potentials` as the wire's aliases
    /// of `Events` and `Deals` (wire API 21, rows 47 and 51).
    pub fn module(&self, api_name: &str) -> Option<&Module> {
        let name = match api_name {
            "Meetings" => "Events",
            "Potentials" => "Deals",
            other => other,
        };
        self.modules.iter().find(|module| module.api_name == name)
    }

    /// Reads a stored catalog. One that is older than lookups of any module gets them: what stands in
    /// such a field stays valid, and nothing in the org says otherwise.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        let mut catalog: Self = serde_json::from_str(text)?;
        let activities = catalog.modules.iter_mut().filter(|module| {
            !module.custom && ACTIVITY_MODULES.contains(&module.api_name.as_str())
        });
        for field in activities.flat_map(|module| &mut module.fields) {
            if field.api_name == RELATED_TO && !field.custom {
                field.kind = FieldKind::RelatedTo;
            }
        }
        Ok(catalog)
    }

    /// The modules whose records a lookup can name.
    pub fn pointed_at<'a>(&'a self, kind: &'a FieldKind) -> impl Iterator<Item = &'a Module> {
        let modules = self.modules.iter();
        modules.filter(|module| kind.points_at(module))
    }

    /// The modules that `Activities` stands for, as far as they are standard ones (wire API 22).
    pub fn activities(&self) -> impl Iterator<Item = &Module> {
        let standard = self.modules.iter().filter(|module| !module.custom);
        standard.filter(|module| ACTIVITY_MODULES.contains(&module.api_name.as_str()))
    }

    /// The module of this id.
    pub fn module_by_id(&self, id: ModuleId) -> Option<&Module> {
        self.modules.iter().find(|module| module.id == id)
    }

    /// The workflow rule of this id, with its module.
    pub fn workflow_rule(&self, id: RuleId) -> Option<(&Module, &WorkflowRule)> {
        self.modules.iter().find_map(|module| {
            let mut rules = module.rules.workflow.iter();
            rules.find(|rule| rule.id == id).map(|rule| (module, rule))
        })
    }

    /// The user of this id.
    pub fn user(&self, id: UserId) -> Option<&User> {
        self.users.iter().find(|user| user.id == id)
    }

    /// The user of this e-mail address, without regard to case.
    pub fn user_by_email(&self, email: &str) -> Option<&User> {
        self.users
            .iter()
            .find(|user| user.email.eq_ignore_ascii_case(email))
    }

    /// The profile of this id.
    pub fn profile(&self, id: ProfileId) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.id == id)
    }

    /// The role of this id.
    pub fn role(&self, id: RoleId) -> Option<&Role> {
        self.roles.iter().find(|role| role.id == id)
    }

    /// Whether a role is below another in the hierarchy.
    pub fn is_below(&self, role: RoleId, above: RoleId) -> bool {
        let up = |id: &RoleId| self.role(*id)?.reports_to;
        // A chain is no longer than there are roles.
        std::iter::successors(up(&role), up)
            .take(self.roles.len())
            .any(|id| id == above)
    }

    /// The territory of this id.
    pub fn territory(&self, id: TerritoryId) -> Option<&Territory> {
        self.territories.iter().find(|territory| territory.id == id)
    }

    /// A territory and all below it.
    pub fn territory_and_below(&self, top: TerritoryId) -> BTreeSet<TerritoryId> {
        let mut found = BTreeSet::from([top]);
        loop {
            let more: Vec<TerritoryId> = self
                .territories
                .iter()
                .filter(|t| t.reports_to.is_some_and(|above| found.contains(&above)))
                .map(|t| t.id)
                .filter(|id| !found.contains(id))
                .collect();
            if more.is_empty() {
                return found;
            }
            found.extend(more);
        }
    }

    /// The view of this id, with its module.
    pub fn view(&self, id: ViewId) -> Option<(&Module, &View)> {
        self.modules.iter().find_map(|module| {
            module
                .views
                .iter()
                .find(|view| view.id == id)
                .map(|view| (module, view))
        })
    }

    /// The time zone that a user's days and date-times are in.
    pub fn zone(&self, user: &User) -> TimeZone {
        let named = |name: &str| TimeZone::get(name).ok();
        user.time_zone
            .as_deref()
            .and_then(named)
            .or_else(|| named(&self.org.time_zone))
            .unwrap_or(TimeZone::UTC)
    }
}

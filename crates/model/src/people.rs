//! Users, roles and profiles: who there is and what each may do.

use crate::id::{FieldId, ModuleId, ProfileId, RoleId, TerritoryId, UserId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Whether a user may work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    /// May sign in and act.
    Active,
    /// Deactivated: tokens and jobs of theirs are refused.
    Inactive,
}

/// A user of the org.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Their e-mail address, unique without regard to case.
    pub email: String,
    /// First name.
    #[serde(default)]
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Role in the hierarchy.
    pub role: RoleId,
    /// Profile: their rights.
    pub profile: ProfileId,
    /// Whether they may work.
    pub status: UserStatus,
    /// Whether they confirmed their invitation.
    pub confirmed: bool,
    /// IANA time zone: their days and date-times; `None` is the org's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Territories they belong to.
    #[serde(default)]
    pub territories: Vec<TerritoryId>,
}

impl User {
    /// Whether they may work.
    pub fn is_active(&self) -> bool {
        self.status == UserStatus::Active
    }

    /// First and last name.
    pub fn full_name(&self) -> String {
        [self.first_name.as_str(), self.last_name.as_str()]
            .iter()
            .filter(|part| !part.is_empty())
            .copied()
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// A role: a node of the hierarchy of whose records one sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// Its id.
    pub id: RoleId,
    /// Its name, unique.
    pub name: String,
    /// The role above; `None` at the top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reports_to: Option<RoleId>,
    /// Users of the role see each other's records.
    #[serde(default)]
    pub share_with_peers: bool,
    /// What it is.
    #[serde(default)]
    pub description: String,
}

/// A right over a module, as a profile grants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// See records.
    View,
    /// Make records.
    Create,
    /// Change records.
    Edit,
    /// Delete records.
    Delete,
    /// Update many at once.
    MassUpdate,
    /// Give many to another owner at once.
    MassTransfer,
    /// Delete many at once.
    MassDelete,
    /// Convert leads.
    Convert,
}

impl Right {
    /// All of them, in the order in which profiles list them.
    pub const ALL: [Self; 8] = [
        Self::View,
        Self::Create,
        Self::Edit,
        Self::Delete,
        Self::MassUpdate,
        Self::MassTransfer,
        Self::MassDelete,
        Self::Convert,
    ];

    /// The wire's name of this permission (wire API 13).
    pub fn permission(self, module: &str) -> String {
        match self {
            Self::View => format!("Crm_Implied_View_{module}"),
            Self::Create => format!("Crm_Implied_Create_{module}"),
            Self::Edit => format!("Crm_Implied_Edit_{module}"),
            Self::Delete => format!("Crm_Implied_Delete_{module}"),
            Self::MassUpdate => format!("Crm_Implied_Mass_Update_{module}"),
            Self::MassTransfer => format!("MASSTRANSFER_{module}"),
            Self::MassDelete => format!("Crm_Implied_Mass_Delete_{module}"),
            Self::Convert => format!("Crm_Implied_Mass_Convert_{module}"),
        }
    }
}

/// What a profile allows on a field. Absent means editable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldRight {
    /// Not shown at all.
    Hidden,
    /// Shown, not changed.
    ReadOnly,
    /// Shown and changed.
    Editable,
}

/// A set of rights.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Its id.
    pub id: ProfileId,
    /// Its name, unique.
    pub name: String,
    /// What it is.
    #[serde(default)]
    pub description: String,
    /// Made by the org, not standard.
    #[serde(default)]
    pub custom: bool,
    /// Every right over everything, now and for modules to come; may change the org.
    #[serde(default)]
    pub administrator: bool,
    /// Rights by module; a module that is absent gives none.
    #[serde(default)]
    pub modules: BTreeMap<ModuleId, Vec<Right>>,
    /// Fields that are not editable.
    #[serde(default)]
    pub fields: BTreeMap<FieldId, FieldRight>,
}

impl Profile {
    /// Whether this profile has a right over a module. No entry means no.
    pub fn may(&self, right: Right, module: ModuleId) -> bool {
        self.administrator
            || self
                .modules
                .get(&module)
                .is_some_and(|rights| rights.contains(&right))
    }

    /// What it allows on a field.
    pub fn field(&self, field: FieldId) -> FieldRight {
        if self.administrator {
            return FieldRight::Editable;
        }
        self.fields
            .get(&field)
            .copied()
            .unwrap_or(FieldRight::Editable)
    }
}

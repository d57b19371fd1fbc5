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
    /// Their account is closed; what they did and own still names them.
    Deleted,
}

impl UserStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Active, Self::Inactive, Self::Deleted];

    /// The word of the wire and of the org file (wire API 13).
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Deleted => "deleted",
        }
    }
}

/// What a user is licensed for, which decides about the records that they may own (wire API 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserType {
    /// Everything.
    #[default]
    Regular,
    /// Reading; owns no records.
    Lite,
    /// Appointments; owns tasks, meetings and calls only.
    ServiceProvider,
}

impl UserType {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Regular, Self::Lite, Self::ServiceProvider];

    /// The word of the org file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Regular => "regular",
            Self::Lite => "lite",
            Self::ServiceProvider => "service_provider",
        }
    }
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
    /// What they are licensed for.
    #[serde(default, rename = "type")]
    pub user_type: UserType,
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
    /// Give records to another owner.
    ChangeOwner,
    /// Delete many at once.
    MassDelete,
    /// Convert leads.
    Convert,
}

impl Right {
    /// All of them, in the order in which profiles list them.
    pub const ALL: [Self; 9] = [
        Self::View,
        Self::Create,
        Self::Edit,
        Self::Delete,
        Self::MassUpdate,
        Self::MassTransfer,
        Self::ChangeOwner,
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
            Self::ChangeOwner => format!("Crm_Implied_Change_Owner_{module}"),
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

/// To whom a profile lets its users give records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferTo {
    /// To everyone who may own them.
    #[default]
    Anyone,
    /// To users whose role is below their own, and to themselves.
    Subordinates,
}

impl TransferTo {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Anyone, Self::Subordinates];

    /// The word of the org file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::Subordinates => "subordinates",
        }
    }
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
    /// To whom records may be given.
    #[serde(default)]
    pub transfer_to: TransferTo,
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

//! A custom view: a saved criteria over a module, with an owner and an audience.

use crate::criteria::Criteria;
use crate::id::{RoleId, TerritoryId, UserId, ViewId};
use crate::people::User;
use serde::{Deserialize, Serialize};

/// Who may use a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Everyone who may see the module.
    Public,
    /// Its owner only.
    Owner,
    /// Its owner, and these.
    Shared {
        /// Users.
        #[serde(default)]
        users: Vec<UserId>,
        /// Everyone in these roles.
        #[serde(default)]
        roles: Vec<RoleId>,
        /// Everyone in these territories.
        #[serde(default)]
        territories: Vec<TerritoryId>,
    },
}

/// A saved selection of records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Its id, the wire's `cvid`.
    pub id: ViewId,
    /// Its name.
    pub name: String,
    /// The vendor's name of a system view (`ALLVIEWS`, `OPENLEADVIEWS` …); `None` for an org's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_name: Option<String>,
    /// Which records; `None` is every record of the module, and only a system view says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criteria: Option<Criteria>,
    /// Api names of its columns.
    pub fields: Vec<String>,
    /// Whose it is; `None` for a system view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
    /// Who may use it.
    pub audience: Audience,
}

impl View {
    /// Whether a user may use this view.
    pub fn admits(&self, user: &User) -> bool {
        self.owner == Some(user.id)
            || match &self.audience {
                Audience::Public => true,
                Audience::Owner => false,
                Audience::Shared {
                    users,
                    roles,
                    territories,
                } => {
                    users.contains(&user.id)
                        || roles.contains(&user.role)
                        || territories
                            .iter()
                            .any(|shared| user.territories.contains(shared))
                }
            }
    }
}

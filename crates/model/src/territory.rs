//! Territories: a tree to which records and users belong.

use crate::id::{TerritoryId, UserId};
use serde::{Deserialize, Serialize};

/// What members may do with the territory's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TerritoryAccess {
    /// See, change and delete.
    ReadWriteDelete,
    /// See.
    ReadOnly,
}

/// A node of the territory tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Territory {
    /// Its id.
    pub id: TerritoryId,
    /// Its name, unique.
    pub name: String,
    /// What it is.
    #[serde(default)]
    pub description: String,
    /// The territory above; `None` at the top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reports_to: Option<TerritoryId>,
    /// Who manages it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manager: Option<UserId>,
    /// What members may do.
    pub access: TerritoryAccess,
}

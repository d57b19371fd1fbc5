//! Approval processes: which records wait for somebody's approval, and for whose.

use crate::criteria::Criteria;
use crate::hold::HoldKind;
use crate::id::{FieldId, ProcessId, RoleId, UserId};
use crate::workflow::Trigger;
use serde::{Deserialize, Serialize};

/// An approval process of a module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApprovalProcess {
    /// Its id.
    pub id: ProcessId,
    /// Its name.
    pub name: String,
    /// Whether records enter it when they are made, when they are changed, or both.
    pub on: Vec<Trigger>,
    /// An edit brings a record into it only when it changes one of these; with none, every edit may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldId>,
    /// What a record must be to enter it, as it becomes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criteria: Option<Criteria>,
    /// Whether records enter it at all. Those that are in it stay.
    pub active: bool,
    /// Who approves, one step after another.
    pub steps: Vec<ApprovalStep>,
}

/// One step of a process: any one of these approves it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalStep {
    /// These users.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<UserId>,
    /// Whoever has one of these roles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<RoleId>,
    /// Whoever has the role that the role of the record's owner reports to.
    #[serde(default)]
    pub manager: bool,
}

/// How it stands with a record in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalState {
    /// It waits for an approver.
    Pending,
    /// One said no.
    Rejected,
}

impl ApprovalState {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Pending, Self::Rejected];

    /// The stored and native word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Rejected => "rejected",
        }
    }

    /// What holds a record in it.
    pub fn hold(self) -> HoldKind {
        match self {
            Self::Pending => HoldKind::Approval,
            Self::Rejected => HoldKind::ApprovalRejected,
        }
    }

    /// The state of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

/// What somebody did about a record's approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A step was approved.
    Approve,
    /// It was rejected.
    Reject,
    /// It was given in again after that.
    Resubmit,
}

impl Decision {
    const ALL: [Self; 3] = [Self::Approve, Self::Reject, Self::Resubmit];

    /// The stored and native word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Resubmit => "resubmit",
        }
    }

    /// The decision of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }
}

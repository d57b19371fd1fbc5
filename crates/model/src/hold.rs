//! Holds: reasons why a record may not be changed now.

use crate::reason::Reason;
use crate::refusal::{Code, Refusal};
use std::fmt;

/// A kind of hold. A record has at most one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HoldKind {
    /// It waits for an approver.
    Approval,
    /// An approver said no.
    ApprovalRejected,
    /// It waits for a review.
    ReviewPending,
    /// It was reviewed and rejected.
    ReviewRejected,
    /// A person locked it (wire API 14.1).
    Lock,
    /// Its image is being checked.
    ImageCheck,
    /// It is being merged with others.
    Merge,
    /// Its processing was stopped, as the person it is about demanded.
    Stop,
}

impl HoldKind {
    /// All of them, in the order in which they refuse (wire API 1.9, step 6).
    pub const ALL: [Self; 8] = [
        Self::Approval,
        Self::ApprovalRejected,
        Self::ReviewPending,
        Self::ReviewRejected,
        Self::Lock,
        Self::ImageCheck,
        Self::Merge,
        Self::Stop,
    ];

    /// The stored word, which the native API uses too.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::ApprovalRejected => "approval_rejected",
            Self::ReviewPending => "review_pending",
            Self::ReviewRejected => "review_rejected",
            Self::Lock => "lock",
            Self::ImageCheck => "image_check",
            Self::Merge => "merge",
            Self::Stop => "stop",
        }
    }

    /// The kind of a word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// What a change of a record that it holds is answered (DESIGN 7, wire API 1.6), without the
    /// record's id.
    pub fn refusal(self) -> Refusal {
        let odd = "Cannot update record that is not approved yet";
        let refusal = match self {
            Self::Approval | Self::ApprovalRejected => Refusal::new(Code::NotApproved),
            Self::ReviewPending | Self::ReviewRejected => {
                Refusal::new(Code::NotApproved).saying(odd)
            }
            Self::Lock => Refusal::new(Code::RecordLocked).with("action", "record_locking"),
            // The vendor's own odd words (wire API 21, row 28).
            Self::ImageCheck | Self::Merge => Refusal::new(Code::RecordLocked).saying(odd),
            Self::Stop => Refusal::new(Code::CannotProcess),
        };
        refusal.because(Reason::Held(self))
    }
}

impl HoldKind {
    /// What a record that it holds shows as `$approval_state` (wire API 14.3); a lock and a stop
    /// leave the record approved.
    pub fn approval_state(self) -> Option<&'static str> {
        match self {
            Self::Approval => Some("approval_process_pending"),
            Self::ApprovalRejected => Some("approval_process_rejected"),
            Self::ReviewPending => Some("review_process_pending"),
            Self::ReviewRejected => Some("review_process_rejected"),
            Self::ImageCheck => Some("zia_vision_validation"),
            Self::Merge => Some("merge_pending"),
            Self::Lock | Self::Stop => None,
        }
    }
}

impl fmt::Display for HoldKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

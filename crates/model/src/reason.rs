//! Why something is refused, as far as others act upon it: they match on this, and never on a sentence
//! or on what stands in the details.

use crate::hold::HoldKind;
use std::borrow::Cow;

/// What a refusal's code leaves open. It lives as long as the request or the chunk that it was made
/// in; what is stored of a refusal, code, sentence and details, is told as it stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Reason {
    /// Nothing: the code says it.
    #[default]
    Usual,
    /// The user was deactivated or removed, or has no profile.
    NoAccess,
    /// The user's profile lacks a right, which the details name.
    MissingRight,
    /// A path names no module.
    UnknownModule,
    /// A path names a module that the endpoint does not serve.
    ModuleNotServed,
    /// No such record is shown to the user.
    UnknownRecord,
    /// No view of this id is one of the module's.
    UnknownView,
    /// A status was asked for without a job.
    MissingJob,
    /// A status was asked for, of no job of this action.
    UnknownJob,
    /// A status was asked for, of a job in another module.
    ForeignJob,
    /// The new owner is no user who could be one.
    UnknownOwner,
    /// The new owner has closed their account.
    ClosedOwner,
    /// The module's records cannot be locked.
    LockingNotConfigured,
    /// The body, or the file in it, has more bytes than are taken.
    TooLarge,
    /// The body did not arrive within the time.
    TooSlow,
    /// What a body holds is of another type than `expected_data_type`.
    WrongType,
    /// Something holds the record.
    Held(HoldKind),
    /// Something holds the record to which a lead's tags would go.
    TagsHeld(HoldKind),
    /// A part of what a lead becomes is refused.
    Part(Box<PartReason>),
}

/// Why a part of what a lead becomes is refused: the lead's refusal says it of the part.
#[derive(Clone, Debug, PartialEq)]
pub struct PartReason {
    /// The part's module.
    pub module: String,
    /// The sentence of the part's own refusal.
    pub message: Cow<'static, str>,
    /// The reason of the part's own refusal.
    pub reason: Reason,
}

//! How the database fails. Nothing here is ever shown to a caller: an operator reads it in the log.

use model::refusal::Refusal;
use thiserror::Error as ThisError;

/// The database failed, or contradicts itself.
#[derive(Debug, ThisError)]
pub enum Error {
    /// Somebody else holds what was needed; nothing was changed, trying again may help.
    #[error("the database is busy: {0}")]
    Busy(String),
    /// Two transactions were in each other's way; the closure may run again.
    #[error("the transaction must run again: {0}")]
    Conflict(String),
    /// A rule of the schema was broken.
    #[error("a rule of the schema was broken: {0}")]
    Constraint(String),
    /// The disk, or the quota, is full.
    #[error("the disk is full: {0}")]
    Full(String),
    /// The database can only be read.
    #[error("the database can only be read: {0}")]
    ReadOnly(String),
    /// The connection broke while committing: nobody knows whether the change is in.
    #[error("the connection broke while committing; the outcome is unknown: {0}")]
    OutcomeUnknown(String),
    /// The database cannot be reached.
    #[error("the database cannot be reached: {0}")]
    Away(String),
    /// What is stored is not what this program stores.
    #[error("the database contradicts itself: {0}")]
    Inconsistent(String),
    /// This database must not be opened by this program.
    #[error("{0}")]
    Unusable(String),
    /// Anything else that the driver says.
    #[error("the database failed: {0}")]
    Driver(String),
}

impl Error {
    /// Whether nothing was changed and the same request may succeed later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Conflict(_) | Self::Away(_))
    }
}

/// What an operation answers when it does not succeed: the caller is told no, or the store failed.
#[derive(Debug, ThisError)]
pub enum Fault {
    /// The caller is told no.
    #[error("refused: {}", .0.message)]
    Refused(Box<Refusal>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as C;
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(C::DatabaseBusy | C::DatabaseLocked) => Self::Busy(text),
            Some(C::DiskFull) => Self::Full(text),
            Some(C::ReadOnly | C::PermissionDenied) => Self::ReadOnly(text),
            Some(C::ConstraintViolation) => Self::Constraint(text),
            Some(C::NotADatabase) => Self::Unusable(format!("not a database of Swathe: {text}")),
            Some(C::CannotOpen) => Self::Away(text),
            _ => Self::Driver(text),
        }
    }
}

impl From<::postgres::Error> for Error {
    fn from(error: ::postgres::Error) -> Self {
        use ::postgres::error::SqlState as S;
        let Some(db) = error.as_db_error() else {
            let text = chain(&error);
            return if error.is_closed() || text.contains("connect") {
                Self::Away(text)
            } else {
                Self::Driver(text)
            };
        };
        let text = format!("{} ({})", db.message(), db.code().code());
        match db.code() {
            &S::T_R_SERIALIZATION_FAILURE | &S::T_R_DEADLOCK_DETECTED => Self::Conflict(text),
            // A statement that ran too long does not pass: it would run too long again.
            &S::LOCK_NOT_AVAILABLE | &S::TOO_MANY_CONNECTIONS => Self::Busy(text),
            &S::DISK_FULL => Self::Full(text),
            &S::READ_ONLY_SQL_TRANSACTION => Self::ReadOnly(text),
            &S::ADMIN_SHUTDOWN | &S::CRASH_SHUTDOWN | &S::CANNOT_CONNECT_NOW => Self::Away(text),
            code if code.code().starts_with("23") => {
                Self::Constraint(format!("{text} {}", db.constraint().unwrap_or_default()))
            }
            _ => Self::Driver(text),
        }
    }
}

/// An error with all that caused it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

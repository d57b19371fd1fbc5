//! How the database fails. Nothing here is ever shown to a caller: an operator reads it in the log.

use model::refusal::Refusal;
use std::io;
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
    /// Committing broke off: nobody knows whether the change is in.
    #[error("committing broke off; the outcome is unknown: {0}")]
    OutcomeUnknown(String),
    /// The database, or the disk under it, cannot be reached.
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
        let code = error.sqlite_error();
        if code.is_some_and(|code| code.extended_code == rusqlite::ffi::SQLITE_IOERR_FSYNC) {
            // The commit is written, and only the disk knows whether it will stay.
            return Self::OutcomeUnknown(text);
        }
        match error.sqlite_error_code() {
            Some(
                C::DatabaseBusy
                | C::DatabaseLocked
                | C::FileLockingProtocolFailed
                | C::OperationInterrupted
                | C::OutOfMemory,
            ) => Self::Busy(text),
            Some(C::DiskFull) => Self::Full(text),
            Some(C::ReadOnly | C::PermissionDenied) => Self::ReadOnly(text),
            Some(C::ConstraintViolation) => Self::Constraint(text),
            Some(C::NotADatabase) => Self::Unusable(format!("not a database of Swathe: {text}")),
            Some(C::CannotOpen | C::SystemIoFailure) => Self::Away(text),
            _ => Self::Driver(text),
        }
    }
}

impl From<::postgres::Error> for Error {
    fn from(error: ::postgres::Error) -> Self {
        use ::postgres::error::SqlState as S;
        let Some(db) = error.as_db_error() else {
            let text = chain(&error);
            return if broke(&error) || text.contains("connect") {
                Self::Away(text)
            } else {
                Self::Driver(text)
            };
        };
        let text = format!("{} ({})", db.message(), db.code().code());
        match db.code() {
            &S::T_R_SERIALIZATION_FAILURE | &S::T_R_DEADLOCK_DETECTED => Self::Conflict(text),
            &S::T_R_STATEMENT_COMPLETION_UNKNOWN => Self::OutcomeUnknown(text),
            &S::LOCK_NOT_AVAILABLE => Self::Busy(text),
            &S::DISK_FULL => Self::Full(text),
            &S::READ_ONLY_SQL_TRANSACTION => Self::ReadOnly(text),
            // Of the class of interventions, this alone does not pass: a statement that ran too
            // long would run too long again.
            &S::QUERY_CANCELED => Self::Driver(text),
            code => match code.code().get(..2) {
                Some("23") => {
                    Self::Constraint(format!("{text} {}", db.constraint().unwrap_or_default()))
                }
                // Out of memory or of connections.
                Some("53") => Self::Busy(text),
                // Lost connections, shutdowns, failures of the system under the database.
                Some("08" | "57" | "58") => Self::Away(text),
                _ => Self::Driver(text),
            },
        }
    }
}

/// Whether the connection that an error came from is of no more use.
pub(crate) fn broke(error: &::postgres::Error) -> bool {
    use ::postgres::error::Severity;
    use std::error::Error as _;
    match error.as_db_error() {
        Some(db) => matches!(
            db.parsed_severity(),
            Some(Severity::Fatal | Severity::Panic)
        ),
        None => {
            error.is_closed()
                || error
                    .source()
                    .is_some_and(<dyn std::error::Error>::is::<io::Error>)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_the_surroundings_of_sqlite_passes() {
        use rusqlite::ffi::{self, Error as Code};
        let made = |code: i32| Error::from(rusqlite::Error::SqliteFailure(Code::new(code), None));
        for code in [
            ffi::SQLITE_IOERR_WRITE,
            ffi::SQLITE_IOERR,
            ffi::SQLITE_CANTOPEN,
        ] {
            assert!(matches!(made(code), Error::Away(_)), "{code}");
        }
        for code in [ffi::SQLITE_NOMEM, ffi::SQLITE_BUSY, ffi::SQLITE_PROTOCOL] {
            assert!(matches!(made(code), Error::Busy(_)), "{code}");
        }
        let synced = made(ffi::SQLITE_IOERR_FSYNC);
        assert!(matches!(synced, Error::OutcomeUnknown(_)));
    }

    #[test]
    fn a_full_disk_is_told_apart() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let fill = "PRAGMA max_page_count = 3; CREATE TABLE t (x);
                    INSERT INTO t VALUES (zeroblob(100000))";
        let error = connection.execute_batch(fill).unwrap_err();
        assert!(matches!(Error::from(error), Error::Full(_)));
    }
}

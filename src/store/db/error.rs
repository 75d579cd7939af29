//! Errors of the database, classified by what the caller can do about them.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// A failure of the database or of the connection to it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A statement failed.
    #[error("the database refused a statement: {0}")]
    Statement(#[from] DieselError),
    /// No connection is available at the moment.
    #[error("the database cannot be reached: {0}")]
    Unavailable(String),
    /// Rows changed between reading them and locking them. The transaction runs again.
    #[error("the rows changed while they were read")]
    Changed,
    /// A stored value cannot be read.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
    /// A migration failed.
    #[error("a migration failed: {0}")]
    Migration(String),
    /// The database URL names neither SQLite nor PostgreSQL.
    #[error("the database URL must begin with sqlite: or postgres://")]
    UnknownUrl,
    /// The database URL has an option that is unknown or cannot be used.
    #[error("the database URL: {0}")]
    Url(String),
}

/// The result of every function of this layer.
pub type StoreResult<T> = Result<T, StoreError>;

impl StoreError {
    /// Whether the same transaction may succeed if it runs again: after a deadlock, a serialisation failure, rows
    /// that changed between reading and locking, or two inserts of the same key.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Changed => true,
            Self::Statement(error) => match error {
                DieselError::DatabaseError(
                    DatabaseErrorKind::SerializationFailure | DatabaseErrorKind::UniqueViolation,
                    _,
                ) => true,
                // The driver has no kind for a deadlock (SQLSTATE 40P01); see `TEMPORARY_FAILURES`.
                DieselError::DatabaseError(DatabaseErrorKind::Unknown, info) => {
                    info.message().contains("deadlock detected")
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether the client should try again later: the database cannot be reached, was too slow, is out of disk
    /// space, or the transaction lost every attempt against conflicting transactions.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Changed => true,
            Self::Statement(DieselError::DatabaseError(kind, info)) => match kind {
                DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::UnableToSendCommand
                | DatabaseErrorKind::SerializationFailure => true,
                // Diesel has no kind for these. All other errors are bugs of this program.
                DatabaseErrorKind::Unknown => {
                    TEMPORARY_FAILURES.iter().any(|text| info.message().contains(text))
                }
                _ => false,
            },
            Self::Statement(DieselError::BrokenTransactionManager) => true,
            _ => false,
        }
    }
}

/// Parts of the messages with which SQLite and PostgreSQL report temporary failures.
///
/// PostgreSQL's are in English because `language` asks for that. The driver has a kind for some SQLSTATEs, and does not
/// pass on the others.
const TEMPORARY_FAILURES: [&str; 9] = [
    "database is locked",
    "database or disk is full",
    "disk I/O error",
    "deadlock detected",
    "due to lock timeout",
    "due to statement timeout",
    "could not extend file",
    "terminating connection",
    "the database system is",
];

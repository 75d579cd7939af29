//! What can go wrong with the database, sorted by what a caller can do about it.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// A fault of the database, or of the way to it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A statement failed.
    #[error("the database refused a statement: {0}")]
    Statement(#[from] DieselError),
    /// There is no connection to be had now.
    #[error("the database cannot be reached: {0}")]
    Unavailable(String),
    /// The decision rests on rows that changed meanwhile: the transaction is run again.
    #[error("the rows changed while they were read")]
    Changed,
    /// What is stored cannot be read as what it should be.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
    /// A migration failed.
    #[error("a migration failed: {0}")]
    Migration(String),
    /// The database URL names neither database.
    #[error("the database URL has to begin with sqlite: or postgres://")]
    UnknownUrl,
    /// The database URL asks for something that there is not.
    #[error("the database URL: {0}")]
    Url(String),
}

/// The answer of every function of this layer.
pub type StoreResult<T> = Result<T, StoreError>;

impl StoreError {
    /// Whether the same transaction, run again, may well succeed: a deadlock, a serialisation failure, rows
    /// that changed between reading and locking, or two writers of one key.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Changed => true,
            Self::Statement(error) => match error {
                DieselError::DatabaseError(
                    DatabaseErrorKind::SerializationFailure | DatabaseErrorKind::UniqueViolation,
                    _,
                ) => true,
                // Diesel has no kind for a deadlock (SQLSTATE 40P01), and hides the code; see `PASSING`.
                DieselError::DatabaseError(DatabaseErrorKind::Unknown, info) => {
                    info.message().contains("deadlock detected")
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether the client should simply try again later: there is no way to the database, it was too slow, it
    /// has no room, or rivals kept winning.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Changed => true,
            Self::Statement(DieselError::DatabaseError(kind, info)) => match kind {
                DatabaseErrorKind::ClosedConnection
                | DatabaseErrorKind::UnableToSendCommand
                | DatabaseErrorKind::SerializationFailure => true,
                // Diesel has no kind for these; what is not among them is a fault of ours.
                DatabaseErrorKind::Unknown => PASSING.iter().any(|text| info.message().contains(text)),
                _ => false,
            },
            Self::Statement(DieselError::BrokenTransactionManager) => true,
            _ => false,
        }
    }
}

/// What SQLite and an English-speaking PostgreSQL say of troubles that pass. Under another `lc_messages` they
/// are reported as faults, and a deadlock is not run again.
const PASSING: [&str; 9] = [
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

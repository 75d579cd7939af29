//! When a transaction runs again.

use std::time::Duration;

use crate::random;
use crate::store::db::error::StoreError;

/// An error of a transaction, which says whether to run the transaction again.
pub trait Retry {
    /// Whether the same transaction may succeed if it runs again.
    fn is_transient(&self) -> bool;
    /// Whether the database failed. Otherwise the transaction worked, and the application refused the change.
    fn is_fault(&self) -> bool;
}

impl Retry for StoreError {
    fn is_transient(&self) -> bool {
        StoreError::is_transient(self)
    }

    fn is_fault(&self) -> bool {
        true
    }
}

/// How often a transaction runs before its conflict is returned to the caller.
pub const MAX_ATTEMPTS: u32 = 8;

/// The pause after a failed attempt: exponential, with jitter so that conflicting transactions do not collide again.
pub(in crate::store) fn pause(attempt: u32) -> Duration {
    let ceiling = 4u64 << attempt.min(6);
    random::millis(1..=ceiling)
}

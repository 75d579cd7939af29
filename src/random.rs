//! Randomness and new ids as parameters, like the time in [`crate::clock`].
//!
//! This is a leaf module, which every layer may use. `clippy.toml` disallows the sources of randomness of the libraries
//! everywhere else, so that a test can decide each id that is stored.
#![expect(clippy::disallowed_methods, reason = "the only place that may")]

use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

/// The source of the ids of new rows. Cheap to clone.
#[derive(Clone)]
pub struct Ids(Arc<dyn Fn() -> Uuid + Send + Sync>);

impl Ids {
    /// UUIDs of version 7. They increase with time, so inserts stay on the same index pages.
    pub fn system() -> Self {
        Self::from_fn(Uuid::now_v7)
    }

    /// A source that calls `next` each time.
    pub fn from_fn(next: impl Fn() -> Uuid + Send + Sync + 'static) -> Self {
        Self(Arc::new(next))
    }

    /// A new id.
    pub fn next(&self) -> Uuid {
        (self.0)()
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ids")
    }
}

/// A name that no other process or response has: 122 random bits of a cryptographic generator.
pub fn unique() -> Uuid {
    Uuid::new_v4()
}

/// A secret of 256 bits, from a cryptographic generator.
pub fn secret() -> [u8; 32] {
    rand::random()
}

/// A random part of a pause, so that processes that failed together do not return together.
pub fn jitter(pause: Duration, part: Range<f64>) -> Duration {
    pause.mul_f64(rand::random_range(part))
}

/// A random number of milliseconds.
pub fn millis(range: RangeInclusive<u64>) -> Duration {
    Duration::from_millis(rand::random_range(range))
}

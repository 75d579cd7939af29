//! When a stream of figures looks again: when the log has grown, and now and then without it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{self, Instant};

use super::tail::Tail;

/// Figures are looked at, and so pushed, at most once in this time.
pub const PAUSE: Duration = Duration::from_millis(250);
/// How long something that is in no event goes unnoticed: time passing, a setting, a name.
pub const TICK: Duration = Duration::from_secs(5);

/// The beat of one stream.
pub(super) struct Pulse {
    tail: Arc<Tail>,
    head: watch::Receiver<i64>,
    looked_at: Option<Instant>,
}

impl Pulse {
    pub fn new(tail: Arc<Tail>) -> Self {
        Self { head: tail.head(), tail, looked_at: None }
    }

    /// Resolves when it is time to look: at once for the first time; then when the log of the workspace has
    /// grown, or when `at_latest` or [`TICK`] has passed, but not before [`PAUSE`].
    pub async fn beat(&mut self, at_latest: Option<Duration>) {
        if let Some(looked_at) = self.looked_at {
            let at_latest = looked_at + at_latest.unwrap_or(TICK).min(TICK);
            let grown = time::timeout_at(at_latest, self.head.changed()).await;
            // The sender lives in the tail, which is held; without it, only the clock would beat.
            if let Ok(Err(_)) = grown {
                self.head = self.tail.head();
                time::sleep_until(at_latest).await;
            }
            time::sleep_until(looked_at + PAUSE).await;
        }
        // Seen before looking: what comes in between is noticed.
        self.head.borrow_and_update();
        self.looked_at = Some(Instant::now());
    }
}

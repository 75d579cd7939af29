//! When figures are looked at again: when the log has grown, when somebody asks, and now and then without.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{self, Instant};

use crate::service::live::log_tail::Tail;

/// Figures are looked at, and so pushed, at most once in this time.
pub const PAUSE: Duration = Duration::from_millis(250);
/// How long something that is in no event goes unnoticed: time passing, a setting, a name.
pub const TICK: Duration = Duration::from_secs(5);

/// The beat at which one question is answered.
pub(in crate::service) struct RefreshTimer {
    tail: Arc<Tail>,
    head: watch::Receiver<i64>,
    asked: Arc<Notify>,
    looked_at: Option<Instant>,
}

impl RefreshTimer {
    /// Beats early when `asked` is rung.
    pub fn new(tail: Arc<Tail>, asked: Arc<Notify>) -> Self {
        Self { head: tail.head(), tail, asked, looked_at: None }
    }

    /// Resolves when it is time to look: at once for the first time; then when the log of the workspace has
    /// grown, when somebody asks, or when `at_latest` or [`TICK`] has passed, but not before [`PAUSE`].
    pub async fn tick(&mut self, at_latest: Option<Duration>) {
        if let Some(looked_at) = self.looked_at {
            let at_latest = looked_at + at_latest.unwrap_or(TICK).min(TICK);
            tokio::select! {
                grown = self.head.changed() => {
                    // The sender lives in the tail, which is held; without it, only the clock would beat.
                    if grown.is_err() {
                        self.head = self.tail.head();
                        time::sleep_until(at_latest).await;
                    }
                }
                () = self.asked.notified() => {}
                () = time::sleep_until(at_latest) => {}
            }
            time::sleep_until(looked_at + PAUSE).await;
        }
        // Seen before looking: what comes in between is noticed.
        self.head.borrow_and_update();
        self.looked_at = Some(Instant::now());
    }
}

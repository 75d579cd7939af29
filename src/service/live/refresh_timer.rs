//! When a shared query runs again: when the log has grown, on request, and at a fixed interval.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{self, Instant};

use crate::service::live::log_tail::Tail;

/// The shortest time between two runs of a query, and so between two results.
pub const MIN_INTERVAL: Duration = Duration::from_millis(250);
/// The longest time between two runs. A change that has no event, such as a new setting, shows after at most this time.
pub const MAX_INTERVAL: Duration = Duration::from_secs(5);

/// The timer of one shared query.
pub(in crate::service) struct RefreshTimer {
    tail: Arc<Tail>,
    head: watch::Receiver<i64>,
    refresh: Arc<Notify>,
    last_tick: Option<Instant>,
}

impl RefreshTimer {
    /// A timer that also ticks when `refresh` is notified.
    pub fn new(tail: Arc<Tail>, refresh: Arc<Notify>) -> Self {
        Self { head: tail.head(), tail, refresh, last_tick: None }
    }

    /// Waits for the next tick. The first tick is immediate. Later ticks come when the workspace's log has grown, when
    /// `refresh` is notified, or when `timeout` or [`MAX_INTERVAL`] has passed, but never before [`MIN_INTERVAL`].
    pub async fn tick(&mut self, timeout: Option<Duration>) {
        if let Some(last_tick) = self.last_tick {
            let deadline = last_tick + timeout.unwrap_or(MAX_INTERVAL).min(MAX_INTERVAL);
            tokio::select! {
                grown = self.head.changed() => {
                    // The tail holds the sender, and this timer holds the tail. If the channel closed all the same, the
                    // timer ticks at the deadline only.
                    if grown.is_err() {
                        self.head = self.tail.head();
                        time::sleep_until(deadline).await;
                    }
                }
                () = self.refresh.notified() => {}
                () = time::sleep_until(deadline) => {}
            }
            time::sleep_until(last_tick + MIN_INTERVAL).await;
        }
        // Mark the head as seen before the query runs, so that events during the run cause another tick.
        self.head.borrow_and_update();
        self.last_tick = Some(Instant::now());
    }
}

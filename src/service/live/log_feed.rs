//! The tails of the logs that are watched in this process.
//!
//! Each watched workspace has one [`Tail`] per process. The tail reads each event once into a bounded ring and notifies
//! its watchers. A watcher is a position, not a buffer: it reads from the ring, or from the database when it is further
//! behind than the ring reaches. A wake-up carries no data, so losing one delays events until the next poll but never
//! loses them.
//!
//! A watcher cannot continue when an operator has restored the database from a backup, or when retention has deleted
//! events that the watcher has not read. The watcher then gets a reset instead of an incomplete list of events.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::Notify;

use crate::domain::WorkspaceId;
use crate::failpoint::failpoint;
use crate::metrics::{Metrics, WakeUp};
use crate::service::ServiceResult;
use crate::service::live::log_tail::Tail;
use crate::service::live::wakeups::{Wakeup, WakeupSignal};
use crate::service::workers::registry::{Round, Workers, run_again_after_panics};
use crate::store::tables::workspaces;
use crate::store::{Epoch, Store, StoreResult};

/// The default interval of the poll, which finds events of other processes when wake-ups are lost.
pub const DEFAULT_POLL: Duration = Duration::from_millis(500);
/// How often a tail checks whether it still has watchers, and the delay before a failed read is retried.
const IDLE_CHECK: Duration = Duration::from_secs(1);

/// The tails of one process. Cheap to clone.
#[derive(Clone)]
pub struct Feed(Arc<Inner>);

struct Inner {
    store: Store,
    metrics: Metrics,
    epoch: RwLock<Epoch>,
    tails: Mutex<HashMap<WorkspaceId, Weak<Tail>>>,
    /// Requests a poll before the interval has passed.
    poll_now: Arc<Notify>,
}

impl Feed {
    /// Starts a feed that polls the store for events of other processes. The poll ends when the last clone is dropped.
    pub fn start(store: Store, epoch: Epoch, poll: Duration, metrics: Metrics, workers: &Workers) -> Self {
        let poll_now = Arc::new(Notify::new());
        let feed = Self(Arc::new(Inner {
            store,
            metrics,
            epoch: RwLock::new(epoch),
            tails: Mutex::default(),
            poll_now: poll_now.clone(),
        }));
        let inner = Arc::downgrade(&feed.0);
        workers.start("log_poll", poll, move |round| {
            poll_repeatedly(inner.clone(), poll_now.clone(), poll, round).boxed()
        });
        feed
    }

    /// The epoch of the log, as last read by this process.
    pub fn epoch(&self) -> Epoch {
        *self.0.epoch.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notifies the workspace's tail, if there is one, that the log may have grown.
    pub fn wake(&self, workspace: WorkspaceId, by: WakeUp) {
        let tail = self.tails().get(&workspace).and_then(Weak::upgrade);
        if let Some(tail) = tail {
            self.0.metrics.wake_up(by);
            tail.notify();
        }
    }

    /// A handler of wake-ups. It does nothing once the feed is dropped.
    pub fn wakeup_handler(&self) -> impl Fn(WakeupSignal) + Send + Sync + use<> {
        let inner = Arc::downgrade(&self.0);
        move |signal| {
            let Some(feed) = inner.upgrade().map(Self) else { return };
            match signal {
                WakeupSignal::Wakeup(Wakeup::Log(workspace)) => feed.wake(workspace, WakeUp::Bus),
                WakeupSignal::Wakeup(Wakeup::Presence(_)) => {}
                WakeupSignal::Resync => feed.0.poll_now.notify_one(),
            }
        }
    }

    /// The tail of a workspace. Starts it if it is not running.
    ///
    /// # Errors
    /// When the head of the log cannot be read.
    pub async fn tail(&self, workspace: WorkspaceId) -> ServiceResult<Arc<Tail>> {
        if let Some(tail) = self.tails().get(&workspace).and_then(Weak::upgrade) {
            return Ok(tail);
        }
        let (epoch, heads) = self.heads(vec![workspace]).await?;
        let head = heads.first().map_or(0, |(_, seq)| *seq);
        self.set_epoch(epoch);
        let mut tails = self.tails();
        // Another call may have started the tail in the meantime.
        if let Some(tail) = tails.get(&workspace).and_then(Weak::upgrade) {
            return Ok(tail);
        }
        let tail = Arc::new(Tail::new(workspace, self.0.store.clone(), self.0.metrics.clone(), head));
        tails.retain(|_, tail| tail.strong_count() > 0);
        tails.insert(workspace, Arc::downgrade(&tail));
        let (weak, notifier) = (Arc::downgrade(&tail), tail.notifier());
        tokio::spawn(run_again_after_panics("log_tail", move || {
            follow(weak.clone(), notifier.clone()).boxed()
        }));
        Ok(tail)
    }

    /// Notifies the tails whose log has grown, with one statement for all of them.
    async fn poll(&self) -> StoreResult<()> {
        // Read each tail's position first. A log only grows, so a head that is read later and is lower means a rewrite.
        let tails: HashMap<WorkspaceId, (Arc<Tail>, i64)> = self
            .tails()
            .iter()
            .filter_map(|(id, tail)| {
                let tail = tail.upgrade()?;
                let head = tail.last();
                Some((*id, (tail, head)))
            })
            .collect();
        if tails.is_empty() {
            self.0.metrics.log(0, 0);
            return Ok(());
        }
        let (epoch, heads) = self.heads(tails.keys().copied().collect()).await?;
        self.set_epoch(epoch);
        let (mut ends, mut lag) = (0, 0);
        for (id, seq) in heads {
            ends += seq;
            let Some((tail, head)) = tails.get(&id) else { continue };
            let behind = seq - tail.last();
            if seq < *head {
                tracing::error!(workspace = %id, "the log is shorter than before: run `switchboard new-epoch`");
                tail.notify_rewritten();
            } else if behind > 0 {
                self.0.metrics.wake_up(WakeUp::Poll);
                tail.notify();
            }
            lag = lag.max(behind);
        }
        self.0.metrics.log(ends, lag);
        Ok(())
    }

    /// The epoch and the number of the last event of each log, in one statement.
    async fn heads(&self, ids: Vec<WorkspaceId>) -> StoreResult<(Option<Epoch>, Vec<(WorkspaceId, i64)>)> {
        self.0
            .store
            .read(move |conn| async move { workspaces::epoch_and_heads(conn, &ids).await }.boxed())
            .await
    }

    /// Stores the epoch. A new epoch resets all watchers.
    fn set_epoch(&self, epoch: Option<Epoch>) {
        let Some(epoch) = epoch.filter(|epoch| *epoch != self.epoch()) else { return };
        tracing::info!("history was rewritten; starting a new epoch");
        *self.0.epoch.write().unwrap_or_else(PoisonError::into_inner) = epoch;
        self.tails().values().filter_map(Weak::upgrade).for_each(|tail| tail.notify_rewritten());
    }

    fn tails(&self) -> MutexGuard<'_, HashMap<WorkspaceId, Weak<Tail>>> {
        self.0.tails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Polls at once, after each notification, and after each time-out.
async fn poll_repeatedly(feed: Weak<Inner>, poll_now: Arc<Notify>, poll: Duration, round: Round) {
    while let Some(inner) = feed.upgrade() {
        let polled = Feed(inner).poll().await;
        // A failed poll may have consumed a notification, so it is retried soon.
        let pause = if polled.is_ok() { poll } else { poll.min(IDLE_CHECK) };
        match polled {
            Ok(()) => round.succeeded(),
            Err(error) => tracing::warn!(%error, "polling the log failed"),
        }
        let wait = tokio::time::timeout(pause, poll_now.notified());
        if round.stop.run_until_cancelled(wait).await.is_none() {
            return;
        }
    }
}

/// Keeps a tail up to date until its last watcher leaves.
async fn follow(tail: Weak<Tail>, notify: Arc<Notify>) {
    let mut is_due = true;
    while let Some(tail) = tail.upgrade() {
        if is_due {
            let read = tail.pull().boxed().await;
            failpoint!("log_tail");
            if let Err(error) = &read {
                tracing::warn!(%error, "reading the log failed; retrying");
            }
            is_due = read.is_err();
        }
        drop(tail);
        // The time-out lets the task end after its last watcher has left a workspace without new events.
        is_due |= tokio::time::timeout(IDLE_CHECK, notify.notified()).await.is_ok();
    }
}

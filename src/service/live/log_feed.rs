//! The log as it grows, shared by everybody who watches it.
//!
//! A watcher is a position, not a buffer. For each workspace that somebody watches, one [`Tail`] per process
//! reads each event once into a bounded ring and says that there is more; a watcher reads the ring, and the
//! database when it is further behind than the ring reaches. A wake-up carries no data: it only says "look
//! again", so losing one costs a delay until the poll and never an event.
//!
//! A log can also end under its watchers: when an operator has rewritten history, by a restore, and when
//! retention has taken what a watcher had not read yet. Then a watcher is told so instead of a part of an answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::Notify;

use crate::domain::WorkspaceId;
use crate::metrics::{Metrics, WakeUp};
use crate::service::ServiceResult;
use crate::service::live::log_tail::Tail;
use crate::service::live::wakeups::{Heard, Wakeup};
use crate::store::tables::workspaces;
use crate::store::{Epoch, Store, StoreResult};

/// How long an event of another process can go unnoticed when every wake-up is lost, unless set otherwise.
pub const DEFAULT_POLL: Duration = Duration::from_millis(500);
/// How often a tail looks whether anybody still watches it, and how soon what failed is tried again.
const REST: Duration = Duration::from_secs(1);

/// The tails of one process. Cheap to clone.
#[derive(Clone)]
pub struct Feed(Arc<Inner>);

struct Inner {
    store: Store,
    metrics: Metrics,
    epoch: RwLock<Epoch>,
    tails: Mutex<HashMap<WorkspaceId, Weak<Tail>>>,
    /// Polls before its time.
    look: Arc<Notify>,
}

impl Feed {
    /// A feed of a log of this epoch that polls the store for what other processes write. The poll ends with the
    /// last clone.
    pub fn start(store: Store, epoch: Epoch, poll: Duration, metrics: Metrics) -> Self {
        let look = Arc::new(Notify::new());
        let feed = Self(Arc::new(Inner {
            store,
            metrics,
            epoch: RwLock::new(epoch),
            tails: Mutex::default(),
            look: look.clone(),
        }));
        let inner = Arc::downgrade(&feed.0);
        tokio::spawn(async move {
            let mut pause = poll;
            loop {
                // Running out of time is as good a reason to look as being told to.
                let _ = tokio::time::timeout(pause, look.notified()).await;
                let Some(inner) = inner.upgrade() else { break };
                let polled = Self(inner).poll().await;
                // What was to be looked for is still to be looked for.
                pause = if polled.is_ok() { poll } else { poll.min(REST) };
                if let Err(error) = polled {
                    tracing::warn!(%error, "the log could not be polled");
                }
            }
        });
        feed
    }

    /// The epoch of the log, as far as this process knows.
    pub fn epoch(&self) -> Epoch {
        *self.0.epoch.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that the workspace's log may have grown.
    pub fn wake(&self, workspace: WorkspaceId, by: WakeUp) {
        let tail = self.tails().get(&workspace).and_then(Weak::upgrade);
        if let Some(tail) = tail {
            self.0.metrics.wake_up(by);
            tail.look();
        }
    }

    /// What takes in wake-ups, for as long as there is a feed.
    pub fn wakeup_handler(&self) -> impl Fn(Heard) + Send + Sync + use<> {
        let inner = Arc::downgrade(&self.0);
        move |heard| {
            let Some(feed) = inner.upgrade().map(Self) else { return };
            match heard {
                Heard::Wakeup(Wakeup::Log(workspace)) => feed.wake(workspace, WakeUp::Bus),
                Heard::Wakeup(Wakeup::Presence(_)) => {}
                Heard::Everything => feed.0.look.notify_one(),
            }
        }
    }

    /// The tail of a workspace, started if nobody watches it yet.
    ///
    /// # Errors
    /// What reading the head of the log fails with.
    pub async fn tail(&self, workspace: WorkspaceId) -> ServiceResult<Arc<Tail>> {
        if let Some(tail) = self.tails().get(&workspace).and_then(Weak::upgrade) {
            return Ok(tail);
        }
        let (epoch, heads) = self.heads(vec![workspace]).await?;
        let head = heads.first().map_or(0, |(_, seq)| *seq);
        self.enter(epoch);
        let mut tails = self.tails();
        // Somebody else may have started it meanwhile.
        if let Some(tail) = tails.get(&workspace).and_then(Weak::upgrade) {
            return Ok(tail);
        }
        let tail = Arc::new(Tail::new(workspace, self.0.store.clone(), self.0.metrics.clone(), head));
        tails.retain(|_, tail| tail.strong_count() > 0);
        tails.insert(workspace, Arc::downgrade(&tail));
        tokio::spawn(follow(Arc::downgrade(&tail), tail.nudges()));
        Ok(tail)
    }

    /// Wakes the tails whose log has grown, with one statement for all of them.
    async fn poll(&self) -> StoreResult<()> {
        // Where each tail is, before it is compared with what is read after: a log only grows.
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
        self.enter(epoch);
        let (mut ends, mut lag) = (0, 0);
        for (id, seq) in heads {
            ends += seq;
            let Some((tail, head)) = tails.get(&id) else { continue };
            let behind = seq - tail.last();
            if seq < *head {
                tracing::error!(workspace = %id, "the log is shorter than it was: `switchboard new-epoch` is due");
                tail.rewrite();
            } else if behind > 0 {
                self.0.metrics.wake_up(WakeUp::Poll);
                tail.look();
            }
            lag = lag.max(behind);
        }
        self.0.metrics.log(ends, lag);
        Ok(())
    }

    /// The epoch and how far each log has come, in one statement.
    async fn heads(&self, ids: Vec<WorkspaceId>) -> StoreResult<(Option<Epoch>, Vec<(WorkspaceId, i64)>)> {
        self.0
            .store
            .read(move |conn| async move { workspaces::epoch_and_heads(conn, &ids).await }.boxed())
            .await
    }

    /// Takes note of the epoch. In a new one everybody who watches has to begin anew.
    fn enter(&self, epoch: Option<Epoch>) {
        let Some(epoch) = epoch.filter(|epoch| *epoch != self.epoch()) else { return };
        tracing::info!("history was rewritten: a new epoch begins");
        *self.0.epoch.write().unwrap_or_else(PoisonError::into_inner) = epoch;
        self.tails().values().filter_map(Weak::upgrade).for_each(|tail| tail.rewrite());
    }

    fn tails(&self) -> MutexGuard<'_, HashMap<WorkspaceId, Weak<Tail>>> {
        self.0.tails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a tail up to date until nobody watches it.
async fn follow(tail: Weak<Tail>, more: Arc<Notify>) {
    let mut is_due = true;
    while let Some(tail) = tail.upgrade() {
        if is_due {
            let read = tail.pull().boxed().await;
            if let Err(error) = &read {
                tracing::warn!(%error, "the log could not be read and is tried again");
            }
            is_due = read.is_err();
        }
        drop(tail);
        // The time-out lets the task end when its last watcher leaves a quiet workspace.
        is_due |= tokio::time::timeout(REST, more.notified()).await.is_ok();
    }
}

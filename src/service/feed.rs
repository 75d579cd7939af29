//! The log as it grows, shared by everybody who watches it.
//!
//! A watcher is a position, not a buffer. For each workspace that somebody watches, one [`Tail`] per process
//! reads each event once into a bounded ring and says that there is more; a watcher reads the ring, and the
//! database when it is further behind than the ring reaches. A wake-up carries no data: it only says "look
//! again", so losing one costs a delay until the poll and never an event.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{Notify, watch};

use super::Answer;
use crate::domain::{AgentId, Event, EventBody, WorkspaceId};
use crate::metrics::{Metrics, WakeUp};
use crate::store::{Store, StoreResult, events, workspaces};

/// How many events a tail keeps for its watchers.
const RING: usize = 1_024;
/// How many events are read at once.
pub const BATCH: usize = 300;
/// How long an event can go unnoticed when every wake-up is lost, or when another process wrote it.
const POLL: Duration = Duration::from_millis(250);

/// The tails of one process. Cheap to clone.
#[derive(Clone)]
pub struct Feed(Arc<Inner>);

struct Inner {
    store: Store,
    metrics: Metrics,
    tails: Mutex<HashMap<WorkspaceId, Weak<Tail>>>,
}

/// Wakes the watchers of a workspace when it is dropped: after the commit, or after a failure, when looking
/// again does no harm.
pub struct Waker {
    feed: Feed,
    workspace: WorkspaceId,
}

impl Drop for Waker {
    fn drop(&mut self) {
        self.feed.wake(self.workspace);
    }
}

impl Feed {
    /// A feed that polls the store for what other processes write. The poll ends with the last clone.
    pub fn start(store: Store, metrics: Metrics) -> Self {
        let feed = Self(Arc::new(Inner { store, metrics, tails: Mutex::default() }));
        let inner = Arc::downgrade(&feed.0);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(POLL).await;
                let Some(inner) = inner.upgrade() else { break };
                if let Err(error) = Self(inner).poll().await {
                    tracing::warn!(%error, "the log could not be polled");
                }
            }
        });
        feed
    }

    /// Wakes the workspace's watchers when the waker is dropped.
    pub fn waker(&self, workspace: WorkspaceId) -> Waker {
        Waker { feed: self.clone(), workspace }
    }

    /// Says that the workspace's log may have grown.
    pub fn wake(&self, workspace: WorkspaceId) {
        let tail = self.tails().get(&workspace).and_then(Weak::upgrade);
        if let Some(tail) = tail {
            tail.more.notify_one();
        }
    }

    /// The tail of a workspace, started if nobody watches it yet.
    ///
    /// # Errors
    /// What reading the head of the log fails with.
    pub async fn tail(&self, workspace: WorkspaceId) -> Answer<Arc<Tail>> {
        if let Some(tail) = self.tails().get(&workspace).and_then(Weak::upgrade) {
            return Ok(tail);
        }
        let heads =
            self.0.store.read(move |conn| async move { workspaces::heads(conn, &[workspace]).await }.boxed());
        let head = heads.await?.first().map_or(0, |(_, seq)| *seq);
        let mut tails = self.tails();
        // Somebody else may have started it meanwhile.
        if let Some(tail) = tails.get(&workspace).and_then(Weak::upgrade) {
            return Ok(tail);
        }
        let tail = Arc::new(Tail {
            workspace,
            store: self.0.store.clone(),
            metrics: self.0.metrics.clone(),
            ring: Mutex::new(Ring { last: head, events: VecDeque::new() }),
            head: watch::Sender::new(head),
            access: watch::Sender::new(HashMap::new()),
            more: Arc::new(Notify::new()),
        });
        tails.retain(|_, tail| tail.strong_count() > 0);
        tails.insert(workspace, Arc::downgrade(&tail));
        tokio::spawn(follow(Arc::downgrade(&tail), tail.more.clone()));
        Ok(tail)
    }

    /// Wakes the tails whose log has grown, with one statement for all of them.
    async fn poll(&self) -> StoreResult<()> {
        let tails: HashMap<WorkspaceId, Arc<Tail>> =
            self.tails().iter().filter_map(|(id, tail)| Some((*id, tail.upgrade()?))).collect();
        if tails.is_empty() {
            self.0.metrics.log(0, 0);
            return Ok(());
        }
        let ids: Vec<WorkspaceId> = tails.keys().copied().collect();
        let heads =
            self.0.store.read(move |conn| async move { workspaces::heads(conn, &ids).await }.boxed()).await?;
        let (mut head, mut lag) = (0, 0);
        for (id, seq) in heads {
            head += seq;
            let Some(tail) = tails.get(&id) else { continue };
            let behind = seq - *tail.head.borrow();
            if behind > 0 {
                tail.more.notify_one();
                self.0.metrics.wake_up(WakeUp::Poll);
            }
            lag = lag.max(behind);
        }
        self.0.metrics.log(head, lag);
        Ok(())
    }

    fn tails(&self) -> MutexGuard<'_, HashMap<WorkspaceId, Weak<Tail>>> {
        self.0.tails.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of one workspace's log.
pub struct Tail {
    workspace: WorkspaceId,
    store: Store,
    metrics: Metrics,
    ring: Mutex<Ring>,
    /// The number of the last event in the ring.
    head: watch::Sender<i64>,
    /// The number of the last event about the access of each agent, since this tail began.
    access: watch::Sender<HashMap<AgentId, i64>>,
    more: Arc<Notify>,
}

/// The last events, without a gap; `last` is the number of the newest, also while there is none.
struct Ring {
    last: i64,
    events: VecDeque<Arc<Event>>,
}

impl Ring {
    /// Up to [`BATCH`] events after `position`; `None` when the ring does not reach back that far.
    fn after(&self, position: i64) -> Option<Vec<Arc<Event>>> {
        let reaches = match self.events.front() {
            Some(oldest) => oldest.seq <= position + 1,
            None => position >= self.last,
        };
        let place = self.events.partition_point(|event| event.seq <= position);
        reaches.then(|| self.events.iter().skip(place).take(BATCH).cloned().collect())
    }

    fn push(&mut self, event: Arc<Event>) {
        self.last = event.seq;
        if self.events.len() == RING {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }
}

impl Tail {
    /// Up to [`BATCH`] events after `position`, in order; none when there are no more yet.
    ///
    /// # Errors
    /// What reading the log fails with.
    pub async fn after(&self, position: i64) -> Answer<Vec<Arc<Event>>> {
        if let Some(events) = self.ring().after(position) {
            return Ok(events);
        }
        Ok(self.read(position).await?)
    }

    /// Changes with each event.
    pub fn head(&self) -> watch::Receiver<i64> {
        self.head.subscribe()
    }

    /// Changes with each event about access: the number of the last one for each agent.
    pub fn access(&self) -> watch::Receiver<HashMap<AgentId, i64>> {
        self.access.subscribe()
    }

    async fn read(&self, position: i64) -> StoreResult<Vec<Arc<Event>>> {
        let workspace = self.workspace;
        let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
        self.store.read(move |conn| events::after(conn, workspace, position, limit).boxed()).await
    }

    /// Reads what is new into the ring, and says so.
    async fn pull(&self) -> StoreResult<()> {
        loop {
            let position = self.ring().last;
            let new = self.read(position).await?;
            let Some(last) = new.last().map(|event| event.seq) else { return Ok(()) };
            let is_all = new.len() < BATCH;
            self.metrics.events_read(new.len());
            let access: Vec<(AgentId, i64)> = new
                .iter()
                .filter_map(|event| match &event.body {
                    EventBody::Access(change) => Some((change.agent_id, event.seq)),
                    EventBody::Conversation(_) => None,
                })
                .collect();
            {
                let mut ring = self.ring();
                new.into_iter().for_each(|event| ring.push(event));
            }
            self.head.send_replace(last);
            if !access.is_empty() {
                self.access.send_modify(|last| last.extend(access));
            }
            // Whoever writes more nudges again, and the nudge is kept until it is waited for.
            if is_all {
                return Ok(());
            }
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a tail up to date until nobody watches it.
async fn follow(tail: Weak<Tail>, more: Arc<Notify>) {
    while let Some(tail) = tail.upgrade() {
        if let Err(error) = tail.pull().await {
            tracing::warn!(%error, "the log could not be read; the poll will try again");
        }
        drop(tail);
        // The time-out lets the task end when its last watcher leaves a quiet workspace.
        let _ = tokio::time::timeout(Duration::from_secs(1), more.notified()).await;
    }
}

//! The tail of one workspace's log, read once for all watchers in this process.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use tokio::sync::{Notify, watch};

use crate::domain::{AgentId, Event, EventBody, WorkspaceId};
use crate::metrics::Metrics;
use crate::service::ServiceResult;
use crate::service::live::related::{ObservedSelections, Related};
use crate::store::log::events;
use crate::store::tables::workspaces;
use crate::store::{Store, StoreResult};

/// How many of the latest events a tail keeps in memory.
const RING: usize = 1_024;
/// The most events in one read.
pub const BATCH: usize = 300;

/// The tail of one workspace's log.
pub struct Tail {
    workspace: WorkspaceId,
    store: Store,
    metrics: Metrics,
    /// The number of the last event when the tail started.
    start: i64,
    ring: Mutex<Ring>,
    /// The number of the last event in the ring.
    head: watch::Sender<i64>,
    access: watch::Sender<AccessMarks>,
    /// Notified when the log may have grown.
    notify: Arc<Notify>,
    observed: Arc<ObservedSelections>,
    /// Whether history was rewritten, so that the next pull has to discard the ring.
    rewritten: AtomicBool,
}

/// An event, with the entities that it refers to.
#[derive(Clone)]
pub struct FeedEvent {
    pub event: Arc<Event>,
    pub related: Arc<Related>,
}

/// The events after a position.
pub enum Next {
    /// Up to [`BATCH`] events, in order and without a gap. Empty at the end of the log.
    Events(Vec<FeedEvent>),
    /// History was rewritten. Positions in the old history are invalid.
    Rewritten,
    /// Retention has deleted some of the events.
    Truncated,
}

/// For each agent, the number of the last event that changed the agent's access, since the tail or the history began.
#[derive(Default)]
pub struct AccessMarks {
    history: u64,
    last: HashMap<AgentId, i64>,
}

impl AccessMarks {
    /// The agent's mark: it changes when the agent's access may have changed.
    pub fn of(&self, agent: AgentId) -> (u64, Option<i64>) {
        (self.history, self.last.get(&agent).copied())
    }
}

/// The latest events, without a gap.
struct Ring {
    /// How often history was rewritten.
    history: u64,
    /// The number of the latest event, also while `events` is empty.
    last: i64,
    events: VecDeque<FeedEvent>,
}

impl Ring {
    /// Up to [`BATCH`] events after `position`; `None` when the ring does not reach back that far.
    fn after(&self, position: i64) -> Option<Vec<FeedEvent>> {
        let reaches = match self.events.front() {
            Some(oldest) => oldest.event.seq <= position + 1,
            None => position >= self.last,
        };
        let index = self.events.partition_point(|feed_event| feed_event.event.seq <= position);
        reaches.then(|| self.events.iter().skip(index).take(BATCH).cloned().collect())
    }

    fn push(&mut self, feed_event: FeedEvent) {
        if feed_event.event.seq != self.last + 1 {
            // Retention has deleted events before they were read. Watchers that need them get `Next::Truncated`.
            self.events.clear();
        }
        self.last = feed_event.event.seq;
        if self.events.len() == RING {
            self.events.pop_front();
        }
        self.events.push_back(feed_event);
    }
}

impl Tail {
    pub(in crate::service) fn new(workspace: WorkspaceId, store: Store, metrics: Metrics, head: i64) -> Self {
        Self {
            workspace,
            store,
            metrics,
            start: head,
            ring: Mutex::new(Ring { history: 0, last: head, events: VecDeque::new() }),
            head: watch::Sender::new(head),
            access: watch::Sender::new(AccessMarks::default()),
            notify: Arc::new(Notify::new()),
            observed: Arc::default(),
            rewritten: AtomicBool::new(false),
        }
    }

    /// The events after `position` in `history`, from the ring or from the database.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn after(&self, history: u64, position: i64) -> ServiceResult<Next> {
        let last = {
            let ring = self.ring();
            match ring.after(position) {
                _ if ring.history != history => return Ok(Next::Rewritten),
                Some(events) => return Ok(Next::Events(events)),
                None => ring.last,
            }
        };
        // Boxed: this path is rare, and unboxed it would enlarge the future of every watcher.
        let events = self.read(position).boxed().await?;
        if self.ring().history != history {
            return Ok(Next::Rewritten);
        }
        let gapless = events.iter().zip(position + 1..).all(|(event, seq)| event.seq == seq);
        if !gapless || (events.is_empty() && position < last) {
            return Ok(Next::Truncated);
        }
        Ok(Next::Events(self.with_related(events)))
    }

    /// The same events, with related entities that are loaded again.
    pub fn reload_related(&self, events: Vec<FeedEvent>) -> Vec<FeedEvent> {
        self.with_related(events.into_iter().map(|feed_event| feed_event.event).collect())
    }

    /// The number of the current history. It changes when history is rewritten.
    pub fn history(&self) -> u64 {
        self.ring().history
    }

    /// Whether this tail reads every event after `position`.
    pub fn covers(&self, position: i64) -> bool {
        self.start <= position
    }

    /// The number of the last event that this tail has read.
    pub(in crate::service) fn last(&self) -> i64 {
        *self.head.borrow()
    }

    /// The number of the last event. Changes with each batch of events, and when history is rewritten.
    pub fn head(&self) -> watch::Receiver<i64> {
        self.head.subscribe()
    }

    /// The access marks of all agents. Changes with each event about access.
    pub fn access(&self) -> watch::Receiver<AccessMarks> {
        self.access.subscribe()
    }

    /// Notifies the tail that the log may have grown.
    pub(in crate::service) fn notify(&self) {
        self.notify.notify_one();
    }

    /// Notifies the tail that history was rewritten.
    pub(in crate::service) fn notify_rewritten(&self) {
        self.rewritten.store(true, Ordering::Relaxed);
        self.notify();
    }

    /// The handle on which to wait for notifications.
    pub(in crate::service) fn notifier(&self) -> Arc<Notify> {
        self.notify.clone()
    }

    /// Reads new events into the ring and notifies the watchers.
    pub(in crate::service) async fn pull(&self) -> StoreResult<()> {
        if self.rewritten.swap(false, Ordering::Relaxed) {
            self.restart().await.inspect_err(|_| self.rewritten.store(true, Ordering::Relaxed))?;
        }
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
                    EventBody::Conversation(_) | EventBody::Workspace(_) => None,
                })
                .collect();
            let new = self.with_related(new);
            if let Some(feed_event) = new.first() {
                feed_event.related.read_ahead().await;
            }
            {
                let mut ring = self.ring();
                new.into_iter().for_each(|feed_event| ring.push(feed_event));
            }
            // Before the head, so that a watcher who has read a head has also read every access change up to it.
            if !access.is_empty() {
                self.access.send_modify(|marks| marks.last.extend(access));
            }
            self.head.send_replace(last);
            // A later write notifies again, and `Notify` stores the permit until it is awaited.
            if is_all {
                return Ok(());
            }
        }
    }

    /// Begins a new history at the current end of the log, and notifies all watchers.
    async fn restart(&self) -> StoreResult<()> {
        let workspace = self.workspace;
        let heads =
            self.store.read(move |conn| async move { workspaces::heads(conn, &[workspace]).await }.boxed());
        let head = heads.await?.first().map_or(0, |(_, seq)| *seq);
        {
            let mut ring = self.ring();
            *ring = Ring { history: ring.history + 1, last: head, events: VecDeque::new() };
        }
        self.access.send_modify(|marks| {
            marks.history += 1;
            marks.last.clear();
        });
        self.head.send_replace(head);
        Ok(())
    }

    async fn read(&self, position: i64) -> StoreResult<Vec<Arc<Event>>> {
        let workspace = self.workspace;
        let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
        self.store.read(move |conn| events::after(conn, workspace, position, limit).boxed()).await
    }

    fn with_related(&self, events: Vec<Arc<Event>>) -> Vec<FeedEvent> {
        let related = Related::new(self.store.clone(), self.workspace, self.observed.clone(), &events);
        let related = Arc::new(related);
        events.into_iter().map(|event| FeedEvent { event, related: related.clone() }).collect()
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

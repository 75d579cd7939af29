//! The end of one workspace's log, read once for everybody at this process who watches it.

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

/// How many events a tail keeps for its watchers.
const RING: usize = 1_024;
/// How many events are read at once.
pub const BATCH: usize = 300;

/// The end of one workspace's log.
pub struct Tail {
    workspace: WorkspaceId,
    store: Store,
    metrics: Metrics,
    /// The number of the last event that it has not seen come.
    began: i64,
    ring: Mutex<Ring>,
    /// The number of the last event in the ring.
    head: watch::Sender<i64>,
    access: watch::Sender<AccessMarks>,
    more: Arc<Notify>,
    observed: Arc<ObservedSelections>,
    /// The log is another than the ring's; to be found out by the next pull.
    rewritten: AtomicBool,
}

/// An event, with what it mentions.
#[derive(Clone)]
pub struct FeedEvent {
    pub event: Arc<Event>,
    pub related: Arc<Related>,
}

/// What comes after a position.
pub enum Next {
    /// Up to [`BATCH`] events, in order and without a gap; none when there are no more yet.
    Events(Vec<FeedEvent>),
    /// History was rewritten: positions from before mean nothing.
    Rewritten,
    /// Retention has taken some of it.
    Truncated,
}

/// The number of the last event about the access of each agent, since this tail or this history began.
#[derive(Default)]
pub struct AccessMarks {
    history: u64,
    last: HashMap<AgentId, i64>,
}

impl AccessMarks {
    /// Changes when the agent's access may have.
    pub fn of(&self, agent: AgentId) -> (u64, Option<i64>) {
        (self.history, self.last.get(&agent).copied())
    }
}

/// The last events, without a gap; `last` is the number of the newest, also while there is none.
struct Ring {
    /// Counts how often history was rewritten.
    history: u64,
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
        let place = self.events.partition_point(|feed_event| feed_event.event.seq <= position);
        reaches.then(|| self.events.iter().skip(place).take(BATCH).cloned().collect())
    }

    fn push(&mut self, feed_event: FeedEvent) {
        if feed_event.event.seq != self.last + 1 {
            // Retention was faster: who needs what is missing is told so.
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
            began: head,
            ring: Mutex::new(Ring { history: 0, last: head, events: VecDeque::new() }),
            head: watch::Sender::new(head),
            access: watch::Sender::new(AccessMarks::default()),
            more: Arc::new(Notify::new()),
            observed: Arc::default(),
            rewritten: AtomicBool::new(false),
        }
    }

    /// What comes after `position` of this `history`.
    ///
    /// # Errors
    /// What reading the log fails with.
    pub async fn after(&self, history: u64, position: i64) -> ServiceResult<Next> {
        let last = {
            let ring = self.ring();
            match ring.after(position) {
                _ if ring.history != history => return Ok(Next::Rewritten),
                Some(events) => return Ok(Next::Events(events)),
                None => ring.last,
            }
        };
        // In a box: hardly anybody reads here, and everybody who waits at the end of the log has the room for it.
        let events = self.read(position).boxed().await?;
        if self.ring().history != history {
            return Ok(Next::Rewritten);
        }
        let gapless = events.iter().zip(position + 1..).all(|(event, seq)| event.seq == seq);
        if !gapless || (events.is_empty() && position < last) {
            return Ok(Next::Truncated);
        }
        Ok(Next::Events(self.surrounded(events)))
    }

    /// The same events, with what they mention as it is from now on.
    pub fn afresh(&self, events: Vec<FeedEvent>) -> Vec<FeedEvent> {
        self.surrounded(events.into_iter().map(|feed_event| feed_event.event).collect())
    }

    /// Which history this is: changes when it is rewritten.
    pub fn history(&self) -> u64 {
        self.ring().history
    }

    /// Whether it has told of every event after this number, or is going to.
    pub fn has_watched_since(&self, position: i64) -> bool {
        self.began <= position
    }

    /// The number of the last event that was read.
    pub(in crate::service) fn last(&self) -> i64 {
        *self.head.borrow()
    }

    /// Changes with each event, and when history is rewritten.
    pub fn head(&self) -> watch::Receiver<i64> {
        self.head.subscribe()
    }

    /// Changes with each event about access.
    pub fn access(&self) -> watch::Receiver<AccessMarks> {
        self.access.subscribe()
    }

    /// Says that the log may have grown.
    pub(in crate::service) fn look(&self) {
        self.more.notify_one();
    }

    /// Says that the log is another than it was.
    pub(in crate::service) fn rewrite(&self) {
        self.rewritten.store(true, Ordering::Relaxed);
        self.look();
    }

    /// What [`Self::look`] rings.
    pub(in crate::service) fn nudges(&self) -> Arc<Notify> {
        self.more.clone()
    }

    /// Reads what is new into the ring, and says so.
    pub(in crate::service) async fn pull(&self) -> StoreResult<()> {
        if self.rewritten.swap(false, Ordering::Relaxed) {
            self.begin_anew().await.inspect_err(|_| self.rewritten.store(true, Ordering::Relaxed))?;
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
                    EventBody::Conversation(_) => None,
                })
                .collect();
            let new = self.surrounded(new);
            if let Some(feed_event) = new.first() {
                feed_event.related.read_ahead().await;
            }
            {
                let mut ring = self.ring();
                new.into_iter().for_each(|feed_event| ring.push(feed_event));
            }
            // Before the head: who has seen that has seen every change of access up to it.
            if !access.is_empty() {
                self.access.send_modify(|marks| marks.last.extend(access));
            }
            self.head.send_replace(last);
            // Whoever writes more nudges again, and the nudge is kept until it is waited for.
            if is_all {
                return Ok(());
            }
        }
    }

    /// Goes to the end of the log as it is now; everybody who watches notices.
    async fn begin_anew(&self) -> StoreResult<()> {
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

    fn surrounded(&self, events: Vec<Arc<Event>>) -> Vec<FeedEvent> {
        let related = Related::new(self.store.clone(), self.workspace, self.observed.clone(), &events);
        let related = Arc::new(related);
        events.into_iter().map(|event| FeedEvent { event, related: related.clone() }).collect()
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Presence: which agents are viewing a conversation or replying in it, streamed to the agents who follow it.
//!
//! Presence has its own table, is not in the log, and expires unless it is renewed. One [`PresenceFeed`] per process
//! reads the presence in all conversations that are followed in this process, in one statement. It reads after each
//! change, in this process or another, and at an interval, because an expiry sends no notification.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use tokio::sync::{Notify, watch};

use crate::clock::{Clock, Timestamp};
use crate::domain::{AgentId, ConversationId, InputField, Presence, PresenceState, Refusal};
use crate::service::context::Actor;
use crate::service::live::log_tail::{AccessMarks, Tail};
use crate::service::live::wakeups::{Wakeup, WakeupSignal};
use crate::service::workers::registry::{Round, Workers};
use crate::service::{Access, BoxStream, Error, ServiceResult, Services};
use crate::store::tables::presences;
use crate::store::tables::presences::PresenceKey;
use crate::store::{Store, StoreResult};
use crate::token::Caller;

/// The shortest time between two reads, however many changes there are.
const MIN_INTERVAL: Duration = Duration::from_millis(50);
/// The maximum number of conversations in one statement.
const BATCH: usize = 1_000;
/// How many expired presences each write deletes. A write adds at most one, so the table does not grow.
const SWEEP: i64 = 20;
/// The maximum number of agents that are listed per conversation. Those who have been present longest come first.
pub const MAX_PRESENT: usize = 100;

/// An agent who is present in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresentAgent {
    pub agent_id: AgentId,
    pub state: PresenceState,
    /// When the agent entered this state.
    pub since: Timestamp,
}

impl From<Presence> for PresentAgent {
    fn from(presence: Presence) -> Self {
        Self { agent_id: presence.agent_id, state: presence.state, since: presence.since }
    }
}

/// The result of setting a presence.
#[derive(Debug, Clone)]
pub struct PresenceOutcome {
    /// All agents who are present now.
    pub present: Vec<PresentAgent>,
    /// When the presence expires; `None` for an agent who left.
    pub expires_at: Option<Timestamp>,
    /// Whether the state changed. A renewal only moves the expiry.
    pub changed: bool,
}

/// The presence in the conversations that are followed in this process. Cheap to clone.
#[derive(Clone)]
pub struct PresenceFeed(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    topics: Mutex<HashMap<PresenceKey, Weak<Topic>>>,
    read_now: Arc<Notify>,
}

/// The presence in one conversation that is followed.
struct Topic {
    /// `None` until it has been read.
    present: watch::Sender<Option<Vec<PresentAgent>>>,
}

impl PresenceFeed {
    /// Starts a feed that reads the store at least every `poll`. Reading ends when the last clone is dropped.
    pub fn start(store: Store, clock: Clock, poll: Duration, workers: &Workers) -> Self {
        let read_now = Arc::new(Notify::new());
        let topics = Mutex::default();
        let feed = Self(Arc::new(Inner { store, clock, topics, read_now: read_now.clone() }));
        let inner = Arc::downgrade(&feed.0);
        workers.start("presence_reader", poll, move |round| {
            read_repeatedly(inner.clone(), read_now.clone(), poll, round).boxed()
        });
        feed
    }

    /// Requests a read.
    fn notify(&self) {
        self.0.read_now.notify_one();
    }

    /// A handler of wake-ups. It does nothing once the feed is dropped.
    pub fn wakeup_handler(&self) -> impl Fn(WakeupSignal) + Send + Sync + use<> {
        let inner = Arc::downgrade(&self.0);
        move |signal| {
            let Some(feed) = inner.upgrade().map(Self) else { return };
            let concerns = match signal {
                WakeupSignal::Wakeup(Wakeup::Log(_)) => false,
                WakeupSignal::Wakeup(Wakeup::Presence(workspace)) => {
                    feed.topics().keys().any(|(topic_workspace, _)| *topic_workspace == workspace)
                }
                WakeupSignal::Resync => true,
            };
            if concerns {
                feed.notify();
            }
        }
    }

    /// The topic of a conversation. Starts it if it is not followed yet.
    fn topic(&self, key: PresenceKey) -> Arc<Topic> {
        let mut topics = self.topics();
        if let Some(topic) = topics.get(&key).and_then(Weak::upgrade) {
            return topic;
        }
        let topic = Arc::new(Topic { present: watch::Sender::new(None) });
        topics.insert(key, Arc::downgrade(&topic));
        self.notify();
        topic
    }

    /// Reads the presence in all topics, and notifies the watchers of topics that have changed.
    async fn read(&self) -> StoreResult<()> {
        let topics: Vec<(PresenceKey, Arc<Topic>)> = {
            let mut topics = self.topics();
            topics.retain(|_, topic| topic.strong_count() > 0);
            topics.iter().filter_map(|(key, topic)| Some((*key, topic.upgrade()?))).collect()
        };
        for topics in topics.chunks(BATCH) {
            let keys: Vec<PresenceKey> = topics.iter().map(|(key, _)| *key).collect();
            let now = self.0.clock.now();
            let mut present: HashMap<PresenceKey, Vec<PresentAgent>> = HashMap::new();
            let all = self
                .0
                .store
                .read(move |conn| async move { presences::at(conn, &keys, now).await }.boxed())
                .await?;
            for (key, presence) in all {
                present.entry(key).or_default().push(presence.into());
            }
            for (key, topic) in topics {
                let mut now = present.remove(key).unwrap_or_default();
                now.truncate(MAX_PRESENT);
                topic.present.send_if_modified(|before| {
                    let changed = before.as_ref() != Some(&now);
                    *before = Some(now);
                    changed
                });
            }
        }
        Ok(())
    }

    fn topics(&self) -> MutexGuard<'_, HashMap<PresenceKey, Weak<Topic>>> {
        self.0.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads at once, after each notification, and after each time-out.
async fn read_repeatedly(feed: Weak<Inner>, read_now: Arc<Notify>, poll: Duration, round: Round) {
    while let Some(inner) = feed.upgrade() {
        match PresenceFeed(inner).read().await {
            Ok(()) => round.succeeded(),
            Err(error) => tracing::warn!(%error, "reading presence failed"),
        }
        let wait = async {
            tokio::time::sleep(MIN_INTERVAL).await;
            let _ = tokio::time::timeout(poll, read_now.notified()).await;
        };
        if round.stop.run_until_cancelled(wait).await.is_none() {
            return;
        }
    }
}

impl Services {
    /// Sets or renews the caller's presence in a conversation; a state of `None` ends it.
    ///
    /// An agent has one presence per conversation. The last of the agent's clients to set it decides the state.
    ///
    /// # Errors
    /// Not found; forbidden for a service.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn set_presence(
        &self,
        caller: Caller,
        id: ConversationId,
        state: Option<PresenceState>,
    ) -> ServiceResult<PresenceOutcome> {
        let Actor { workspace_id: workspace, agent_id: agent, .. } = self.agent_of(caller)?;
        let access = self.access(caller).await?;
        // An agent who loses access right after this check is not shown, because reading checks access again.
        self.conversation(&access, id).await?.ok_or(Refusal::NotFound(InputField::ConversationId))?;
        let (key, now) = ((workspace, id), self.clock.now());
        let written = self.store.write(move |conn| {
            async move {
                presences::sweep(conn, workspace, now, SWEEP).await?;
                let last = presences::find(conn, key, agent).await?.filter(|last| last.expires_at > now);
                let presence = state.map(|state| Presence::renewed(last.as_ref(), agent, state, now));
                match &presence {
                    Some(presence) => presences::set(conn, key, presence).await?,
                    None => presences::remove(conn, key, agent).await?,
                }
                let all = presences::at(conn, &[key], now).await?;
                Ok::<_, Error>(PresenceOutcome {
                    present: all.into_iter().map(|(_, it)| it.into()).take(MAX_PRESENT).collect(),
                    expires_at: presence.map(|it| it.expires_at),
                    changed: last.map(PresentAgent::from) != presence.map(PresentAgent::from),
                })
            }
            .boxed()
        });
        let outcome = written.await;
        self.presence.notify();
        // A renewal changes nothing that other processes show.
        if outcome.as_ref().is_ok_and(|outcome| outcome.changed) {
            self.wakeups.publish(Wakeup::Presence(workspace));
        }
        outcome
    }

    /// Streams the presence in a conversation: now, and each time it changes. `None` when the conversation is not
    /// found. Ends when the caller can no longer access the conversation.
    ///
    /// # Errors
    /// Forbidden for a service.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn presence_changes(
        &self,
        access: Access,
        id: ConversationId,
    ) -> ServiceResult<Option<BoxStream<ServiceResult<Vec<PresentAgent>>>>> {
        let agent = access.viewer()?.agent_id;
        if self.conversation(&access, id).await?.is_none() {
            return Ok(None);
        }
        let topic = self.presence.topic((access.workspace.id, id));
        let tail = self.feed.tail(access.workspace.id).await?;
        let watch = Watch {
            services: self.clone(),
            caller: access.caller,
            agent,
            id,
            present: topic.present.subscribe(),
            _topic: topic,
            access: tail.access(),
            _tail: tail,
            last: None,
            check_access: false,
        };
        Ok(Some(
            stream::unfold(Some(watch), |watch| async move {
                let mut watch = watch?;
                match watch.next().await {
                    Ok(Some(item)) => Some((Ok(item), Some(watch))),
                    Ok(None) | Err(Error::Unauthenticated) => None,
                    Err(error) => Some((Err(error), None)),
                }
            })
            .boxed(),
        ))
    }
}

/// One agent's stream of the presence in a conversation.
struct Watch {
    services: Services,
    caller: Caller,
    agent: AgentId,
    id: ConversationId,
    present: watch::Receiver<Option<Vec<PresentAgent>>>,
    _topic: Arc<Topic>,
    access: watch::Receiver<AccessMarks>,
    _tail: Arc<Tail>,
    last: Option<Vec<PresentAgent>>,
    /// Whether the agent's access may have changed since it was last checked.
    check_access: bool,
}

impl Watch {
    /// Waits until the presence differs from the last; `None` when the caller can no longer access the conversation.
    async fn next(&mut self) -> ServiceResult<Option<Vec<PresentAgent>>> {
        loop {
            let agent = self.agent;
            let mark = self.access.borrow_and_update().of(agent);
            let present = self.present.borrow_and_update().clone();
            let changed = present.filter(|now| self.last.as_ref() != Some(now));
            if changed.is_some() || self.check_access {
                let access = self.services.access(self.caller).await?;
                if self.services.conversation(&access, self.id).await?.is_none() {
                    return Ok(None);
                }
                self.check_access = false;
            }
            if let Some(now) = changed {
                self.last = Some(now.clone());
                return Ok(Some(now));
            }
            // The senders live in `_topic` and `_tail`, so neither can fail.
            tokio::select! {
                changed = self.present.changed() => if changed.is_err() { return Ok(None) },
                changed = self.access.wait_for(|marks| marks.of(agent) != mark) => {
                    if changed.is_err() { return Ok(None) }
                    self.check_access = true;
                }
            }
        }
    }
}

//! What callers are told, live: a position in the log, seen through a view.
//!
//! A stream is pulled, so a slow client simply reads later. It starts after the cursor it is given, replays,
//! says when it has caught up, and goes on. It ends with a reset when what its viewer may see has changed, so
//! nothing committed after that reaches them, and when its cursor cannot be continued from.

use std::collections::{BTreeSet, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, Stream, StreamExt, TryFutureExt, stream};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep};

use crate::clock::Clock;
use crate::domain::counts::ViewCounts;
use crate::domain::view::{self, QueueChange};
use crate::domain::{
    AgentId, ConversationEvent, ConversationId, EventBody, Filter, PhoneNumberId, View, Viewer,
};
use crate::failpoint::failpoint;
use crate::metrics::Metrics;
use crate::service::live::log_tail::{FeedEvent, Next, Tail};
use crate::service::{Access, Error, ServiceResult, Services, VisibleConversation};
use crate::token::Caller;

/// A quiet stream sends a checkpoint this often, so that its client's cursor stays fresh.
pub const CHECKPOINT: Duration = Duration::from_secs(30);
/// Badges are pushed at most once in this time.
pub const BADGE_PAUSE: Duration = Duration::from_millis(250);

/// A boxed stream that can be sent between threads.
pub type BoxStream<T> = Pin<Box<dyn Stream<Item = T> + Send>>;

/// Why a client has to fetch its list again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetReason {
    /// What the viewer may see has changed.
    AccessChanged,
    /// The cursor is not of this log, or lies in its future.
    CursorInvalid,
    /// The events after the cursor are gone.
    LogTruncated,
}

/// One item of a view's stream.
#[derive(Clone)]
pub enum QueueItem {
    /// A conversation entered the view, changed in it, or left it.
    Changed {
        seq: i64,
        change: QueueChange,
        /// The conversation after the event.
        seen: VisibleConversation,
        cause: FeedEvent,
    },
    /// Everything up to `seq` has been told.
    Checkpoint { seq: i64 },
    /// The last item.
    Reset { seq: i64, reason: ResetReason },
}

/// One item of a conversation's stream: an event, a checkpoint (neither event nor reset), or the last item.
#[derive(Clone)]
pub struct ThreadItem {
    pub seq: i64,
    pub event: Option<FeedEvent>,
    /// The conversation after the event, or as it is at the first checkpoint.
    pub seen: Option<VisibleConversation>,
    pub reset: Option<ResetReason>,
}

impl Services {
    /// What changes in a view, after a cursor or from now on.
    ///
    /// # Errors
    /// Forbidden for a service.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn queue_changes(
        &self,
        access: Access,
        view: View,
        filter: Filter,
        after: Option<String>,
    ) -> ServiceResult<BoxStream<ServiceResult<QueueItem>>> {
        let viewer = access.viewer()?;
        let projection = QueueProjection { view, filter, viewer };
        self.follow(access, after, projection).await
    }

    /// What happens in a conversation, after a cursor or from now on; `None` when it is not found.
    ///
    /// # Errors
    /// Forbidden for a service.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn conversation_changes(
        &self,
        access: Access,
        id: ConversationId,
        after: Option<String>,
    ) -> ServiceResult<Option<BoxStream<ServiceResult<ThreadItem>>>> {
        let viewer = access.viewer()?.agent_id;
        let Some(now) = self.conversation(&access, id).await? else { return Ok(None) };
        let first = after.is_none().then_some(now);
        let projection = ThreadProjection { id, viewer, first };
        Ok(Some(self.follow(access, after, projection).await?))
    }

    /// The badges now, and each time they change.
    ///
    /// # Errors
    /// Forbidden for a service.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn view_counts_changes(
        &self,
        access: Access,
        only: Option<BTreeSet<PhoneNumberId>>,
    ) -> ServiceResult<BoxStream<ServiceResult<(ViewCounts, i64)>>> {
        access.viewer()?;
        let tail = self.feed.tail(access.workspace.id).await?;
        let badges = Badges {
            services: self.clone(),
            caller: access.caller,
            only,
            head: tail.head(),
            _tail: tail,
            last: None,
            looked_at: None,
        };
        Ok(stream::unfold(Some(badges), |badges| async move {
            let mut badges = badges?;
            match badges.next().await {
                Ok(item) => Some((Ok(item), Some(badges))),
                // A deactivated agent's stream ends; the socket says why.
                Err(Error::Unauthenticated) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed())
    }

    /// Resolves when the agent is deactivated whose access this is, or was when they signed in; never for a service.
    pub fn revoked(&self, access: &Access) -> BoxFuture<'static, ()> {
        let (services, caller, as_of) = (self.clone(), access.caller, access.as_of);
        async move {
            let Some(agent) = caller.agent_id() else { return std::future::pending().await };
            loop {
                // Watching starts before looking, so nothing falls between.
                // In a box, since a future keeps the room for the largest thing it ever waits for.
                let Ok(tail) = services.feed.tail(caller.workspace_id()).boxed().await else {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                };
                let mut marks = tail.access();
                let mut seen = marks.borrow_and_update().of(agent);
                // What they signed in with tells of everything up to then, and the marks of everything after.
                let mut is_known = tail.has_watched_since(as_of) && seen <= (0, Some(as_of));
                loop {
                    match if is_known { Ok(()) } else { services.access(caller).map_ok(drop).boxed().await } {
                        Err(Error::Unauthenticated) => return,
                        Err(_) => {
                            tokio::time::sleep(Duration::from_secs(1)).await;
                            continue;
                        }
                        Ok(()) => {}
                    }
                    is_known = false;
                    // Only what concerns this agent is worth a look at the database.
                    match marks.wait_for(|marks| marks.of(agent) != seen).await {
                        Ok(marks) => seen = marks.of(agent),
                        Err(_) => break,
                    }
                }
            }
        }
        .boxed()
    }

    async fn follow<L: StreamProjection>(
        &self,
        access: Access,
        after: Option<String>,
        projection: L,
    ) -> ServiceResult<BoxStream<ServiceResult<L::Item>>> {
        let viewer = access.viewer()?.agent_id;
        // Before the cursor is read: it belongs to this history or to an earlier one.
        let tail = self.feed.tail(access.workspace.id).await?;
        let history = tail.history();
        let start = match &after {
            None => Ok(access.as_of),
            Some(cursor) => match self.position(access.workspace.id, cursor) {
                Some(seq) if seq > access.as_of => Err(ResetReason::CursorInvalid),
                Some(seq) if seq < access.floor => Err(ResetReason::LogTruncated),
                Some(seq) => Ok(seq),
                None => Err(ResetReason::CursorInvalid),
            },
        };
        let position = match start {
            Ok(position) => position,
            Err(reason) => {
                let reset = L::reset(access.as_of, reason);
                return Ok(stream::once(std::future::ready(Ok(reset))).boxed());
            }
        };
        let follower = Follower {
            head: tail.head(),
            tail,
            history,
            viewer,
            projection,
            position,
            ready: VecDeque::new(),
            caught_up: false,
            quiet_since: Instant::now(),
            alarm: Box::pin(tokio::time::sleep(CHECKPOINT)),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
        };
        Ok(stream::unfold(Some(follower), |follower| async move {
            let mut follower = follower?;
            match follower.next().await {
                Ok((item, ends)) => Some((Ok(item), (!ends).then_some(follower))),
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed())
    }
}

/// What a stream makes of the log.
trait StreamProjection: Send + 'static {
    type Item: Send + 'static;

    /// What an event says to this stream, if anything.
    fn item(&self, feed_event: &FeedEvent, body: &ConversationEvent) -> Option<Self::Item>;

    /// Everything up to `seq` has been told; `first` is that it was reached for the first time.
    fn checkpoint(&mut self, seq: i64, first: bool) -> Option<Self::Item>;

    /// The last item.
    fn reset(seq: i64, reason: ResetReason) -> Self::Item;
}

/// A position in the log that moves on.
struct Follower<L: StreamProjection> {
    tail: Arc<Tail>,
    /// The history that `position` is in.
    history: u64,
    head: watch::Receiver<i64>,
    viewer: AgentId,
    projection: L,
    /// The number of the last event that was looked at.
    position: i64,
    /// What the events up to `position` say, and whether the stream ends with it.
    ready: VecDeque<(L::Item, bool)>,
    caught_up: bool,
    quiet_since: Instant,
    /// Goes off when the stream may have been quiet for long enough, and is set anew only then: to set it for each
    /// item would take the lock of the runtime's timers twice an item.
    alarm: Pin<Box<Sleep>>,
    clock: Clock,
    metrics: Metrics,
}

impl<L: StreamProjection> Follower<L> {
    /// The next item, and whether it is the last.
    async fn next(&mut self) -> ServiceResult<(L::Item, bool)> {
        loop {
            if let Some(next) = self.ready.pop_front() {
                failpoint!("mid_delivery");
                self.quiet_since = Instant::now();
                return Ok(next);
            }
            // Seen before reading: an event that comes in between is noticed.
            self.head.borrow_and_update();
            match self.tail.after(self.history, self.position).await? {
                Next::Events(events) if events.is_empty() => {}
                // What is replayed is shown with names as they are by now.
                Next::Events(events) if !self.caught_up => {
                    let events = self.tail.afresh(events);
                    self.take(&events);
                    continue;
                }
                Next::Events(events) => {
                    self.take(&events);
                    continue;
                }
                Next::Rewritten => return Ok(self.lost(ResetReason::CursorInvalid)),
                Next::Truncated => return Ok(self.lost(ResetReason::LogTruncated)),
            }
            if !self.caught_up {
                self.caught_up = true;
                self.checkpoint(true);
                continue;
            }
            tokio::select! {
                // The sender lives in `tail`, so this cannot fail.
                changed = self.head.changed() => if changed.is_err() { std::future::pending().await },
                () = self.alarm.as_mut() => {
                    if self.quiet_since.elapsed() >= CHECKPOINT {
                        self.checkpoint(false);
                    }
                    self.alarm.as_mut().reset(self.quiet_since + CHECKPOINT);
                }
            }
        }
    }

    /// Everything up to here has been told.
    fn checkpoint(&mut self, first: bool) {
        self.quiet_since = Instant::now();
        self.ready.extend(self.projection.checkpoint(self.position, first).map(|item| (item, false)));
    }

    /// The last item of a stream that cannot go on.
    fn lost(&self, reason: ResetReason) -> (L::Item, bool) {
        (L::reset(self.tail.last(), reason), true)
    }

    /// Looks at events, up to one that ends the stream.
    fn take(&mut self, events: &[FeedEvent]) {
        for feed_event in events {
            let event = &feed_event.event;
            self.position = event.seq;
            match &event.body {
                EventBody::Access(change) if change.agent_id == self.viewer => {
                    self.ready.push_back((L::reset(event.seq, ResetReason::AccessChanged), true));
                    return;
                }
                EventBody::Access(_) => {}
                EventBody::Conversation(body) => {
                    let Some(item) = self.projection.item(feed_event, body) else { continue };
                    self.ready.push_back((item, false));
                    // What is replayed is late because its client was away.
                    if self.caught_up {
                        let micros = self.clock.now().as_micros() - event.at.as_micros();
                        let lag = Duration::from_micros(u64::try_from(micros).unwrap_or_default());
                        self.metrics.delivery_lag(lag);
                    }
                }
            }
        }
    }
}

/// A view of one viewer.
struct QueueProjection {
    view: View,
    filter: Filter,
    viewer: Viewer,
}

impl StreamProjection for QueueProjection {
    type Item = QueueItem;

    fn item(&self, feed_event: &FeedEvent, body: &ConversationEvent) -> Option<QueueItem> {
        let event = &feed_event.event;
        let change = view::change(self.view, &self.filter, &self.viewer, event.actor, body)?;
        let seen = VisibleConversation::new(&body.after, Some(self.viewer.agent_id));
        Some(QueueItem::Changed { seq: event.seq, change, seen, cause: feed_event.clone() })
    }

    fn checkpoint(&mut self, seq: i64, _first: bool) -> Option<QueueItem> {
        Some(QueueItem::Checkpoint { seq })
    }

    fn reset(seq: i64, reason: ResetReason) -> QueueItem {
        QueueItem::Reset { seq, reason }
    }
}

/// One conversation, as one viewer follows it.
struct ThreadProjection {
    id: ConversationId,
    viewer: AgentId,
    /// The conversation as it was at the start, for a client that has not read it yet.
    first: Option<VisibleConversation>,
}

impl StreamProjection for ThreadProjection {
    type Item = ThreadItem;

    fn item(&self, feed_event: &FeedEvent, body: &ConversationEvent) -> Option<ThreadItem> {
        let event = &feed_event.event;
        let concerns = body.conversation_id() == self.id && view::concerns(self.viewer, event.actor, body);
        concerns.then(|| ThreadItem {
            seq: event.seq,
            event: Some(feed_event.clone()),
            seen: Some(VisibleConversation::new(&body.after, Some(self.viewer))),
            reset: None,
        })
    }

    /// A client that resumes knows the conversation: its first checkpoint would say nothing new.
    fn checkpoint(&mut self, seq: i64, first: bool) -> Option<ThreadItem> {
        let seen = self.first.take();
        (!first || seen.is_some()).then_some(ThreadItem { seq, event: None, seen, reset: None })
    }

    fn reset(seq: i64, reason: ResetReason) -> ThreadItem {
        ThreadItem { seq, event: None, seen: None, reset: Some(reason) }
    }
}

/// The badges of one agent, as they change.
struct Badges {
    services: Services,
    caller: Caller,
    only: Option<BTreeSet<PhoneNumberId>>,
    head: watch::Receiver<i64>,
    _tail: Arc<Tail>,
    last: Option<ViewCounts>,
    /// When the badges were last looked at, changed or not.
    looked_at: Option<Instant>,
}

impl Badges {
    /// The badges, when they differ from the last.
    async fn next(&mut self) -> ServiceResult<(ViewCounts, i64)> {
        loop {
            if let Some(at) = self.looked_at {
                // The sender lives in `_tail`, so this cannot fail.
                if self.head.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep_until(at + BADGE_PAUSE).await;
            }
            self.head.borrow_and_update();
            let access = self.services.access(self.caller).await?;
            let counts = self.services.view_counts(&access, self.only.as_ref()).await?;
            self.looked_at = Some(Instant::now());
            if self.last != Some(counts) {
                self.last = Some(counts);
                return Ok((counts, access.as_of));
            }
        }
    }
}

//! Live streams: each is a position in the log and a projection of its events.
//!
//! A stream is pulled, so a slow client reads later and no buffer grows. A stream starts after its cursor, replays the
//! events since then, sends a checkpoint when it has caught up, and continues live. It ends with a reset when the
//! viewer's access changes, so that the viewer gets no later event, and when it cannot resume from its cursor.

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

/// How often an idle stream sends a checkpoint, which keeps its client's cursor recent.
pub const CHECKPOINT: Duration = Duration::from_secs(30);
/// The shortest time between two updates of the badges.
pub const BADGE_INTERVAL: Duration = Duration::from_millis(250);

/// A boxed stream that is `Send`.
pub type BoxStream<T> = Pin<Box<dyn Stream<Item = T> + Send>>;

/// Why a client has to fetch its list again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetReason {
    /// The viewer's access has changed.
    AccessChanged,
    /// The cursor belongs to another log, or is later than the end of the log.
    CursorInvalid,
    /// Retention has deleted events after the cursor.
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
        visible: VisibleConversation,
        cause: FeedEvent,
    },
    /// Every change up to `seq` has been sent.
    Checkpoint { seq: i64 },
    /// The last item.
    Reset { seq: i64, reason: ResetReason },
}

/// One item of a conversation's stream: an event, a reset, which is the last item, or a checkpoint, which has neither.
#[derive(Clone)]
pub struct ThreadItem {
    pub seq: i64,
    pub event: Option<FeedEvent>,
    /// The conversation after the event, or at the first checkpoint.
    pub visible: Option<VisibleConversation>,
    pub reset: Option<ResetReason>,
}

impl Services {
    /// Streams the changes of a view, after a cursor or from now on.
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
        let (filter, reader) = (access.own_filter(filter), access.agent_id());
        let projection = QueueProjection { view, filter, viewer, reader };
        self.follow(access, after, projection).await
    }

    /// Streams the events of a conversation, after a cursor or from now on; `None` when it is not found.
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
        let projection = ThreadProjection { id, viewer, reader: access.agent_id(), first };
        Ok(Some(self.follow(access, after, projection).await?))
    }

    /// Streams the badges: now, and each time they change.
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
            last_read: None,
        };
        Ok(stream::unfold(Some(badges), |badges| async move {
            let mut badges = badges?;
            match badges.next().await {
                Ok(item) => Some((Ok(item), Some(badges))),
                // The stream of a deactivated agent ends. The socket reports the reason.
                Err(Error::Unauthenticated) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed())
    }

    /// Resolves when the caller of `access` may no longer sign in, also if that was before this call.
    pub fn revoked(&self, access: &Access) -> BoxFuture<'static, ()> {
        let (services, caller, as_of) = (self.clone(), access.caller, access.as_of);
        async move {
            let agent = caller.subject();
            loop {
                // The tail starts before the access is read, so that no change is missed between the two.
                // Boxed, because a future is as large as the largest future that it awaits.
                let Ok(tail) = services.feed.tail(caller.workspace_id()).boxed().await else {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                };
                let mut marks = tail.access();
                let mut mark = marks.borrow_and_update().of(agent);
                // `access` is current up to `as_of`, and the marks report every change after it.
                let mut is_fresh = tail.covers(as_of) && mark <= (0, Some(as_of));
                loop {
                    match if is_fresh { Ok(()) } else { services.access(caller).map_ok(drop).boxed().await } {
                        Err(Error::Unauthenticated) => return,
                        Err(_) => {
                            tokio::time::sleep(Duration::from_secs(1)).await;
                            continue;
                        }
                        Ok(()) => {}
                    }
                    is_fresh = false;
                    // Only an event about this agent's access is worth a query.
                    match marks.wait_for(|marks| marks.of(agent) != mark).await {
                        Ok(marks) => mark = marks.of(agent),
                        Err(_) => break,
                    }
                }
            }
        }
        .boxed()
    }

    async fn follow<P: StreamProjection>(
        &self,
        access: Access,
        after: Option<String>,
        projection: P,
    ) -> ServiceResult<BoxStream<ServiceResult<P::Item>>> {
        let viewer = access.viewer()?.agent_id;
        // Get the history before decoding the cursor, so that a cursor of an older history is not taken for a new one.
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
                let reset = P::reset(access.as_of, reason);
                return Ok(stream::once(std::future::ready(Ok(reset))).boxed());
            }
        };
        let follower = Follower {
            head: tail.head(),
            tail,
            history,
            viewer,
            sees_all: access.agent_id().is_none(),
            projection,
            position,
            ready: VecDeque::new(),
            caught_up: false,
            quiet_since: Instant::now(),
            checkpoint_timer: Box::pin(tokio::time::sleep(CHECKPOINT)),
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

/// Turns events of the log into items of a stream.
trait StreamProjection: Send + 'static {
    type Item: Send + 'static;

    /// The item of an event, if the event concerns this stream.
    fn item(&self, feed_event: &FeedEvent, body: &ConversationEvent) -> Option<Self::Item>;

    /// The checkpoint at `seq`, if this stream sends one. `first` is true for the first checkpoint of the stream.
    fn checkpoint(&mut self, seq: i64, first: bool) -> Option<Self::Item>;

    /// The reset that ends the stream.
    fn reset(seq: i64, reason: ResetReason) -> Self::Item;
}

/// A stream's position in the log, and the items that are ready to send.
struct Follower<P: StreamProjection> {
    tail: Arc<Tail>,
    /// The history that `position` belongs to.
    history: u64,
    head: watch::Receiver<i64>,
    viewer: AgentId,
    /// Whether the viewer is a service, which sees all numbers of the workspace.
    sees_all: bool,
    projection: P,
    /// The number of the last event that was projected.
    position: i64,
    /// Items of events up to `position`, each with whether it ends the stream.
    ready: VecDeque<(P::Item, bool)>,
    caught_up: bool,
    quiet_since: Instant,
    /// Fires when a checkpoint may be due. It is reset only after it has fired, because a reset per item would take the
    /// lock of the runtime's timers twice per item.
    checkpoint_timer: Pin<Box<Sleep>>,
    clock: Clock,
    metrics: Metrics,
}

impl<P: StreamProjection> Follower<P> {
    /// The next item, and whether it is the last.
    async fn next(&mut self) -> ServiceResult<(P::Item, bool)> {
        loop {
            if let Some(next) = self.ready.pop_front() {
                failpoint!("mid_delivery");
                self.quiet_since = Instant::now();
                return Ok(next);
            }
            // Mark the head as seen before reading, so that an event in between is noticed.
            self.head.borrow_and_update();
            match self.tail.after(self.history, self.position).await? {
                Next::Events(events) if events.is_empty() => {}
                // Replayed events show the current names of agents and contacts.
                Next::Events(events) if !self.caught_up => {
                    let events = self.tail.reload_related(events);
                    self.project(&events);
                    continue;
                }
                Next::Events(events) => {
                    self.project(&events);
                    continue;
                }
                Next::Rewritten => return Ok(self.reset(ResetReason::CursorInvalid)),
                Next::Truncated => return Ok(self.reset(ResetReason::LogTruncated)),
            }
            if !self.caught_up {
                self.caught_up = true;
                self.checkpoint(true);
                continue;
            }
            tokio::select! {
                // The sender lives in `tail`, so this cannot fail.
                changed = self.head.changed() => if changed.is_err() { std::future::pending().await },
                () = self.checkpoint_timer.as_mut() => {
                    if self.quiet_since.elapsed() >= CHECKPOINT {
                        self.checkpoint(false);
                    }
                    self.checkpoint_timer.as_mut().reset(self.quiet_since + CHECKPOINT);
                }
            }
        }
    }

    /// Adds a checkpoint at the current position.
    fn checkpoint(&mut self, first: bool) {
        self.quiet_since = Instant::now();
        self.ready.extend(self.projection.checkpoint(self.position, first).map(|item| (item, false)));
    }

    /// The reset of a stream that cannot continue.
    fn reset(&self, reason: ResetReason) -> (P::Item, bool) {
        (P::reset(self.tail.last(), reason), true)
    }

    /// Projects events, up to the first that ends the stream.
    fn project(&mut self, events: &[FeedEvent]) {
        for feed_event in events {
            let event = &feed_event.event;
            self.position = event.seq;
            match &event.body {
                EventBody::Access(change) if change.agent_id == self.viewer => {
                    self.ready.push_back((P::reset(event.seq, ResetReason::AccessChanged), true));
                    return;
                }
                // A service sees all numbers. Its view changes with them.
                EventBody::Workspace(change) if self.sees_all && change.kind.changes_numbers() => {
                    self.ready.push_back((P::reset(event.seq, ResetReason::AccessChanged), true));
                    return;
                }
                EventBody::Access(_) | EventBody::Workspace(_) => {}
                EventBody::Conversation(body) => {
                    let Some(item) = self.projection.item(feed_event, body) else { continue };
                    self.ready.push_back((item, false));
                    // Replayed events are not measured: they are late because the client was away.
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

/// The projection of a view for one viewer.
struct QueueProjection {
    view: View,
    filter: Filter,
    viewer: Viewer,
    /// The agent whose read markers count; `None` for a service.
    reader: Option<AgentId>,
}

impl StreamProjection for QueueProjection {
    type Item = QueueItem;

    fn item(&self, feed_event: &FeedEvent, body: &ConversationEvent) -> Option<QueueItem> {
        let event = &feed_event.event;
        let change = view::change(self.view, &self.filter, &self.viewer, event.actor, body)?;
        let visible = VisibleConversation::new(&body.after, self.reader);
        Some(QueueItem::Changed { seq: event.seq, change, visible, cause: feed_event.clone() })
    }

    fn checkpoint(&mut self, seq: i64, _first: bool) -> Option<QueueItem> {
        Some(QueueItem::Checkpoint { seq })
    }

    fn reset(seq: i64, reason: ResetReason) -> QueueItem {
        QueueItem::Reset { seq, reason }
    }
}

/// The projection of a conversation for one viewer.
struct ThreadProjection {
    id: ConversationId,
    viewer: AgentId,
    /// The agent whose read markers count; `None` for a service.
    reader: Option<AgentId>,
    /// The conversation at the start of the stream, for a client without a cursor.
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
            visible: Some(VisibleConversation::new(&body.after, self.reader)),
            reset: None,
        })
    }

    /// A client that resumes has the conversation already, so it gets no first checkpoint.
    fn checkpoint(&mut self, seq: i64, first: bool) -> Option<ThreadItem> {
        let visible = self.first.take();
        (!first || visible.is_some()).then_some(ThreadItem { seq, event: None, visible, reset: None })
    }

    fn reset(seq: i64, reason: ResetReason) -> ThreadItem {
        ThreadItem { seq, event: None, visible: None, reset: Some(reason) }
    }
}

/// The stream of one agent's badges.
struct Badges {
    services: Services,
    caller: Caller,
    only: Option<BTreeSet<PhoneNumberId>>,
    head: watch::Receiver<i64>,
    _tail: Arc<Tail>,
    last: Option<ViewCounts>,
    /// When the badges were last read, changed or not.
    last_read: Option<Instant>,
}

impl Badges {
    /// Waits until the badges differ from the last ones.
    async fn next(&mut self) -> ServiceResult<(ViewCounts, i64)> {
        loop {
            if let Some(at) = self.last_read {
                // The sender lives in `_tail`, so this cannot fail.
                if self.head.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep_until(at + BADGE_INTERVAL).await;
            }
            self.head.borrow_and_update();
            let access = self.services.access(self.caller).await?;
            let counts = self.services.view_counts(&access, self.only.as_ref()).await?;
            self.last_read = Some(Instant::now());
            if self.last != Some(counts) {
                self.last = Some(counts);
                return Ok((counts, access.as_of));
            }
        }
    }
}

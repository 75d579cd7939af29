//! Who is at a conversation, told to whoever looks at it too.
//!
//! Presence is a table of its own that expires by the clock, and no event: it is gone with a moment's silence.
//! One board per process reads who is at the conversations that somebody here follows, all in one statement:
//! soon after somebody speaks, here or at another process, and often enough to notice what expires in silence.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use tokio::sync::{Notify, watch};

use crate::clock::{Clock, Timestamp};
use crate::domain::{AgentId, ConversationId, InputField, Presence, PresenceState, Refusal};
use crate::service::live::log_tail::{AccessMarks, Tail};
use crate::service::live::wakeups::{Heard, Wakeup};
use crate::service::{Access, BoxStream, Error, ServiceResult, Services};
use crate::store::tables::presences;
use crate::store::tables::presences::PresenceKey;
use crate::store::{Store, StoreResult};
use crate::token::Caller;

/// The board is read at most once in this time, however many speak.
const PAUSE: Duration = Duration::from_millis(50);
/// How many conversations are looked at in one statement.
const BATCH: usize = 1_000;
/// How many expired presences go with each one that is said: more than come.
const SWEEP: i64 = 20;
/// At most so many are named at one conversation, the longest there first.
pub const MAX_PRESENT: usize = 100;

/// An agent who is at a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Present {
    pub agent_id: AgentId,
    pub state: PresenceState,
    /// Since when they have been in this state.
    pub since: Timestamp,
}

impl From<Presence> for Present {
    fn from(said: Presence) -> Self {
        Self { agent_id: said.agent_id, state: said.state, since: said.since }
    }
}

/// What became of saying where one is.
#[derive(Debug, Clone)]
pub struct Said {
    /// Everybody who is there now.
    pub present: Vec<Present>,
    /// Until when it holds; `None` for who left.
    pub expires_at: Option<Timestamp>,
    /// False when they were so already: then only the expiry has moved.
    pub changed: bool,
}

/// Who is where, as far as somebody at this process wants to know. Cheap to clone.
#[derive(Clone)]
pub struct Board(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    rooms: Mutex<HashMap<PresenceKey, Weak<Room>>>,
    look: Arc<Notify>,
}

/// One conversation that somebody follows.
struct Room {
    /// `None` until it has been read.
    present: watch::Sender<Option<Vec<Present>>>,
}

impl Board {
    /// A board that reads the store, after `poll` at the latest. Reading ends with the last clone.
    pub fn start(store: Store, clock: Clock, poll: Duration) -> Self {
        let look = Arc::new(Notify::new());
        let board = Self(Arc::new(Inner { store, clock, rooms: Mutex::default(), look: look.clone() }));
        let inner = Arc::downgrade(&board.0);
        tokio::spawn(async move {
            loop {
                // Running out of time is as good a reason to look as being told to.
                let _ = tokio::time::timeout(poll, look.notified()).await;
                let Some(inner) = inner.upgrade() else { break };
                if let Err(error) = Self(inner).read().await {
                    tracing::warn!(%error, "presence could not be read");
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
        board
    }

    /// Says that somebody came, left, or began to write.
    fn look(&self) {
        self.0.look.notify_one();
    }

    /// What takes in wake-ups, for as long as there is a board.
    pub fn wakeup_handler(&self) -> impl Fn(Heard) + Send + Sync + use<> {
        let inner = Arc::downgrade(&self.0);
        move |heard| {
            let Some(board) = inner.upgrade().map(Self) else { return };
            let concerns = match heard {
                Heard::Wakeup(Wakeup::Log(_)) => false,
                Heard::Wakeup(Wakeup::Presence(workspace)) => {
                    board.rooms().keys().any(|(place, _)| *place == workspace)
                }
                Heard::Everything => true,
            };
            if concerns {
                board.look();
            }
        }
    }

    fn room(&self, place: PresenceKey) -> Arc<Room> {
        let mut rooms = self.rooms();
        if let Some(room) = rooms.get(&place).and_then(Weak::upgrade) {
            return room;
        }
        let room = Arc::new(Room { present: watch::Sender::new(None) });
        rooms.insert(place, Arc::downgrade(&room));
        self.look();
        room
    }

    /// Reads who is in each room, and tells those where it has changed.
    async fn read(&self) -> StoreResult<()> {
        let rooms: Vec<(PresenceKey, Arc<Room>)> = {
            let mut rooms = self.rooms();
            rooms.retain(|_, room| room.strong_count() > 0);
            rooms.iter().filter_map(|(place, room)| Some((*place, room.upgrade()?))).collect()
        };
        for rooms in rooms.chunks(BATCH) {
            let places: Vec<PresenceKey> = rooms.iter().map(|(place, _)| *place).collect();
            let now = self.0.clock.now();
            let mut present: HashMap<PresenceKey, Vec<Present>> = HashMap::new();
            let all = self
                .0
                .store
                .read(move |conn| async move { presences::at(conn, &places, now).await }.boxed())
                .await?;
            for (place, said) in all {
                present.entry(place).or_default().push(said.into());
            }
            for (place, room) in rooms {
                let mut now = present.remove(place).unwrap_or_default();
                now.truncate(MAX_PRESENT);
                room.present.send_if_modified(|before| {
                    let changed = before.as_ref() != Some(&now);
                    *before = Some(now);
                    changed
                });
            }
        }
        Ok(())
    }

    fn rooms(&self) -> MutexGuard<'_, HashMap<PresenceKey, Weak<Room>>> {
        self.0.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Services {
    /// Says what the caller is doing with a conversation, until it expires; `None` is that they leave.
    ///
    /// An agent has one presence at a conversation, whichever of their windows spoke last.
    ///
    /// # Errors
    /// Not found; forbidden for a service.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn set_presence(
        &self,
        caller: Caller,
        id: ConversationId,
        state: Option<PresenceState>,
    ) -> ServiceResult<Said> {
        let (workspace, agent) = self.agent_of(caller)?;
        let access = self.access(caller).await?;
        // Who loses access right after this is not shown: reading looks at it again.
        self.conversation(&access, id).await?.ok_or(Refusal::NotFound(InputField::ConversationId))?;
        let (place, now) = ((workspace, id), self.clock.now());
        let said = self.store.write(move |conn| {
            async move {
                presences::sweep(conn, workspace, now, SWEEP).await?;
                let last = presences::find(conn, place, agent).await?.filter(|last| last.expires_at > now);
                let said = state.map(|state| Presence::said(last.as_ref(), agent, state, now));
                match &said {
                    Some(said) => presences::set(conn, place, said).await?,
                    None => presences::remove(conn, place, agent).await?,
                }
                let all = presences::at(conn, &[place], now).await?;
                Ok::<_, Error>(Said {
                    present: all.into_iter().map(|(_, said)| said.into()).take(MAX_PRESENT).collect(),
                    expires_at: said.map(|said| said.expires_at),
                    changed: last.map(Present::from) != said.map(Present::from),
                })
            }
            .boxed()
        });
        let said = said.await;
        self.presence.look();
        // Saying the same again moves the expiry only.
        if said.as_ref().is_ok_and(|said| said.changed) {
            self.wakeups.publish(Wakeup::Presence(workspace));
        }
        said
    }

    /// Who is at a conversation now, and each time that changes; `None` when it is not found. Ends when the
    /// caller can no longer access it.
    ///
    /// # Errors
    /// Forbidden for a service.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn presence_changes(
        &self,
        access: Access,
        id: ConversationId,
    ) -> ServiceResult<Option<BoxStream<ServiceResult<Vec<Present>>>>> {
        let agent = access.viewer()?.agent_id;
        if self.conversation(&access, id).await?.is_none() {
            return Ok(None);
        }
        let room = self.presence.room((access.workspace.id, id));
        let tail = self.feed.tail(access.workspace.id).await?;
        let watch = Watch {
            services: self.clone(),
            caller: access.caller,
            agent,
            id,
            present: room.present.subscribe(),
            _room: room,
            access: tail.access(),
            _tail: tail,
            last: None,
            is_doubtful: false,
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

/// One conversation, as one agent follows who is there.
struct Watch {
    services: Services,
    caller: Caller,
    agent: AgentId,
    id: ConversationId,
    present: watch::Receiver<Option<Vec<Present>>>,
    _room: Arc<Room>,
    access: watch::Receiver<AccessMarks>,
    _tail: Arc<Tail>,
    last: Option<Vec<Present>>,
    /// Whether the agent's access may have changed since it was looked at.
    is_doubtful: bool,
}

impl Watch {
    /// Who is there, when that differs from the last; `None` when the caller can no longer access it.
    async fn next(&mut self) -> ServiceResult<Option<Vec<Present>>> {
        loop {
            let agent = self.agent;
            let mark = self.access.borrow_and_update().of(agent);
            let seen = self.present.borrow_and_update().clone();
            let news = seen.filter(|now| self.last.as_ref() != Some(now));
            if news.is_some() || self.is_doubtful {
                let access = self.services.access(self.caller).await?;
                if self.services.conversation(&access, self.id).await?.is_none() {
                    return Ok(None);
                }
                self.is_doubtful = false;
            }
            if let Some(now) = news {
                self.last = Some(now.clone());
                return Ok(Some(now));
            }
            // The senders live in `_room` and `_tail`, so neither can fail.
            tokio::select! {
                changed = self.present.changed() => if changed.is_err() { return Ok(None) },
                changed = self.access.wait_for(|marks| marks.of(agent) != mark) => {
                    if changed.is_err() { return Ok(None) }
                    self.is_doubtful = true;
                }
            }
        }
    }
}

//! Wake-ups: notifications from one process to the others that there is something to read.
//!
//! A wake-up carries no data, so it may arrive twice, late or never: the poll finds what a lost wake-up would have
//! reported. A wake-up is sent after the commit, never inside the transaction. Wake-ups that are published while a
//! batch is being sent go out with the next batch.
//!
//! A [`Bus`] carries the wake-ups: NOTIFY of PostgreSQL ([`postgres`]), or NATS ([`nats`]) for databases without
//! NOTIFY. A process that was disconnected reads everything again once it is reconnected.

pub mod nats;
pub mod postgres;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{Notify, watch};
use tokio::time::{self, Instant};
use uuid::Uuid;

use crate::domain::WorkspaceId;
use crate::random;
use crate::service::workers::registry::{Round, Workers};

/// The shortest time between two sends. Wake-ups that are published in it are sent together.
const SEND_INTERVAL: Duration = Duration::from_millis(3);
/// The most wake-ups in one text, which has to fit into a NOTIFY.
const PER_TEXT: usize = 200;
/// The most wake-ups that are queued while the bus is disconnected. Further ones are dropped, and the poll finds them.
const MAX_PENDING: usize = 10_000;
/// How often the connection to the bus is checked.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long connecting or sending may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The first delay before reconnecting. The delay doubles up to [`MAX_BACKOFF`].
const MIN_BACKOFF: Duration = Duration::from_millis(50);
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// What there may be to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wakeup {
    /// The log of a workspace has grown.
    Log(WorkspaceId),
    /// An agent has opened or left a conversation of a workspace, or begun to write.
    Presence(WorkspaceId),
}

/// What a wake-up handler receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WakeupSignal {
    Wakeup(Wakeup),
    /// Wake-ups may have been missed, so everything has to be read again.
    Resync,
}

/// Broadcasts short texts to all processes.
pub trait Bus: Send + Sync + 'static {
    /// Connects and subscribes. The link receives every text that is sent after this returns.
    fn connect(&self) -> BoxFuture<'_, Result<Box<dyn Link>, BusError>>;
}

/// One connection of a [`Bus`]. Dropping it closes it.
pub trait Link: Send {
    /// Sends texts of at most 7,999 bytes each. With no texts, checks that the connection is alive.
    fn send<'a>(&'a mut self, texts: &'a [String]) -> BoxFuture<'a, Result<(), BusError>>;

    /// Receives the next text of any process, including this one; `None` when the connection is lost. Cancel safe:
    /// dropping the future loses no text.
    fn next(&mut self) -> BoxFuture<'_, Option<String>>;
}

/// Why the bus failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BusError(pub String);

/// How wake-ups reach this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WakeupState {
    /// There is no bus. The poll finds what other processes write.
    Polling,
    /// The bus is disconnected. Until it is connected again, the poll finds what other processes write.
    Disconnected,
    /// Wake-ups of other processes arrive at once.
    Connected,
}

/// Publishes wake-ups to other processes. Cheap to clone.
#[derive(Clone)]
pub struct Wakeups(Arc<Shared>);

struct Shared {
    /// `None` without a bus.
    outbox: Option<Arc<Outbox>>,
    state: watch::Receiver<WakeupState>,
}

/// Wake-ups that are waiting to be sent.
struct Outbox {
    /// Marks the texts of this process, so that it ignores its own.
    sender: Uuid,
    pending: Mutex<HashSet<Wakeup>>,
    more: Notify,
}

impl Wakeups {
    /// No bus: wake-ups are not published.
    pub fn none() -> Self {
        Self(Arc::new(Shared { outbox: None, state: watch::Sender::new(WakeupState::Polling).subscribe() }))
    }

    /// Publishes over `bus`, and calls `handler` for each wake-up of another process.
    pub fn over(
        bus: Box<dyn Bus>,
        workers: &Workers,
        handler: impl Fn(WakeupSignal) + Send + Sync + 'static,
    ) -> Self {
        let outbox = Arc::new(Outbox::new());
        let (sender, state) = watch::channel(WakeupState::Disconnected);
        let task = BusTask { bus, outbox: outbox.clone(), state: sender, handler: Box::new(handler) };
        let task = Arc::new(task);
        workers.start("wakeups", HEARTBEAT, move |round| {
            let task = task.clone();
            async move {
                // `None` if the process stops first.
                let _ = round.stop.clone().run_until_cancelled_owned(task.run(&round)).await;
            }
            .boxed()
        });
        Self(Arc::new(Shared { outbox: Some(outbox), state }))
    }

    /// Queues a wake-up for the other processes. Call it after the commit.
    pub fn publish(&self, wakeup: Wakeup) {
        if let Some(outbox) = &self.0.outbox {
            outbox.add([wakeup]);
        }
    }

    /// How wake-ups reach this process.
    pub fn state(&self) -> WakeupState {
        *self.0.state.borrow()
    }
}

impl Outbox {
    fn new() -> Self {
        Self { sender: random::unique(), pending: Mutex::default(), more: Notify::new() }
    }

    fn add(&self, wakeups: impl IntoIterator<Item = Wakeup>) {
        let mut pending = self.pending();
        for wakeup in wakeups {
            if pending.len() < MAX_PENDING {
                pending.insert(wakeup);
            }
        }
        drop(pending);
        self.more.notify_one();
    }

    fn take(&self) -> HashSet<Wakeup> {
        std::mem::take(&mut *self.pending())
    }

    fn pending(&self) -> MutexGuard<'_, HashSet<Wakeup>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps one connection to the bus, and reconnects when the connection is lost.
struct BusTask {
    bus: Box<dyn Bus>,
    outbox: Arc<Outbox>,
    state: watch::Sender<WakeupState>,
    handler: Box<dyn Fn(WakeupSignal) + Send + Sync>,
}

impl BusTask {
    /// Connects, and connects again when the connection is lost. Each successful connection or send is a round.
    async fn run(&self, round: &Round) {
        let mut backoff = MIN_BACKOFF;
        // Only a panic leaves another state behind.
        self.state.send_replace(WakeupState::Disconnected);
        loop {
            let why = match with_timeout(self.bus.connect()).await {
                Ok(mut link) => {
                    self.state.send_replace(WakeupState::Connected);
                    tracing::info!("wake-ups reach this process");
                    backoff = MIN_BACKOFF;
                    // The link is subscribed before this, so no wake-up is missed in between.
                    (self.handler)(WakeupSignal::Resync);
                    round.succeeded();
                    let why = self.send_and_receive(link.as_mut(), round).await;
                    self.state.send_replace(WakeupState::Disconnected);
                    why
                }
                Err(error) => error,
            };
            tracing::warn!(%why, "wake-ups do not reach this process; relying on the poll");
            // Jitter, so that processes that lost the same bus do not reconnect at the same time.
            time::sleep(random::jitter(backoff, 0.5..1.0)).await;
            backoff = MAX_BACKOFF.min(backoff * 2);
        }
    }

    /// Sends and receives until the connection is lost.
    async fn send_and_receive(&self, link: &mut dyn Link, round: &Round) -> BusError {
        let (mut sent_at, mut heartbeat) = (Instant::now(), time::interval(HEARTBEAT));
        heartbeat.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        // Send what the last connection could not send.
        self.outbox.more.notify_one();
        loop {
            let due = async {
                time::sleep_until(sent_at + SEND_INTERVAL).await;
                self.outbox.more.notified().await;
            };
            let wakeups = tokio::select! {
                text = link.next() => match text {
                    Some(text) => {
                        decode(&text, self.outbox.sender)
                            .for_each(|wakeup| (self.handler)(WakeupSignal::Wakeup(wakeup)));
                        continue;
                    }
                    None => return BusError("the connection was lost".to_owned()),
                },
                () = due => self.outbox.take(),
                _ = heartbeat.tick() => HashSet::new(),
            };
            let texts = encode(&wakeups, self.outbox.sender);
            sent_at = Instant::now();
            if let Err(error) = with_timeout(link.send(&texts)).await {
                self.outbox.add(wakeups);
                return error;
            }
            round.succeeded();
        }
    }
}

async fn with_timeout<T>(work: impl Future<Output = Result<T, BusError>>) -> Result<T, BusError> {
    let result = time::timeout(TIMEOUT, work).await;
    result.unwrap_or_else(|_| Err(BusError("the operation timed out".to_owned())))
}

/// Encodes `wakeups` as texts: the id of the sender, then a letter and a workspace's id for each wake-up.
fn encode(wakeups: &HashSet<Wakeup>, sender: Uuid) -> Vec<String> {
    let words: Vec<String> = wakeups
        .iter()
        .map(|wakeup| match wakeup {
            Wakeup::Log(id) => format!(" L{}", id.0.simple()),
            Wakeup::Presence(id) => format!(" P{}", id.0.simple()),
        })
        .collect();
    words.chunks(PER_TEXT).map(|words| format!("{}{}", sender.simple(), words.concat())).collect()
}

/// Decodes the wake-ups in a text of another process. Unknown words are skipped: a newer version may have sent them.
fn decode(text: &str, myself: Uuid) -> impl Iterator<Item = Wakeup> {
    let mut words = text.split(' ');
    let is_own = words.next().and_then(|sender| Uuid::try_parse(sender).ok()) == Some(myself);
    words.filter(move |_| !is_own).filter_map(|word| {
        let (kind, id) = word.split_at_checked(1)?;
        let workspace = WorkspaceId(Uuid::try_parse(id).ok()?);
        match kind {
            "L" => Some(Wakeup::Log(workspace)),
            "P" => Some(Wakeup::Presence(workspace)),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use crate::service::live::wakeups::*;
    use crate::store::db::notify::MAX_BYTES;

    fn some(n: usize) -> HashSet<Wakeup> {
        let one = |i: usize| {
            let id = WorkspaceId::generate();
            if i.is_multiple_of(2) { Wakeup::Log(id) } else { Wakeup::Presence(id) }
        };
        (0..n).map(one).collect()
    }

    #[test]
    fn others_read_what_is_sent_and_the_sender_does_not() {
        let (me, other, sent) = (random::unique(), random::unique(), some(1_000));
        let texts = encode(&sent, me);
        assert_eq!(texts.len(), 5);
        assert_eq!(texts.iter().flat_map(|text| decode(text, other)).collect::<HashSet<_>>(), sent);
        assert_eq!(texts.iter().flat_map(|text| decode(text, me)).count(), 0);
    }

    #[test]
    fn the_longest_text_fits_into_a_notification() {
        assert!(encode(&some(PER_TEXT), random::unique()).iter().all(|text| text.len() <= MAX_BYTES));
    }

    #[test]
    fn unknown_words_are_skipped() {
        let (me, sent) = (random::unique(), some(1));
        let mut texts = encode(&sent, random::unique());
        texts[0].push_str(" X00000000000000000000000000000000 Lnonsense  é");
        assert_eq!(decode(&texts[0], me).collect::<HashSet<_>>(), sent);
        for nonsense in ["", " ", "é", "hello world"] {
            assert_eq!(decode(nonsense, me).count(), 0, "{nonsense}");
        }
    }
}

//! Wake-ups: how a process tells the others that there is something to look at.
//!
//! A wake-up carries no data, so it may come twice, late or never: the poll is the floor under all of them. It is
//! sent after the commit, never inside the transaction; what becomes due meanwhile goes out with the next one.
//! [`Bus`] is what carries them: NOTIFY of the database that is shared anyway ([`postgres`]), or NATS ([`nats`])
//! where an engine has none. Whoever was cut off looks at everything once it is back.

pub mod nats;
pub mod postgres;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{Notify, watch};
use tokio::time::{self, Instant};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::domain::WorkspaceId;

/// The least time between two sendings of a process: what is said in it goes out together.
const GATHER: Duration = Duration::from_millis(3);
/// How many wake-ups one text carries: they have to fit into a NOTIFY.
const PER_TEXT: usize = 200;
/// How many wait while the bus is away. What comes on top is left to the poll.
const MAX_PENDING: usize = 10_000;
/// How often a silent bus is asked whether it is still there.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long connecting or sending may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause before connecting anew: it doubles from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// What there may be to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wakeup {
    /// The log of a workspace has grown.
    Log(WorkspaceId),
    /// Somebody in a workspace has come to a conversation, left it, or begun to write.
    Presence(WorkspaceId),
}

/// What a process hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    Wakeup(Wakeup),
    /// Wake-ups may have been missed.
    Everything,
}

/// Carries short texts between processes, each to all of them.
pub trait Bus: Send + Sync + 'static {
    /// Connects and listens. What anybody sends after this returns is received.
    fn connect(&self) -> BoxFuture<'_, Result<Box<dyn Link>, BusError>>;
}

/// One connection of a [`Bus`]. Dropping it closes it.
pub trait Link: Send {
    /// Sends texts of at most 7,999 bytes; without any, looks whether the connection still stands.
    fn send<'a>(&'a mut self, texts: &'a [String]) -> BoxFuture<'a, Result<(), BusError>>;

    /// The next text that anybody sent, also oneself; `None` when the connection is lost. What a dropped future
    /// was waiting for is not lost.
    fn next(&mut self) -> BoxFuture<'_, Option<String>>;
}

/// Why a bus does not work now.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BusError(pub String);

/// How wake-ups reach this process now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WakeupState {
    /// There is no bus: what other processes write is noticed by the poll.
    Polling,
    /// There is a bus, and no way to it: the poll stands in.
    Disconnected,
    /// Other processes are heard at once.
    Connected,
}

/// What this process has to say to others. Cheap to clone; sending ends with the last clone.
#[derive(Clone)]
pub struct Wakeups(Arc<Shared>);

struct Shared {
    /// `None` without a bus.
    outbox: Option<Arc<Outbox>>,
    state: watch::Receiver<WakeupState>,
    /// Ends the sending.
    _sending: Option<DropGuard>,
}

struct Outbox {
    /// Marks the texts of this process, so that it does not listen to itself.
    sender: Uuid,
    pending: Mutex<HashSet<Wakeup>>,
    more: Notify,
}

impl Wakeups {
    /// Without a bus, nobody else is told.
    pub fn none() -> Self {
        Self(Arc::new(Shared {
            outbox: None,
            state: watch::Sender::new(WakeupState::Polling).subscribe(),
            _sending: None,
        }))
    }

    /// Sends over `bus` and hands what comes to `hear`.
    pub fn over(bus: Box<dyn Bus>, hear: impl Fn(Heard) + Send + Sync + 'static) -> Self {
        let outbox = Arc::new(Outbox::new());
        let (state, seen) = watch::channel(WakeupState::Disconnected);
        let stop = CancellationToken::new();
        let sending = stop.clone().drop_guard();
        let carrier = Carrier { bus, outbox: outbox.clone(), state, hear: Box::new(hear) };
        tokio::spawn(stop.run_until_cancelled_owned(carrier.run()));
        Self(Arc::new(Shared { outbox: Some(outbox), state: seen, _sending: Some(sending) }))
    }

    /// Tells the other processes, soon. Comes after the commit.
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
        Self { sender: Uuid::new_v4(), pending: Mutex::default(), more: Notify::new() }
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

/// Keeps one connection to the bus, and makes it anew when it is lost.
struct Carrier {
    bus: Box<dyn Bus>,
    outbox: Arc<Outbox>,
    state: watch::Sender<WakeupState>,
    hear: Box<dyn Fn(Heard) + Send + Sync>,
}

impl Carrier {
    async fn run(self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let why = match patiently(self.bus.connect()).await {
                Ok(mut link) => {
                    self.state.send_replace(WakeupState::Connected);
                    tracing::info!("wake-ups reach this process");
                    pause = FIRST_PAUSE;
                    // Listening began before this, so nothing falls between.
                    (self.hear)(Heard::Everything);
                    let why = self.carry(link.as_mut()).await;
                    self.state.send_replace(WakeupState::Disconnected);
                    why
                }
                Err(error) => error,
            };
            tracing::warn!(%why, "wake-ups do not reach this process; the poll stands in");
            // Jitter, so that processes which lost the same bus do not come back in step.
            time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
            pause = LAST_PAUSE.min(pause * 2);
        }
    }

    /// Sends and hears until the connection is lost.
    async fn carry(&self, link: &mut dyn Link) -> BusError {
        let (mut sent_at, mut heartbeat) = (Instant::now(), time::interval(HEARTBEAT));
        heartbeat.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        // What was left over when the last connection was lost.
        self.outbox.more.notify_one();
        loop {
            let due = async {
                time::sleep_until(sent_at + GATHER).await;
                self.outbox.more.notified().await;
            };
            let wakeups = tokio::select! {
                text = link.next() => match text {
                    Some(text) => {
                        decode(&text, self.outbox.sender).for_each(|it| (self.hear)(Heard::Wakeup(it)));
                        continue;
                    }
                    None => return BusError("the connection was lost".to_owned()),
                },
                () = due => self.outbox.take(),
                _ = heartbeat.tick() => HashSet::new(),
            };
            let texts = encode(&wakeups, self.outbox.sender);
            sent_at = Instant::now();
            if let Err(error) = patiently(link.send(&texts)).await {
                self.outbox.add(wakeups);
                return error;
            }
        }
    }
}

async fn patiently<T>(work: impl Future<Output = Result<T, BusError>>) -> Result<T, BusError> {
    let answer = time::timeout(PATIENCE, work).await;
    answer.unwrap_or_else(|_| Err(BusError("it took too long".to_owned())))
}

/// The texts that carry `wakeups`: who sends, then a letter and an id for each.
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

/// The wake-ups in a text of another process. What cannot be read is passed over: a newer version may know more.
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
            let id = WorkspaceId(Uuid::now_v7());
            if i.is_multiple_of(2) { Wakeup::Log(id) } else { Wakeup::Presence(id) }
        };
        (0..n).map(one).collect()
    }

    #[test]
    fn others_read_what_is_sent_and_the_sender_does_not() {
        let (me, other, sent) = (Uuid::new_v4(), Uuid::new_v4(), some(1_000));
        let texts = encode(&sent, me);
        assert_eq!(texts.len(), 5);
        assert_eq!(texts.iter().flat_map(|text| decode(text, other)).collect::<HashSet<_>>(), sent);
        assert_eq!(texts.iter().flat_map(|text| decode(text, me)).count(), 0);
    }

    #[test]
    fn the_longest_text_fits_into_a_notification() {
        assert!(encode(&some(PER_TEXT), Uuid::new_v4()).iter().all(|text| text.len() <= MAX_BYTES));
    }

    #[test]
    fn what_cannot_be_read_is_passed_over() {
        let (me, sent) = (Uuid::new_v4(), some(1));
        let mut texts = encode(&sent, Uuid::new_v4());
        texts[0].push_str(" X00000000000000000000000000000000 Lnonsense  é");
        assert_eq!(decode(&texts[0], me).collect::<HashSet<_>>(), sent);
        for nonsense in ["", " ", "é", "hello world"] {
            assert_eq!(decode(nonsense, me).count(), 0, "{nonsense}");
        }
    }
}

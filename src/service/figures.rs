//! Figures that many streams show, read once for all of them.
//!
//! A question, such as how the queue of these numbers is, has one [`Dial`] per process for as long as somebody looks
//! at it. It reads the store at each beat of the [`Pulse`], whoever looks; what an [`Onlooker`] may look at is judged
//! apart, by the events about the access of its agent.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::Answer;
use super::pulse::Pulse;
use super::tail::{AccessMarks, Tail};
use crate::domain::AgentId;

/// How soon a reading is tried again that has failed.
const RETRY: Duration = Duration::from_secs(1);

/// The dials of one process, by their question. Cheap to clone.
pub(super) struct Figures<Q, V>(Arc<Mutex<HashMap<Q, Weak<Dial<V>>>>>);

/// What is read over and over to answer one question.
pub(super) struct Dial<V> {
    readings: watch::Receiver<Option<Reading<V>>>,
    /// Has it read before its time.
    asked: Arc<Notify>,
    _reader: AbortOnDropHandle<()>,
}

/// What was read.
pub(super) struct Read<V> {
    pub value: V,
    /// No event after this number has gone into the value.
    pub through: i64,
    /// When the value is going to change by itself, if that is sooner than [`super::pulse::TICK`].
    pub due: Option<Duration>,
}

struct Reading<V> {
    begun: Instant,
    through: i64,
    value: Arc<V>,
}

impl<Q, V> Clone for Figures<Q, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<Q, V> Default for Figures<Q, V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<Q: Eq + Hash, V: Send + Sync + 'static> Figures<Q, V> {
    /// The dial of a question about the workspace of `tail`, started with `read` if nobody looks at it yet.
    pub fn dial(
        &self,
        question: Q,
        tail: Arc<Tail>,
        read: impl Fn() -> BoxFuture<'static, Answer<Read<V>>> + Send + Sync + 'static,
    ) -> Arc<Dial<V>> {
        let mut dials = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dial) = dials.get(&question).and_then(Weak::upgrade) {
            return dial;
        }
        dials.retain(|_, dial| dial.strong_count() > 0);
        let (sender, readings) = watch::channel(None);
        let asked = Arc::new(Notify::new());
        let reader = tokio::spawn(keep_reading(Pulse::new(tail, asked.clone()), sender, read));
        let dial = Arc::new(Dial { readings, asked, _reader: AbortOnDropHandle::new(reader) });
        dials.insert(question, Arc::downgrade(&dial));
        dial
    }
}

async fn keep_reading<V>(
    mut pulse: Pulse,
    sender: watch::Sender<Option<Reading<V>>>,
    read: impl Fn() -> BoxFuture<'static, Answer<Read<V>>>,
) {
    let mut due = None;
    loop {
        pulse.beat(due).await;
        let begun = Instant::now();
        due = match read().await {
            Ok(Read { value, through, due }) => {
                sender.send_replace(Some(Reading { begun, through, value: Arc::new(value) }));
                due
            }
            Err(error) => {
                tracing::warn!(%error, "figures could not be read and are tried again");
                Some(RETRY)
            }
        };
    }
}

/// Chooses the dial that an agent may look at, as their access is now.
type Choose<V> = Box<dyn Fn() -> BoxFuture<'static, Answer<Arc<Dial<V>>>> + Send + Sync>;

/// One agent who looks at figures that others may look at, too.
pub(super) struct Onlooker<V> {
    agent: AgentId,
    marks: watch::Receiver<AccessMarks>,
    /// The mark of the agent when the dial was chosen.
    mark: (u64, Option<i64>),
    head: watch::Receiver<i64>,
    _tail: Arc<Tail>,
    choose: Choose<V>,
    dial: Arc<Dial<V>>,
    readings: watch::Receiver<Option<Reading<V>>>,
    /// Only what was begun to be read after this is looked at.
    since: Instant,
}

impl<V: Send + Sync + 'static> Onlooker<V> {
    /// # Errors
    /// What `choose` fails with.
    pub async fn new(tail: Arc<Tail>, agent: AgentId, choose: Choose<V>) -> Answer<Self> {
        let mut marks = tail.access();
        // Seen before choosing: what changes in between is noticed.
        let mark = marks.borrow_and_update().of(agent);
        let dial = choose().await?;
        let (readings, since) = (dial.readings.clone(), Instant::now());
        dial.asked.notify_one();
        Ok(Self { agent, marks, mark, head: tail.head(), _tail: tail, choose, dial, readings, since })
    }

    /// The next reading: at first one that is as new as this, then each new one. `None` when there will be none.
    ///
    /// # Errors
    /// What choosing another dial fails with, after the agent's access may have changed.
    pub async fn next(&mut self) -> Answer<Option<Arc<V>>> {
        loop {
            let (agent, mark) = (self.agent, self.mark);
            let reading = tokio::select! {
                reading = reading(&mut self.readings, &mut self.head, self.since) => reading,
                _ = self.marks.wait_for(|marks| marks.of(agent) != mark) => None,
            };
            if self.marks.borrow().of(agent) == mark {
                let Some((value, begun)) = reading else { return Ok(None) };
                self.since = begun + Duration::from_nanos(1);
                return Ok(Some(value));
            }
            self.choose_again().await?;
        }
    }

    /// What the viewer may no longer see is no longer shown.
    async fn choose_again(&mut self) -> Answer<()> {
        self.mark = self.marks.borrow_and_update().of(self.agent);
        self.dial = (self.choose)().await?;
        (self.readings, self.since) = (self.dial.readings.clone(), Instant::now());
        self.dial.asked.notify_one();
        Ok(())
    }
}

/// A reading that was begun at `since` or later, once this process has seen every event that may have gone into it:
/// those about access among them.
async fn reading<V>(
    readings: &mut watch::Receiver<Option<Reading<V>>>,
    head: &mut watch::Receiver<i64>,
    since: Instant,
) -> Option<(Arc<V>, Instant)> {
    loop {
        let is_new = |reading: &Option<Reading<V>>| reading.as_ref().is_some_and(|it| it.begun >= since);
        let (through, value, begun) = {
            let reading = readings.wait_for(is_new).await.ok()?;
            let reading = reading.as_ref()?;
            (reading.through, reading.value.clone(), reading.begun)
        };
        tokio::select! {
            biased;
            seen = head.wait_for(|head| *head >= through) => {
                seen.ok()?;
                return Some((value, begun));
            }
            // In a history that was rewritten meanwhile, that number may never come.
            changed = readings.changed() => changed.ok()?,
        }
    }
}

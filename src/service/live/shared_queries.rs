//! Figures that many streams show, read once for all of them.
//!
//! A question, such as how the queue of these numbers is, has one [`SharedQuery`] per process for as long as somebody looks
//! at it. It reads the store at each beat of the [`RefreshTimer`], whoever looks; what an [`Watcher`] may look at is judged
//! apart, by the events about the access of its agent.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use crate::domain::AgentId;
use crate::service::ServiceResult;
use crate::service::live::log_tail::{AccessMarks, Tail};
use crate::service::live::refresh_timer::RefreshTimer;

/// How soon a reading is tried again that has failed.
const RETRY: Duration = Duration::from_secs(1);

/// The dials of one process, by their question. Cheap to clone.
pub(in crate::service) struct SharedQueries<Q, V>(Arc<Mutex<HashMap<Q, Weak<SharedQuery<V>>>>>);

/// What is read over and over to answer one question.
pub(in crate::service) struct SharedQuery<V> {
    samples: watch::Receiver<Option<Sample<V>>>,
    /// Has it read before its time.
    asked: Arc<Notify>,
    _reader: AbortOnDropHandle<()>,
}

/// What was read.
pub(in crate::service) struct QueryResult<V> {
    pub value: V,
    /// No event after this number has gone into the value.
    pub through: i64,
    /// When the value is going to change by itself, if that is sooner than [`super::refresh_timer::TICK`].
    pub due: Option<Duration>,
}

struct Sample<V> {
    begun: Instant,
    through: i64,
    value: Arc<V>,
}

impl<Q, V> Clone for SharedQueries<Q, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<Q, V> Default for SharedQueries<Q, V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<Q: Eq + Hash, V: Send + Sync + 'static> SharedQueries<Q, V> {
    /// The dial of a question about the workspace of `tail`, started with `read` if nobody looks at it yet.
    pub fn query(
        &self,
        question: Q,
        tail: Arc<Tail>,
        read: impl Fn() -> BoxFuture<'static, ServiceResult<QueryResult<V>>> + Send + Sync + 'static,
    ) -> Arc<SharedQuery<V>> {
        let mut queries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(query) = queries.get(&question).and_then(Weak::upgrade) {
            return query;
        }
        queries.retain(|_, query| query.strong_count() > 0);
        let (sender, samples) = watch::channel(None);
        let asked = Arc::new(Notify::new());
        let reader = tokio::spawn(keep_reading(RefreshTimer::new(tail, asked.clone()), sender, read));
        let query = Arc::new(SharedQuery { samples, asked, _reader: AbortOnDropHandle::new(reader) });
        queries.insert(question, Arc::downgrade(&query));
        query
    }
}

async fn keep_reading<V>(
    mut refresh_timer: RefreshTimer,
    sender: watch::Sender<Option<Sample<V>>>,
    read: impl Fn() -> BoxFuture<'static, ServiceResult<QueryResult<V>>>,
) {
    let mut due = None;
    loop {
        refresh_timer.tick(due).await;
        let begun = Instant::now();
        due = match read().await {
            Ok(QueryResult { value, through, due }) => {
                sender.send_replace(Some(Sample { begun, through, value: Arc::new(value) }));
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
type Choose<V> = Box<dyn Fn() -> BoxFuture<'static, ServiceResult<Arc<SharedQuery<V>>>> + Send + Sync>;

/// One agent who looks at figures that others may look at, too.
pub(in crate::service) struct Watcher<V> {
    agent: AgentId,
    marks: watch::Receiver<AccessMarks>,
    /// The mark of the agent when the dial was chosen.
    mark: (u64, Option<i64>),
    head: watch::Receiver<i64>,
    _tail: Arc<Tail>,
    choose: Choose<V>,
    query: Arc<SharedQuery<V>>,
    samples: watch::Receiver<Option<Sample<V>>>,
    /// Only what was begun to be read after this is looked at.
    since: Instant,
}

impl<V: Send + Sync + 'static> Watcher<V> {
    /// # Errors
    /// What `choose` fails with.
    pub async fn new(tail: Arc<Tail>, agent: AgentId, choose: Choose<V>) -> ServiceResult<Self> {
        let mut marks = tail.access();
        // Seen before choosing: what changes in between is noticed.
        let mark = marks.borrow_and_update().of(agent);
        let query = choose().await?;
        let (samples, since) = (query.samples.clone(), Instant::now());
        query.asked.notify_one();
        Ok(Self { agent, marks, mark, head: tail.head(), _tail: tail, choose, query, samples, since })
    }

    /// The next reading: at first one that is as new as this, then each new one. `None` when there will be none.
    ///
    /// # Errors
    /// What choosing another dial fails with, after the agent's access may have changed.
    pub async fn next(&mut self) -> ServiceResult<Option<Arc<V>>> {
        loop {
            let (agent, mark) = (self.agent, self.mark);
            let sample = tokio::select! {
                sample = sample(&mut self.samples, &mut self.head, self.since) => sample,
                _ = self.marks.wait_for(|marks| marks.of(agent) != mark) => None,
            };
            if self.marks.borrow().of(agent) == mark {
                let Some((value, begun)) = sample else { return Ok(None) };
                self.since = begun + Duration::from_nanos(1);
                return Ok(Some(value));
            }
            self.choose_again().await?;
        }
    }

    /// What the viewer may no longer see is no longer shown.
    async fn choose_again(&mut self) -> ServiceResult<()> {
        self.mark = self.marks.borrow_and_update().of(self.agent);
        self.query = (self.choose)().await?;
        (self.samples, self.since) = (self.query.samples.clone(), Instant::now());
        self.query.asked.notify_one();
        Ok(())
    }
}

/// A reading that was begun at `since` or later, once this process has seen every event that may have gone into it:
/// those about access among them.
async fn sample<V>(
    samples: &mut watch::Receiver<Option<Sample<V>>>,
    head: &mut watch::Receiver<i64>,
    since: Instant,
) -> Option<(Arc<V>, Instant)> {
    loop {
        let is_new = |sample: &Option<Sample<V>>| sample.as_ref().is_some_and(|it| it.begun >= since);
        let (through, value, begun) = {
            let sample = samples.wait_for(is_new).await.ok()?;
            let sample = sample.as_ref()?;
            (sample.through, sample.value.clone(), sample.begun)
        };
        tokio::select! {
            biased;
            seen = head.wait_for(|head| *head >= through) => {
                seen.ok()?;
                return Some((value, begun));
            }
            // In a history that was rewritten meanwhile, that number may never come.
            changed = samples.changed() => changed.ok()?,
        }
    }
}

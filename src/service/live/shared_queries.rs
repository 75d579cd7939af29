//! Queries that many subscriptions share, run once per process.
//!
//! Each key, such as the health of the queue of some numbers, has one [`SharedQuery`] per process while it has at least
//! one [`Watcher`]. The query runs at each tick of the [`RefreshTimer`]. A query does not check permissions: each
//! watcher selects its query by its agent's access, and selects again when an event changes that access.

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

/// The delay before a failed query is retried.
const RETRY: Duration = Duration::from_secs(1);

/// The shared queries of one process, by key. Cheap to clone.
pub(in crate::service) struct SharedQueries<K, V>(Arc<Mutex<HashMap<K, Weak<SharedQuery<V>>>>>);

/// A query that runs repeatedly, and its latest result.
pub(in crate::service) struct SharedQuery<V> {
    samples: watch::Receiver<Option<Sample<V>>>,
    /// Requests a run before the next tick.
    refresh: Arc<Notify>,
    _task: AbortOnDropHandle<()>,
}

/// The result of one run of a query.
pub(in crate::service) struct QueryResult<V> {
    pub value: V,
    /// The value includes no event after this number.
    pub through: i64,
    /// When the value changes without an event, if sooner than [`super::refresh_timer::MAX_INTERVAL`].
    pub due: Option<Duration>,
}

struct Sample<V> {
    started_at: Instant,
    through: i64,
    value: Arc<V>,
}

impl<K, V> Clone for SharedQueries<K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, V> Default for SharedQueries<K, V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Eq + Hash, V: Send + Sync + 'static> SharedQueries<K, V> {
    /// The query with this key. Starts it with `read` if it is not running. `tail` is the tail of its workspace.
    pub fn query(
        &self,
        key: K,
        tail: Arc<Tail>,
        read: impl Fn() -> BoxFuture<'static, ServiceResult<QueryResult<V>>> + Send + Sync + 'static,
    ) -> Arc<SharedQuery<V>> {
        let mut queries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(query) = queries.get(&key).and_then(Weak::upgrade) {
            return query;
        }
        queries.retain(|_, query| query.strong_count() > 0);
        let (sender, samples) = watch::channel(None);
        let refresh = Arc::new(Notify::new());
        let task = tokio::spawn(run_query(RefreshTimer::new(tail, refresh.clone()), sender, read));
        let query = Arc::new(SharedQuery { samples, refresh, _task: AbortOnDropHandle::new(task) });
        queries.insert(key, Arc::downgrade(&query));
        query
    }
}

async fn run_query<V>(
    mut refresh_timer: RefreshTimer,
    sender: watch::Sender<Option<Sample<V>>>,
    read: impl Fn() -> BoxFuture<'static, ServiceResult<QueryResult<V>>>,
) {
    let mut due = None;
    loop {
        refresh_timer.tick(due).await;
        let started_at = Instant::now();
        due = match read().await {
            Ok(QueryResult { value, through, due }) => {
                sender.send_replace(Some(Sample { started_at, through, value: Arc::new(value) }));
                due
            }
            Err(error) => {
                tracing::warn!(%error, "a shared query failed; retrying");
                Some(RETRY)
            }
        };
    }
}

/// Selects the query that an agent's current access allows.
type SelectQuery<V> = Box<dyn Fn() -> BoxFuture<'static, ServiceResult<Arc<SharedQuery<V>>>> + Send + Sync>;

/// One agent's subscription to a shared query.
pub(in crate::service) struct Watcher<V> {
    agent: AgentId,
    marks: watch::Receiver<AccessMarks>,
    /// The agent's access mark when the query was selected.
    mark: (u64, Option<i64>),
    head: watch::Receiver<i64>,
    _tail: Arc<Tail>,
    select: SelectQuery<V>,
    query: Arc<SharedQuery<V>>,
    samples: watch::Receiver<Option<Sample<V>>>,
    /// Samples of runs that started before this are skipped.
    since: Instant,
}

impl<V: Send + Sync + 'static> Watcher<V> {
    /// # Errors
    /// When `select` fails.
    pub async fn new(tail: Arc<Tail>, agent: AgentId, select: SelectQuery<V>) -> ServiceResult<Self> {
        let mut marks = tail.access();
        // Read the mark first, so that a change during the selection is noticed.
        let mark = marks.borrow_and_update().of(agent);
        let query = select().await?;
        let (samples, since) = (query.samples.clone(), Instant::now());
        query.refresh.notify_one();
        Ok(Self { agent, marks, mark, head: tail.head(), _tail: tail, select, query, samples, since })
    }

    /// Waits for the next result. The first result is at least as new as this watcher. `None` when the query has ended.
    ///
    /// # Errors
    /// When the agent's access has changed and selecting the query again fails.
    pub async fn next(&mut self) -> ServiceResult<Option<Arc<V>>> {
        loop {
            let (agent, mark) = (self.agent, self.mark);
            let sample = tokio::select! {
                sample = sample(&mut self.samples, &mut self.head, self.since) => sample,
                _ = self.marks.wait_for(|marks| marks.of(agent) != mark) => None,
            };
            if self.marks.borrow().of(agent) == mark {
                let Some((value, started_at)) = sample else { return Ok(None) };
                self.since = started_at + Duration::from_nanos(1);
                return Ok(Some(value));
            }
            self.select_again().await?;
        }
    }

    /// Selects the query again, by the agent's new access.
    async fn select_again(&mut self) -> ServiceResult<()> {
        self.mark = self.marks.borrow_and_update().of(self.agent);
        self.query = (self.select)().await?;
        (self.samples, self.since) = (self.query.samples.clone(), Instant::now());
        self.query.refresh.notify_one();
        Ok(())
    }
}

/// Waits for a sample of a run that started at `since` or later, and for this process to have read every event that the
/// sample includes. After that, the access marks are up to date for the sample.
async fn sample<V>(
    samples: &mut watch::Receiver<Option<Sample<V>>>,
    head: &mut watch::Receiver<i64>,
    since: Instant,
) -> Option<(Arc<V>, Instant)> {
    loop {
        let is_new = |sample: &Option<Sample<V>>| sample.as_ref().is_some_and(|it| it.started_at >= since);
        let (through, value, started_at) = {
            let sample = samples.wait_for(is_new).await.ok()?;
            let sample = sample.as_ref()?;
            (sample.through, sample.value.clone(), sample.started_at)
        };
        tokio::select! {
            biased;
            reached = head.wait_for(|head| *head >= through) => {
                reached.ok()?;
                return Some((value, started_at));
            }
            // If history was rewritten in the meantime, the head may never reach this number.
            changed = samples.changed() => changed.ok()?,
        }
    }
}

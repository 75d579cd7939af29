//! The background workers of a process.
//!
//! Every loop of a process that is not part of a request, a socket or a subscription is a worker. A worker reports each
//! successful round. A worker that panics runs again after a pause, which doubles while the worker keeps panicking.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::failpoint::failpoint;

/// The pause before a worker runs again after a panic. It doubles up to [`MAX_BACKOFF`], and starts again at this value
/// after a successful round.
const MIN_BACKOFF: Duration = Duration::from_millis(100);
const MAX_BACKOFF: Duration = Duration::from_secs(30);
/// A worker without a successful round is late after this many intervals.
const LATE_INTERVALS: u32 = 3;
/// The shortest time after which a worker is late, because a short interval is missed under load.
const LATE_AFTER: Duration = Duration::from_secs(10);

/// The workers of one process. Clones share them. The workers stop when the last clone is dropped.
#[derive(Clone)]
pub struct Workers(Arc<Inner>);

struct Inner {
    workers: Mutex<Vec<Arc<Worker>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

/// One worker, as its task and its observers share it.
struct Worker {
    name: &'static str,
    interval: Duration,
    progress: Mutex<Progress>,
}

#[derive(Clone, Copy)]
struct Progress {
    started_at: Instant,
    last_success: Option<Instant>,
    restarts: u64,
    /// Panics since the last success.
    panics: u32,
}

/// The state of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerStatus {
    pub name: &'static str,
    /// The longest time between two rounds when nothing fails.
    pub interval: Duration,
    /// The time since the last successful round, or since the start if there was none.
    pub since_success: Duration,
    pub has_succeeded: bool,
    /// How often the worker ran again after a panic.
    pub restarts: u64,
    /// Whether the last successful round is several intervals ago.
    pub is_late: bool,
}

/// What a worker's own code sees of the registry.
#[derive(Clone)]
pub struct Round {
    worker: Arc<Worker>,
    /// Cancelled when the process stops.
    pub stop: CancellationToken,
}

impl Round {
    /// Reports a successful round.
    pub fn succeeded(&self) {
        failpoint!(self.worker.name);
        let mut progress = self.worker.progress();
        progress.last_success = Some(Instant::now());
        progress.panics = 0;
    }
}

impl Default for Workers {
    fn default() -> Self {
        let stop = CancellationToken::new();
        let _stop_on_drop = stop.clone().drop_guard();
        Self(Arc::new(Inner { workers: Mutex::default(), tasks: TaskTracker::new(), stop, _stop_on_drop }))
    }
}

impl Workers {
    /// Starts a worker that calls `work` at once and then every `interval`. A failed call is logged, and the next call
    /// catches up.
    pub fn every<E: std::fmt::Display>(
        &self,
        name: &'static str,
        interval: Duration,
        work: impl Fn() -> BoxFuture<'static, Result<(), E>> + Send + Sync + 'static,
    ) {
        let work = Arc::new(work);
        self.start(name, interval, move |round| {
            let work = work.clone();
            async move {
                loop {
                    match work().await {
                        Ok(()) => round.succeeded(),
                        Err(error) => tracing::warn!(worker = name, %error, "a background worker failed"),
                    }
                    let pause = tokio::time::sleep(interval);
                    if round.stop.run_until_cancelled(pause).await.is_none() {
                        return;
                    }
                }
            }
            .boxed()
        });
    }

    /// Starts a worker. `run` returns its loop, which reports each successful [`Round`] and ends when `stop` is
    /// cancelled or when the worker has nothing left to do. `interval` is the longest time between two rounds.
    pub fn start(
        &self,
        name: &'static str,
        interval: Duration,
        run: impl Fn(Round) -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) {
        let progress = Progress { started_at: Instant::now(), last_success: None, restarts: 0, panics: 0 };
        let worker = Arc::new(Worker { name, interval, progress: Mutex::new(progress) });
        self.workers().push(worker.clone());
        let round = Round { worker, stop: self.0.stop.clone() };
        self.0.tasks.spawn(restart_after_panics(round, run));
    }

    /// The state of every worker, in the order in which they were started.
    pub fn statuses(&self) -> Vec<WorkerStatus> {
        let now = Instant::now();
        self.workers().iter().map(|worker| worker.status(now)).collect()
    }

    /// Stops all workers, and waits for the rounds that are running.
    pub async fn shut_down(&self) {
        self.0.stop.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    fn workers(&self) -> MutexGuard<'_, Vec<Arc<Worker>>> {
        self.0.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Worker {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn status(&self, now: Instant) -> WorkerStatus {
        let Progress { started_at, last_success, restarts, panics: _ } = *self.progress();
        let since_success = now.saturating_duration_since(last_success.unwrap_or(started_at));
        WorkerStatus {
            name: self.name,
            interval: self.interval,
            since_success,
            has_succeeded: last_success.is_some(),
            restarts,
            is_late: since_success > LATE_AFTER.max(self.interval.saturating_mul(LATE_INTERVALS)),
        }
    }

    /// Counts a panic, and returns the pause before the worker runs again.
    fn count_panic(&self) -> Duration {
        let mut progress = self.progress();
        progress.restarts += 1;
        progress.panics = progress.panics.saturating_add(1);
        backoff(progress.panics)
    }
}

/// The pause after the `panics`-th panic in a row.
fn backoff(panics: u32) -> Duration {
    let factor = 1_u32.checked_shl(panics.saturating_sub(1)).unwrap_or(u32::MAX);
    MIN_BACKOFF.saturating_mul(factor).min(MAX_BACKOFF)
}

/// Runs a worker until it ends without a panic.
async fn restart_after_panics(round: Round, run: impl Fn(Round) -> BoxFuture<'static, ()> + Send + Sync) {
    while panics(|| run(round.clone())).await {
        let pause = round.worker.count_panic();
        tracing::error!(worker = round.worker.name, ?pause, "a background worker panicked; it runs again");
        if round.stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
    }
}

/// Runs the task of something that subscriptions share, such as the tail of a log, and again after a panic. Such a task
/// is not a worker: it ends with its last subscription.
pub async fn run_again_after_panics(
    name: &'static str,
    run: impl Fn() -> BoxFuture<'static, ()> + Send + Sync,
) {
    let mut count = 0;
    while panics(&run).await {
        count += 1;
        tracing::error!(task = name, "a task of subscriptions panicked; it runs again");
        tokio::time::sleep(backoff(count)).await;
    }
}

/// Runs a task to its end, and returns whether it panicked.
async fn panics(run: impl FnOnce() -> BoxFuture<'static, ()> + Send) -> bool {
    // A task shares state only behind locks, which are usable after a panic.
    AssertUnwindSafe(async { run().await }).catch_unwind().await.is_err()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn the_pause_doubles_up_to_a_limit() {
        let pauses: Vec<u128> = (1..=4).map(|panics| backoff(panics).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800]);
        for panics in [10, 31, 32, 33, u32::MAX] {
            assert_eq!(backoff(panics), MAX_BACKOFF);
        }
    }

    #[test]
    fn a_worker_is_late_after_several_intervals_and_not_after_a_short_time() {
        let progress = Progress { started_at: Instant::now(), last_success: None, restarts: 0, panics: 0 };
        for (interval, late_after) in [(1, 10), (60, 180)] {
            let interval = Duration::from_secs(interval);
            let worker = Worker { name: "test", interval, progress: Mutex::new(progress) };
            let is_late = |seconds| worker.status(progress.started_at + Duration::from_secs(seconds)).is_late;
            assert_eq!((is_late(late_after), is_late(late_after + 1)), (false, true));
        }
    }

    #[tokio::test]
    async fn a_worker_that_panics_runs_again_and_stops_when_asked() {
        let (workers, runs) = (Workers::default(), Arc::<AtomicU32>::default());
        let counted = runs.clone();
        workers.every("test", Duration::from_millis(1), move || {
            let run = counted.fetch_add(1, Ordering::Relaxed);
            async move {
                match run {
                    0 | 1 => panic!("run {run}"),
                    2 => Err("refused"),
                    _ => Ok(()),
                }
            }
            .boxed()
        });
        let status = || workers.statuses()[0];
        while !status().has_succeeded {
            tokio::task::yield_now().await;
        }
        assert_eq!(status().restarts, 2);
        assert!(runs.load(Ordering::Relaxed) >= 4);
        // Returns only if the worker stops.
        workers.shut_down().await;
    }
}

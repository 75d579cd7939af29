//! Prometheus metrics of this process.
//!
//! This is a leaf module, which every layer may use. Each label has few values, and this program chooses all of them,
//! except the operation names, which clients choose; see `names`. No metric has a label for a workspace, an agent or a
//! conversation.

mod names;
mod operations;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

pub use names::OPERATION_NAMES;
use operations::{OperationOutcome, Operations};

/// The content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The upper bounds of the histogram buckets, in seconds: from a cached page to the request timeout.
const SECONDS: [f64; 14] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The metrics of one process. Clones share them.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    operations: Operations,
    durations: Family<DurationLabels, Histogram, fn() -> Histogram>,
    sockets: Gauge,
    subscriptions: Family<Field, Gauge>,
    deliveries: Family<Field, Counter>,
    delivery_lag: Histogram,
    wake_ups: Family<Source, Counter>,
    events_read: Counter,
    log_head: Gauge,
    tail_lag: Gauge,
    pool_max: Gauge,
    pool: Family<State, Gauge>,
    pool_waiting: Family<QueueLabel, Gauge>,
    statements: Counter,
    webhooks: Family<OutcomeLabel, Counter>,
    lease_returns: Counter,
    worker_ages: Family<WorkerLabel, Gauge<f64, AtomicU64>>,
    worker_restarts: Family<WorkerLabel, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DurationLabels {
    kind: &'static str,
    transport: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Field {
    field: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Source {
    source: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueLabel {
    queue: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WorkerLabel {
    worker: &'static str,
}

/// A completed operation of a client.
#[derive(Debug, Clone, Copy)]
pub struct Operation<'a> {
    /// The name of the operation in its document, or an empty string.
    pub name: &'a str,
    /// Whether the caller is signed in.
    pub is_signed_in: bool,
    /// `query`, `mutation` or `subscription`, or `unknown` if the document could not be parsed.
    pub kind: &'static str,
    pub transport: &'static str,
    /// [`OK`], or the code of the first error.
    pub outcome: &'static str,
    /// `None` for a subscription, which lasts as long as its client is connected.
    pub duration: Option<Duration>,
}

/// The outcome of a successful operation.
pub const OK: &str = "OK";

/// The state of the database connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    pub max: usize,
    pub open: usize,
    pub idle: usize,
    /// The number of waiting requests, by the name of the queue.
    pub waiting: Vec<(&'static str, usize)>,
    /// Statements that have completed since the start.
    pub statements: u64,
}

/// What woke the readers of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WakeUp {
    /// A transaction of this process.
    Commit,
    /// A message of another process.
    Bus,
    /// A poll of this process, which found events without a wake-up.
    Poll,
}

impl Default for Metrics {
    fn default() -> Self {
        let latency: fn() -> Histogram = || Histogram::new(SECONDS);
        let mut inner = Inner {
            registry: Registry::with_prefix("switchboard"),
            operations: Operations::default(),
            durations: Family::new_with_constructor(latency),
            sockets: Gauge::default(),
            subscriptions: Family::default(),
            deliveries: Family::default(),
            delivery_lag: latency(),
            wake_ups: Family::default(),
            events_read: Counter::default(),
            log_head: Gauge::default(),
            tail_lag: Gauge::default(),
            pool_max: Gauge::default(),
            pool: Family::default(),
            pool_waiting: Family::default(),
            statements: Counter::default(),
            webhooks: Family::default(),
            lease_returns: Counter::default(),
            worker_ages: Family::default(),
            worker_restarts: Family::default(),
        };
        inner.register_traffic();
        inner.register_log();
        inner.register_store();
        inner.register_workers();
        Self(Arc::new(inner))
    }
}

impl Inner {
    fn register_traffic(&mut self) {
        let to = &mut self.registry;
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        to.register("build", "Version of the running program", version);
        to.register("operations", "Completed operations, by outcome", self.operations.counts());
        let help = "Duration of queries and mutations";
        to.register_with_unit("operation_duration", help, Unit::Seconds, self.durations.clone());
        to.register("sockets", "Open WebSocket connections", self.sockets.clone());
        to.register("subscriptions", "Open subscriptions", self.subscriptions.clone());
        to.register("deliveries", "Items pushed to subscriptions", self.deliveries.clone());
        let help =
            "Time from an event to its arrival at a live subscription, without writing it to the socket";
        to.register_with_unit("delivery_lag", help, Unit::Seconds, self.delivery_lag.clone());
        to.register("webhook_texts", "Requests to the webhook, by outcome", self.webhooks.clone());
        let help = "Conversations that became unassigned because the lease expired";
        to.register("lease_returns", help, self.lease_returns.clone());
    }

    fn register_log(&mut self) {
        let to = &mut self.registry;
        to.register("wake_ups", "Wake-ups of the readers of the log, by source", self.wake_ups.clone());
        to.register("events_read", "Events read from the log for subscribers", self.events_read.clone());
        let help = "Sum of the last sequence numbers of all workspaces that this process follows";
        to.register("log_head", help, self.log_head.clone());
        let help = "Greatest number of events that a reader of this process was behind at the last poll";
        to.register("tail_lag", help, self.tail_lag.clone());
    }

    fn register_store(&mut self) {
        let to = &mut self.registry;
        to.register("pool_max", "Maximum number of database connections", self.pool_max.clone());
        to.register("pool_connections", "Database connections, by state", self.pool.clone());
        to.register("pool_waiting", "Requests that wait for a connection", self.pool_waiting.clone());
        let help = "Completed SQL statements, without transaction control";
        to.register("statements", help, self.statements.clone());
    }

    fn register_workers(&mut self) {
        let to = &mut self.registry;
        let help = "Time since the last successful round of a background worker";
        to.register_with_unit("worker_last_success_age", help, Unit::Seconds, self.worker_ages.clone());
        let help = "How often a background worker ran again after a panic";
        to.register("worker_restarts", help, self.worker_restarts.clone());
    }
}

impl Metrics {
    /// All metrics in the OpenMetrics text format, which Prometheus reads.
    ///
    /// # Errors
    /// Never in practice, because the text is written to memory.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.0.registry)?;
        Ok(text)
    }

    /// Counts a completed operation.
    pub fn operation(&self, operation: Operation<'_>) {
        let Operation { name, is_signed_in, kind, transport, outcome, duration } = operation;
        self.0.operations.count(
            name,
            is_signed_in && outcome == OK,
            OperationOutcome { kind, transport, outcome },
        );
        if let Some(duration) = duration {
            let labels = DurationLabels { kind, transport };
            self.0.durations.get_or_create(&labels).observe(duration.as_secs_f64());
        }
    }

    /// Counts a subscription as open until the returned value is dropped.
    pub fn subscription(&self, field: &'static str) -> OpenSubscription {
        let open = self.0.subscriptions.get_or_create_owned(&Field { field });
        open.inc();
        OpenSubscription { open, delivered: self.0.deliveries.get_or_create_owned(&Field { field }) }
    }

    /// Records the time from an event to its arrival at a live subscription.
    pub fn delivery_lag(&self, lag: Duration) {
        self.0.delivery_lag.observe(lag.as_secs_f64());
    }

    pub fn wake_up(&self, by: WakeUp) {
        let source = match by {
            WakeUp::Commit => "commit",
            WakeUp::Bus => "bus",
            WakeUp::Poll => "poll",
        };
        self.0.wake_ups.get_or_create(&Source { source }).inc();
    }

    pub fn events_read(&self, n: usize) {
        self.0.events_read.inc_by(n as u64);
    }

    /// Sets the sum of the heads of the followed logs, and the greatest number of events that a reader is behind.
    pub fn log(&self, head: i64, lag: i64) {
        self.0.log_head.set(head);
        self.0.tail_lag.set(lag);
    }

    /// Counts a request to the webhook by its outcome.
    pub fn webhook(&self, outcome: &'static str) {
        self.0.webhooks.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    pub fn leases_returned(&self, n: usize) {
        self.0.lease_returns.inc_by(n as u64);
    }

    /// Sets the state of a background worker.
    pub fn set_worker(&self, worker: &'static str, since_success: Duration, restarts: u64) {
        let label = WorkerLabel { worker };
        self.0.worker_ages.get_or_create(&label).set(since_success.as_secs_f64());
        self.0.worker_restarts.get_or_create(&label).inner().store(restarts, Ordering::Relaxed);
    }

    pub fn set_sockets(&self, open: usize) {
        self.0.sockets.set(signed(open));
    }

    pub fn set_pool(&self, pool: &Pool) {
        self.0.pool_max.set(signed(pool.max));
        self.0.pool.get_or_create(&State { state: "open" }).set(signed(pool.open));
        self.0.pool.get_or_create(&State { state: "idle" }).set(signed(pool.idle));
        for (queue, waiting) in &pool.waiting {
            self.0.pool_waiting.get_or_create(&QueueLabel { queue }).set(signed(*waiting));
        }
        self.0.statements.inner().store(pool.statements, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// Counts a subscription as open until it is dropped.
pub struct OpenSubscription {
    open: Gauge,
    delivered: Counter,
}

impl OpenSubscription {
    /// Counts an item that was pushed to the client.
    pub fn delivered(&self) {
        self.delivered.inc();
    }
}

impl Drop for OpenSubscription {
    fn drop(&mut self) {
        self.open.dec();
    }
}

fn signed(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

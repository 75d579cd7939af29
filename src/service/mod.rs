//! Use cases: one method per use case, which checks permissions, runs the transaction and returns the result.
//!
//! - [`commands`]: what callers change. Each command is one transaction; [`crate::domain`] decides on rows that stay
//!   locked until the transaction ends.
//! - [`queries`]: what callers read, and the reports for managers.
//! - [`live`]: subscriptions, which are positions in the log; presence; and the wake-ups between processes.
//! - [`workers`]: background tasks. [`operator`]: operator commands, which need no token.
//!
//! A caller is a verified token. Each request reads from the database whether the caller's agent is active and which
//! numbers the agent can access. On PostgreSQL, only the numbers' labels are cached (`phone_number_cache`). This
//! module does not depend on GraphQL or HTTP.
//!
//! To add a command, add a method to [`Services`] in the file of its noun and pass a decision of [`crate::domain`] to
//! `Services::act`. `Services::act` opens the transaction, takes the locks in the order that avoids deadlocks, and
//! commits.

pub mod commands;
mod context;
pub mod live;
pub mod operator;
pub mod queries;
pub mod result;
pub mod workers;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::clock::{Clock, Timestamp};
use crate::domain::conversation::Change;
use crate::domain::{
    AgentId, ConversationId, NumberVerification, PhoneNumberId, ServiceTokenId, WorkspaceId,
};
use crate::failpoint::failpoint;
use crate::metrics::{Metrics, Pool, WakeUp};
use crate::random::Ids;
use crate::store::log::{Appended, LogTx};
use crate::store::tables::workspaces;
use crate::store::{Epoch, Store, StoreResult};
use crate::token::{Caller, Keys};

pub use commands::administration::{AdminOutcome, AgentUpdate, NewAgent};
pub use commands::assignment::Assign;
pub use commands::handoff::{HandOff, HandOffOutcome};
pub use commands::messaging::{ReceiveMessage, SendMessage, StartConversation};
pub use commands::numbers::AddPhoneNumber;
pub use commands::rebalance::PlanRebalance;
pub use commands::service_tokens::{IssuedServiceToken, NewServiceToken};
pub use commands::tokens::IssuedToken;
pub use live::presence::{PresenceOutcome, PresentAgent};
pub use live::related::{ListRows, Prefetch, Related};
pub use live::subscriptions::{BoxStream, QueueItem, ResetReason, ThreadItem};
pub use queries::access::Access;
pub use queries::queue_health::ThresholdsUpdate;
pub use queries::views::{ListFilter, ListPosition, Order, OrderDirection, OrderField, Page, Slice};
pub use queries::workloads::Workload;
pub use result::{CommandOutcome, Error, VisibleConversation};

use context::{Actor, ConversationTx};
use live::log_feed::Feed;
use live::presence::PresenceFeed;
use live::shared_queries::SharedQueries;
use live::wakeups::{Bus, Wakeup, WakeupState, Wakeups};
use queries::phone_number_cache::PhoneNumberCache;
use workers::registry::Workers;

/// The result of every use case.
pub type ServiceResult<T> = Result<T, Error>;

/// All use cases of one store. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    store: Store,
    feed: Feed,
    presence: PresenceFeed,
    queue_health: SharedQueries<(WorkspaceId, BTreeSet<PhoneNumberId>, i32), queries::queue_health::HealthAt>,
    workloads: SharedQueries<WorkspaceId, Vec<Workload>>,
    wakeups: Wakeups,
    workers: Workers,
    settings: Settings,
    clock: Clock,
    ids: Ids,
    keys: Arc<Keys>,
    metrics: Metrics,
    number_stats: queries::number_stats::NumberStatsCache,
    /// When this process last recorded the use of a service token, for the last minute.
    token_uses: Arc<Mutex<HashMap<ServiceTokenId, Timestamp>>>,
    /// `None` on SQLite, where a read costs no more than a cache look-up.
    phone_number_cache: Option<PhoneNumberCache>,
}

/// Settings of the services.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The interval of the poll that finds changes of other processes when a wake-up is lost.
    pub poll: Duration,
    /// How far back in the log a client can resume.
    pub replay: Duration,
    /// Who verifies the numbers that managers add.
    pub number_verification: NumberVerification,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            poll: live::log_feed::DEFAULT_POLL,
            replay: workers::log_retention::DEFAULT_REPLAY,
            number_verification: NumberVerification::default(),
        }
    }
}

/// Notifies all watchers of a workspace when it is dropped, if the transaction has appended events. It is dropped after
/// the commit, or after a failure, where an extra notification does no harm.
struct NotifyOnCommit {
    feed: Feed,
    wakeups: Wakeups,
    workspace: WorkspaceId,
    appended: Appended,
}

impl Drop for NotifyOnCommit {
    fn drop(&mut self) {
        if !self.appended.get() {
            return;
        }
        failpoint!("after_commit");
        self.feed.wake(self.workspace, WakeUp::Commit);
        self.wakeups.publish(Wakeup::Log(self.workspace));
    }
}

impl Services {
    /// Starts the services of a store whose migrations are applied. No other process may use the store.
    ///
    /// # Errors
    /// When the epoch of the log cannot be read.
    pub async fn start(store: Store, clock: Clock, keys: Keys) -> StoreResult<Self> {
        Self::start_with(store, clock, keys, Settings::default(), None).await
    }

    /// As [`Self::start`], with settings, and with a `bus` that carries wake-ups between processes.
    ///
    /// # Errors
    /// As [`Self::start`]. An unreachable bus is not an error: the connection is retried.
    pub async fn start_with(
        store: Store,
        clock: Clock,
        keys: Keys,
        settings: Settings,
        bus: Option<Box<dyn Bus>>,
    ) -> StoreResult<Self> {
        let ids = Ids::system();
        let fresh = Epoch(ids.next());
        let epoch = store.write(move |conn| workspaces::epoch(conn, fresh).boxed()).await?;
        let metrics = Metrics::default();
        let workers = Workers::default();
        let feed = Feed::start(store.clone(), epoch, settings.poll, metrics.clone(), &workers);
        let phone_number_cache = store.is_shared().then(PhoneNumberCache::default);
        let presence = PresenceFeed::start(store.clone(), clock.clone(), settings.poll, &workers);
        let wakeups = match bus {
            None => Wakeups::none(),
            Some(bus) => {
                let (feed, presence) = (feed.wakeup_handler(), presence.wakeup_handler());
                Wakeups::over(bus, &workers, move |signal| {
                    feed(signal);
                    presence(signal);
                })
            }
        };
        Ok(Self {
            store,
            feed,
            presence,
            queue_health: SharedQueries::default(),
            workloads: SharedQueries::default(),
            wakeups,
            workers,
            settings,
            clock,
            ids,
            keys: Arc::new(keys),
            metrics,
            number_stats: queries::number_stats::NumberStatsCache::default(),
            token_uses: Arc::default(),
            phone_number_cache,
        })
    }

    /// The background workers of this process.
    pub fn workers(&self) -> &Workers {
        &self.workers
    }

    /// How wake-ups of other processes reach this process.
    pub fn wakeups(&self) -> WakeupState {
        self.wakeups.state()
    }

    /// The same services, with another source of ids for new rows.
    pub fn with_ids(self, ids: Ids) -> Self {
        Self { ids, ..self }
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// How many SQL statements the database has answered since the start, without transaction control.
    pub fn statement_count(&self) -> u64 {
        self.store.statement_count()
    }

    /// The metrics of this process.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The state of the connection pool.
    pub fn pool(&self) -> Pool {
        self.store.pool()
    }

    /// Encodes a position in the workspace's log as an opaque cursor.
    pub fn cursor(&self, workspace: WorkspaceId, seq: i64) -> String {
        live::cursor::encode(self.feed.epoch(), workspace, seq)
    }

    /// Decodes a cursor; `None` when the cursor belongs to another log.
    fn position(&self, workspace: WorkspaceId, cursor: &str) -> Option<i64> {
        live::cursor::decode(self.feed.epoch(), workspace, cursor)
    }

    /// The caller's agent.
    ///
    /// # Errors
    /// [`Error::Forbidden`] for a service.
    fn agent_of(&self, caller: Caller) -> ServiceResult<Actor> {
        match caller {
            Caller::Agent { workspace_id, agent_id, token } => Ok(Actor { workspace_id, agent_id, token }),
            Caller::Service { .. } => Err(Error::Forbidden("A service token may not do this.")),
        }
    }

    /// Runs an agent's command on one conversation in one transaction: opens it, calls `decide` and commits.
    /// `other` is a further agent to lock, whom the decision depends on.
    async fn act<F>(
        &self,
        caller: Caller,
        id: ConversationId,
        other: Option<AgentId>,
        decide: F,
    ) -> ServiceResult<CommandOutcome>
    where
        F: Fn(&ConversationTx) -> ServiceResult<Option<Change>> + Send + Sync + 'static,
    {
        let by = self.agent_of(caller)?;
        let (clock, decide) = (self.clock.clone(), Arc::new(decide));
        self.write(by.workspace_id, move |mut tx| {
            let (clock, decide) = (clock.clone(), decide.clone());
            async move {
                let conversation_tx = ConversationTx::open(&mut tx, &clock, by, id, other.as_slice()).await?;
                let change = decide(&conversation_tx)?;
                conversation_tx.commit(tx, change).await
            }
            .boxed()
        })
        .await
    }

    /// Runs a transaction on a workspace. If it has appended events, notifies the watchers of the workspace.
    async fn write<R, F>(&self, workspace: WorkspaceId, work: F) -> ServiceResult<R>
    where
        R: Send + 'static,
        F: for<'c> Fn(LogTx<'c>) -> BoxFuture<'c, ServiceResult<R>> + Send + Sync + 'static,
    {
        // Moved into the closure, so that it is dropped with the transaction even when this future is cancelled.
        let (feed, wakeups, appended) = (self.feed.clone(), self.wakeups.clone(), Appended::default());
        let notify = NotifyOnCommit { feed, wakeups, workspace, appended };
        let ids = self.ids.clone();
        self.store.write(move |conn| work(LogTx::begin(conn, &ids, &notify.appended))).await
    }
}

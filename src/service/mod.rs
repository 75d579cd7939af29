//! One function a use case: who may, in which transaction, with which outcome.
//!
//! - [`assignment`], [`lifecycle`], [`messaging`], [`administration`]: what callers change. Each is one
//!   transaction, decided by [`crate::domain`] on rows that are held until it ends.
//! - [`handoff`], [`rebalance`], [`lease`]: how many conversations change owners at once, or by themselves.
//! - [`access`], [`views`], [`directory`], [`history`], [`queue_health`], [`workloads`]: what callers read.
//! - [`audit`], [`violations`]: what managers read of how the team keeps its promises.
//! - [`feed`], [`tail`], [`streams`]: what callers are told, from the log; [`related`]: what events mention,
//!   read once for all who are told of them; [`wakeups`]: how processes tell each
//!   other that there is more; [`retention`]: how far back a stream can begin.
//! - [`presence`]: who is at a conversation; beside the log, and gone after a moment.
//! - [`operator`], [`import`], [`check`]: what the operator does without signing in; [`health`]: what is asked of
//!   a process.
//!
//! A caller is a verified token; whether the agent behind it is still active, and what they can access, is
//! read here, each time (`numbers`: what is not). Nothing here knows GraphQL or HTTP.
//!
//! To add a use case: a method on [`Services`] in the file of its noun that hands a decision of [`crate::domain`]
//! to `Services::act`, which opens the scene for it, in the order that keeps transactions from deadlocking, and
//! concludes it.

pub mod commands;
mod context;
pub mod live;
pub mod operator;
pub mod queries;
pub mod result;
pub mod workers;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::clock::Clock;
use crate::domain::conversation::Change;
use crate::domain::{AgentId, ConversationId, PhoneNumberId, WorkspaceId};
use crate::failpoint::failpoint;
use crate::metrics::{Metrics, Pool, WakeUp};
use crate::store::tables::workspaces;
use crate::store::{Conn, Store, StoreResult};
use crate::token::{Caller, Keys};

pub use commands::administration::{Administered, AgentUpdate, NewAgent};
pub use commands::assignment::Assign;
pub use commands::handoff::{HandOff, HandedOff};
pub use commands::messaging::{ReceiveMessage, SendMessage, StartConversation};
pub use commands::rebalance::PlanRebalance;
pub use live::presence::{Present, Said};
pub use live::related::{Prefetch, Related};
pub use live::subscriptions::{BoxStream, QueueItem, ResetReason, ThreadItem};
pub use queries::access::Access;
pub use queries::queue_health::ThresholdsUpdate;
pub use queries::views::{ListFilter, ListPosition, Order, OrderDirection, OrderField, Page, Slice};
pub use queries::workloads::Workload;
pub use result::{CommandOutcome, Error, VisibleConversation};

use context::ConversationTx;
use live::log_feed::Feed;
use live::shared_queries::SharedQueries;
use live::wakeups::{Bus, Wakeup, WakeupState, Wakeups};
use queries::phone_number_cache::PhoneNumberCache;

/// The answer of every use case.
pub type ServiceResult<T> = Result<T, Error>;

/// All use cases over one store. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    store: Store,
    feed: Feed,
    presence: live::presence::Board,
    queue_health: SharedQueries<(WorkspaceId, BTreeSet<PhoneNumberId>, i32), queries::queue_health::HealthAt>,
    workloads: SharedQueries<WorkspaceId, Vec<Workload>>,
    wakeups: Wakeups,
    settings: Settings,
    clock: Clock,
    keys: Arc<Keys>,
    metrics: Metrics,
    number_stats: queries::number_stats::NumberStatsCache,
    /// None for SQLite, where reading them costs no more than looking them up.
    numbers: Option<PhoneNumberCache>,
}

/// What an operator may want otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How long what another process does can go unnoticed when no wake-up comes.
    pub poll: Duration,
    /// How far back a client can resume.
    pub replay: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { poll: live::log_feed::DEFAULT_POLL, replay: workers::log_retention::DEFAULT_REPLAY }
    }
}

/// Tells everybody who watches a workspace when it is dropped: after the commit, or after a failure, when looking
/// again does no harm.
struct NotifyOnCommit {
    feed: Feed,
    wakeups: Wakeups,
    workspace: WorkspaceId,
}

impl Drop for NotifyOnCommit {
    fn drop(&mut self) {
        failpoint!("after_commit");
        self.feed.wake(self.workspace, WakeUp::Commit);
        self.wakeups.publish(Wakeup::Log(self.workspace));
    }
}

impl Services {
    /// Services over a store whose migrations are applied, for one process alone.
    ///
    /// # Errors
    /// What reading the epoch of the log fails with.
    pub async fn start(store: Store, clock: Clock, keys: Keys) -> StoreResult<Self> {
        Self::start_with(store, clock, keys, Settings::default(), None).await
    }

    /// As [`Self::start`], for one process of several: `bus` carries the wake-ups between them.
    ///
    /// # Errors
    /// As [`Self::start`]. A bus that cannot be reached is none: it is tried again.
    pub async fn start_with(
        store: Store,
        clock: Clock,
        keys: Keys,
        settings: Settings,
        bus: Option<Box<dyn Bus>>,
    ) -> StoreResult<Self> {
        let epoch = store.write(|conn| workspaces::epoch(conn).boxed()).await?;
        let metrics = Metrics::default();
        let feed = Feed::start(store.clone(), epoch, settings.poll, metrics.clone());
        let numbers = store.is_shared().then(PhoneNumberCache::default);
        let presence = live::presence::Board::start(store.clone(), clock.clone(), settings.poll);
        let wakeups = match bus {
            None => Wakeups::none(),
            Some(bus) => {
                let (feed, presence) = (feed.wakeup_handler(), presence.wakeup_handler());
                Wakeups::over(bus, move |heard| {
                    feed(heard);
                    presence(heard);
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
            settings,
            clock,
            keys: Arc::new(keys),
            metrics,
            number_stats: queries::number_stats::NumberStatsCache::default(),
            numbers,
        })
    }

    /// How this process hears of what others write.
    pub fn wakeups(&self) -> WakeupState {
        self.wakeups.state()
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// How many SQL statements were answered since the start, transaction control not counted.
    pub fn statement_count(&self) -> u64 {
        self.store.statement_count()
    }

    /// What this process counts about itself.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// How busy the connections to the database are.
    pub fn pool(&self) -> Pool {
        self.store.pool()
    }

    /// The opaque cursor for a position in the workspace's log.
    pub fn cursor(&self, workspace: WorkspaceId, seq: i64) -> String {
        live::cursor::encode(self.feed.epoch(), workspace, seq)
    }

    /// The position that a cursor names; `None` when it is not of this log.
    fn position(&self, workspace: WorkspaceId, cursor: &str) -> Option<i64> {
        live::cursor::decode(self.feed.epoch(), workspace, cursor)
    }

    /// The agent behind a caller.
    fn agent_of(&self, caller: Caller) -> ServiceResult<(WorkspaceId, AgentId)> {
        match caller {
            Caller::Agent { workspace_id, agent_id } => Ok((workspace_id, agent_id)),
            Caller::Service { .. } => Err(Error::Forbidden("A service token may only deliver messages.")),
        }
    }

    /// What an agent does to one conversation, in one transaction: opens the scene, decides on it, concludes it.
    /// `other` is a further agent that the decision rests on.
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
        self.write(by.0, move |conn| {
            let (clock, decide) = (clock.clone(), decide.clone());
            async move {
                let conversation_tx = ConversationTx::open(conn, &clock, by, id, other.as_slice()).await?;
                let change = decide(&conversation_tx)?;
                conversation_tx.commit(conn, change).await
            }
            .boxed()
        })
        .await
    }

    /// Runs a transaction on a workspace and wakes those who watch it.
    async fn write<R, F>(&self, workspace: WorkspaceId, work: F) -> ServiceResult<R>
    where
        R: Send + 'static,
        F: for<'c> Fn(&'c mut Conn) -> BoxFuture<'c, ServiceResult<R>> + Send + Sync + 'static,
    {
        // It goes with the transaction, which ends also when this future is dropped.
        let notify = NotifyOnCommit { feed: self.feed.clone(), wakeups: self.wakeups.clone(), workspace };
        self.store
            .write(move |conn| {
                let _after_the_commit = &notify;
                work(conn)
            })
            .await
    }
}

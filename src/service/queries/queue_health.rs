//! Queue health: whether the queue of unassigned conversations grows, and whether it exceeds the workspace's
//! thresholds.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};

use crate::clock::Timestamp;
use crate::domain::queue::{Queue, Signals, Window};
use crate::domain::workspace_event::WorkspaceEventKind;
use crate::domain::{
    EventBody, InputField, PhoneNumber, PhoneNumberId, QueueHealth, QueueThresholds, Refusal, Workspace,
    WorkspaceId,
};
use crate::service::commands::administration::ManagerTx;
use crate::service::live::shared_queries::{QueryResult, SharedQuery, Watcher};
use crate::service::queries::views::narrowed;
use crate::service::{Access, AdminOutcome, BoxStream, Error, ServiceResult, Services};
use crate::store::tables::{phone_numbers, queue, workspaces};
use crate::token::Caller;

/// The valid lengths of the window in which arrivals are compared with claims, in seconds: a minute to a week.
pub const WINDOW_SECONDS: RangeInclusive<i32> = 60..=604_800;
/// The valid thresholds of unassigned conversations.
pub const MAX_UNASSIGNED: RangeInclusive<i32> = 0..=1_000_000;
/// The valid thresholds of a customer's wait, in seconds: up to thirty days.
pub const MAX_WAIT_SECONDS: RangeInclusive<i32> = 1..=2_592_000;

/// The health of a queue, and the position in the log that it corresponds to.
pub type HealthAt = (QueueHealth, i64);

/// Changes to the thresholds. `None` keeps a threshold; `Some(None)` turns it off.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThresholdsUpdate {
    pub max_unassigned: Option<Option<i32>>,
    pub max_wait_seconds: Option<Option<i32>>,
}

impl Services {
    /// The current health of the queue of the accessible numbers, or of the accessible numbers in `only`. `window` is
    /// in seconds.
    ///
    /// # Errors
    /// Bad input when the window is outside [`WINDOW_SECONDS`]; forbidden for a service.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn queue_health(
        &self,
        access: &Access,
        only: Option<&BTreeSet<PhoneNumberId>>,
        window: i32,
    ) -> ServiceResult<QueueHealth> {
        check_window(window)?;
        let numbers = narrowed(access.viewer()?.phone_number_ids, only);
        let workspace = access.workspace.id;
        // Not earlier than the last event, in case the clock of another process is ahead of this one.
        let window = Window::new(self.clock.now().max(access.logged_at), window);
        let queues = self
            .store
            .read(move |conn| {
                async move { queue::of_numbers(conn, workspace, &numbers, window).await }.boxed()
            })
            .await?;
        Ok(health(&access.phone_numbers, &queues, access.workspace.queue_thresholds, window.now()))
    }

    /// Streams the queue's health: now, and each time its trend or the state of a threshold changes. Each item has its
    /// position in the log.
    ///
    /// # Errors
    /// As [`Self::queue_health`].
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn queue_health_changes(
        &self,
        access: Access,
        only: Option<BTreeSet<PhoneNumberId>>,
        window: i32,
    ) -> ServiceResult<BoxStream<ServiceResult<HealthAt>>> {
        check_window(window)?;
        let viewer = access.viewer()?.agent_id;
        let tail = self.feed.tail(access.workspace.id).await?;
        let (services, caller) = (self.clone(), access.caller);
        let select = move || {
            let (services, only) = (services.clone(), only.clone());
            async move { services.health_query(caller, only.as_ref(), window).await }.boxed()
        };
        let watcher = Watcher::new(tail, viewer, Box::new(select)).await?;
        Ok(stream::unfold(Some((watcher, None::<Signals>)), |state| async move {
            let (mut watcher, mut last) = state?;
            loop {
                match watcher.next().await {
                    Ok(Some(now)) if last == Some(now.0.signals()) => {}
                    Ok(Some(now)) => {
                        last = Some(now.0.signals());
                        return Some((Ok(now.as_ref().clone()), Some((watcher, last))));
                    }
                    // The stream of a deactivated agent ends. The socket reports the reason.
                    Ok(None) | Err(Error::Unauthenticated) => return None,
                    Err(error) => return Some((Err(error), None)),
                }
            }
        })
        .boxed())
    }

    /// The shared query of the health of the numbers that the caller can access now.
    async fn health_query(
        &self,
        caller: Caller,
        only: Option<&BTreeSet<PhoneNumberId>>,
        window: i32,
    ) -> ServiceResult<Arc<SharedQuery<HealthAt>>> {
        let access = self.access(caller).await?;
        let workspace = access.workspace.id;
        let numbers = narrowed(access.viewer()?.phone_number_ids, only);
        let tail = self.feed.tail(workspace).await?;
        let (services, key) = (self.clone(), (workspace, numbers.clone(), window));
        Ok(self.queue_health.query(key, tail, move || {
            let (services, numbers) = (services.clone(), numbers.clone());
            async move { services.health_of(workspace, numbers, window).await }.boxed()
        }))
    }

    async fn health_of(
        &self,
        workspace: WorkspaceId,
        numbers: BTreeSet<PhoneNumberId>,
        window: i32,
    ) -> ServiceResult<QueryResult<HealthAt>> {
        let now = self.clock.now();
        let read = self.store.read(move |conn| {
            async move {
                let Some((workspace, head)) = workspaces::find(conn, workspace).await? else {
                    return Ok(None);
                };
                let window = Window::new(now.max(head.at), window);
                let mut phone_numbers = phone_numbers::all(conn, workspace.id).await?;
                phone_numbers.retain(|number| numbers.contains(&number.id));
                let queues = queue::of_numbers(conn, workspace.id, &numbers, window).await?;
                let end = workspaces::heads(conn, &[workspace.id]).await?;
                let through = end.first().map_or(head.seq, |(_, seq)| *seq);
                let health = health(&phone_numbers, &queues, workspace.queue_thresholds, window.now());
                Ok(Some((health, head.seq, through)))
            }
            .boxed()
        });
        let (health, as_of, through) = read.await?.ok_or(Error::Unauthenticated)?;
        let left = health.wait_left.and_then(|left| u64::try_from(left).ok());
        Ok(QueryResult { due: left.map(Duration::from_micros), value: (health, as_of), through })
    }

    /// Sets the workspace's thresholds of queue health.
    ///
    /// # Errors
    /// Not allowed for reps; invalid outside [`MAX_UNASSIGNED`] and [`MAX_WAIT_SECONDS`].
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn set_queue_thresholds(
        &self,
        caller: Caller,
        update: ThresholdsUpdate,
    ) -> ServiceResult<AdminOutcome<Workspace>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.workspace_id, move |mut tx| {
            let clock = clock.clone();
            async move {
                let manager_tx = ManagerTx::open(&mut tx, &clock, by, &[]).await?;
                let mut workspace = manager_tx.workspace().clone();
                let after = updated(workspace.queue_thresholds, update)?;
                let changed = workspace.queue_thresholds != after;
                if !changed {
                    return Ok(manager_tx.done(workspace, false));
                }
                let act = EventBody::act(WorkspaceEventKind::QueueThresholdsChanged, None)
                    .with(Some(described(workspace.queue_thresholds)), Some(described(after)));
                workspaces::set_thresholds(&mut tx, by.workspace_id, after).await?;
                workspace.queue_thresholds = after;
                manager_tx.commit(tx, workspace, vec![act], Vec::new()).await
            }
            .boxed()
        })
        .await
    }
}

/// The thresholds as the history of the workspace shows them.
fn described(thresholds: QueueThresholds) -> String {
    let shown = |value: Option<i32>, unit: &str| value.map_or("none".to_owned(), |n| format!("{n}{unit}"));
    let (most, longest) = (shown(thresholds.max_unassigned, ""), shown(thresholds.max_wait_seconds, " s"));
    format!("unassigned {most}, wait {longest}")
}

/// The health of the combined queue of several numbers.
fn health(
    numbers: &[PhoneNumber],
    queues: &BTreeMap<PhoneNumberId, Queue>,
    thresholds: QueueThresholds,
    now: Timestamp,
) -> QueueHealth {
    let numbers = numbers.iter();
    let by_number = numbers.filter_map(|number| Some((number.clone(), *queues.get(&number.id)?))).collect();
    QueueHealth::new(by_number, thresholds, now)
}

fn check_window(seconds: i32) -> ServiceResult<()> {
    if WINDOW_SECONDS.contains(&seconds) {
        return Ok(());
    }
    let (least, most) = (WINDOW_SECONDS.start(), WINDOW_SECONDS.end());
    Err(Error::BadInput(format!("`window` must be between {least} and {most} seconds.")))
}

fn updated(mut thresholds: QueueThresholds, update: ThresholdsUpdate) -> Result<QueueThresholds, Refusal> {
    let checked = |field, value: Option<i32>, range: RangeInclusive<i32>| match value {
        Some(value) if !range.contains(&value) => {
            Err(Refusal::invalid(field, format!("Must be between {} and {}.", range.start(), range.end())))
        }
        value => Ok(value),
    };
    if let Some(value) = update.max_unassigned {
        thresholds.max_unassigned = checked(InputField::MaxUnassigned, value, MAX_UNASSIGNED)?;
    }
    if let Some(value) = update.max_wait_seconds {
        thresholds.max_wait_seconds = checked(InputField::MaxWaitSeconds, value, MAX_WAIT_SECONDS)?;
    }
    Ok(thresholds)
}

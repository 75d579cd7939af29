//! Whether the queue of unassigned work grows, and whether it is past what the workspace tolerates.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};

use super::administration::Office;
use super::pulse::Pulse;
use super::views::narrowed;
use super::{Access, Administered, Answer, BoxStream, Error, Services};
use crate::domain::queue::{Signals, Window};
use crate::domain::{PhoneNumberId, QueueHealth, QueueThresholds, Refusal, Workspace};
use crate::store::{queue, workspaces};
use crate::token::Caller;

/// For how many seconds arrivals can be held against claims: a minute to a week.
pub const WINDOW_SECONDS: RangeInclusive<i32> = 60..=604_800;
/// How many unassigned conversations can be tolerated.
pub const MAX_UNASSIGNED: RangeInclusive<i32> = 0..=1_000_000;
/// For how many seconds a customer's wait can be tolerated: up to thirty days.
pub const MAX_WAIT_SECONDS: RangeInclusive<i32> = 1..=2_592_000;

/// What to change of the thresholds. An absent part stays; `Some(None)` turns it off.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThresholdsUpdate {
    pub max_unassigned: Option<Option<i32>>,
    pub max_wait_seconds: Option<Option<i32>>,
}

impl Services {
    /// How the queue of the accessible numbers, or of those of `only` among them, is now. `window` is in seconds.
    ///
    /// # Errors
    /// Bad input when the window is none of [`WINDOW_SECONDS`]; forbidden for a service.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn queue_health(
        &self,
        access: &Access,
        only: Option<&BTreeSet<PhoneNumberId>>,
        window: i32,
    ) -> Answer<QueueHealth> {
        check_window(window)?;
        let numbers = narrowed(access.viewer()?.phone_number_ids, only);
        let workspace = access.workspace.id;
        // What is in the log has happened, also when another process's clock runs ahead of this one's.
        let window = Window::new(self.clock.now().max(access.logged_at), window);
        let queues = self
            .store
            .read(move |conn| {
                async move { queue::of_numbers(conn, workspace, &numbers, window).await }.boxed()
            })
            .await?;
        let known = access.phone_numbers.iter();
        let by_number = known.filter_map(|number| Some((number.clone(), *queues.get(&number.id)?))).collect();
        Ok(QueueHealth::new(by_number, access.workspace.queue_thresholds, window.now()))
    }

    /// The queue's health now, and each time its verdict or the state of a threshold changes, with the position
    /// in the log.
    ///
    /// # Errors
    /// As [`Self::queue_health`].
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn queue_health_changes(
        &self,
        access: Access,
        only: Option<BTreeSet<PhoneNumberId>>,
        window: i32,
    ) -> Answer<BoxStream<Answer<(QueueHealth, i64)>>> {
        check_window(window)?;
        access.viewer()?;
        let pulse = Pulse::new(self.feed.tail(access.workspace.id).await?);
        let watch = Watch {
            services: self.clone(),
            caller: access.caller,
            only,
            window,
            pulse,
            last: None,
            wait_left: None,
        };
        Ok(stream::unfold(Some(watch), |watch| async move {
            let mut watch = watch?;
            match watch.next().await {
                Ok(item) => Some((Ok(item), Some(watch))),
                // A deactivated agent's stream ends; the socket says why.
                Err(Error::Unauthenticated) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed())
    }

    /// Changes what the workspace wants to be told of.
    ///
    /// # Errors
    /// Not allowed for reps; invalid outside [`MAX_UNASSIGNED`] and [`MAX_WAIT_SECONDS`].
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn set_queue_thresholds(
        &self,
        caller: Caller,
        update: ThresholdsUpdate,
    ) -> Answer<Administered<Workspace>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.0, move |conn| {
            let clock = clock.clone();
            async move {
                let office = Office::open(conn, &clock, by, &[]).await?;
                let mut workspace = office.workspace().clone();
                let after = updated(workspace.queue_thresholds, update)?;
                let changed = workspace.queue_thresholds != after;
                if changed {
                    workspaces::set_thresholds(conn, by.0, after).await?;
                    workspace.queue_thresholds = after;
                }
                Ok(office.done(workspace, changed))
            }
            .boxed()
        })
        .await
    }
}

fn check_window(seconds: i32) -> Answer<()> {
    if WINDOW_SECONDS.contains(&seconds) {
        return Ok(());
    }
    let (least, most) = (WINDOW_SECONDS.start(), WINDOW_SECONDS.end());
    Err(Error::BadInput(format!("A window is from {least} to {most} seconds.")))
}

fn updated(mut thresholds: QueueThresholds, update: ThresholdsUpdate) -> Result<QueueThresholds, Refusal> {
    let checked = |field, value: Option<i32>, range: RangeInclusive<i32>| match value {
        Some(value) if !range.contains(&value) => {
            Err(Refusal::invalid(field, format!("It is from {} to {}.", range.start(), range.end())))
        }
        value => Ok(value),
    };
    if let Some(value) = update.max_unassigned {
        thresholds.max_unassigned = checked("maxUnassigned", value, MAX_UNASSIGNED)?;
    }
    if let Some(value) = update.max_wait_seconds {
        thresholds.max_wait_seconds = checked("maxWaitSeconds", value, MAX_WAIT_SECONDS)?;
    }
    Ok(thresholds)
}

/// The queue of one viewer, as its signals change.
struct Watch {
    services: Services,
    caller: Caller,
    only: Option<BTreeSet<PhoneNumberId>>,
    window: i32,
    pulse: Pulse,
    last: Option<Signals>,
    /// How many microseconds after the last look the longest wait was to pass its threshold.
    wait_left: Option<i64>,
}

impl Watch {
    /// The health, when its signals differ from the last.
    async fn next(&mut self) -> Answer<(QueueHealth, i64)> {
        loop {
            let due = self.wait_left.and_then(|left| u64::try_from(left).ok()).map(Duration::from_micros);
            self.pulse.beat(due).await;
            // Access is read each time: what the viewer may no longer see is no longer counted.
            let access = self.services.access(self.caller).await?;
            let health = self.services.queue_health(&access, self.only.as_ref(), self.window).await?;
            self.wait_left = health.wait_left;
            if self.last.replace(health.signals()) != Some(health.signals()) {
                return Ok((health, access.as_of));
            }
        }
    }
}

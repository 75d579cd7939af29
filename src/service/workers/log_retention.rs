//! Log retention: how far back a client can resume.
//!
//! Each workspace's log has a floor. A cursor below the floor causes a reset. Below the floor, events that only record
//! what one agent has read are deleted, and all other events are kept. Every process sweeps, without coordination: the
//! floor only rises, and raising it to its current value changes nothing.

use std::time::Duration;

use futures_util::FutureExt;

use crate::clock::Timestamp;
use crate::domain::WorkspaceId;
use crate::service::{Error, ServiceResult, Services};
use crate::store::StoreError;
use crate::store::log::events;
use crate::store::tables::workspaces;

/// The default period within which a client can resume.
pub const DEFAULT_REPLAY: Duration = Duration::from_secs(7 * 86_400);
/// The pause between two sweeps.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// The maximum number of events by which one transaction raises a floor.
const BATCH: i64 = 500;
/// The maximum number of transactions per workspace in one sweep.
const ROUNDS: usize = 20;
/// The maximum number of workspaces in one read.
const WORKSPACE_BATCH: i64 = 200;

impl Services {
    /// Raises the floor of every log above the events that are older than the replay period. Returns how many events
    /// were deleted.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sweep_replay(&self) -> ServiceResult<usize> {
        let cutoff = self.clock.now().plus_micros(-micros(self.settings.replay));
        let (mut after, mut deleted) = (None, 0);
        loop {
            let due = self
                .store
                .read(move |conn| workspaces::behind(conn, cutoff, after, WORKSPACE_BATCH).boxed())
                .await?;
            let Some(last) = due.last() else { return Ok(deleted) };
            after = Some(*last);
            for workspace in due {
                for _ in 0..ROUNDS {
                    let Some(n) = self.raise_floor(workspace, cutoff).await? else { break };
                    deleted += n;
                }
            }
        }
    }

    /// Raises the floor by up to [`BATCH`] events. Returns how many were deleted; `None` when the floor did not rise.
    async fn raise_floor(&self, workspace: WorkspaceId, cutoff: Timestamp) -> ServiceResult<Option<usize>> {
        let raised = self.store.write(move |conn| {
            async move {
                let Some((_, head)) = workspaces::find(conn, workspace).await? else { return Ok(None) };
                let through = events::last_until(conn, workspace, head.floor, BATCH, cutoff).await?;
                let Some(through) = through else { return Ok(None) };
                let deleted = events::delete_personal(conn, workspace, head.floor, through).await?;
                // The workspace's row is locked last, as in every transaction, so that writers wait as briefly as
                // possible.
                workspaces::raise_floor(conn, workspace, through).await?;
                Ok::<_, StoreError>(Some(deleted))
            }
            .boxed()
        });
        Ok(raised.await?)
    }

    /// Starts the worker that sweeps.
    pub fn start_log_retention(&self) {
        let services = self.clone();
        self.workers.every("log_retention", SWEEP_INTERVAL, move || {
            let services = services.clone();
            async move {
                let deleted = services.sweep_replay().await?;
                if deleted > 0 {
                    tracing::info!(deleted, "deleted old events");
                }
                Ok::<_, Error>(())
            }
            .boxed()
        });
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

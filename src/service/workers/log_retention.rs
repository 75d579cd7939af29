//! How far back a client can resume.
//!
//! Behind the floor of a workspace's log a cursor resets. What is history stays in the log for good; what
//! concerned one agent's reading only, and nobody can resume from any more, is deleted. Every process sweeps, and
//! none needs to know of another: the floor only rises, and rising it to where it is changes nothing.

use std::time::Duration;

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use crate::clock::Timestamp;
use crate::domain::WorkspaceId;
use crate::service::{ServiceResult, Services};
use crate::store::StoreError;
use crate::store::log::events;
use crate::store::tables::workspaces;

/// How far back a client can resume, unless set otherwise.
pub const DEFAULT_REPLAY: Duration = Duration::from_secs(7 * 86_400);
/// How long the sweeper rests between two sweeps.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// How many events fall behind the floor in one transaction.
const BATCH: i64 = 500;
/// How many transactions one sweep spends on a workspace before it looks after the next.
const ROUNDS: usize = 20;
/// How many workspaces are read at once.
const WORKSPACE_BATCH: i64 = 200;

impl Services {
    /// Raises the floor of every log to where the replay reaches back; says how many events were deleted.
    ///
    /// # Errors
    /// Only a database that fails.
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

    /// Puts up to [`BATCH`] events behind the floor; `None` when there were none to put there.
    async fn raise_floor(&self, workspace: WorkspaceId, cutoff: Timestamp) -> ServiceResult<Option<usize>> {
        let raised = self.store.write(move |conn| {
            async move {
                let Some((_, head)) = workspaces::find(conn, workspace).await? else { return Ok(None) };
                let through = events::last_until(conn, workspace, head.floor, BATCH, cutoff).await?;
                let Some(through) = through else { return Ok(None) };
                let deleted = events::delete_personal(conn, workspace, head.floor, through).await?;
                // Last, as in every transaction: whoever appends waits for nothing but this.
                workspaces::raise_floor(conn, workspace, through).await?;
                Ok::<_, StoreError>(Some(deleted))
            }
            .boxed()
        });
        Ok(raised.await?)
    }

    /// Sweeps until `stop`. A sweep that fails is logged, and the next one does its work.
    pub async fn keep_replay(self, stop: CancellationToken) {
        loop {
            match self.sweep_replay().await {
                Ok(0) => {}
                Ok(deleted) => tracing::info!(deleted, "the replay was shortened"),
                Err(error) => tracing::warn!(%error, "the replay could not be shortened"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(SWEEP_INTERVAL) => {}
            }
        }
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

//! The ownership lease: whoever leaves a customer waiting for too long loses the conversation.
//!
//! Every process sweeps, and none needs to know of another: a conversation is judged again under its lock, by
//! the later of the clock and the last event, so that it goes back once, whoever comes first, and a clock that
//! is set back fires nothing twice. Nothing is remembered between sweeps; a restart loses nothing.

use std::time::Duration;

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use crate::domain::{Lease, Workspace, WorkspaceId};
use crate::service::commands::administration::{Administered, ManagerTx};
use crate::service::context::WorkspaceTx;
use crate::service::{ServiceResult, Services};
use crate::store::log::{self, Draft};
use crate::store::reports::ownership;
use crate::store::tables::workspaces;
use crate::token::Caller;

/// How long the sweeper rests between two sweeps: how late a lease may end, at most.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(2);
/// How many conversations go back in one transaction.
const SWEEP_BATCH: i64 = 100;
/// How many transactions one sweep spends on a workspace before it looks after the next.
const SWEEP_ROUNDS: usize = 10;
/// How many workspaces are read at once.
const WORKSPACE_BATCH: i64 = 200;

impl Services {
    /// Sets how long, in minutes, an owner may leave a customer waiting; `None` is for ever.
    ///
    /// # Errors
    /// Not allowed for reps; minutes that cannot be.
    pub async fn set_ownership_lease(
        &self,
        caller: Caller,
        minutes: Option<i32>,
    ) -> ServiceResult<Administered<Workspace>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.0, move |conn| {
            let clock = clock.clone();
            async move {
                let manager_tx = ManagerTx::open(conn, &clock, by, &[]).await?;
                let lease = minutes.map(Lease::of_minutes).transpose()?;
                let mut workspace = manager_tx.workspace_tx.workspace.clone();
                let changed = workspace.lease != lease;
                if changed {
                    workspaces::set_lease(conn, by.0, lease).await?;
                    workspace.lease = lease;
                }
                Ok(manager_tx.done(workspace, changed))
            }
            .boxed()
        })
        .await
    }

    /// Ends every lease that has run out, in all workspaces; says how many conversations went back.
    ///
    /// # Errors
    /// Only a database that fails.
    pub async fn sweep_leases(&self) -> ServiceResult<usize> {
        let (mut after, mut returned) = (None, 0);
        loop {
            let batch = self
                .store
                .read(move |conn| workspaces::with_lease(conn, after, WORKSPACE_BATCH).boxed())
                .await?;
            let Some((last, _)) = batch.last() else { return Ok(returned) };
            after = Some(last.id);
            for (workspace, head) in batch {
                let Some(lease) = workspace.lease else { continue };
                let cutoff = lease.cutoff(self.clock.now().max(head.at));
                let id = workspace.id;
                let due =
                    self.store.read(move |conn| ownership::overdue(conn, id, cutoff, 1).boxed()).await?;
                if !due.is_empty() {
                    returned += self.end_leases(workspace.id).await?;
                }
            }
        }
    }

    /// Ends what has run out in one workspace, a batch at a time.
    async fn end_leases(&self, workspace: WorkspaceId) -> ServiceResult<usize> {
        let mut returned = 0;
        for _ in 0..SWEEP_ROUNDS {
            let n = self.end_some_leases(workspace).await?;
            returned += n;
            if n == 0 {
                break;
            }
        }
        Ok(returned)
    }

    async fn end_some_leases(&self, workspace: WorkspaceId) -> ServiceResult<usize> {
        let clock = self.clock.clone();
        self.write(workspace, move |conn| {
            let clock = clock.clone();
            async move {
                let mut workspace_tx = WorkspaceTx::open(conn, &clock, workspace).await?;
                let Some(lease) = workspace_tx.workspace.lease else { return Ok(0) };
                let cutoff = lease.cutoff(workspace_tx.now);
                let ids = ownership::overdue(conn, workspace, cutoff, SWEEP_BATCH).await?;
                let mut drafts = Vec::new();
                let locked = ownership::lock_all(conn, workspace, &ids).await?;
                workspace_tx.catch_up_with(&clock, &locked);
                for snapshot in locked {
                    let Some(change) = snapshot.expire_lease(lease, workspace_tx.now) else { continue };
                    log::store(conn, &change).await?;
                    drafts.push(Draft::of(change, workspace_tx.now, None, None));
                }
                let returned = drafts.len();
                log::append(conn, workspace, drafts).await?;
                Ok(returned)
            }
            .boxed()
        })
        .await
    }

    /// Sweeps until `stop`. A sweep that fails is logged, and the next one does its work.
    pub async fn keep_leases(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(SWEEP_INTERVAL) => {}
            }
            match self.sweep_leases().await {
                Ok(0) => {}
                Ok(returned) => {
                    self.metrics.leases_returned(returned);
                    tracing::info!(returned, "leases have run out");
                }
                Err(error) => tracing::warn!(%error, "the leases could not be swept"),
            }
        }
    }
}

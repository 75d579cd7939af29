//! The ownership lease: an owner who leaves a customer waiting too long loses the conversation.
//!
//! Every process sweeps, without coordination. The lease is checked again under the conversation's lock, so only one
//! process unassigns the conversation. The check uses the later of the clock and the last event, so a clock that is set
//! back expires no lease twice. No state is kept between sweeps, so a restart loses nothing.

use std::time::Duration;

use futures_util::FutureExt;

use crate::domain::workspace_event::WorkspaceEventKind;
use crate::domain::{EventBody, Lease, Workspace, WorkspaceId};
use crate::service::commands::administration::{AdminOutcome, ManagerTx};
use crate::service::context::WorkspaceTx;
use crate::service::{Error, ServiceResult, Services};
use crate::store::log::{self, Draft};
use crate::store::reports::ownership;
use crate::store::tables::workspaces;
use crate::token::Caller;

/// The pause between two sweeps, and so the longest delay of an expiry.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(2);
/// The most conversations that one transaction returns.
const SWEEP_BATCH: i64 = 100;
/// The most transactions per workspace in one sweep.
const SWEEP_ROUNDS: usize = 10;
/// The most workspaces in one read.
const WORKSPACE_BATCH: i64 = 200;

impl Services {
    /// Sets how many minutes an owner may leave a customer waiting; `None` turns the lease off.
    ///
    /// # Errors
    /// Not allowed for reps; minutes out of bounds.
    pub async fn set_ownership_lease(
        &self,
        caller: Caller,
        minutes: Option<i32>,
    ) -> ServiceResult<AdminOutcome<Workspace>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.workspace_id, move |mut tx| {
            let clock = clock.clone();
            async move {
                let manager_tx = ManagerTx::open(&mut tx, &clock, by, &[]).await?;
                let lease = minutes.map(Lease::of_minutes).transpose()?;
                let mut workspace = manager_tx.workspace_tx.workspace.clone();
                let changed = workspace.lease != lease;
                if !changed {
                    return Ok(manager_tx.done(workspace, false));
                }
                let shown = |lease: Option<Lease>| lease.map(|lease| format!("{} minutes", lease.minutes()));
                let act = EventBody::act(WorkspaceEventKind::OwnershipLeaseChanged, None)
                    .with(shown(workspace.lease), shown(lease));
                workspaces::set_lease(&mut tx, by.workspace_id, lease).await?;
                workspace.lease = lease;
                manager_tx.commit(tx, workspace, vec![act], Vec::new()).await
            }
            .boxed()
        })
        .await
    }

    /// Expires overdue leases in all workspaces. Returns how many conversations became unassigned.
    ///
    /// # Errors
    /// When the database fails.
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
                    returned += self.expire_leases(workspace.id).await?;
                }
            }
        }
    }

    /// Expires the overdue leases of one workspace in batches.
    async fn expire_leases(&self, workspace: WorkspaceId) -> ServiceResult<usize> {
        let mut returned = 0;
        for _ in 0..SWEEP_ROUNDS {
            let n = self.expire_lease_batch(workspace).await?;
            returned += n;
            if n == 0 {
                break;
            }
        }
        Ok(returned)
    }

    async fn expire_lease_batch(&self, workspace: WorkspaceId) -> ServiceResult<usize> {
        let clock = self.clock.clone();
        self.write(workspace, move |mut tx| {
            let clock = clock.clone();
            async move {
                let mut workspace_tx = WorkspaceTx::open(&mut tx, &clock, workspace).await?;
                let Some(lease) = workspace_tx.workspace.lease else { return Ok(0) };
                let cutoff = lease.cutoff(workspace_tx.now);
                let ids = ownership::overdue(&mut tx, workspace, cutoff, SWEEP_BATCH).await?;
                let mut drafts = Vec::new();
                let locked = ownership::lock_all(&mut tx, workspace, &ids).await?;
                workspace_tx.catch_up_with(&clock, &locked);
                for snapshot in locked {
                    let Some(change) = snapshot.expire_lease(lease, workspace_tx.now) else { continue };
                    log::store(&mut tx, &change).await?;
                    drafts.push(Draft::of(change, workspace_tx.now, None, None));
                }
                let returned = drafts.len();
                log::append(tx, workspace, drafts).await?;
                Ok(returned)
            }
            .boxed()
        })
        .await
    }

    /// Starts the worker that sweeps.
    pub fn start_lease_sweeper(&self) {
        let services = self.clone();
        self.workers.every("lease_sweeper", SWEEP_INTERVAL, move || {
            let services = services.clone();
            async move {
                let returned = services.sweep_leases().await?;
                if returned > 0 {
                    services.metrics.leases_returned(returned);
                    tracing::info!(returned, "expired leases");
                }
                Ok::<_, Error>(())
            }
            .boxed()
        });
    }
}

//! Workloads of agents, for managers.

use std::sync::Arc;

use futures_util::{FutureExt, StreamExt, stream};

use crate::domain::{Agent, WorkspaceId};
use crate::service::live::shared_queries::{QueryResult, SharedQuery, Watcher};
use crate::service::{Access, BoxStream, Error, ServiceResult, Services};
use crate::store::db::conn::pipelined;
use crate::store::reports::workloads;
use crate::store::tables::{agents, workspaces};
use crate::token::Caller;

const MANAGERS_ONLY: &str = "Only managers may see workloads.";

/// How many conversations an active agent owns, over all numbers of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    pub agent: Agent,
    /// How many open conversations the agent owns.
    pub open: i64,
    /// In how many of these the customer waits for an answer.
    pub waiting: i64,
}

impl Services {
    /// The workload of each active agent, the highest first, then by name.
    ///
    /// # Errors
    /// Forbidden unless the caller is a manager.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn workloads(&self, access: &Access) -> ServiceResult<Vec<Workload>> {
        check_manager(access)?;
        Ok(self.all_workloads(access.workspace.id).await?.value)
    }

    /// Streams the workloads: now, and each time they change. Ends when the caller ceases to be a manager.
    ///
    /// # Errors
    /// As [`Self::workloads`].
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn workloads_changes(
        &self,
        access: Access,
    ) -> ServiceResult<BoxStream<ServiceResult<Vec<Workload>>>> {
        check_manager(&access)?;
        let viewer = access.viewer()?.agent_id;
        let tail = self.feed.tail(access.workspace.id).await?;
        let (services, caller) = (self.clone(), access.caller);
        let select = move || {
            let services = services.clone();
            async move { services.workloads_query(caller).await }.boxed()
        };
        let watcher = Watcher::new(tail, viewer, Box::new(select)).await?;
        Ok(stream::unfold(Some((watcher, None)), |state| async move {
            let (mut watcher, mut last) = state?;
            loop {
                match watcher.next().await {
                    Ok(Some(now)) if last.as_ref() == Some(&now) => {}
                    Ok(Some(now)) => {
                        last = Some(now.clone());
                        return Some((Ok(now.to_vec()), Some((watcher, last))));
                    }
                    Ok(None) | Err(Error::Unauthenticated | Error::Forbidden(_)) => return None,
                    Err(error) => return Some((Err(error), None)),
                }
            }
        })
        .boxed())
    }

    /// The shared query of the workloads, for a manager.
    async fn workloads_query(&self, caller: Caller) -> ServiceResult<Arc<SharedQuery<Vec<Workload>>>> {
        let access = self.access(caller).await?;
        check_manager(&access)?;
        let workspace = access.workspace.id;
        let tail = self.feed.tail(workspace).await?;
        let services = self.clone();
        Ok(self.workloads.query(workspace, tail, move || {
            let services = services.clone();
            async move { services.all_workloads(workspace).await }.boxed()
        }))
    }

    async fn all_workloads(&self, workspace: WorkspaceId) -> ServiceResult<QueryResult<Vec<Workload>>> {
        let (agents, open, waiting, heads) = self
            .store
            .read(move |conn| {
                async move {
                    let (agents, (open, (waiting, heads))) = pipelined!(conn;
                        |c| agents::all(c, workspace),
                        |c| workloads::open(c, workspace),
                        |c| workloads::waiting(c, workspace),
                        |c| workspaces::heads(c, &[workspace]),
                    );
                    Ok((agents, open, waiting, heads))
                }
                .boxed()
            })
            .await?;
        let workload = |agent: Agent| {
            let (open, waiting) = (open.get(&agent.id), waiting.get(&agent.id));
            Workload { open: open.copied().unwrap_or(0), waiting: waiting.copied().unwrap_or(0), agent }
        };
        let mut all: Vec<_> = agents.into_iter().filter(|agent| agent.active).map(workload).collect();
        all.sort_by_cached_key(|it| (-it.open, it.agent.name.to_lowercase(), it.agent.id));
        Ok(QueryResult { value: all, through: heads.first().map_or(0, |(_, seq)| *seq), due: None })
    }
}

fn check_manager(access: &Access) -> ServiceResult<()> {
    if access.sees_reports() {
        return Ok(());
    }
    Err(Error::Forbidden(MANAGERS_ONLY))
}

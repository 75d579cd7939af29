//! How much each agent holds, for managers.

use futures_util::{FutureExt, StreamExt, stream};

use super::pulse::Pulse;
use super::{Access, Answer, BoxStream, Error, Services};
use crate::domain::Agent;
use crate::store::{agents, workloads};
use crate::token::Caller;

const MANAGERS_ONLY: &str = "Only managers see how much each agent holds.";

/// What one active agent holds, over all numbers of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    pub agent: Agent,
    /// How many open conversations they own.
    pub open: i64,
    /// In how many of them the customer waits for an answer.
    pub waiting: i64,
}

impl Services {
    /// What each active agent holds, the fullest hands first, then by name.
    ///
    /// # Errors
    /// Forbidden for all but managers.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn workloads(&self, access: &Access) -> Answer<Vec<Workload>> {
        if !access.agent.as_ref().is_some_and(Agent::is_manager) {
            return Err(Error::Forbidden(MANAGERS_ONLY));
        }
        let workspace = access.workspace.id;
        let (agents, open, waiting) = self
            .store
            .read(move |conn| {
                async move {
                    let agents = agents::all(conn, workspace).await?;
                    let open = workloads::open(conn, workspace).await?;
                    Ok((agents, open, workloads::waiting(conn, workspace).await?))
                }
                .boxed()
            })
            .await?;
        let held = |agent: Agent| {
            let (open, waiting) = (open.get(&agent.id), waiting.get(&agent.id));
            Workload { open: open.copied().unwrap_or(0), waiting: waiting.copied().unwrap_or(0), agent }
        };
        let mut all: Vec<_> = agents.into_iter().filter(|agent| agent.active).map(held).collect();
        all.sort_by_cached_key(|it| (-it.open, it.agent.name.to_lowercase(), it.agent.id));
        Ok(all)
    }

    /// The workloads now, and each time they change. Ends when the caller is no manager any more.
    ///
    /// # Errors
    /// As [`Self::workloads`].
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn workloads_changes(&self, access: Access) -> Answer<BoxStream<Answer<Vec<Workload>>>> {
        if !access.agent.as_ref().is_some_and(Agent::is_manager) {
            return Err(Error::Forbidden(MANAGERS_ONLY));
        }
        let pulse = Pulse::new(self.feed.tail(access.workspace.id).await?);
        let watch = Watch { services: self.clone(), caller: access.caller, pulse, last: None };
        Ok(stream::unfold(Some(watch), |watch| async move {
            let mut watch = watch?;
            match watch.next().await {
                Ok(item) => Some((Ok(item), Some(watch))),
                Err(Error::Unauthenticated | Error::Forbidden(_)) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed())
    }
}

/// The workloads, as they change before one manager.
struct Watch {
    services: Services,
    caller: Caller,
    pulse: Pulse,
    last: Option<Vec<Workload>>,
}

impl Watch {
    /// The workloads, when they differ from the last.
    async fn next(&mut self) -> Answer<Vec<Workload>> {
        loop {
            self.pulse.beat(None).await;
            let access = self.services.access(self.caller).await?;
            let now = self.services.workloads(&access).await?;
            if self.last.as_ref() != Some(&now) {
                self.last = Some(now.clone());
                return Ok(now);
            }
        }
    }
}

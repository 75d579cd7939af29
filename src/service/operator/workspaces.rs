//! What the operator does without signing in: what has to exist before the first manager can.

use futures_util::FutureExt;

use crate::domain::event::{AccessChange, AccessChangeKind};
use crate::domain::input::{self, E164};
use crate::domain::{
    Agent, AgentId, AssignmentModel, InputField, PhoneNumber, PhoneNumberId, Plan, QueueThresholds, Refusal,
    Workspace, WorkspaceId,
};
use crate::service::commands::administration::{NewAgent, add_agent, add_number};
use crate::service::context::WorkspaceTx;
use crate::service::{Error, ServiceResult, Services};
use crate::store::log::{self, Draft};
use crate::store::tables::{agents, phone_numbers, workspaces};

/// A workspace with the agents and numbers in it.
#[derive(Debug, Clone)]
pub struct Inventory {
    pub workspace: Workspace,
    pub agents: Vec<Agent>,
    /// Oldest first.
    pub phone_numbers: Vec<PhoneNumber>,
}

impl Services {
    /// Adds a workspace, with the model `OPEN` and nobody in it.
    ///
    /// # Errors
    /// A name that cannot be.
    pub async fn create_workspace(&self, name: &str, plan: Plan) -> ServiceResult<Workspace> {
        let name = input::name(InputField::Name, name)?;
        let workspace = Workspace {
            id: WorkspaceId::generate(),
            name,
            plan,
            assignment_model: AssignmentModel::Open,
            queue_thresholds: QueueThresholds::default(),
            lease: None,
        };
        let (id, new, now) = (workspace.id, workspace.clone(), self.clock.now());
        self.write(id, move |conn| {
            let new = new.clone();
            async move { Ok(workspaces::insert(conn, &new, now).await?) }.boxed()
        })
        .await?;
        Ok(workspace)
    }

    /// Voids all cursors, after history was rewritten under them: every process tells its clients to begin anew
    /// at its next poll.
    ///
    /// # Errors
    /// Only a database that fails.
    pub async fn new_epoch(&self) -> ServiceResult<()> {
        self.store.write(|conn| workspaces::renew_epoch(conn).boxed()).await?;
        Ok(())
    }

    /// Changes what a workspace pays for.
    ///
    /// # Errors
    /// Not found.
    pub async fn set_plan(&self, id: WorkspaceId, plan: Plan) -> ServiceResult<Workspace> {
        self.write(id, move |conn| {
            async move {
                let found = workspaces::find(conn, id).await?;
                let (mut workspace, _) = found.ok_or(Refusal::NotFound(InputField::Workspace))?;
                workspaces::set_plan(conn, id, plan).await?;
                workspace.plan = plan;
                Ok(workspace)
            }
            .boxed()
        })
        .await
    }

    /// Adds an agent, a manager among them.
    ///
    /// # Errors
    /// As [`Services::create_agent`].
    pub async fn enrol_agent(&self, workspace: WorkspaceId, new: NewAgent) -> ServiceResult<Agent> {
        let clock = self.clock.clone();
        self.write(workspace, move |conn| {
            let (clock, new) = (clock.clone(), new.clone());
            async move {
                let workspace_tx = WorkspaceTx::open(conn, &clock, workspace).await.map_err(no_workspace)?;
                add_agent(conn, workspace, new, workspace_tx.now).await
            }
            .boxed()
        })
        .await
    }

    /// Adds a shared number.
    ///
    /// # Errors
    /// As [`Services::add_phone_number`].
    pub async fn enrol_number(
        &self,
        workspace: WorkspaceId,
        number: E164,
        label: &str,
    ) -> ServiceResult<PhoneNumber> {
        let (clock, label) = (self.clock.clone(), label.to_owned());
        self.write(workspace, move |conn| {
            let (clock, number, label) = (clock.clone(), number.clone(), label.clone());
            async move {
                let workspace_tx = WorkspaceTx::open(conn, &clock, workspace).await.map_err(no_workspace)?;
                add_number(conn, workspace, number, &label, workspace_tx.now).await
            }
            .boxed()
        })
        .await
    }

    /// Lets an agent see and answer a number's conversations; false when they could.
    ///
    /// # Errors
    /// Not found.
    pub async fn enrol_access(
        &self,
        workspace: WorkspaceId,
        agent: AgentId,
        number: PhoneNumberId,
    ) -> ServiceResult<bool> {
        let clock = self.clock.clone();
        self.write(workspace, move |conn| {
            let clock = clock.clone();
            async move {
                let workspace_tx = WorkspaceTx::open(conn, &clock, workspace).await.map_err(no_workspace)?;
                agents::find(conn, workspace, agent).await?.ok_or(Refusal::NotFound(InputField::Agent))?;
                let known = phone_numbers::by_ids(conn, workspace, &[number]).await?;
                known.first().ok_or(Refusal::NotFound(InputField::Number))?;
                if !agents::grant(conn, workspace, agent, number, workspace_tx.now).await? {
                    return Ok(false);
                }
                let change = AccessChange { agent_id: agent, kind: AccessChangeKind::Granted(number) };
                log::append(conn, workspace, vec![Draft::access(change, workspace_tx.now, None)]).await?;
                Ok(true)
            }
            .boxed()
        })
        .await
    }

    /// All workspaces with their agents and numbers, oldest first.
    ///
    /// # Errors
    /// Only a database that fails.
    pub async fn inventory(&self) -> ServiceResult<Vec<Inventory>> {
        Ok(self
            .store
            .read(|conn| {
                async move {
                    let mut found = Vec::new();
                    for (workspace, _) in workspaces::all(conn).await? {
                        let agents = agents::all(conn, workspace.id).await?;
                        let phone_numbers = phone_numbers::all(conn, workspace.id).await?;
                        found.push(Inventory { workspace, agents, phone_numbers });
                    }
                    Ok(found)
                }
                .boxed()
            })
            .await?)
    }
}

/// The operator has no token: what looks like a stale one is a wrong id.
fn no_workspace(error: Error) -> Error {
    match error {
        Error::Unauthenticated => Refusal::NotFound(InputField::Workspace).into(),
        other => other,
    }
}

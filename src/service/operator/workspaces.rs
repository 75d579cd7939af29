//! Operator commands, which need no token: setting up workspaces, agents and numbers before the first manager signs in.

use futures_util::FutureExt;

use crate::domain::input::{self, E164};
use crate::domain::workspace_event::WorkspaceEventKind;
use crate::domain::{
    AccessChangeKind, Agent, AgentId, AssignmentModel, EventBody, InputField, PhoneNumber, PhoneNumberId,
    Plan, QueueThresholds, Refusal, Workspace, WorkspaceId,
};
use crate::service::commands::administration::{NewAgent, add_agent, add_number, added, created};
use crate::service::context::WorkspaceTx;
use crate::service::{Error, ServiceResult, Services};
use crate::store::Epoch;
use crate::store::log::{self, Draft};
use crate::store::tables::{agents, pending_numbers, phone_numbers, workspaces};

/// A workspace with the agents and numbers in it.
#[derive(Debug, Clone)]
pub struct Inventory {
    pub workspace: Workspace,
    pub agents: Vec<Agent>,
    /// The phone numbers, oldest first: the verified ones, and then the pending ones.
    pub phone_numbers: Vec<PhoneNumber>,
}

impl Services {
    /// Creates an empty workspace with the assignment model `OPEN`.
    ///
    /// # Errors
    /// An invalid name.
    pub async fn create_workspace(&self, name: &str, plan: Plan) -> ServiceResult<Workspace> {
        let name = input::name(InputField::Name, name)?;
        let workspace = Workspace {
            id: WorkspaceId(self.ids.next()),
            name,
            plan,
            assignment_model: AssignmentModel::Open,
            queue_thresholds: QueueThresholds::default(),
            lease: None,
        };
        let (id, new, now) = (workspace.id, workspace.clone(), self.clock.now());
        self.write(id, move |mut tx| {
            let new = new.clone();
            async move { Ok(workspaces::insert(&mut tx, &new, now).await?) }.boxed()
        })
        .await?;
        Ok(workspace)
    }

    /// Invalidates all cursors. Necessary after the database was restored from a backup. At its next poll, every
    /// process resets the streams of its clients.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn new_epoch(&self) -> ServiceResult<()> {
        let fresh = Epoch(self.ids.next());
        self.store.write(move |conn| workspaces::renew_epoch(conn, fresh).boxed()).await?;
        Ok(())
    }

    /// Sets the plan of a workspace.
    ///
    /// # Errors
    /// Not found.
    pub async fn set_plan(&self, id: WorkspaceId, plan: Plan) -> ServiceResult<Workspace> {
        let clock = self.clock.clone();
        self.write(id, move |mut tx| {
            let clock = clock.clone();
            async move {
                let WorkspaceTx { mut workspace, now, .. } =
                    WorkspaceTx::open(&mut tx, &clock, id).await.map_err(no_workspace)?;
                if workspace.plan == plan {
                    return Ok(workspace);
                }
                let act = EventBody::act(WorkspaceEventKind::PlanChanged, None)
                    .with(Some(workspace.plan.to_string()), Some(plan.to_string()));
                workspaces::set_plan(&mut tx, id, plan).await?;
                workspace.plan = plan;
                log::append(tx, id, vec![Draft::act(act, now, None)]).await?;
                Ok(workspace)
            }
            .boxed()
        })
        .await
    }

    /// Adds an agent, who may be a manager.
    ///
    /// # Errors
    /// As [`Services::create_agent`].
    pub async fn enrol_agent(&self, workspace: WorkspaceId, new: NewAgent) -> ServiceResult<Agent> {
        let clock = self.clock.clone();
        self.write(workspace, move |mut tx| {
            let (clock, new) = (clock.clone(), new.clone());
            async move {
                let workspace_tx =
                    WorkspaceTx::open(&mut tx, &clock, workspace).await.map_err(no_workspace)?;
                let agent = add_agent(&mut tx, workspace, new, workspace_tx.now).await?;
                log::append(tx, workspace, vec![Draft::act(created(&agent), workspace_tx.now, None)]).await?;
                Ok(agent)
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
        self.write(workspace, move |mut tx| {
            let (clock, number, label) = (clock.clone(), number.clone(), label.clone());
            async move {
                let workspace_tx =
                    WorkspaceTx::open(&mut tx, &clock, workspace).await.map_err(no_workspace)?;
                let number = add_number(&mut tx, workspace, number, &label, workspace_tx.now).await?;
                log::append(tx, workspace, vec![Draft::act(added(&number), workspace_tx.now, None)]).await?;
                Ok(number)
            }
            .boxed()
        })
        .await
    }

    /// Grants an agent access to a number. Returns false when the agent already has access.
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
        self.write(workspace, move |mut tx| {
            let clock = clock.clone();
            async move {
                let workspace_tx =
                    WorkspaceTx::open(&mut tx, &clock, workspace).await.map_err(no_workspace)?;
                agents::find(&mut tx, workspace, agent).await?.ok_or(Refusal::NotFound(InputField::Agent))?;
                let found = phone_numbers::by_ids(&mut tx, workspace, &[number]).await?;
                let digits = found.first().ok_or(Refusal::NotFound(InputField::Number))?.number.to_string();
                if !agents::grant(&mut tx, workspace, agent, number, workspace_tx.now).await? {
                    return Ok(false);
                }
                let act =
                    EventBody::access(agent, AccessChangeKind::Granted(number)).with(None, Some(digits));
                log::append(tx, workspace, vec![Draft::act(act, workspace_tx.now, None)]).await?;
                Ok(true)
            }
            .boxed()
        })
        .await
    }

    /// Revokes every token of an agent that was issued until now.
    ///
    /// # Errors
    /// Not found.
    pub async fn revoke_tokens_of(&self, workspace: WorkspaceId, agent: AgentId) -> ServiceResult<()> {
        let clock = self.clock.clone();
        self.write(workspace, move |mut tx| {
            let clock = clock.clone();
            async move {
                let workspace_tx =
                    WorkspaceTx::open(&mut tx, &clock, workspace).await.map_err(no_workspace)?;
                let locked = agents::with_managers_locked(&mut tx, workspace, &[agent]).await?;
                let found = locked.into_iter().find(|found| found.id == agent);
                let mut found = found.ok_or(Refusal::NotFound(InputField::Agent))?;
                found.tokens_valid_after = Some(workspace_tx.now);
                agents::replace(&mut tx, &found).await?;
                let act = EventBody::access(agent, AccessChangeKind::TokensRevoked);
                log::append(tx, workspace, vec![Draft::act(act, workspace_tx.now, None)]).await?;
                Ok(())
            }
            .boxed()
        })
        .await
    }

    /// All workspaces with their agents and numbers, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn inventory(&self) -> ServiceResult<Vec<Inventory>> {
        Ok(self
            .store
            .read(|conn| {
                async move {
                    let mut found = Vec::new();
                    for (workspace, _) in workspaces::all(conn).await? {
                        let agents = agents::all(conn, workspace.id).await?;
                        let mut phone_numbers = phone_numbers::all(conn, workspace.id).await?;
                        let pending = pending_numbers::all(conn, workspace.id).await?;
                        phone_numbers.extend(pending.into_iter().map(|pending| pending.number));
                        found.push(Inventory { workspace, agents, phone_numbers });
                    }
                    Ok(found)
                }
                .boxed()
            })
            .await?)
    }
}

/// Maps a missing workspace to "not found". For a token it means "unauthenticated", but the operator has no token.
fn no_workspace(error: Error) -> Error {
    match error {
        Error::Unauthenticated => Refusal::NotFound(InputField::Workspace).into(),
        other => other,
    }
}

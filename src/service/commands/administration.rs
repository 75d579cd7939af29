//! What managers do: the assignment model, agents, numbers, access.
//!
//! Taking access away returns the open conversations that rest on it to Unassigned in the same transaction, so
//! that an open conversation is never owned by somebody who cannot work it.

use std::time::Duration;

use futures_util::FutureExt;

use crate::clock::{Clock, Timestamp};
use crate::domain::conversation::{ACCESS_REVOKED, AGENT_DEACTIVATED};
use crate::domain::event::{AccessChange, AccessChangeKind};
use crate::domain::input::{self, E164};
use crate::domain::{
    Agent, AgentId, AssignmentModel, InputField, PhoneNumber, PhoneNumberId, Refusal, Role, Snapshot,
    Workspace, WorkspaceId,
};
use crate::service::context::WorkspaceTx;
use crate::service::{Error, ServiceResult, Services};
use crate::store::Conn;
use crate::store::log::{self, Draft};
use crate::store::tables::{agents, conversations, phone_numbers, workspaces};
use crate::token::{Caller, TokenError};

/// An agent to add.
#[derive(Debug, Clone)]
pub struct NewAgent {
    pub name: String,
    pub title: Option<String>,
    pub email: String,
    pub role: Role,
    pub experienced: bool,
}

/// What to change of an agent. Absent parts stay; `title: Some(None)` removes the title.
#[derive(Debug, Clone)]
pub struct AgentUpdate {
    pub agent_id: AgentId,
    pub name: Option<String>,
    pub title: Option<Option<String>>,
    pub role: Option<Role>,
    pub experienced: Option<bool>,
}

/// What became of a manager's command.
#[derive(Debug, Clone)]
pub struct Administered<T> {
    pub value: T,
    /// False when it already was as asked, and nothing was written.
    pub changed: bool,
    /// How many open conversations went back to Unassigned.
    pub returned: usize,
    /// The position in the log at which `value` holds.
    pub as_of: i64,
}

/// A bearer token that was just signed.
#[derive(Clone)]
pub struct IssuedToken {
    pub agent: Agent,
    pub token: String,
    pub expires_at: Timestamp,
}

const MANAGERS_ONLY: &str = "Only managers may do this.";
const TOKENS_FROM_OUTSIDE: &str = "Tokens are made by your identity provider here.";
const LAST_MANAGER: &str = "A workspace needs an active manager, and this is the last one.";

impl Services {
    /// Changes how work is handed out.
    ///
    /// # Errors
    /// Not allowed for reps.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn set_assignment_model(
        &self,
        caller: Caller,
        model: AssignmentModel,
    ) -> ServiceResult<Administered<Workspace>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.0, move |conn| {
            let clock = clock.clone();
            async move {
                let manager_tx = ManagerTx::open(conn, &clock, by, &[]).await?;
                let mut workspace = manager_tx.workspace_tx.workspace.clone();
                let changed = workspace.assignment_model != model;
                if changed {
                    workspaces::set_model(conn, by.0, model).await?;
                    workspace.assignment_model = model;
                }
                Ok(manager_tx.done(workspace, changed))
            }
            .boxed()
        })
        .await
    }

    /// Adds an agent, who has access to no number yet.
    ///
    /// # Errors
    /// Not allowed for reps; a name, title or address that cannot be, or is taken.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn create_agent(&self, caller: Caller, new: NewAgent) -> ServiceResult<Administered<Agent>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.0, move |conn| {
            let (clock, new) = (clock.clone(), new.clone());
            async move {
                let manager_tx = ManagerTx::open(conn, &clock, by, &[]).await?;
                let agent = add_agent(conn, by.0, new, manager_tx.workspace_tx.now).await?;
                Ok(manager_tx.done(agent, true))
            }
            .boxed()
        })
        .await
    }

    /// Changes an agent's name, title, role or experience.
    ///
    /// # Errors
    /// Not allowed for reps, nor when it would leave no active manager; not found; input that cannot be.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn update_agent(
        &self,
        caller: Caller,
        update: AgentUpdate,
    ) -> ServiceResult<Administered<Agent>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.0, move |conn| {
            let (clock, update) = (clock.clone(), update.clone());
            async move {
                let manager_tx = ManagerTx::open(conn, &clock, by, &[update.agent_id]).await?;
                let before = manager_tx.agent(update.agent_id)?.clone();
                let after = updated(before.clone(), update)?;
                if after == before {
                    return Ok(manager_tx.done(after, false));
                }
                if before.is_manager() && !after.is_manager() {
                    manager_tx.spare_a_manager(&before)?;
                }
                agents::replace(conn, &after).await?;
                let changes = (before.role != after.role).then_some(AccessChangeKind::RoleChanged);
                manager_tx.commit(conn, after.clone(), changes.map(|kind| (after.id, kind)), Vec::new()).await
            }
            .boxed()
        })
        .await
    }

    /// Ends an agent's access, and returns their open conversations to Unassigned.
    ///
    /// # Errors
    /// Not allowed for reps, nor for the last active manager; not found.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn deactivate_agent(&self, caller: Caller, id: AgentId) -> ServiceResult<Administered<Agent>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.0, move |conn| {
            let clock = clock.clone();
            async move {
                let manager_tx = ManagerTx::open(conn, &clock, by, &[id]).await?;
                let mut agent = manager_tx.agent(id)?.clone();
                if !agent.active {
                    return Ok(manager_tx.done(agent, false));
                }
                manager_tx.spare_a_manager(&agent)?;
                agent.active = false;
                agents::replace(conn, &agent).await?;
                let owned = conversations::lock_open_of(conn, by.0, id, None).await?;
                let released = manager_tx.release(conn, owned, AGENT_DEACTIVATED).await?;
                manager_tx.commit(conn, agent, Some((id, AccessChangeKind::Deactivated)), released).await
            }
            .boxed()
        })
        .await
    }

    /// Lets a deactivated agent sign in again, with the access they had. Their conversations do not come back.
    ///
    /// # Errors
    /// Not allowed for reps; not found.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn reactivate_agent(&self, caller: Caller, id: AgentId) -> ServiceResult<Administered<Agent>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.0, move |conn| {
            let clock = clock.clone();
            async move {
                let manager_tx = ManagerTx::open(conn, &clock, by, &[id]).await?;
                let mut agent = manager_tx.agent(id)?.clone();
                if agent.active {
                    return Ok(manager_tx.done(agent, false));
                }
                agent.active = true;
                agents::replace(conn, &agent).await?;
                manager_tx.commit(conn, agent, Some((id, AccessChangeKind::Reactivated)), Vec::new()).await
            }
            .boxed()
        })
        .await
    }

    /// A token for an active agent.
    ///
    /// # Errors
    /// Not allowed for reps, or where an identity provider makes the tokens; not found; the agent is inactive.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn issue_agent_token(
        &self,
        caller: Caller,
        id: AgentId,
        ttl: Duration,
    ) -> ServiceResult<Administered<IssuedToken>> {
        let by = self.agent_of(caller)?;
        let (clock, keys) = (self.clock.clone(), self.keys.clone());
        self.write(by.0, move |conn| {
            let (clock, keys) = (clock.clone(), keys.clone());
            async move {
                let manager_tx = ManagerTx::open(conn, &clock, by, &[id]).await?;
                let agent = manager_tx.agent(id)?.clone();
                if !agent.active {
                    return Err(Refusal::AgentInactive.into());
                }
                let now = clock.now();
                let token = keys.sign(Caller::Agent { workspace_id: by.0, agent_id: id }, now, ttl).map_err(
                    |error| match error {
                        TokenError::NoSecret => Refusal::NotAllowed(TOKENS_FROM_OUTSIDE).into(),
                        error => Error::BadInput(error.to_string()),
                    },
                )?;
                let lifetime = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX).saturating_mul(1_000_000);
                let issued = IssuedToken { agent, token, expires_at: now.plus_micros(lifetime) };
                Ok(manager_tx.done(issued, true))
            }
            .boxed()
        })
        .await
    }

    /// Adds a shared number, which nobody can access yet.
    ///
    /// # Errors
    /// Not allowed for reps; a label that cannot be; the number is in use.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn add_phone_number(
        &self,
        caller: Caller,
        number: E164,
        label: String,
    ) -> ServiceResult<Administered<PhoneNumber>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.0, move |conn| {
            let (clock, number, label) = (clock.clone(), number.clone(), label.clone());
            async move {
                let manager_tx = ManagerTx::open(conn, &clock, by, &[]).await?;
                let number = add_number(conn, by.0, number, &label, manager_tx.workspace_tx.now).await?;
                Ok(manager_tx.done(number, true))
            }
            .boxed()
        })
        .await
    }

    /// Lets an agent see and answer a number's conversations.
    ///
    /// # Errors
    /// Not allowed for reps; not found.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn grant_number_access(
        &self,
        caller: Caller,
        agent: AgentId,
        number: PhoneNumberId,
    ) -> ServiceResult<Administered<(Agent, PhoneNumber)>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.0, move |conn| {
            let clock = clock.clone();
            async move {
                let manager_tx = ManagerTx::open(conn, &clock, by, &[agent]).await?;
                let both = (manager_tx.agent(agent)?.clone(), manager_tx.number(conn, number).await?);
                if !agents::grant(conn, by.0, agent, number, manager_tx.workspace_tx.now).await? {
                    return Ok(manager_tx.done(both, false));
                }
                let change = Some((agent, AccessChangeKind::Granted(number)));
                manager_tx.commit(conn, both, change, Vec::new()).await
            }
            .boxed()
        })
        .await
    }

    /// Takes a number from an agent, and returns their open conversations there to Unassigned.
    ///
    /// # Errors
    /// Not allowed for reps; not found.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn revoke_number_access(
        &self,
        caller: Caller,
        agent: AgentId,
        number: PhoneNumberId,
    ) -> ServiceResult<Administered<(Agent, PhoneNumber)>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.0, move |conn| {
            let clock = clock.clone();
            async move {
                let manager_tx = ManagerTx::open(conn, &clock, by, &[agent]).await?;
                let both = (manager_tx.agent(agent)?.clone(), manager_tx.number(conn, number).await?);
                if !agents::revoke(conn, by.0, agent, number).await? {
                    return Ok(manager_tx.done(both, false));
                }
                let owned = conversations::lock_open_of(conn, by.0, agent, Some(number)).await?;
                let released = manager_tx.release(conn, owned, ACCESS_REVOKED).await?;
                let change = Some((agent, AccessChangeKind::Revoked(number)));
                manager_tx.commit(conn, both, change, released).await
            }
            .boxed()
        })
        .await
    }
}

/// A manager at work: the agents concerned and all active managers are locked.
pub(in crate::service) struct ManagerTx {
    pub workspace_tx: WorkspaceTx,
    manager: AgentId,
    agents: Vec<Agent>,
}

impl ManagerTx {
    /// # Errors
    /// Not allowed for reps.
    pub async fn open(
        conn: &mut Conn,
        clock: &Clock,
        (workspace, actor): (WorkspaceId, AgentId),
        concerned: &[AgentId],
    ) -> ServiceResult<Self> {
        let workspace_tx = WorkspaceTx::open(conn, clock, workspace).await?;
        let ids: Vec<AgentId> = concerned.iter().copied().chain([actor]).collect();
        let agents = agents::with_managers_locked(conn, workspace, &ids).await?;
        let acting = agents.iter().find(|agent| agent.id == actor && agent.active);
        if !acting.ok_or(Error::Unauthenticated)?.is_manager() {
            return Err(Refusal::NotAllowed(MANAGERS_ONLY).into());
        }
        Ok(Self { workspace_tx, manager: actor, agents })
    }

    /// The workspace as it is before the command.
    pub(in crate::service) fn workspace(&self) -> &Workspace {
        &self.workspace_tx.workspace
    }

    fn agent(&self, id: AgentId) -> ServiceResult<&Agent> {
        self.agents.iter().find(|agent| agent.id == id).ok_or(Refusal::NotFound(InputField::AgentId).into())
    }

    async fn number(&self, conn: &mut Conn, id: PhoneNumberId) -> ServiceResult<PhoneNumber> {
        let number = phone_numbers::by_ids(conn, self.workspace_tx.workspace.id, &[id]).await?.pop();
        number.ok_or(Refusal::NotFound(InputField::PhoneNumberId).into())
    }

    /// # Errors
    /// Not allowed when `leaving` is the last active manager.
    fn spare_a_manager(&self, leaving: &Agent) -> ServiceResult<()> {
        let others =
            self.agents.iter().any(|agent| agent.is_manager() && agent.active && agent.id != leaving.id);
        if leaving.is_manager() && leaving.active && !others {
            return Err(Refusal::NotAllowed(LAST_MANAGER).into());
        }
        Ok(())
    }

    /// Returns conversations to Unassigned.
    async fn release(
        &self,
        conn: &mut Conn,
        owned: Vec<Snapshot>,
        reason: &'static str,
    ) -> ServiceResult<Vec<Draft>> {
        let mut drafts = Vec::with_capacity(owned.len());
        for change in owned.iter().filter_map(|snapshot| snapshot.release(reason, self.workspace_tx.now)) {
            log::store(conn, &change).await?;
            drafts.push(Draft::of(change, self.workspace_tx.now, Some(self.manager), None));
        }
        Ok(drafts)
    }

    /// Writes the log: the change of access first, so that its agent's streams end before what follows from it.
    async fn commit<T>(
        self,
        conn: &mut Conn,
        value: T,
        access: Option<(AgentId, AccessChangeKind)>,
        released: Vec<Draft>,
    ) -> ServiceResult<Administered<T>> {
        let returned = released.len();
        let access = access.map(|(agent_id, kind)| {
            Draft::access(AccessChange { agent_id, kind }, self.workspace_tx.now, Some(self.manager))
        });
        let drafts = access.into_iter().chain(released).collect();
        let events = log::append(conn, self.workspace_tx.workspace.id, drafts).await?;
        let as_of = events.last().map_or(self.workspace_tx.head.seq, |event| event.seq);
        Ok(Administered { value, changed: true, returned, as_of })
    }

    /// The answer when the log has nothing to tell.
    pub fn done<T>(&self, value: T, changed: bool) -> Administered<T> {
        Administered { value, changed, returned: 0, as_of: self.workspace_tx.head.seq }
    }
}

/// Adds an agent of a workspace that exists.
///
/// # Errors
/// Input that cannot be, or an address that is taken.
pub(in crate::service) async fn add_agent(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    new: NewAgent,
    at: Timestamp,
) -> ServiceResult<Agent> {
    let agent = Agent {
        id: AgentId::generate(),
        workspace_id,
        name: input::name(InputField::Name, &new.name)?,
        title: new.title.as_deref().map(|title| input::name(InputField::Title, title)).transpose()?,
        email: input::email(&new.email)?,
        role: new.role,
        active: true,
        experienced: new.experienced,
        created_at: at,
    };
    if agents::insert(conn, &agent).await? {
        Ok(agent)
    } else {
        Err(Refusal::invalid(InputField::Email, "Another agent of this workspace has this address.").into())
    }
}

/// Adds a number of a workspace that exists.
///
/// # Errors
/// A label that cannot be, or a number that is in use.
pub(in crate::service) async fn add_number(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    number: E164,
    label: &str,
    at: Timestamp,
) -> ServiceResult<PhoneNumber> {
    let label = input::name(InputField::Label, label)?;
    let number = PhoneNumber { id: PhoneNumberId::generate(), workspace_id, number, label, created_at: at };
    if phone_numbers::insert(conn, &number).await? {
        Ok(number)
    } else {
        Err(Refusal::invalid(InputField::Number, "This number is already in use.").into())
    }
}

fn updated(mut agent: Agent, update: AgentUpdate) -> Result<Agent, Refusal> {
    if let Some(name) = update.name {
        agent.name = input::name(InputField::Name, &name)?;
    }
    if let Some(title) = update.title {
        agent.title = title.as_deref().map(|title| input::name(InputField::Title, title)).transpose()?;
    }
    agent.role = update.role.unwrap_or(agent.role);
    agent.experienced = update.experienced.unwrap_or(agent.experienced);
    Ok(agent)
}

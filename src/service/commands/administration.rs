//! Administration by managers: the assignment model, agents, numbers and access.
//!
//! A command that revokes access also unassigns the open conversations that depend on it, in the same transaction. An
//! open conversation is therefore never owned by an agent who is inactive or cannot access its number.

use futures_util::FutureExt;

use crate::clock::{Clock, Timestamp};
use crate::domain::conversation::{ACCESS_REVOKED, AGENT_DEACTIVATED};
use crate::domain::input::{self, E164};
use crate::domain::workspace_event::{Target, WorkspaceEventKind};
use crate::domain::{
    AccessChangeKind, Agent, AgentId, AssignmentModel, EventBody, InputField, NumberStatus, PhoneNumber,
    PhoneNumberId, Refusal, Role, Snapshot, Workspace, WorkspaceId,
};
use crate::service::context::{Actor, WorkspaceTx};
use crate::service::{Error, ServiceResult, Services};
use crate::store::Conn;
use crate::store::log::{self, Draft, LogTx};
use crate::store::tables::{agents, conversations, phone_numbers, workspaces};
use crate::token::Caller;

/// An agent to add.
#[derive(Debug, Clone)]
pub struct NewAgent {
    pub name: String,
    pub title: Option<String>,
    pub email: String,
    pub role: Role,
    pub experienced: bool,
}

/// Changes to an agent. `None` keeps a value; `title: Some(None)` removes the title.
#[derive(Debug, Clone)]
pub struct AgentUpdate {
    pub agent_id: AgentId,
    pub name: Option<String>,
    pub title: Option<Option<String>>,
    pub role: Option<Role>,
    pub experienced: Option<bool>,
}

/// The result of a manager's command.
#[derive(Debug, Clone)]
pub struct AdminOutcome<T> {
    pub value: T,
    /// Whether the command changed anything.
    pub changed: bool,
    /// How many open conversations the command unassigned.
    pub returned: usize,
    /// The position in the log that `value` corresponds to.
    pub as_of: i64,
}

pub(in crate::service) const MANAGERS_ONLY: &str = "Only managers may do this.";
const LAST_MANAGER: &str = "This is the last active manager. A workspace needs at least one.";

impl Services {
    /// Sets the workspace's assignment model.
    ///
    /// # Errors
    /// Not allowed for reps.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn set_assignment_model(
        &self,
        caller: Caller,
        model: AssignmentModel,
    ) -> ServiceResult<AdminOutcome<Workspace>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.workspace_id, move |mut tx| {
            let clock = clock.clone();
            async move {
                let manager_tx = ManagerTx::open(&mut tx, &clock, by, &[]).await?;
                let mut workspace = manager_tx.workspace_tx.workspace.clone();
                let changed = workspace.assignment_model != model;
                if !changed {
                    return Ok(manager_tx.done(workspace, false));
                }
                let act = EventBody::act(WorkspaceEventKind::AssignmentModelChanged, None)
                    .with(Some(workspace.assignment_model.to_string()), Some(model.to_string()));
                workspaces::set_model(&mut tx, by.workspace_id, model).await?;
                workspace.assignment_model = model;
                manager_tx.commit(tx, workspace, vec![act], Vec::new()).await
            }
            .boxed()
        })
        .await
    }

    /// Adds an agent without access to any number.
    ///
    /// # Errors
    /// Not allowed for reps; an invalid name, title or address; an address that is already in use.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn create_agent(&self, caller: Caller, new: NewAgent) -> ServiceResult<AdminOutcome<Agent>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.workspace_id, move |mut tx| {
            let (clock, new) = (clock.clone(), new.clone());
            async move {
                let manager_tx = ManagerTx::open(&mut tx, &clock, by, &[]).await?;
                let agent = add_agent(&mut tx, by.workspace_id, new, manager_tx.workspace_tx.now).await?;
                let act = created(&agent);
                manager_tx.commit(tx, agent, vec![act], Vec::new()).await
            }
            .boxed()
        })
        .await
    }

    /// Changes an agent's name, title, role or experience.
    ///
    /// # Errors
    /// Not allowed for reps, or when no active manager would remain; not found; invalid input.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn update_agent(
        &self,
        caller: Caller,
        update: AgentUpdate,
    ) -> ServiceResult<AdminOutcome<Agent>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.workspace_id, move |mut tx| {
            let (clock, update) = (clock.clone(), update.clone());
            async move {
                let manager_tx = ManagerTx::open(&mut tx, &clock, by, &[update.agent_id]).await?;
                let before = manager_tx.agent(update.agent_id)?.clone();
                let mut after = updated(before.clone(), update)?;
                if after == before {
                    return Ok(manager_tx.done(after, false));
                }
                if before.is_manager() && !after.is_manager() {
                    manager_tx.require_other_manager(&before)?;
                }
                if before.role != after.role {
                    after.tokens_valid_after = Some(manager_tx.workspace_tx.now);
                }
                agents::replace(&mut tx, &after).await?;
                let acts = update_acts(&before, &after);
                manager_tx.commit(tx, after, acts, Vec::new()).await
            }
            .boxed()
        })
        .await
    }

    /// Deactivates an agent and unassigns the agent's open conversations.
    ///
    /// # Errors
    /// Not allowed for reps, or for the last active manager; not found.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn deactivate_agent(&self, caller: Caller, id: AgentId) -> ServiceResult<AdminOutcome<Agent>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.workspace_id, move |mut tx| {
            let clock = clock.clone();
            async move {
                let manager_tx = ManagerTx::open(&mut tx, &clock, by, &[id]).await?;
                let mut agent = manager_tx.agent(id)?.clone();
                if !agent.active {
                    return Ok(manager_tx.done(agent, false));
                }
                manager_tx.require_other_manager(&agent)?;
                agent.active = false;
                agent.tokens_valid_after = Some(manager_tx.workspace_tx.now);
                agents::replace(&mut tx, &agent).await?;
                let owned = conversations::lock_open_of(&mut tx, by.workspace_id, id, None).await?;
                let released = manager_tx.release(&mut tx, owned, AGENT_DEACTIVATED).await?;
                let act = EventBody::access(id, AccessChangeKind::Deactivated);
                manager_tx.commit(tx, agent, vec![act], released).await
            }
            .boxed()
        })
        .await
    }

    /// Reactivates an agent with their previous access. Their previous conversations are not assigned to them again.
    ///
    /// # Errors
    /// Not allowed for reps; not found.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn reactivate_agent(&self, caller: Caller, id: AgentId) -> ServiceResult<AdminOutcome<Agent>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.workspace_id, move |mut tx| {
            let clock = clock.clone();
            async move {
                let manager_tx = ManagerTx::open(&mut tx, &clock, by, &[id]).await?;
                let mut agent = manager_tx.agent(id)?.clone();
                if agent.active {
                    return Ok(manager_tx.done(agent, false));
                }
                agent.active = true;
                // A token that was stolen before the agent was deactivated must not work again.
                agent.tokens_valid_after = Some(manager_tx.workspace_tx.now);
                agents::replace(&mut tx, &agent).await?;
                let act = EventBody::access(id, AccessChangeKind::Reactivated);
                manager_tx.commit(tx, agent, vec![act], Vec::new()).await
            }
            .boxed()
        })
        .await
    }

    /// Grants an agent access to a number.
    ///
    /// # Errors
    /// Not allowed for reps; not found.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn grant_number_access(
        &self,
        caller: Caller,
        agent: AgentId,
        number: PhoneNumberId,
    ) -> ServiceResult<AdminOutcome<(Agent, PhoneNumber)>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.workspace_id, move |mut tx| {
            let clock = clock.clone();
            async move {
                let manager_tx = ManagerTx::open(&mut tx, &clock, by, &[agent]).await?;
                let both = (manager_tx.agent(agent)?.clone(), manager_tx.number(&mut tx, number).await?);
                if !agents::grant(&mut tx, by.workspace_id, agent, number, manager_tx.workspace_tx.now)
                    .await?
                {
                    return Ok(manager_tx.done(both, false));
                }
                let digits = both.1.number.to_string();
                let act =
                    EventBody::access(agent, AccessChangeKind::Granted(number)).with(None, Some(digits));
                manager_tx.commit(tx, both, vec![act], Vec::new()).await
            }
            .boxed()
        })
        .await
    }

    /// Revokes an agent's access to a number, and unassigns the agent's open conversations on it.
    ///
    /// # Errors
    /// Not allowed for reps; not found.
    #[tracing::instrument(level = "debug", skip_all)]
    pub async fn revoke_number_access(
        &self,
        caller: Caller,
        agent: AgentId,
        number: PhoneNumberId,
    ) -> ServiceResult<AdminOutcome<(Agent, PhoneNumber)>> {
        let by = self.agent_of(caller)?;
        let clock = self.clock.clone();
        self.write(by.workspace_id, move |mut tx| {
            let clock = clock.clone();
            async move {
                let manager_tx = ManagerTx::open(&mut tx, &clock, by, &[agent]).await?;
                let both = (manager_tx.agent(agent)?.clone(), manager_tx.number(&mut tx, number).await?);
                if !agents::revoke(&mut tx, by.workspace_id, agent, number).await? {
                    return Ok(manager_tx.done(both, false));
                }
                let owned =
                    conversations::lock_open_of(&mut tx, by.workspace_id, agent, Some(number)).await?;
                let released = manager_tx.release(&mut tx, owned, ACCESS_REVOKED).await?;
                let digits = both.1.number.to_string();
                let act =
                    EventBody::access(agent, AccessChangeKind::Revoked(number)).with(Some(digits), None);
                manager_tx.commit(tx, both, vec![act], released).await
            }
            .boxed()
        })
        .await
    }
}

/// A transaction of a manager. The affected agents and all active managers are locked.
pub(in crate::service) struct ManagerTx {
    pub workspace_tx: WorkspaceTx,
    manager: AgentId,
    agents: Vec<Agent>,
}

impl ManagerTx {
    /// Reads and locks the `affected` agents and all active managers.
    ///
    /// # Errors
    /// Not allowed for reps.
    pub async fn open(
        conn: &mut Conn,
        clock: &Clock,
        by: Actor,
        affected: &[AgentId],
    ) -> ServiceResult<Self> {
        Self::open_if(conn, clock, by, affected, Agent::is_manager).await
    }

    /// As [`Self::open`], for an agent who fulfils a condition.
    ///
    /// # Errors
    /// Not allowed for others.
    pub async fn open_if(
        conn: &mut Conn,
        clock: &Clock,
        by: Actor,
        affected: &[AgentId],
        is_allowed: impl Fn(&Agent) -> bool + Send,
    ) -> ServiceResult<Self> {
        let workspace_tx = WorkspaceTx::open(conn, clock, by.workspace_id).await?;
        let ids: Vec<AgentId> = affected.iter().copied().chain([by.agent_id]).collect();
        let agents = agents::with_managers_locked(conn, by.workspace_id, &ids).await?;
        let manager = agents.iter().find(|agent| by.may_act_as(agent));
        if !is_allowed(manager.ok_or(Error::Unauthenticated)?) {
            return Err(Refusal::NotAllowed(MANAGERS_ONLY).into());
        }
        Ok(Self { workspace_tx, manager: by.agent_id, agents })
    }

    /// The workspace before the command.
    pub(in crate::service) fn workspace(&self) -> &Workspace {
        &self.workspace_tx.workspace
    }

    pub fn agent(&self, id: AgentId) -> ServiceResult<&Agent> {
        self.agents.iter().find(|agent| agent.id == id).ok_or(Refusal::NotFound(InputField::AgentId).into())
    }

    async fn number(&self, conn: &mut Conn, id: PhoneNumberId) -> ServiceResult<PhoneNumber> {
        let number = phone_numbers::by_ids(conn, self.workspace_tx.workspace.id, &[id]).await?.pop();
        number.ok_or(Refusal::NotFound(InputField::PhoneNumberId).into())
    }

    /// Checks that an active manager other than `leaving` remains.
    ///
    /// # Errors
    /// Not allowed when `leaving` is the last active manager.
    fn require_other_manager(&self, leaving: &Agent) -> ServiceResult<()> {
        let others =
            self.agents.iter().any(|agent| agent.is_manager() && agent.active && agent.id != leaving.id);
        if leaving.is_manager() && leaving.active && !others {
            return Err(Refusal::NotAllowed(LAST_MANAGER).into());
        }
        Ok(())
    }

    /// Unassigns conversations. Returns the drafts of their events.
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

    /// Appends the events to the log. The acts come first, so that an agent's streams end before the agent's
    /// conversations are unassigned.
    pub async fn commit<T>(
        self,
        tx: LogTx<'_>,
        value: T,
        acts: Vec<EventBody>,
        released: Vec<Draft>,
    ) -> ServiceResult<AdminOutcome<T>> {
        let returned = released.len();
        let (now, manager) = (self.workspace_tx.now, Some(self.manager));
        let acts = acts.into_iter().map(|act| Draft::act(act, now, manager));
        let drafts = acts.chain(released).collect();
        let events = log::append(tx, self.workspace_tx.workspace.id, drafts).await?;
        let as_of = events.last().map_or(self.workspace_tx.head.seq, |event| event.seq);
        Ok(AdminOutcome { value, changed: true, returned, as_of })
    }

    /// The result of a command that appends no event.
    pub fn done<T>(&self, value: T, changed: bool) -> AdminOutcome<T> {
        AdminOutcome { value, changed, returned: 0, as_of: self.workspace_tx.head.seq }
    }
}

/// Adds an agent to an existing workspace.
///
/// # Errors
/// Invalid input, or an address that is already in use.
pub(in crate::service) async fn add_agent(
    tx: &mut LogTx<'_>,
    workspace_id: WorkspaceId,
    new: NewAgent,
    at: Timestamp,
) -> ServiceResult<Agent> {
    let agent = Agent {
        id: AgentId(tx.new_id()),
        workspace_id,
        name: input::name(InputField::Name, &new.name)?,
        title: new.title.as_deref().map(|title| input::name(InputField::Title, title)).transpose()?,
        email: input::email(&new.email)?,
        role: new.role,
        active: true,
        experienced: new.experienced,
        created_at: at,
        tokens_valid_after: None,
    };
    if agents::insert(tx, &agent).await? {
        Ok(agent)
    } else {
        Err(Refusal::invalid(InputField::Email, "Another agent in this workspace already uses this address.")
            .into())
    }
}

/// Adds a number to an existing workspace.
///
/// # Errors
/// An invalid label, or a number that is already in use.
pub(in crate::service) async fn add_number(
    tx: &mut LogTx<'_>,
    workspace_id: WorkspaceId,
    number: E164,
    label: &str,
    at: Timestamp,
) -> ServiceResult<PhoneNumber> {
    let label = input::name(InputField::Label, label)?;
    let number = PhoneNumber {
        id: PhoneNumberId(tx.new_id()),
        workspace_id,
        number,
        label,
        status: NumberStatus::Verified,
        created_at: at,
    };
    if phone_numbers::insert(tx, &number).await? {
        Ok(number)
    } else {
        Err(Refusal::invalid(InputField::Number, "This phone number is already in use.").into())
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

/// The event of a new agent.
pub(in crate::service) fn created(agent: &Agent) -> EventBody {
    let target = Some(Target::Agent(agent.id));
    EventBody::act(WorkspaceEventKind::AgentCreated, target).with(None, Some(agent.email.clone()))
}

/// The event of a new number.
pub(in crate::service) fn added(number: &PhoneNumber) -> EventBody {
    let target = Some(Target::PhoneNumber(number.id));
    EventBody::act(WorkspaceEventKind::PhoneNumberAdded, target).with(None, Some(number.number.to_string()))
}

/// The events of a changed agent: one of the role, which changes access, and one of everything else.
fn update_acts(before: &Agent, after: &Agent) -> Vec<EventBody> {
    let mut acts = Vec::new();
    if before.role != after.role {
        let roles = (Some(before.role.to_string()), Some(after.role.to_string()));
        acts.push(EventBody::access(after.id, AccessChangeKind::RoleChanged).with(roles.0, roles.1));
    }
    let profiles = (profile(before), profile(after));
    if profiles.0 != profiles.1 {
        let act = EventBody::act(WorkspaceEventKind::AgentUpdated, Some(Target::Agent(after.id)));
        acts.push(act.with(Some(profiles.0), Some(profiles.1)));
    }
    acts
}

/// An agent's name, title and experience, as the history shows them.
fn profile(agent: &Agent) -> String {
    let title = agent.title.as_deref().map(|title| format!(", {title}")).unwrap_or_default();
    let experience = if agent.experienced { ", experienced" } else { "" };
    format!("{}{title}{experience}", agent.name)
}

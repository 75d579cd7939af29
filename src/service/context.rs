//! The transaction of a command on one conversation.
//!
//! Every command takes its locks in the same order, which prevents deadlocks: first the agents and accesses that the
//! decision depends on, then the conversation. Then it decides, and last it appends to the log and commits.

use std::collections::{BTreeSet, HashMap};

use crate::clock::{Clock, Timestamp};
use crate::domain::conversation::{Candidate, Change};
use crate::domain::{
    Agent, AgentId, Conversation, ConversationId, Event, InputField, Message, MessageId, PhoneNumberId,
    Policy, Refusal, Snapshot, Workspace, WorkspaceId,
};
use crate::store::db::conn::pipelined;
use crate::store::log::{self, Draft, LogTx};
use crate::store::tables::workspaces;
use crate::store::tables::workspaces::Head;
use crate::store::tables::{agents, conversations};
use crate::store::{Conn, StoreError};
use crate::token::TokenTimes;

use super::{CommandOutcome, Error, ServiceResult, VisibleConversation};

/// The agent who runs a command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Actor {
    pub workspace_id: WorkspaceId,
    pub agent_id: AgentId,
    /// The times of the agent's token; `None` if the program itself acts for the agent.
    pub token: Option<TokenTimes>,
}

impl Actor {
    /// Whether `agent` is this agent, is active, and has not revoked the token.
    pub fn may_act_as(&self, agent: &Agent) -> bool {
        agent.id == self.agent_id && agent.admits(self.token.map(|token| token.issued_at))
    }
}

/// A transaction on a workspace, and the time of its decision.
pub(super) struct WorkspaceTx {
    pub workspace: Workspace,
    pub head: Head,
    /// The time of the decision. It is later than the last event, even if the clock was set back.
    pub now: Timestamp,
}

impl WorkspaceTx {
    /// # Errors
    /// [`Error::Unauthenticated`] when the workspace is gone.
    pub async fn open(conn: &mut Conn, clock: &Clock, workspace: WorkspaceId) -> ServiceResult<Self> {
        Self::of(workspaces::find(conn, workspace).await?, clock)
    }

    fn of(found: Option<(Workspace, Head)>, clock: &Clock) -> ServiceResult<Self> {
        let (workspace, head) = found.ok_or(Error::Unauthenticated)?;
        // Strictly later, so that two messages never have the same time, even if the clock was set back.
        Ok(Self { workspace, head, now: clock.now().max(head.at.plus_micros(1)) })
    }

    /// As [`Self::catch_up`], for several locked conversations.
    pub fn catch_up_with(&mut self, clock: &Clock, locked: &[Snapshot]) {
        locked.iter().for_each(|it| self.catch_up(clock, &it.conversation));
    }

    /// Reads the clock again after waiting for a lock. The new time is later than the last change of `locked`.
    pub fn catch_up(&mut self, clock: &Clock, locked: &Conversation) {
        self.now = self.now.max(clock.now()).max(locked.latest().plus_micros(1));
    }

    pub fn policy(&self) -> Policy {
        Policy { plan: self.workspace.plan, model: self.workspace.assignment_model }
    }
}

/// Locked agents, and which of them can access the conversation's number.
#[derive(Default)]
pub(super) struct LockedAgents {
    agents: HashMap<AgentId, Agent>,
    with_access: BTreeSet<AgentId>,
}

impl LockedAgents {
    /// Reads the agents and their accesses, and locks both against changes until the transaction ends.
    pub async fn lock(
        conn: &mut Conn,
        workspace: WorkspaceId,
        number: PhoneNumberId,
        ids: impl IntoIterator<Item = AgentId>,
    ) -> ServiceResult<Self> {
        let ids: BTreeSet<AgentId> = ids.into_iter().collect();
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let ids: Vec<AgentId> = ids.into_iter().collect();
        let (agents, with_access) = pipelined!(conn;
            |c| agents::by_ids_shared(c, workspace, &ids),
            |c| agents::with_access_shared(c, workspace, number, &ids),
        );
        Ok(Self::of(agents, with_access))
    }

    fn of(agents: Vec<Agent>, with_access: BTreeSet<AgentId>) -> Self {
        Self { agents: agents.into_iter().map(|agent| (agent.id, agent)).collect(), with_access }
    }

    fn into_agents(self) -> Vec<Agent> {
        self.agents.into_values().collect()
    }

    /// The agent, and whether they can access the number.
    pub fn candidate(&self, id: AgentId) -> Option<Candidate<'_>> {
        let agent = self.agents.get(&id)?;
        Some(Candidate { agent, has_access: self.with_access.contains(&id) })
    }

    /// Whether the agent is active and can access the number.
    pub fn can_work(&self, id: AgentId) -> bool {
        self.candidate(id).is_some_and(|it| it.agent.active && it.has_access)
    }

    /// Whether the conversation's assignee is active and can access the number. True for an unassigned conversation.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when the assignee is not locked: the assignee changed between reading and locking the
    /// conversation.
    pub fn assignee_can_work(&self, conversation: &Conversation) -> ServiceResult<bool> {
        match conversation.assignee() {
            None => Ok(true),
            Some(assignee) if self.agents.contains_key(&assignee) => Ok(self.can_work(assignee)),
            Some(_) => Err(StoreError::Changed.into()),
        }
    }
}

/// A transaction on one locked conversation, with everything that the decision depends on.
pub(super) struct ConversationTx {
    pub workspace_tx: WorkspaceTx,
    pub locked_agents: LockedAgents,
    pub snapshot: Snapshot,
    actor: AgentId,
}

impl ConversationTx {
    /// Reads and locks the rows in order. `others` are further agents that the decision depends on.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when the actor is deactivated or the token revoked; not found when the conversation does not
    /// exist or the actor cannot access its number.
    pub async fn open(
        conn: &mut Conn,
        clock: &Clock,
        by: Actor,
        id: ConversationId,
        others: &[AgentId],
    ) -> ServiceResult<Self> {
        let Actor { workspace_id: workspace, agent_id: actor, .. } = by;
        let not_found = || Error::Refused(Refusal::NotFound(InputField::ConversationId));
        let ids: BTreeSet<AgentId> = others.iter().copied().chain([actor]).collect();
        let ids = Vec::from_iter(ids);
        // These queries also lock the owner: reopening depends on the owner, and the result shows the previous owner.
        let (found, (agents, (with_access, locked))) = pipelined!(conn;
            |c| workspaces::find(c, workspace),
            |c| agents::for_conversation_shared(c, workspace, id, &ids),
            |c| agents::with_access_to_conversation_shared(c, workspace, id, &ids),
            |c| conversations::lock(c, workspace, id, Some(actor)),
        );
        let mut workspace_tx = WorkspaceTx::of(found, clock)?;
        let mut locked_agents = LockedAgents::of(agents, with_access);
        let candidate = locked_agents.candidate(actor).filter(|it| by.may_act_as(it.agent));
        let candidate = candidate.ok_or(Error::Unauthenticated)?;
        if !candidate.has_access {
            return Err(not_found());
        }
        let snapshot = locked.ok_or_else(not_found)?;
        // The owner may have changed between reading access and taking the lock. This read would lock access rows after
        // the conversation, out of order, but most owners that it concerns have no access, and so no row to lock.
        let owner = snapshot.conversation.assignee().filter(|owner| !locked_agents.can_work(*owner));
        if let Some(owner) = owner.filter(|_| !snapshot.conversation.is_open()) {
            let number = snapshot.conversation.phone_number_id;
            locked_agents
                .with_access
                .extend(agents::with_access_shared(conn, workspace, number, &[owner]).await?);
        }
        workspace_tx.catch_up(clock, &snapshot.conversation);
        Ok(Self { workspace_tx, locked_agents, snapshot, actor })
    }

    /// The agent who runs the command.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when the actor is not locked. [`ConversationTx::open`] rules this out.
    pub fn actor(&self) -> ServiceResult<Candidate<'_>> {
        self.locked_agents.candidate(self.actor).ok_or(Error::Unauthenticated)
    }

    /// See [`LockedAgents::assignee_can_work`].
    pub fn assignee_can_work(&self) -> ServiceResult<bool> {
        self.locked_agents.assignee_can_work(&self.snapshot.conversation)
    }

    /// Stores the change, appends it to the log and commits. `None` means that the command changes nothing.
    pub async fn commit(self, tx: LogTx<'_>, change: Option<Change>) -> ServiceResult<CommandOutcome> {
        let Some(change) = change else { return Ok(self.unchanged(None)) };
        let Self { workspace_tx, actor, locked_agents, .. } = self;
        let (draft, outcome) = draft_and_result(&workspace_tx, change, Some(actor), None);
        let event = log::store_and_commit(tx, workspace_tx.workspace.id, draft).await?;
        Ok(CommandOutcome { agents: locked_agents.into_agents(), ..outcome.at(&[event]) })
    }

    /// Appends a stored change, and the message that caused it, to the log.
    pub async fn record(
        self,
        tx: LogTx<'_>,
        change: Change,
        message: Option<Message>,
    ) -> ServiceResult<CommandOutcome> {
        let Self { workspace_tx, actor, .. } = self;
        record(tx, &workspace_tx, change, Some(actor), message).await
    }

    /// The result of a command that changes nothing.
    pub fn unchanged(self, message: Option<Message>) -> CommandOutcome {
        CommandOutcome {
            previous_assignee: self.snapshot.conversation.assignee(),
            visible: VisibleConversation::new(&self.snapshot, Some(self.actor)),
            changed: false,
            as_of: self.workspace_tx.head.seq,
            message,
            agents: self.locked_agents.into_agents(),
        }
    }
}

/// Appends a stored change to the log.
pub(super) async fn record(
    tx: LogTx<'_>,
    workspace_tx: &WorkspaceTx,
    change: Change,
    actor: Option<AgentId>,
    message: Option<Message>,
) -> ServiceResult<CommandOutcome> {
    let (draft, outcome) = draft_and_result(workspace_tx, change, actor, message);
    let events = log::append(tx, workspace_tx.workspace.id, vec![draft]).await?;
    Ok(outcome.at(&events))
}

/// The event of a change, and the command's result.
fn draft_and_result(
    workspace_tx: &WorkspaceTx,
    change: Change,
    actor: Option<AgentId>,
    message: Option<Message>,
) -> (Draft, CommandOutcome) {
    let previous_assignee = change.before.as_ref().and_then(|before| before.conversation.assignee());
    let visible = VisibleConversation::new(&change.after, actor);
    let message_id: Option<MessageId> = message.as_ref().map(|message| message.id);
    let draft = Draft::of(change, workspace_tx.now, actor, message_id);
    let (changed, as_of, agents) = (true, workspace_tx.head.seq, Vec::new());
    (draft, CommandOutcome { visible, previous_assignee, changed, as_of, message, agents })
}

impl CommandOutcome {
    /// The same result, at the position of its last event.
    fn at(self, events: &[Event]) -> Self {
        let as_of = events.last().map_or(self.as_of, |event| event.seq);
        Self { as_of, ..self }
    }
}

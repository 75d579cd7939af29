//! The frame of every command about one conversation.
//!
//! In the order that keeps transactions from deadlocking and from deciding on rows that change: the agents and
//! accesses that the decision rests on, then the conversation's lock, then the decision, then the tail.

use std::collections::{BTreeSet, HashMap};

use crate::clock::{Clock, Timestamp};
use crate::domain::conversation::{Candidate, Change};
use crate::domain::{
    Agent, AgentId, Conversation, ConversationId, Event, InputField, Message, MessageId, PhoneNumberId,
    Policy, Refusal, Snapshot, Workspace, WorkspaceId,
};
use crate::store::db::backend::pipelined;
use crate::store::log::{self, Draft};
use crate::store::tables::workspaces;
use crate::store::tables::workspaces::Head;
use crate::store::tables::{agents, conversations};
use crate::store::{Conn, StoreError};

use super::{CommandOutcome, Error, ServiceResult, VisibleConversation};

/// A workspace, and the instant at which a command is decided.
pub(super) struct WorkspaceTx {
    pub workspace: Workspace,
    pub head: Head,
    /// The clock's, but not before the last event: what is decided now is later than what is in the log.
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
        // Strictly later, so that a clock that was set back still tells one message from the next.
        Ok(Self { workspace, head, now: clock.now().max(head.at.plus_micros(1)) })
    }

    /// As [`Self::catch_up`], after waiting for the locks of all of `seen`.
    pub fn catch_up_with(&mut self, clock: &Clock, seen: &[Snapshot]) {
        seen.iter().for_each(|it| self.catch_up(clock, &it.conversation));
    }

    /// Looks at the clock again after waiting for a lock: what is decided on `seen` is later than it.
    pub fn catch_up(&mut self, clock: &Clock, seen: &Conversation) {
        self.now = self.now.max(clock.now()).max(seen.latest().plus_micros(1));
    }

    pub fn policy(&self) -> Policy {
        Policy { plan: self.workspace.plan, model: self.workspace.assignment_model }
    }
}

/// Agents, and which of them can access the number in question.
#[derive(Default)]
pub(super) struct LockedAgents {
    agents: HashMap<AgentId, Agent>,
    with_access: BTreeSet<AgentId>,
}

impl LockedAgents {
    /// Reads the agents and accesses, which stay as they are until the transaction ends.
    pub async fn hold(
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

    /// The agents, as they were held.
    fn into_agents(self) -> Vec<Agent> {
        self.agents.into_values().collect()
    }

    /// The agent, with whether they can access the number.
    pub fn candidate(&self, id: AgentId) -> Option<Candidate<'_>> {
        let agent = self.agents.get(&id)?;
        Some(Candidate { agent, has_access: self.with_access.contains(&id) })
    }

    /// Whether the agent is active and can access the number.
    pub fn can_work(&self, id: AgentId) -> bool {
        self.candidate(id).is_some_and(|it| it.agent.active && it.has_access)
    }

    /// Whether the conversation's assignee can work it. True when there is none.
    ///
    /// # Errors
    /// [`StoreError::Changed`] when the assignee is not among those whose rows are held: it became somebody
    /// else between reading the conversation and locking it.
    pub fn assignee_can_work(&self, conversation: &Conversation) -> ServiceResult<bool> {
        match conversation.assignee() {
            None => Ok(true),
            Some(assignee) if self.agents.contains_key(&assignee) => Ok(self.can_work(assignee)),
            Some(_) => Err(StoreError::Changed.into()),
        }
    }
}

/// A conversation that an agent acts on, locked, with all that the decision rests on.
pub(super) struct ConversationTx {
    pub workspace_tx: WorkspaceTx,
    pub locked_agents: LockedAgents,
    pub snapshot: Snapshot,
    actor: AgentId,
}

impl ConversationTx {
    /// Reads and locks, in order. `others` are further agents that the decision rests on.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when the actor cannot act any more; not found when the conversation does not
    /// exist or the actor cannot access its number.
    pub async fn open(
        conn: &mut Conn,
        clock: &Clock,
        (workspace, actor): (WorkspaceId, AgentId),
        id: ConversationId,
        others: &[AgentId],
    ) -> ServiceResult<Self> {
        let not_found = || Error::Refused(Refusal::NotFound(InputField::ConversationId));
        let ids: BTreeSet<AgentId> = others.iter().copied().chain([actor]).collect();
        let ids = Vec::from_iter(ids);
        // With the owner: a reopening rests on them, and the answer shows who owned it before.
        let (found, (agents, (with_access, locked))) = pipelined!(conn;
            |c| workspaces::find(c, workspace),
            |c| agents::for_conversation_shared(c, workspace, id, &ids),
            |c| agents::with_access_to_conversation_shared(c, workspace, id, &ids),
            |c| conversations::lock(c, workspace, id, Some(actor)),
        );
        let mut workspace_tx = WorkspaceTx::of(found, clock)?;
        let mut locked_agents = LockedAgents::of(agents, with_access);
        let acting =
            locked_agents.candidate(actor).filter(|it| it.agent.active).ok_or(Error::Unauthenticated)?;
        if !acting.has_access {
            return Err(not_found());
        }
        let snapshot = locked.ok_or_else(not_found)?;
        // Who owns it now may have come between: the owner whose access was asked for was another then. Most who are
        // asked for here have none, and so no row that would be locked out of order.
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

    /// Whoever acts.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`]; [`ConversationTx::open`] has made sure that it is not so.
    pub fn actor(&self) -> ServiceResult<Candidate<'_>> {
        self.locked_agents.candidate(self.actor).ok_or(Error::Unauthenticated)
    }

    /// See [`LockedAgents::assignee_can_work`].
    pub fn assignee_can_work(&self) -> ServiceResult<bool> {
        self.locked_agents.assignee_can_work(&self.snapshot.conversation)
    }

    /// Stores what was decided; `None` is that it already was as asked.
    pub async fn commit(self, conn: &mut Conn, change: Option<Change>) -> ServiceResult<CommandOutcome> {
        let Some(change) = change else { return Ok(self.unchanged(None)) };
        let Self { workspace_tx, actor, locked_agents, .. } = self;
        let (draft, done) = draft_and_result(&workspace_tx, change, Some(actor), None);
        let event = log::store_and_commit(conn, workspace_tx.workspace.id, draft).await?;
        Ok(CommandOutcome { agents: locked_agents.into_agents(), ..done.at(&[event]) })
    }

    /// Writes a stored change, and the message that it is, to the log.
    pub async fn record(
        self,
        conn: &mut Conn,
        change: Change,
        message: Option<Message>,
    ) -> ServiceResult<CommandOutcome> {
        let Self { workspace_tx, actor, .. } = self;
        record(conn, &workspace_tx, change, Some(actor), message).await
    }

    /// The answer when nothing is written.
    pub fn unchanged(self, message: Option<Message>) -> CommandOutcome {
        CommandOutcome {
            previous_assignee: self.snapshot.conversation.assignee(),
            seen: VisibleConversation::new(&self.snapshot, Some(self.actor)),
            changed: false,
            as_of: self.workspace_tx.head.seq,
            message,
            agents: self.locked_agents.into_agents(),
        }
    }
}

/// Writes a stored change to the log: the tail of the transaction.
pub(super) async fn record(
    conn: &mut Conn,
    workspace_tx: &WorkspaceTx,
    change: Change,
    actor: Option<AgentId>,
    message: Option<Message>,
) -> ServiceResult<CommandOutcome> {
    let (draft, done) = draft_and_result(workspace_tx, change, actor, message);
    let events = log::append(conn, workspace_tx.workspace.id, vec![draft]).await?;
    Ok(done.at(&events))
}

/// What the log says of a change, and what whoever made it is answered.
fn draft_and_result(
    workspace_tx: &WorkspaceTx,
    change: Change,
    actor: Option<AgentId>,
    message: Option<Message>,
) -> (Draft, CommandOutcome) {
    let previous_assignee = change.before.as_ref().and_then(|before| before.conversation.assignee());
    let seen = VisibleConversation::new(&change.after, actor);
    let message_id: Option<MessageId> = message.as_ref().map(|message| message.id);
    let draft = Draft::of(change, workspace_tx.now, actor, message_id);
    let (changed, as_of, agents) = (true, workspace_tx.head.seq, Vec::new());
    (draft, CommandOutcome { seen, previous_assignee, changed, as_of, message, agents })
}

impl CommandOutcome {
    /// The same, once its events are in the log.
    fn at(self, events: &[Event]) -> Self {
        let as_of = events.last().map_or(self.as_of, |event| event.seq);
        Self { as_of, ..self }
    }
}

//! The frame of every command about one conversation.
//!
//! In the order that keeps transactions from deadlocking and from deciding on rows that change: the agents and
//! accesses that the decision rests on, then the conversation's lock, then the decision, then the tail.

use std::collections::{BTreeSet, HashMap};

use crate::clock::{Clock, Timestamp};
use crate::domain::conversation::{Candidate, Change};
use crate::domain::{
    Agent, AgentId, Conversation, ConversationId, Event, Message, MessageId, PhoneNumberId, Policy, Refusal,
    Snapshot, Workspace, WorkspaceId,
};
use crate::store::backend::pipelined;
use crate::store::log::{self, Draft};
use crate::store::workspaces::{self, Head};
use crate::store::{Conn, StoreError, agents, conversations};

use super::{Answer, Done, Error, Seen};

/// A workspace, and the instant at which a command is decided.
pub(super) struct Stage {
    pub workspace: Workspace,
    pub head: Head,
    /// The clock's, but not before the last event: what is decided now is later than what is in the log.
    pub now: Timestamp,
}

impl Stage {
    /// # Errors
    /// [`Error::Unauthenticated`] when the workspace is gone.
    pub async fn open(conn: &mut Conn, clock: &Clock, workspace: WorkspaceId) -> Answer<Self> {
        Self::of(workspaces::find(conn, workspace).await?, clock)
    }

    fn of(found: Option<(Workspace, Head)>, clock: &Clock) -> Answer<Self> {
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
pub(super) struct Cast {
    agents: HashMap<AgentId, Agent>,
    with_access: BTreeSet<AgentId>,
}

impl Cast {
    /// Reads the agents and accesses, which stay as they are until the transaction ends.
    pub async fn hold(
        conn: &mut Conn,
        workspace: WorkspaceId,
        number: PhoneNumberId,
        ids: impl IntoIterator<Item = AgentId>,
    ) -> Answer<Self> {
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
    pub fn assignee_can_work(&self, conversation: &Conversation) -> Answer<bool> {
        match conversation.assignee() {
            None => Ok(true),
            Some(assignee) if self.agents.contains_key(&assignee) => Ok(self.can_work(assignee)),
            Some(_) => Err(StoreError::Changed.into()),
        }
    }
}

/// A conversation that an agent acts on, locked, with all that the decision rests on.
pub(super) struct Scene {
    pub stage: Stage,
    pub cast: Cast,
    pub snapshot: Snapshot,
    actor: AgentId,
}

impl Scene {
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
    ) -> Answer<Self> {
        let not_found = || Error::Refused(Refusal::NotFound("conversationId"));
        let ids: BTreeSet<AgentId> = others.iter().copied().chain([actor]).collect();
        let ids = Vec::from_iter(ids);
        // With the owner: a reopening rests on them, and the answer shows who owned it before.
        let (found, (agents, (with_access, locked))) = pipelined!(conn;
            |c| workspaces::find(c, workspace),
            |c| agents::for_conversation_shared(c, workspace, id, &ids),
            |c| agents::with_access_to_conversation_shared(c, workspace, id, &ids),
            |c| conversations::lock(c, workspace, id, Some(actor)),
        );
        let mut stage = Stage::of(found, clock)?;
        let mut cast = Cast::of(agents, with_access);
        let acting = cast.candidate(actor).filter(|it| it.agent.active).ok_or(Error::Unauthenticated)?;
        if !acting.has_access {
            return Err(not_found());
        }
        let snapshot = locked.ok_or_else(not_found)?;
        // Who owns it now may have come between: the owner whose access was asked for was another then. Most who are
        // asked for here have none, and so no row that would be locked out of order.
        let owner = snapshot.conversation.assignee().filter(|owner| !cast.can_work(*owner));
        if let Some(owner) = owner.filter(|_| !snapshot.conversation.is_open()) {
            let number = snapshot.conversation.phone_number_id;
            cast.with_access.extend(agents::with_access_shared(conn, workspace, number, &[owner]).await?);
        }
        stage.catch_up(clock, &snapshot.conversation);
        Ok(Self { stage, cast, snapshot, actor })
    }

    /// Whoever acts.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`]; [`Scene::open`] has made sure that it is not so.
    pub fn actor(&self) -> Answer<Candidate<'_>> {
        self.cast.candidate(self.actor).ok_or(Error::Unauthenticated)
    }

    /// See [`Cast::assignee_can_work`].
    pub fn assignee_can_work(&self) -> Answer<bool> {
        self.cast.assignee_can_work(&self.snapshot.conversation)
    }

    /// Stores what was decided; `None` is that it already was as asked.
    pub async fn conclude(self, conn: &mut Conn, change: Option<Change>) -> Answer<Done> {
        let Some(change) = change else { return Ok(self.unchanged(None)) };
        let Self { stage, actor, cast, .. } = self;
        let (draft, done) = told(&stage, change, Some(actor), None);
        let event = log::store_and_conclude(conn, stage.workspace.id, draft).await?;
        Ok(Done { agents: cast.into_agents(), ..done.at(&[event]) })
    }

    /// Writes a stored change, and the message that it is, to the log.
    pub async fn record(self, conn: &mut Conn, change: Change, message: Option<Message>) -> Answer<Done> {
        let Self { stage, actor, .. } = self;
        record(conn, &stage, change, Some(actor), message).await
    }

    /// The answer when nothing is written.
    pub fn unchanged(self, message: Option<Message>) -> Done {
        Done {
            previous_assignee: self.snapshot.conversation.assignee(),
            seen: Seen::new(&self.snapshot, Some(self.actor)),
            changed: false,
            as_of: self.stage.head.seq,
            message,
            agents: self.cast.into_agents(),
        }
    }
}

/// Writes a stored change to the log: the tail of the transaction.
pub(super) async fn record(
    conn: &mut Conn,
    stage: &Stage,
    change: Change,
    actor: Option<AgentId>,
    message: Option<Message>,
) -> Answer<Done> {
    let (draft, done) = told(stage, change, actor, message);
    let events = log::append(conn, stage.workspace.id, vec![draft]).await?;
    Ok(done.at(&events))
}

/// What the log says of a change, and what whoever made it is answered.
fn told(stage: &Stage, change: Change, actor: Option<AgentId>, message: Option<Message>) -> (Draft, Done) {
    let previous_assignee = change.before.as_ref().and_then(|before| before.conversation.assignee());
    let seen = Seen::new(&change.after, actor);
    let message_id: Option<MessageId> = message.as_ref().map(|message| message.id);
    let draft = Draft::of(change, stage.now, actor, message_id);
    let (changed, as_of, agents) = (true, stage.head.seq, Vec::new());
    (draft, Done { seen, previous_assignee, changed, as_of, message, agents })
}

impl Done {
    /// The same, once its events are in the log.
    fn at(self, events: &[Event]) -> Self {
        let as_of = events.last().map_or(self.as_of, |event| event.seq);
        Self { as_of, ..self }
    }
}

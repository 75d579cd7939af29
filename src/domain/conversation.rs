//! Conversations, their owners, and their transitions.
//!
//! A [`Conversation`] is the state that all agents share; a [`Snapshot`] adds the agents who have read its last
//! inbound message. A transition is a method of `Snapshot`. It returns a [`Change`] with the new snapshot and the
//! kind of event, or `None` when the conversation already has the requested state. Transitions do not decide who
//! may read or reply: callers check access to the phone number first.
//!
//! To add a transition, add a method here that returns a [`Change`], add an [`EventKind`] if needed, and add a
//! use case in `service` that loads the conversation, calls the transition and appends the change to the log.

use serde::{Deserialize, Serialize};

use super::agent::{Agent, OwnerChange, Policy};
use super::event::EventKind;
use super::ids::{AgentId, ContactId, ConversationId, MessageId, PhoneNumberId, WorkspaceId};
use super::refusal::Refusal;
use crate::clock::Timestamp;

/// Whether a conversation still needs work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    Open,
    Closed,
}
super::spelling::spelled!(Status { Open = "OPEN", Closed = "CLOSED" });

/// The status together with its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "s")]
pub enum State {
    /// `waiting_since` is the time of the oldest inbound message after the last reply and the last close.
    #[serde(rename = "o")]
    Open { waiting_since: Option<Timestamp> },
    #[serde(rename = "c")]
    Closed { at: Timestamp, by: Option<AgentId> },
}

/// Who owns the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "o")]
pub enum Ownership {
    #[serde(rename = "n")]
    Unassigned { since: Timestamp },
    /// `by` is the agent who assigned it.
    #[serde(rename = "a")]
    Agent { id: AgentId, by: Option<AgentId>, at: Timestamp },
}

impl Ownership {
    /// The owner; `None` while unassigned.
    pub fn assignee(&self) -> Option<AgentId> {
        match self {
            Self::Unassigned { .. } => None,
            Self::Agent { id, .. } => Some(*id),
        }
    }
}

/// The only thread between a contact and a phone number.
///
/// Messages are numbered 1, 2, 3 … within their conversation, so `message_count` is also the number of the last
/// message. `version` rises by one with each event except reading, so the n-th such event leads to version n.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    pub id: ConversationId,
    pub workspace_id: WorkspaceId,
    pub phone_number_id: PhoneNumberId,
    pub contact_id: ContactId,
    pub version: i32,
    pub state: State,
    pub ownership: Ownership,
    pub message_count: i32,
    pub last_message_id: MessageId,
    /// The number of the last message from the customer; `None` before the first.
    pub last_inbound: Option<i32>,
    pub last_activity_at: Timestamp,
    pub created_at: Timestamp,
}

impl Conversation {
    pub fn status(&self) -> Status {
        match self.state {
            State::Open { .. } => Status::Open,
            State::Closed { .. } => Status::Closed,
        }
    }

    pub fn is_open(&self) -> bool {
        self.status() == Status::Open
    }

    /// The owner; `None` while unassigned.
    pub fn assignee(&self) -> Option<AgentId> {
        self.ownership.assignee()
    }

    /// When the conversation became unassigned; `None` while it has an owner.
    pub fn unassigned_since(&self) -> Option<Timestamp> {
        match self.ownership {
            Ownership::Unassigned { since } => Some(since),
            Ownership::Agent { .. } => None,
        }
    }

    /// Since when the customer has been waiting for an answer; `None` while closed or answered.
    pub fn waiting_since(&self) -> Option<Timestamp> {
        match self.state {
            State::Open { waiting_since } => waiting_since,
            State::Closed { .. } => None,
        }
    }

    /// The agent who assigned the conversation to its owner: the owner themselves after a claim.
    pub fn assigned_by(&self) -> Option<AgentId> {
        match self.ownership {
            Ownership::Agent { by, .. } => by,
            Ownership::Unassigned { .. } => None,
        }
    }

    /// When the owner got the conversation; `None` while unassigned.
    pub fn assigned_at(&self) -> Option<Timestamp> {
        match self.ownership {
            Ownership::Agent { at, .. } => Some(at),
            Ownership::Unassigned { .. } => None,
        }
    }

    /// When the conversation was closed; `None` while open.
    pub fn closed_at(&self) -> Option<Timestamp> {
        match self.state {
            State::Closed { at, .. } => Some(at),
            State::Open { .. } => None,
        }
    }

    /// The agent who closed the conversation; `None` while open.
    pub fn closed_by(&self) -> Option<AgentId> {
        match self.state {
            State::Closed { by, .. } => by,
            State::Open { .. } => None,
        }
    }

    /// The latest of the conversation's timestamps.
    pub fn latest(&self) -> Timestamp {
        let closed = match self.state {
            State::Open { .. } => self.created_at,
            State::Closed { at, .. } => at,
        };
        let owned = match self.ownership {
            Ownership::Unassigned { since } => since,
            Ownership::Agent { at, .. } => at,
        };
        self.last_activity_at.max(closed).max(owned)
    }

    /// Whether the conversation can be unread: it is open and has a message from the customer.
    pub fn counts_as_unread(&self) -> bool {
        self.is_open() && self.last_inbound.is_some()
    }
}

/// A conversation and the agents who have read its last inbound message.
///
/// `readers` is sorted, and empty before the first inbound message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    #[serde(flatten)]
    pub conversation: Conversation,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readers: Vec<AgentId>,
}

/// The result of a transition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub kind: EventKind,
    /// `None` when the conversation begins with this change.
    pub before: Option<Snapshot>,
    pub after: Snapshot,
    /// Why the change happened, when the kind does not say so.
    pub reason: Option<&'static str>,
}

/// The ids of a conversation that does not exist yet.
#[derive(Debug, Clone, Copy)]
pub struct NewConversation {
    pub id: ConversationId,
    pub workspace_id: WorkspaceId,
    pub phone_number_id: PhoneNumberId,
    pub contact_id: ContactId,
}

/// The state that the caller of a command expects the conversation to have. `None` expects nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expectations {
    pub version: Option<i32>,
    /// `Some(None)` expects an unassigned conversation.
    pub assignee: Option<Option<AgentId>>,
}

impl Expectations {
    /// Checks that the conversation is in the expected state.
    ///
    /// # Errors
    /// [`Refusal::Stale`] with the current conversation when it is not.
    pub fn check(&self, now: &Snapshot) -> Result<(), Refusal> {
        let same_version = self.version.is_none_or(|expected| expected == now.conversation.version);
        let same_assignee = self.assignee.is_none_or(|expected| expected == now.conversation.assignee());
        if same_version && same_assignee { Ok(()) } else { Err(Refusal::Stale(Box::new(now.clone()))) }
    }
}

/// The intended owner of a conversation.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    pub agent: &'a Agent,
    /// Whether the agent has access to the conversation's phone number.
    pub has_access: bool,
}

/// The conversation was unassigned because its owner lost access to the phone number.
pub const ACCESS_REVOKED: &str = "ACCESS_REVOKED";
/// The conversation was unassigned because its owner was deactivated.
pub const AGENT_DEACTIVATED: &str = "AGENT_DEACTIVATED";
/// The conversation was reopened without its owner, who is deactivated or lacks access.
pub const ASSIGNEE_UNAVAILABLE: &str = "ASSIGNEE_UNAVAILABLE";
/// The reply was sent although its author had been warned of a newer reply.
pub const STALE_OVERRIDDEN: &str = "STALE_OVERRIDDEN";

impl Snapshot {
    /// Starts a conversation with a customer's message.
    pub fn begun_by_customer(new: NewConversation, message: MessageId, at: Timestamp) -> Change {
        let mut after = Self::first(new, message, at);
        after.conversation.last_inbound = Some(1);
        after.conversation.state = State::Open { waiting_since: Some(at) };
        Change { kind: EventKind::Received, before: None, after, reason: None }
    }

    /// Starts a conversation with an agent's message. This does not assign the conversation.
    pub fn begun_by_agent(new: NewConversation, message: MessageId, at: Timestamp) -> Change {
        let after = Self::first(new, message, at);
        Change { kind: EventKind::Replied, before: None, after, reason: None }
    }

    /// The snapshot of a new conversation after its first message.
    fn first(new: NewConversation, message: MessageId, at: Timestamp) -> Self {
        let conversation = Conversation {
            id: new.id,
            workspace_id: new.workspace_id,
            phone_number_id: new.phone_number_id,
            contact_id: new.contact_id,
            version: 1,
            state: State::Open { waiting_since: None },
            ownership: Ownership::Unassigned { since: at },
            message_count: 1,
            last_message_id: message,
            last_inbound: None,
            last_activity_at: at,
            created_at: at,
        };
        Self { conversation, readers: Vec::new() }
    }

    /// Whether the conversation is unread for `agent`.
    pub fn unread_for(&self, agent: AgentId) -> bool {
        self.conversation.counts_as_unread() && !self.is_reader(agent)
    }

    /// Whether `agent` has read the last inbound message.
    pub fn is_reader(&self, agent: AgentId) -> bool {
        self.readers.binary_search(&agent).is_ok()
    }

    /// Receives a message from the customer.
    ///
    /// Reopens a closed conversation. It keeps its assignee unless `assignee_can_work` is false.
    pub fn receive(&self, message: MessageId, at: Timestamp, assignee_can_work: bool) -> Change {
        let mut next = self.next();
        let at = next.append(message, at);
        next.conversation.last_inbound = Some(next.conversation.message_count);
        next.readers.clear();
        let waiting_since = self.conversation.waiting_since().or(Some(at));
        next.conversation.state = State::Open { waiting_since };
        let dropped = !self.conversation.is_open() && next.drop_assignee(at, assignee_can_work);
        self.change(EventKind::Received, next, dropped.then_some(ASSIGNEE_UNAVAILABLE))
    }

    /// Adds an agent's message to the customer. `seen` is the number of the last message that the author has
    /// seen.
    ///
    /// Ends the customer's wait. Does not assign and does not reopen.
    pub fn reply(&self, author: AgentId, message: MessageId, seen: i32, at: Timestamp) -> Change {
        let mut next = self.next();
        next.append(message, at);
        if let State::Open { waiting_since } = &mut next.conversation.state {
            *waiting_since = None;
        }
        if self.conversation.last_inbound.is_some_and(|last| seen >= last) {
            next.add_reader(author);
        }
        self.change(EventKind::Replied, next, None)
    }

    /// Assigns the conversation to `to`.
    ///
    /// Checks, in this order: whether `to` owns the conversation already, then `expected`, then the rules.
    ///
    /// # Errors
    /// [`Refusal::Stale`], [`Refusal::PlanRequired`], [`Refusal::NotAllowed`], [`Refusal::AgentInactive`],
    /// [`Refusal::AgentLacksAccess`].
    pub fn assign(
        &self,
        actor: &Agent,
        to: Candidate<'_>,
        policy: Policy,
        expected: Expectations,
        at: Timestamp,
    ) -> Result<Option<Change>, Refusal> {
        let from = self.conversation.assignee();
        if from == Some(to.agent.id) {
            return Ok(None);
        }
        expected.check(self)?;
        policy.permit(actor, OwnerChange::of(actor.id, from, Some(to.agent.id)))?;
        if !to.agent.active {
            return Err(Refusal::AgentInactive);
        }
        if !to.has_access {
            return Err(Refusal::AgentLacksAccess);
        }
        let mut next = self.next();
        next.conversation.ownership = Ownership::Agent { id: to.agent.id, by: Some(actor.id), at };
        Ok(Some(self.change(EventKind::Assigned, next, None)))
    }

    /// Assigns an unassigned conversation to `actor`.
    ///
    /// # Errors
    /// [`Refusal::AlreadyAssigned`] when another agent owns it; otherwise as [`Self::assign`].
    pub fn claim(
        &self,
        actor: Candidate<'_>,
        policy: Policy,
        at: Timestamp,
    ) -> Result<Option<Change>, Refusal> {
        match self.conversation.assignee() {
            Some(owner) if owner != actor.agent.id => Err(Refusal::AlreadyAssigned(Box::new(self.clone()))),
            _ => self.assign(actor.agent, actor, policy, Expectations::default(), at),
        }
    }

    /// Removes the owner.
    ///
    /// # Errors
    /// [`Refusal::Stale`], [`Refusal::PlanRequired`], [`Refusal::NotAllowed`].
    pub fn unassign(
        &self,
        actor: &Agent,
        policy: Policy,
        expected: Expectations,
        at: Timestamp,
    ) -> Result<Option<Change>, Refusal> {
        let from = self.conversation.assignee();
        if from.is_none() {
            return Ok(None);
        }
        expected.check(self)?;
        policy.permit(actor, OwnerChange::of(actor.id, from, None))?;
        let mut next = self.next();
        next.conversation.ownership = Ownership::Unassigned { since: at };
        Ok(Some(self.change(EventKind::Unassigned, next, None)))
    }

    /// Returns an open conversation to Unassigned because its owner can no longer work on it.
    ///
    /// `None` when the conversation is closed or unassigned: a closed conversation keeps its assignee.
    pub fn release(&self, reason: &'static str, at: Timestamp) -> Option<Change> {
        if !self.conversation.is_open() || self.conversation.assignee().is_none() {
            return None;
        }
        let mut next = self.next();
        next.conversation.ownership = Ownership::Unassigned { since: at };
        Some(self.change(EventKind::Unassigned, next, Some(reason)))
    }

    /// Closes the conversation and keeps the assignee.
    ///
    /// # Errors
    /// [`Refusal::Stale`] when the conversation is not as `expected`, for example after a new message.
    pub fn close(
        &self,
        actor: AgentId,
        expected: Expectations,
        at: Timestamp,
    ) -> Result<Option<Change>, Refusal> {
        if !self.conversation.is_open() {
            return Ok(None);
        }
        expected.check(self)?;
        let mut next = self.next();
        next.conversation.state = State::Closed { at, by: Some(actor) };
        Ok(Some(self.change(EventKind::Closed, next, None)))
    }

    /// Reopens the conversation, and unassigns it if `assignee_can_work` is false.
    ///
    /// The customer does not wait afterwards: their messages are older than the close.
    pub fn reopen(&self, assignee_can_work: bool, at: Timestamp) -> Option<Change> {
        if self.conversation.is_open() {
            return None;
        }
        let mut next = self.next();
        next.conversation.state = State::Open { waiting_since: None };
        let dropped = next.drop_assignee(at, assignee_can_work);
        Some(self.change(EventKind::Reopened, next, dropped.then_some(ASSIGNEE_UNAVAILABLE)))
    }

    /// Records that `agent` has read the thread up to message number `through`.
    ///
    /// `None` when a later inbound message exists, or `agent` has already read the last one. A closed
    /// conversation is never unread, but it remembers its readers in case an agent reopens it.
    pub fn read(&self, agent: AgentId, through: i32) -> Option<Change> {
        let last = self.conversation.last_inbound?;
        if through < last || self.is_reader(agent) {
            return None;
        }
        let mut next = self.clone();
        next.add_reader(agent);
        Some(self.change(EventKind::Read, next, None))
    }

    /// Marks the last inbound message as unread for `agent`. `None` when they have not read it.
    pub fn unread(&self, agent: AgentId) -> Option<Change> {
        let position = self.readers.binary_search(&agent).ok()?;
        let mut next = self.clone();
        next.readers.remove(position);
        Some(self.change(EventKind::Unread, next, None))
    }

    /// A copy with the next version.
    pub(super) fn next(&self) -> Self {
        let mut next = self.clone();
        next.conversation.version += 1;
        next
    }

    /// Adds a message and returns its time, which never goes backwards within a conversation.
    fn append(&mut self, message: MessageId, at: Timestamp) -> Timestamp {
        let conversation = &mut self.conversation;
        conversation.message_count += 1;
        conversation.last_message_id = message;
        conversation.last_activity_at = conversation.last_activity_at.max(at);
        conversation.last_activity_at
    }

    fn add_reader(&mut self, agent: AgentId) {
        if let Err(position) = self.readers.binary_search(&agent) {
            self.readers.insert(position, agent);
        }
    }

    /// Removes an assignee who cannot work on the conversation. Returns whether one was removed.
    fn drop_assignee(&mut self, at: Timestamp, can_work: bool) -> bool {
        let drop = !can_work && self.conversation.assignee().is_some();
        if drop {
            self.conversation.ownership = Ownership::Unassigned { since: at };
        }
        drop
    }

    pub(super) fn change(&self, kind: EventKind, after: Self, reason: Option<&'static str>) -> Change {
        Change { kind, before: Some(self.clone()), after, reason }
    }
}

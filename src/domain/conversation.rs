//! Who owns a conversation, and what may happen to it next.
//!
//! A [`Conversation`] is what everybody sees; a [`Snapshot`] adds which agents have read it up to date. Each
//! transition takes a snapshot and answers with a [`Change`]: the snapshot afterwards and what to call the
//! event, or `None` when what was asked for already holds. Nothing here decides who may read or reply:
//! callers check access to the number first.
//!
//! To add a transition: a method here that returns a [`Change`], an [`EventKind`] if it is a new one, and a
//! use case in `service` that loads, decides and hands the change to the log.

use serde::{Deserialize, Serialize};

use super::agent::{Agent, Handover, Policy};
use super::event::EventKind;
use super::ids::{AgentId, ContactId, ConversationId, MessageId, PhoneNumberId, WorkspaceId};
use super::refusal::Refusal;
use crate::clock::Timestamp;

/// Whether work is still to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    Open,
    Closed,
}
super::spelling::spelled!(Status { Open = "OPEN", Closed = "CLOSED" });

/// The status with what belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "s")]
pub enum State {
    /// `waiting_since` is the oldest inbound message after the later of the last reply and the last close.
    #[serde(rename = "o")]
    Open { waiting_since: Option<Timestamp> },
    #[serde(rename = "c")]
    Closed { at: Timestamp, by: Option<AgentId> },
}

/// Who answers for the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "o")]
pub enum Ownership {
    #[serde(rename = "n")]
    Nobody { since: Timestamp },
    /// `by` is who assigned it.
    #[serde(rename = "a")]
    Agent { id: AgentId, by: Option<AgentId>, at: Timestamp },
}

impl Ownership {
    /// The owner, if there is one.
    pub fn assignee(&self) -> Option<AgentId> {
        match self {
            Self::Nobody { .. } => None,
            Self::Agent { id, .. } => Some(*id),
        }
    }
}

/// The one thread between a contact and a phone number.
///
/// Messages carry numbers 1, 2, 3 … within their conversation, so `message_count` is also the number of the
/// last one. `version` rises by one with each event but reading, so the n-th such event left version n.
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

    /// The owner, if there is one.
    pub fn assignee(&self) -> Option<AgentId> {
        self.ownership.assignee()
    }

    /// Since when nobody owns it; `None` while somebody does.
    pub fn unassigned_since(&self) -> Option<Timestamp> {
        match self.ownership {
            Ownership::Nobody { since } => Some(since),
            Ownership::Agent { .. } => None,
        }
    }

    /// Since when the customer has waited for an answer; `None` while closed or answered.
    pub fn waiting_since(&self) -> Option<Timestamp> {
        match self.state {
            State::Open { waiting_since } => waiting_since,
            State::Closed { .. } => None,
        }
    }

    /// Who gave it to the owner, if there is one; the owner, when they claimed it.
    pub fn assigned_by(&self) -> Option<AgentId> {
        match self.ownership {
            Ownership::Agent { by, .. } => by,
            Ownership::Nobody { .. } => None,
        }
    }

    /// Since when it has its owner; `None` while nobody owns it.
    pub fn assigned_at(&self) -> Option<Timestamp> {
        match self.ownership {
            Ownership::Agent { at, .. } => Some(at),
            Ownership::Nobody { .. } => None,
        }
    }

    /// When it was closed; `None` while open.
    pub fn closed_at(&self) -> Option<Timestamp> {
        match self.state {
            State::Closed { at, .. } => Some(at),
            State::Open { .. } => None,
        }
    }

    /// Who closed it; `None` while open.
    pub fn closed_by(&self) -> Option<AgentId> {
        match self.state {
            State::Closed { by, .. } => by,
            State::Open { .. } => None,
        }
    }

    /// The latest instant that the conversation holds.
    pub fn latest(&self) -> Timestamp {
        let closed = match self.state {
            State::Open { .. } => self.created_at,
            State::Closed { at, .. } => at,
        };
        let owned = match self.ownership {
            Ownership::Nobody { since } => since,
            Ownership::Agent { at, .. } => at,
        };
        self.last_activity_at.max(closed).max(owned)
    }

    /// Whether it can be unread at all: open, with a message from the customer.
    pub fn counts_as_unread(&self) -> bool {
        self.is_open() && self.last_inbound.is_some()
    }
}

/// A conversation and the agents who have opened its last inbound message.
///
/// `readers` is sorted, and empty while there is no inbound message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    #[serde(flatten)]
    pub conversation: Conversation,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readers: Vec<AgentId>,
}

/// What a transition leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub kind: EventKind,
    /// `None` when the conversation begins with this change.
    pub before: Option<Snapshot>,
    pub after: Snapshot,
    /// Why it happened, when that is not plain from the kind.
    pub reason: Option<&'static str>,
}

/// The customer and number of a conversation that is about to begin.
#[derive(Debug, Clone, Copy)]
pub struct NewConversation {
    pub id: ConversationId,
    pub workspace_id: WorkspaceId,
    pub phone_number_id: PhoneNumberId,
    pub contact_id: ContactId,
}

/// What the author of an assignment believed when they asked for it. Absent means no expectation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Expectations {
    pub version: Option<i32>,
    /// `Some(None)` expects nobody.
    pub assignee: Option<Option<AgentId>>,
}

impl Expectations {
    /// # Errors
    /// [`Refusal::Stale`] with the conversation as it is, when it is not what the author saw.
    pub fn check(&self, now: &Snapshot) -> Result<(), Refusal> {
        let version_holds = self.version.is_none_or(|seen| seen == now.conversation.version);
        let assignee_holds = self.assignee.is_none_or(|seen| seen == now.conversation.assignee());
        if version_holds && assignee_holds { Ok(()) } else { Err(Refusal::Stale(Box::new(now.clone()))) }
    }
}

/// The agent who is to own a conversation, and whether they can.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    pub agent: &'a Agent,
    /// Whether they have access to the conversation's number.
    pub has_access: bool,
}

/// Why an owner lost a conversation without anybody taking it from them.
pub const ACCESS_REVOKED: &str = "ACCESS_REVOKED";
/// See [`ACCESS_REVOKED`].
pub const AGENT_DEACTIVATED: &str = "AGENT_DEACTIVATED";
/// The reopening dropped an assignee who can no longer work the conversation.
pub const ASSIGNEE_UNAVAILABLE: &str = "ASSIGNEE_UNAVAILABLE";
/// The reply was sent although its author had been told of a newer one.
pub const STALE_OVERRIDDEN: &str = "STALE_OVERRIDDEN";

impl Snapshot {
    /// A conversation that begins with a customer's text.
    pub fn begun_by_customer(birth: NewConversation, message: MessageId, at: Timestamp) -> Change {
        let mut after = Self::born(birth, message, at);
        after.conversation.last_inbound = Some(1);
        after.conversation.state = State::Open { waiting_since: Some(at) };
        Change { kind: EventKind::Received, before: None, after, reason: None }
    }

    /// A conversation that begins with an agent's first message. Writing it does not assign it.
    pub fn begun_by_agent(birth: NewConversation, message: MessageId, at: Timestamp) -> Change {
        let after = Self::born(birth, message, at);
        Change { kind: EventKind::Replied, before: None, after, reason: None }
    }

    fn born(birth: NewConversation, message: MessageId, at: Timestamp) -> Self {
        let conversation = Conversation {
            id: birth.id,
            workspace_id: birth.workspace_id,
            phone_number_id: birth.phone_number_id,
            contact_id: birth.contact_id,
            version: 1,
            state: State::Open { waiting_since: None },
            ownership: Ownership::Nobody { since: at },
            message_count: 1,
            last_message_id: message,
            last_inbound: None,
            last_activity_at: at,
            created_at: at,
        };
        Self { conversation, readers: Vec::new() }
    }

    /// Whether `agent` has an unopened text here.
    pub fn unread_for(&self, agent: AgentId) -> bool {
        self.conversation.counts_as_unread() && !self.is_reader(agent)
    }

    /// Whether `agent` has opened the last inbound message.
    pub fn is_reader(&self, agent: AgentId) -> bool {
        self.readers.binary_search(&agent).is_ok()
    }

    /// A text from the customer. Reopens a closed conversation, back into its assignee's queue unless
    /// `assignee_can_work` is false.
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

    /// An agent's message to the customer, by somebody who has seen the thread up to message number `seen`.
    ///
    /// Answers everything that waited. Never assigns and never reopens.
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

    /// Gives the conversation to `to`, judged in this order: already so, `expected`, the rules.
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
        policy.permit(actor, Handover::of(actor.id, from, Some(to.agent.id)))?;
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

    /// Takes an unowned conversation for `actor`.
    ///
    /// # Errors
    /// [`Refusal::AlreadyAssigned`] with the winner when somebody else owns it; otherwise as [`Self::assign`].
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

    /// Gives the conversation back to nobody.
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
        policy.permit(actor, Handover::of(actor.id, from, None))?;
        let mut next = self.next();
        next.conversation.ownership = Ownership::Nobody { since: at };
        Ok(Some(self.change(EventKind::Unassigned, next, None)))
    }

    /// Returns an open conversation to Unassigned because its owner can no longer work it.
    ///
    /// `None` when it is closed or nobody's: closing keeps the assignee.
    pub fn release(&self, reason: &'static str, at: Timestamp) -> Option<Change> {
        if !self.conversation.is_open() || self.conversation.assignee().is_none() {
            return None;
        }
        let mut next = self.next();
        next.conversation.ownership = Ownership::Nobody { since: at };
        Some(self.change(EventKind::Unassigned, next, Some(reason)))
    }

    /// Marks the work as done, and keeps the assignee.
    ///
    /// # Errors
    /// [`Refusal::Stale`] when a message or anything else came in since `expected`.
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

    /// Takes the work up again, without the assignee if they can no longer do it.
    ///
    /// Nobody waits in a conversation that an agent reopens: what the customer wrote lies before the close.
    pub fn reopen(&self, assignee_can_work: bool, at: Timestamp) -> Option<Change> {
        if self.conversation.is_open() {
            return None;
        }
        let mut next = self.next();
        next.conversation.state = State::Open { waiting_since: None };
        let dropped = next.drop_assignee(at, assignee_can_work);
        Some(self.change(EventKind::Reopened, next, dropped.then_some(ASSIGNEE_UNAVAILABLE)))
    }

    /// `agent` has opened the thread up to message number `through`.
    ///
    /// `None` when a later inbound message is still unopened, or the last one was opened before. A closed
    /// conversation is never unread, but what was opened stays opened if an agent reopens it.
    pub fn read(&self, agent: AgentId, through: i32) -> Option<Change> {
        let last = self.conversation.last_inbound?;
        if through < last || self.is_reader(agent) {
            return None;
        }
        let mut next = self.clone();
        next.add_reader(agent);
        Some(self.change(EventKind::Read, next, None))
    }

    /// `agent` wants to come back to the last inbound message. `None` when it is not opened yet.
    pub fn unread(&self, agent: AgentId) -> Option<Change> {
        let position = self.readers.binary_search(&agent).ok()?;
        let mut next = self.clone();
        next.readers.remove(position);
        Some(self.change(EventKind::Unread, next, None))
    }

    /// A copy that the next event will leave.
    pub(super) fn next(&self) -> Self {
        let mut next = self.clone();
        next.conversation.version += 1;
        next
    }

    /// Adds a message; answers with its instant, which never goes backwards within a conversation.
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

    /// Drops an assignee who cannot work the conversation; says whether there was one.
    fn drop_assignee(&mut self, at: Timestamp, can_work: bool) -> bool {
        let drop = !can_work && self.conversation.assignee().is_some();
        if drop {
            self.conversation.ownership = Ownership::Nobody { since: at };
        }
        drop
    }

    pub(super) fn change(&self, kind: EventKind, after: Self, reason: Option<&'static str>) -> Change {
        Change { kind, before: Some(self.clone()), after, reason }
    }
}

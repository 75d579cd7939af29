//! Conversations, as one caller sees them.
//!
//! Queries and subscriptions use the same type. Messages and history are numbered without gaps, so a page of them is
//! a range of numbers, and the total is known without counting.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::{Enum, ID, Object, Result};

use super::agent::Agent;
use super::contact::Contact;
use super::event::{ConversationEvent, ConversationEventConnection};
use super::message::{Message, MessageConnection};
use super::phone_number::PhoneNumber;
use crate::clock::Timestamp;
use crate::domain::{self, AgentId};
use crate::graphql::connection::{
    Cursor, HistoryNumber, MessageNumber, Page, PageWindow, Paging, Total, cost,
};
use crate::graphql::error;
use crate::graphql::ids;
use crate::graphql::json::WriteScalar;
use crate::graphql::loaders::Loaders;
use crate::service::VisibleConversation;
use graphql_transport::fast::InlineObject;
use graphql_transport::fast::{FastObject, FieldWriter, Json, Selected, scalar};

/// Whether a conversation is open or closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Status")]
pub enum ConversationStatus {
    /// The conversation needs work.
    Open,
    /// The work is done. A new message from the customer reopens the conversation.
    Closed,
}

/// The GraphQL type `Conversation`.
pub type Conversation = InlineObject<ConversationFields>;

/// A conversation and the loaders for its related entities.
#[derive(Clone)]
pub struct ConversationFields {
    visible: VisibleConversation,
    loaders: Arc<Loaders>,
}

impl ConversationFields {
    /// The conversation as the API shows it.
    pub fn object(visible: VisibleConversation, loaders: &Arc<Loaders>) -> Conversation {
        InlineObject(Self { visible, loaders: loaders.clone() })
    }

    fn row(&self) -> &domain::Conversation {
        &self.visible.conversation
    }

    /// `Some(None)` for no agent. `None` if the agent is not in the cache.
    fn agent_cached(&self, id: Option<AgentId>) -> Option<Option<&domain::Agent>> {
        match id {
            None => Some(None),
            Some(id) => self.loaders.agent_cached(id).map(Some),
        }
    }

    fn viewer_is_agent(&self) -> bool {
        self.loaders.caller().agent_id().is_some()
    }

    pub(super) async fn find_agent(&self, id: Option<AgentId>) -> Option<Result<Agent>> {
        self.loaders.agent(id?).await.map(|found| found.map(Agent)).transpose()
    }
}

impl FastObject for ConversationFields {
    fn type_name() -> Cow<'static, str> {
        "Conversation".into()
    }

    fn writer(selected: &Selected<'_>) -> Option<FieldWriter<Self>> {
        Some(match selected.name() {
            "id" => scalar(|it: &Self, json| json.id(it.row().id)),
            "status" => scalar(|it: &Self, json| json.name(ConversationStatus::from(it.row().status()))),
            "version" => scalar(|it: &Self, json| json.int(it.row().version)),
            "contact" => {
                return selected.object(|it: &Self| it.loaders.contact_cached(it.row().contact_id).map(Some));
            }
            "phoneNumber" => {
                return selected
                    .object(|it: &Self| it.loaders.phone_number_cached(it.row().phone_number_id).map(Some));
            }
            "assignee" => return selected.object(|it: &Self| it.agent_cached(it.row().assignee())),
            "assignedBy" => return selected.object(|it: &Self| it.agent_cached(it.row().assigned_by())),
            "assignedAt" => scalar(|it: &Self, json| json.optional(it.row().assigned_at(), Json::time)),
            "unassignedSince" => {
                scalar(|it: &Self, json| json.optional(it.row().unassigned_since(), Json::time))
            }
            "unread" => scalar(|it: &Self, json| json.boolean(it.visible.unread)),
            "viewerCanReply" => scalar(|it: &Self, json| json.boolean(it.viewer_is_agent())),
            "lastActivityAt" => scalar(|it: &Self, json| json.time(it.row().last_activity_at)),
            "lastMessage" => {
                return selected
                    .object(|it: &Self| it.loaders.message_cached(it.row().last_message_id).map(Some));
            }
            "waitingSince" => scalar(|it: &Self, json| json.optional(it.row().waiting_since(), Json::time)),
            "createdAt" => scalar(|it: &Self, json| json.time(it.row().created_at)),
            "closedAt" => scalar(|it: &Self, json| json.optional(it.row().closed_at(), Json::time)),
            "closedBy" => return selected.object(|it: &Self| it.agent_cached(it.row().closed_by())),
            _ => return None,
        })
    }
}

/// The thread of messages between a contact and a phone number. The agent who owns the conversation is its assignee.
/// Each pair of contact and phone number has exactly one conversation.
#[Object(name = "Conversation")]
impl ConversationFields {
    /// The conversation's id.
    pub async fn id(&self) -> ID {
        ids::encode(self.row().id)
    }

    /// Whether the conversation is open or closed.
    async fn status(&self) -> ConversationStatus {
        self.row().status().into()
    }

    /// The version increases by one with each change that all agents can see. Of two copies of a conversation, the
    /// one with the higher version is newer. Marking as read or unread does not change the version.
    async fn version(&self) -> i32 {
        self.row().version
    }

    /// The customer.
    async fn contact(&self) -> Result<Contact> {
        let found = self.loaders.contact(self.row().contact_id).await?;
        found.map(Contact).ok_or_else(|| error::missing("the contact of a conversation"))
    }

    /// The workspace's phone number that the customer texts.
    async fn phone_number(&self) -> Result<PhoneNumber> {
        let found = self.loaders.phone_number(self.row().phone_number_id).await?;
        found.map(PhoneNumber).ok_or_else(|| error::missing("the phone number of a conversation"))
    }

    /// The agent who owns the conversation. Null if it is unassigned.
    async fn assignee(&self) -> Option<Result<Agent>> {
        self.find_agent(self.row().assignee()).await
    }

    /// The agent who assigned the conversation to its assignee. This is the assignee if the assignee claimed it. Null
    /// if the conversation is unassigned or no agent assigned it.
    async fn assigned_by(&self) -> Option<Result<Agent>> {
        self.find_agent(self.row().assigned_by()).await
    }

    /// When the conversation was assigned to its current assignee. Null if it is unassigned.
    async fn assigned_at(&self) -> Option<Timestamp> {
        self.row().assigned_at()
    }

    /// When the conversation became unassigned. Null if it has an assignee.
    async fn unassigned_since(&self) -> Option<Timestamp> {
        self.row().unassigned_since()
    }

    /// Whether the conversation is unread for you. An open conversation is unread until you read the customer's last
    /// message, and again when you mark the conversation as unread. False for a service token.
    async fn unread(&self) -> bool {
        self.visible.unread
    }

    /// Whether you can reply. Every agent with access to the phone number can reply, regardless of who owns the
    /// conversation. False for a service token.
    // Callers see only conversations on numbers that they have access to, so no further check is needed.
    async fn viewer_can_reply(&self) -> bool {
        self.viewer_is_agent()
    }

    /// When the last message was stored. Assigning, closing, reopening and reading do not change this time.
    async fn last_activity_at(&self) -> Timestamp {
        self.row().last_activity_at
    }

    /// The last message, inbound or outbound.
    async fn last_message(&self) -> Option<Result<Message>> {
        Message::find(self.row().last_message_id, &self.loaders).await.transpose()
    }

    /// When the customer started waiting for an answer. Null if the conversation is answered or closed.
    async fn waiting_since(&self) -> Option<Timestamp> {
        self.row().waiting_since()
    }

    /// When the conversation was created.
    async fn created_at(&self) -> Timestamp {
        self.row().created_at
    }

    /// When the conversation was closed. Null if it is open.
    async fn closed_at(&self) -> Option<Timestamp> {
        self.row().closed_at()
    }

    /// The agent who closed the conversation. Null if it is open.
    async fn closed_by(&self) -> Option<Result<Agent>> {
        self.find_agent(self.row().closed_by()).await
    }

    /// The messages of the conversation, in the order in which they were stored. Use `last` to get the most recent
    /// messages.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn messages(
        &self,
        #[graphql(
            desc = "The number of items to return from the start of the list, at most 100. Defaults to 25."
        )]
        first: Option<i32>,
        #[graphql(desc = "Return only items after this cursor.")] after: Option<String>,
        #[graphql(
            desc = "The number of items to return from the end of the list, at most 100. Cannot be combined with `first`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Return only items before this cursor.")] before: Option<String>,
    ) -> Result<MessageConnection> {
        let paging = Paging::new(first, after, last, before)?;
        let slice = paging.slice(|cursor| MessageNumber::decode(cursor).map(|number| number.0))?;
        let count = self.row().message_count;
        let window = PageWindow::ascending(count, slice);
        let messages = match window.range() {
            Some((low, high)) => self.loaders.message_range((self.row().id, low, high)).await?,
            None => Vec::new(),
        };
        let items = messages
            .into_iter()
            .map(|message| (MessageNumber(message.number), Message::new(message, &self.loaders)));
        let page = Page::new(items, window.has_next, window.has_previous);
        Ok(MessageConnection(page, Total { total_count: Some(count) }))
    }

    /// The complete history of the conversation, newest event first. `READ` and `UNREAD` events are not part of it.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn history(
        &self,
        #[graphql(
            desc = "The number of items to return from the start of the list, at most 100. Defaults to 25."
        )]
        first: Option<i32>,
        #[graphql(desc = "Return only items after this cursor.")] after: Option<String>,
        #[graphql(
            desc = "The number of items to return from the end of the list, at most 100. Cannot be combined with `first`."
        )]
        last: Option<i32>,
        #[graphql(desc = "Return only items before this cursor.")] before: Option<String>,
    ) -> Result<ConversationEventConnection> {
        let paging = Paging::new(first, after, last, before)?;
        let slice = paging.slice(|cursor| HistoryNumber::decode(cursor).map(|number| number.0))?;
        let count = self.row().version;
        let window = PageWindow::descending(count, slice);
        let events = match window.range() {
            Some((low, high)) => self.loaders.history_range((self.row().id, low, high)).await?,
            None => Vec::new(),
        };
        let newest_first = events.into_iter().rev();
        let items = newest_first
            .filter_map(|event| ConversationEvent::new(event, &self.loaders))
            .map(|event| (HistoryNumber(event.version()), event));
        let page = Page::new(items, window.has_next, window.has_previous);
        Ok(ConversationEventConnection(page, Total { total_count: Some(count) }))
    }

    /// The agent who owned the conversation at the given time. Null if it was unassigned or did not exist yet.
    async fn assignee_at(
        &self,
        #[graphql(desc = "The time to look up.")] time: Timestamp,
    ) -> Option<Result<Agent>> {
        match self.loaders.assignee_at(self.row().id, time).await {
            Ok(owner) => self.find_agent(owner).await,
            Err(error) => Some(Err(error)),
        }
    }
}

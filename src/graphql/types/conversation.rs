//! The thread between a contact and a phone number, as one caller sees it.
//!
//! A row that a query found and a row that a subscription pushes are the same type. Messages and history are
//! numbered without gaps, so a page of them is a run of numbers and its total is known.

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

/// Whether there is still work to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Status")]
pub enum ConversationStatus {
    /// There is work to do.
    Open,
    /// The work is done, until the customer writes again.
    Closed,
}

/// A conversation as the API shows it.
pub type Conversation = InlineObject<ConversationFields>;

/// A conversation, and what to look up its surroundings with.
#[derive(Clone)]
pub struct ConversationFields {
    seen: VisibleConversation,
    loaders: Arc<Loaders>,
}

impl ConversationFields {
    /// The conversation as the API shows it.
    pub fn object(seen: VisibleConversation, loaders: &Arc<Loaders>) -> Conversation {
        InlineObject(Self { seen, loaders: loaders.clone() })
    }

    fn row(&self) -> &domain::Conversation {
        &self.seen.conversation
    }

    /// Nobody, or the agent if they are at hand.
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
            "unread" => scalar(|it: &Self, json| json.boolean(it.seen.unread)),
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

/// The one thread between a contact and a phone number, and who answers for it.
#[Object(name = "Conversation")]
impl ConversationFields {
    /// The conversation's id.
    pub async fn id(&self) -> ID {
        ids::encode(self.row().id)
    }

    /// Whether there is still work to do.
    async fn status(&self) -> ConversationStatus {
        self.row().status().into()
    }

    /// Rises by one with each change that everybody sees. Of two copies, the one with the higher version is
    /// the later; reading and marking as unread leave it alone.
    async fn version(&self) -> i32 {
        self.row().version
    }

    /// The customer.
    async fn contact(&self) -> Result<Contact> {
        let found = self.loaders.contact(self.row().contact_id).await?;
        found.map(Contact).ok_or_else(|| error::missing("the contact of a conversation"))
    }

    /// The number that the customer texts.
    async fn phone_number(&self) -> Result<PhoneNumber> {
        let found = self.loaders.phone_number(self.row().phone_number_id).await?;
        found.map(PhoneNumber).ok_or_else(|| error::missing("the phone number of a conversation"))
    }

    /// The agent who owns the conversation; null when nobody does.
    async fn assignee(&self) -> Option<Result<Agent>> {
        self.find_agent(self.row().assignee()).await
    }

    /// The agent who gave it to the assignee; the assignee, when they claimed it themselves.
    async fn assigned_by(&self) -> Option<Result<Agent>> {
        self.find_agent(self.row().assigned_by()).await
    }

    /// Since when the assignee owns it.
    async fn assigned_at(&self) -> Option<Timestamp> {
        self.row().assigned_at()
    }

    /// Since when nobody owns it; null while somebody does.
    async fn unassigned_since(&self) -> Option<Timestamp> {
        self.row().unassigned_since()
    }

    /// Whether it is open and you have not opened the customer's last message. False for a service.
    async fn unread(&self) -> bool {
        self.seen.unread
    }

    /// Whether you can reply: everybody with access to the phone number can, whoever owns the conversation.
    /// False for a service.
    // Only what the caller has access to is ever shown to them.
    async fn viewer_can_reply(&self) -> bool {
        self.viewer_is_agent()
    }

    /// When its last message was stored. Assigning, closing, reopening and reading leave it alone.
    async fn last_activity_at(&self) -> Timestamp {
        self.row().last_activity_at
    }

    /// The last message, from either side.
    async fn last_message(&self) -> Option<Result<Message>> {
        Message::find(self.row().last_message_id, &self.loaders).await.transpose()
    }

    /// Since when the customer has waited for an answer; null while the conversation is answered or closed.
    async fn waiting_since(&self) -> Option<Timestamp> {
        self.row().waiting_since()
    }

    /// When it began.
    async fn created_at(&self) -> Timestamp {
        self.row().created_at
    }

    /// When it was closed; null while it is open.
    async fn closed_at(&self) -> Option<Timestamp> {
        self.row().closed_at()
    }

    /// The agent who closed it; null while it is open.
    async fn closed_by(&self) -> Option<Result<Agent>> {
        self.find_agent(self.row().closed_by()).await
    }

    /// Its messages, in the order they arrived. For the latest ones ask with `last`.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn messages(
        &self,
        #[graphql(desc = "How many from the start: 25 unless given, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100; instead of `first`.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<MessageConnection> {
        let paging = Paging::new(first, after, last, before)?;
        let slice = paging.slice(|cursor| MessageNumber::decode(cursor).map(|number| number.0))?;
        let count = self.row().message_count;
        let window = PageWindow::rising(count, slice);
        let messages = match window.run() {
            Some((low, high)) => self.loaders.message_run((self.row().id, low, high)).await?,
            None => Vec::new(),
        };
        let items = messages
            .into_iter()
            .map(|message| (MessageNumber(message.number), Message::new(message, &self.loaders)));
        let page = Page::new(items, window.has_next, window.has_previous);
        Ok(MessageConnection(page, Total { total_count: Some(count) }))
    }

    /// What has happened to it, newest first. Nothing is ever left out; reading is not part of it.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn history(
        &self,
        #[graphql(desc = "How many from the start: 25 unless given, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only those after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100; instead of `first`.")] last: Option<i32>,
        #[graphql(desc = "Only those before this cursor.")] before: Option<String>,
    ) -> Result<ConversationEventConnection> {
        let paging = Paging::new(first, after, last, before)?;
        let slice = paging.slice(|cursor| HistoryNumber::decode(cursor).map(|number| number.0))?;
        let count = self.row().version;
        let window = PageWindow::falling(count, slice);
        let events = match window.run() {
            Some((low, high)) => self.loaders.history_run((self.row().id, low, high)).await?,
            None => Vec::new(),
        };
        let newest_first = events.into_iter().rev();
        let items = newest_first
            .filter_map(|event| ConversationEvent::new(event, &self.loaders))
            .map(|event| (HistoryNumber(event.version()), event));
        let page = Page::new(items, window.has_next, window.has_previous);
        Ok(ConversationEventConnection(page, Total { total_count: Some(count) }))
    }

    /// The agent who owned it at that time; null when nobody did, or before it began.
    async fn assignee_at(
        &self,
        #[graphql(desc = "The moment in question.")] time: Timestamp,
    ) -> Option<Result<Agent>> {
        match self.loaders.assignee_at(self.row().id, time).await {
            Ok(owner) => self.find_agent(owner).await,
            Err(error) => Some(Err(error)),
        }
    }
}

//! Messages.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::{Enum, ID, MergedObject, Object, Result};

use super::agent::Agent;
use crate::clock::Timestamp;
use crate::domain::{self, AuthoredMessage};
use crate::graphql::connection::{MessageNumber, Page, Total};
use crate::graphql::ids;
use crate::graphql::json::WriteScalar;
use crate::graphql::loaders::Loaders;
use graphql_transport::fast::{FastObject, FieldWriter, Selected, scalar};

/// The direction of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Direction")]
pub enum MessageDirection {
    /// From the customer.
    Inbound,
    /// To the customer.
    Outbound,
}

/// The delivery status of an outbound message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::DeliveryStatus")]
pub enum DeliveryStatus {
    /// The message is stored, but has not been handed to a carrier yet.
    Queued,
    /// The message was handed to a carrier.
    Sent,
    /// The message arrived on the customer's phone.
    Delivered,
    /// The message could not be delivered.
    Failed,
}

/// The GraphQL type `Message`, with the author if already loaded.
#[derive(Clone)]
pub struct Message {
    message: domain::Message,
    author: Option<domain::Agent>,
    loaders: Arc<Loaders>,
}

impl Message {
    pub fn new(message: domain::Message, loaders: &Arc<Loaders>) -> Self {
        Self { message, author: None, loaders: loaders.clone() }
    }

    /// Loads the message with this id, and its author.
    pub async fn find(id: domain::MessageId, loaders: &Arc<Loaders>) -> Result<Option<Self>> {
        let found = loaders.message(id).await?;
        Ok(found.map(|AuthoredMessage { message, author }| Self {
            message,
            author,
            loaders: loaders.clone(),
        }))
    }

    async fn find_author(&self) -> Result<Option<Agent>> {
        match (&self.author, self.message.author_id) {
            (Some(author), _) => Ok(Some(Agent(author.clone()))),
            (None, Some(id)) => Ok(self.loaders.agent(id).await?.map(Agent)),
            (None, None) => Ok(None),
        }
    }
}

/// An SMS in a conversation.
#[Object(serial)]
impl Message {
    /// The message's id.
    pub async fn id(&self) -> ID {
        ids::encode(self.message.id)
    }

    /// Whether the message came from the customer or went to them.
    async fn direction(&self) -> MessageDirection {
        self.message.direction.into()
    }

    /// The text of the message. Empty if the customer sent only media.
    async fn body(&self) -> &str {
        &self.message.body
    }

    /// The URLs of the pictures and other media in the message.
    async fn media_urls(&self) -> &[String] {
        &self.message.media_urls
    }

    /// The agent who wrote the message. Null if the customer wrote it.
    async fn author(&self) -> Option<Result<Agent>> {
        self.find_author().await.transpose()
    }

    /// When the message was sent.
    async fn sent_at(&self) -> Timestamp {
        self.message.sent_at
    }

    /// The delivery status of an outbound message. Null for an inbound one.
    async fn delivery_status(&self) -> Option<DeliveryStatus> {
        self.message.delivery_status.map(DeliveryStatus::from)
    }
}

/// A message with its author, as prefetched for a list of conversations.
impl FastObject for AuthoredMessage {
    fn type_name() -> Cow<'static, str> {
        "Message".into()
    }

    fn writer(selected: &Selected<'_>) -> Option<FieldWriter<Self>> {
        Some(match selected.name() {
            "id" => scalar(|it: &Self, json| json.id(it.message.id)),
            "direction" => scalar(|it: &Self, json| json.name(MessageDirection::from(it.message.direction))),
            "body" => scalar(|it: &Self, json| json.text(&it.message.body)),
            "mediaUrls" => {
                scalar(|it: &Self, json| json.list(&it.message.media_urls, |json, url| json.text(url)))
            }
            "author" => {
                return selected.object(|it: &Self| match (it.message.author_id, &it.author) {
                    (None, _) => Some(None),
                    (Some(_), Some(author)) => Some(Some(author)),
                    (Some(_), None) => None,
                });
            }
            "sentAt" => scalar(|it: &Self, json| json.time(it.message.sent_at)),
            "deliveryStatus" => scalar(|it: &Self, json| {
                json.optional(it.message.delivery_status, |json, status| {
                    json.name(DeliveryStatus::from(status))
                });
            }),
            _ => return None,
        })
    }
}

impl FastObject for Message {}

/// A page of a conversation's messages, in the order in which they were stored.
#[derive(MergedObject)]
pub struct MessageConnection(pub Page<Message, MessageNumber>, pub Total);

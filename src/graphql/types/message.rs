//! One SMS.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::{Enum, ID, MergedObject, Object, Result};

use super::agent::Agent;
use crate::clock::Timestamp;
use crate::domain;
use crate::graphql::connection::{MessageNumber, Page, Total};
use crate::graphql::ids;
use crate::graphql::loaders::Loaders;
use crate::graphql::written::{Selected, Writer, Written, leaf};

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Direction")]
pub enum MessageDirection {
    /// From the customer.
    Inbound,
    /// To the customer.
    Outbound,
}

/// How far an outbound message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::DeliveryStatus")]
pub enum DeliveryStatus {
    /// Accepted, and not handed to a carrier yet.
    Queued,
    /// Handed to a carrier.
    Sent,
    /// The customer's phone has it.
    Delivered,
    /// It will not arrive.
    Failed,
}

/// A message, with its author if that came along with it.
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

    /// The message of that id, with its author.
    pub async fn find(id: domain::MessageId, loaders: &Arc<Loaders>) -> Result<Option<Self>> {
        let found = loaders.message(id).await?;
        Ok(found.map(|(message, author)| Self { message, author, loaders: loaders.clone() }))
    }

    async fn find_author(&self) -> Result<Option<Agent>> {
        match (&self.author, self.message.author_id) {
            (Some(author), _) => Ok(Some(Agent(author.clone()))),
            (None, Some(id)) => Ok(self.loaders.agent(id).await?.map(Agent)),
            (None, None) => Ok(None),
        }
    }
}

/// One SMS of a conversation.
#[Object(serial)]
impl Message {
    /// The message's id.
    pub async fn id(&self) -> ID {
        ids::encode(self.message.id)
    }

    /// Which way the message went.
    async fn direction(&self) -> MessageDirection {
        self.message.direction.into()
    }

    /// The text; empty when the customer sent only a picture.
    async fn body(&self) -> &str {
        &self.message.body
    }

    /// Where the pictures and other media of the message are.
    async fn media_urls(&self) -> &[String] {
        &self.message.media_urls
    }

    /// The agent who wrote it; null for the customer's messages.
    async fn author(&self) -> Option<Result<Agent>> {
        self.find_author().await.transpose()
    }

    /// When the message was sent.
    async fn sent_at(&self) -> Timestamp {
        self.message.sent_at
    }

    /// How far an outbound message has come; null for the customer's messages.
    async fn delivery_status(&self) -> Option<DeliveryStatus> {
        self.message.delivery_status.map(DeliveryStatus::from)
    }
}

/// A message with its author, as it comes beside a row.
impl Written for (domain::Message, Option<domain::Agent>) {
    fn type_name() -> Cow<'static, str> {
        "Message".into()
    }

    fn writer(selected: &Selected<'_>) -> Option<Writer<Self>> {
        Some(match selected.name() {
            "id" => leaf(|(it, _): &Self, json| json.id(it.id)),
            "direction" => leaf(|(it, _): &Self, json| json.name(MessageDirection::from(it.direction))),
            "body" => leaf(|(it, _): &Self, json| json.text(&it.body)),
            "mediaUrls" => leaf(|(it, _): &Self, json| json.list(&it.media_urls, |json, url| json.text(url))),
            "author" => {
                return selected.object(|(it, author): &Self| match (it.author_id, author) {
                    (None, _) => Some(None),
                    (Some(_), Some(author)) => Some(Some(author)),
                    (Some(_), None) => None,
                });
            }
            "sentAt" => leaf(|(it, _): &Self, json| json.time(it.sent_at)),
            "deliveryStatus" => leaf(|(it, _): &Self, json| {
                json.optional(it.delivery_status, |json, status| json.name(DeliveryStatus::from(status)));
            }),
            _ => return None,
        })
    }
}

impl Written for Message {}

/// A page of a conversation's messages, in the order they arrived.
#[derive(MergedObject)]
pub struct MessageConnection(pub Page<Message, MessageNumber>, pub Total);

//! One SMS, inbound or outbound.

use super::agent::Agent;
use super::ids::{AgentId, ConversationId, MessageId, WorkspaceId};
use crate::clock::Timestamp;

/// The direction of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    Inbound,
    Outbound,
}
super::spelling::spelled!(Direction { Inbound = "INBOUND", Outbound = "OUTBOUND" });

/// The delivery status of an outbound message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryStatus {
    /// Stored, and not yet sent to a carrier.
    Queued,
    Sent,
    Delivered,
    Failed,
}
super::spelling::spelled!(DeliveryStatus {
    Queued = "QUEUED",
    Sent = "SENT",
    Delivered = "DELIVERED",
    Failed = "FAILED",
});

/// One SMS of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub id: MessageId,
    pub workspace_id: WorkspaceId,
    pub conversation_id: ConversationId,
    /// 1, 2, 3 … within the conversation, by arrival.
    pub number: i32,
    pub direction: Direction,
    pub body: String,
    pub media_urls: Vec<String>,
    /// The agent who wrote the message; `None` for the customer.
    pub author_id: Option<AgentId>,
    pub sent_at: Timestamp,
    /// `None` for inbound messages.
    pub delivery_status: Option<DeliveryStatus>,
}

/// A message, with the agent who wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthoredMessage {
    pub message: Message,
    /// `None` when the customer wrote the message, and when its author was not loaded. [`Message::author_id`] tells.
    pub author: Option<Agent>,
}

//! Texts, in both directions.

use async_graphql::{Context, ID, InputObject, MergedObject, Object, Result};

use super::outcome::{Outcome, Sent, settle};
use crate::clock::Timestamp;
use crate::domain::input::E164;
use crate::graphql::ids;
use crate::graphql::scope::payload;
use crate::service::{ReceiveMessage, SendMessage, StartConversation};

/// Mutations about texts.
#[derive(Default)]
pub struct Messaging;

/// A reply to a customer.
#[derive(InputObject)]
pub struct SendMessageInput {
    /// The conversation.
    conversation_id: ID,
    /// The text: at most 1,600 characters, and not blank.
    body: String,
    /// A key of your choice, new for each message, at most 255 characters. A repeat with the same key and
    /// input sends nothing and answers with the first message.
    idempotency_key: String,
    /// The last message you have seen. When another agent has replied since, the message is refused as
    /// STALE_REPLY.
    last_seen_message_id: Option<ID>,
    /// Send although another agent has replied since. The history says so.
    #[graphql(default)]
    override_stale: bool,
}

/// What became of the reply.
#[derive(MergedObject)]
pub struct SendMessagePayload(Outcome, Sent);

/// A first message to a customer.
#[derive(InputObject)]
pub struct StartConversationInput {
    /// The number to send from.
    phone_number_id: ID,
    /// The customer's number.
    to: E164,
    /// The text: at most 1,600 characters, and not blank.
    body: String,
    /// A key of your choice, new for each message, at most 255 characters. A repeat with the same key and
    /// input sends nothing and answers with the first message.
    idempotency_key: String,
}

/// What became of the first message.
#[derive(MergedObject)]
pub struct StartConversationPayload(Outcome, Sent);

/// A customer's text, as a provider delivers it.
#[derive(InputObject)]
pub struct ReceiveMessageInput {
    /// The provider's id of the message. Delivering it again changes nothing.
    provider_message_id: String,
    /// The customer's number.
    from: E164,
    /// The workspace's number that the customer texted.
    to: E164,
    /// The text; empty when there are only pictures.
    body: String,
    /// Where the pictures and other media are.
    media_urls: Option<Vec<String>>,
    /// When the customer sent it; now, unless given.
    sent_at: Option<Timestamp>,
}

/// What became of the customer's text.
#[derive(MergedObject)]
pub struct ReceiveMessagePayload(Outcome, Sent);

/// Mutations about texts.
#[Object]
impl Messaging {
    /// Replies to a customer. Everybody with access to the number can, whoever owns the conversation.
    /// Replying neither assigns nor reopens.
    async fn send_message(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The reply.")] input: SendMessageInput,
    ) -> Option<Result<SendMessagePayload>> {
        payload(ctx, |scope| async move {
            let command = SendMessage {
                conversation_id: ids::decode_or_nil(&input.conversation_id),
                body: input.body,
                idempotency_key: input.idempotency_key,
                last_seen: input.last_seen_message_id.as_ref().map(|id| ids::decode_or_nil(id)),
                override_stale: input.override_stale,
            };
            let settled = settle(scope, scope.services().send_message(scope.caller(), command).await)?;
            Ok(SendMessagePayload(settled.outcome, settled.sent))
        })
        .await
    }

    /// Writes to a customer first. When there is a conversation already, the message goes into it.
    async fn start_conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first message.")] input: StartConversationInput,
    ) -> Option<Result<StartConversationPayload>> {
        payload(ctx, |scope| async move {
            let command = StartConversation {
                phone_number_id: ids::decode_or_nil(&input.phone_number_id),
                to: input.to,
                body: input.body,
                idempotency_key: input.idempotency_key,
            };
            let settled = settle(scope, scope.services().start_conversation(scope.caller(), command).await)?;
            Ok(StartConversationPayload(settled.outcome, settled.sent))
        })
        .await
    }

    /// Delivers a customer's text; for service tokens only. Begins a conversation or reopens it, and keeps
    /// its assignee.
    async fn receive_message(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The customer's text.")] input: ReceiveMessageInput,
    ) -> Option<Result<ReceiveMessagePayload>> {
        payload(ctx, |scope| async move {
            let command = ReceiveMessage {
                provider_message_id: input.provider_message_id,
                from: input.from,
                to: input.to,
                body: input.body,
                media_urls: input.media_urls.unwrap_or_default(),
                sent_at: input.sent_at,
            };
            let settled = settle(scope, scope.services().receive_message(scope.caller(), command).await)?;
            Ok(ReceiveMessagePayload(settled.outcome, settled.sent))
        })
        .await
    }
}

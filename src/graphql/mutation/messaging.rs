//! Mutations that send and receive messages.

use async_graphql::{Context, InputObject, MergedObject, Object, Result};

use super::outcome::{Outcome, Sent, payload_parts};
use crate::clock::Timestamp;
use crate::domain::input::E164;
use crate::domain::service_token::ServiceScope;
use crate::domain::{ConversationId, MessageId, PhoneNumberId};
use crate::graphql::error;
use crate::graphql::ids::IdOf;
use crate::graphql::scope::payload;
use crate::service::{ReceiveMessage, SendMessage, StartConversation};

/// Mutations that send and receive messages.
#[derive(Default)]
pub struct Messaging;

/// The input of `sendMessage`.
#[derive(InputObject)]
pub struct SendMessageInput {
    /// The conversation's id.
    conversation_id: IdOf<ConversationId>,
    /// The text of the message: not blank, at most 1,600 characters.
    body: String,
    /// A unique key for this message, chosen by you, at most 255 characters. A repeated call with the same key and
    /// input does not send the message again, and returns the message that the first call stored.
    idempotency_key: String,
    /// The id of the last message you have seen. If another agent has replied after it, the call is refused as
    /// `STALE_REPLY`.
    last_seen_message_id: Option<IdOf<MessageId>>,
    /// Whether to send the message even if another agent has replied after `lastSeenMessageId`. The history then
    /// records the reply with the reason `STALE_OVERRIDDEN`.
    #[graphql(default)]
    override_stale: bool,
}

/// The result of `sendMessage`.
#[derive(MergedObject)]
pub struct SendMessagePayload(Outcome, Sent);

/// The input of `startConversation`.
#[derive(InputObject)]
pub struct StartConversationInput {
    /// The id of the phone number to send from.
    phone_number_id: IdOf<PhoneNumberId>,
    /// The customer's phone number.
    to: E164,
    /// The text of the message: not blank, at most 1,600 characters.
    body: String,
    /// A unique key for this message, chosen by you, at most 255 characters. A repeated call with the same key and
    /// input does not send the message again, and returns the message that the first call stored.
    idempotency_key: String,
}

/// The result of `startConversation`.
#[derive(MergedObject)]
pub struct StartConversationPayload(Outcome, Sent);

/// The input of `receiveMessage`.
#[derive(InputObject)]
pub struct ReceiveMessageInput {
    /// The provider's id of the message. Delivering a message with the same id again changes nothing.
    provider_message_id: String,
    /// The customer's phone number.
    from: E164,
    /// The workspace's phone number that the customer texted.
    to: E164,
    /// The text of the message. Empty if it contains only media.
    body: String,
    /// The URLs of pictures and other media.
    media_urls: Option<Vec<String>>,
    /// When the customer sent the message. Defaults to the current time.
    sent_at: Option<Timestamp>,
}

/// The result of `receiveMessage`.
#[derive(MergedObject)]
pub struct ReceiveMessagePayload(Outcome, Sent);

/// Mutations that send and receive messages.
#[Object]
impl Messaging {
    /// Replies to a customer. Every agent with access to the phone number can reply, regardless of who owns the
    /// conversation. Replying does not assign or reopen the conversation.
    async fn send_message(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The conversation and the reply.")] input: SendMessageInput,
    ) -> Option<Result<SendMessagePayload>> {
        payload(ctx, |scope| async move {
            let command = SendMessage {
                conversation_id: input.conversation_id.id(),
                body: input.body,
                idempotency_key: input.idempotency_key,
                last_seen: input.last_seen_message_id.map(|id| id.id()),
                override_stale: input.override_stale,
            };
            let parts = payload_parts(scope, scope.services().send_message(scope.caller(), command).await)?;
            Ok(SendMessagePayload(parts.outcome, parts.sent))
        })
        .await
    }

    /// Sends the first message to a customer. If a conversation between the two numbers already exists, the message
    /// is added to it.
    async fn start_conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The two numbers and the message.")] input: StartConversationInput,
    ) -> Option<Result<StartConversationPayload>> {
        payload(ctx, |scope| async move {
            let command = StartConversation {
                phone_number_id: input.phone_number_id.id(),
                to: input.to,
                body: input.body,
                idempotency_key: input.idempotency_key,
            };
            let parts =
                payload_parts(scope, scope.services().start_conversation(scope.caller(), command).await)?;
            Ok(StartConversationPayload(parts.outcome, parts.sent))
        })
        .await
    }

    /// Stores a message from a customer. Creates the conversation if it does not exist, or reopens it if it is closed.
    /// The conversation keeps its assignee, unless it was closed and the assignee is now deactivated or has lost access
    /// to the phone number. For service tokens with the scope `DELIVER` only. Without the scope `READ`, the service may
    /// select only `changed`, `asOf`, `userErrors { code message path }` and `conversation { id status }`.
    async fn receive_message(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The message from the customer.")] input: ReceiveMessageInput,
    ) -> Option<Result<ReceiveMessagePayload>> {
        payload(ctx, |scope| async move {
            if !scope.caller().has_scope(ServiceScope::Read) {
                check_selection(ctx)?;
            }
            let command = ReceiveMessage {
                provider_message_id: input.provider_message_id,
                from: input.from,
                to: input.to,
                body: input.body,
                media_urls: input.media_urls.unwrap_or_default(),
                sent_at: input.sent_at,
            };
            let parts =
                payload_parts(scope, scope.services().receive_message(scope.caller(), command).await)?;
            Ok(ReceiveMessagePayload(parts.outcome, parts.sent))
        })
        .await
    }
}

/// What a service that may not read can select of the payload of `receiveMessage`, by field.
const DELIVERY_SELECTION: [(&str, &[&str]); 5] = [
    ("__typename", &[]),
    ("changed", &[]),
    ("asOf", &[]),
    ("userErrors", &["__typename", "code", "message", "path"]),
    ("conversation", &["__typename", "id", "status"]),
];

/// Checks the selection of a service that may not read, before anything is stored.
///
/// # Errors
/// FORBIDDEN if the service selects more than [`DELIVERY_SELECTION`].
fn check_selection(ctx: &Context<'_>) -> Result<()> {
    for field in ctx.field().selection_set() {
        let allowed = DELIVERY_SELECTION.iter().find(|(name, _)| *name == field.name());
        let is_allowed = |inner: &[&str]| field.selection_set().all(|it| inner.contains(&it.name()));
        if !allowed.is_some_and(|(_, inner)| is_allowed(inner)) {
            let message = "A service token needs the scope READ to select more than changed, asOf, userErrors { code \
                           message path } and conversation { id status }.";
            return Err(error::coded(error::FORBIDDEN, message));
        }
    }
    Ok(())
}

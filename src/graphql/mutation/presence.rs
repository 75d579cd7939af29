//! The mutation that sets an agent's presence in a conversation.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};

use crate::clock::Timestamp;
use crate::domain::ConversationId;
use crate::graphql::error;
use crate::graphql::ids::IdOf;
use crate::graphql::scope::payload;
use crate::graphql::types::presence::{ConversationPresence, PresenceState};
use crate::graphql::types::user_error::UserError;

/// Mutations about presence.
#[derive(Default)]
pub struct PresenceMutation;

/// The input of `setPresence`.
#[derive(InputObject)]
pub struct SetPresenceInput {
    /// The conversation's id.
    conversation_id: IdOf<ConversationId>,
    /// What you are doing. Null or omitted removes your presence.
    state: Option<PresenceState>,
}

/// The result of `setPresence`.
#[derive(SimpleObject)]
pub struct SetPresencePayload {
    /// The agents who view the conversation or write a reply after this call. Null if the call was refused.
    presence: Option<ConversationPresence>,
    /// When your presence expires. Repeat the call before then to extend it. Null if the call removed your presence or
    /// was refused.
    expires_at: Option<Timestamp>,
    /// Whether this call changed your presence. False if the call only extended it.
    changed: bool,
    /// Why the call was refused. Empty if it succeeded.
    user_errors: Vec<UserError>,
}

/// Mutations about presence.
#[Object]
impl PresenceMutation {
    /// Tells your team, through `conversationPresence`, that you are viewing a conversation or writing a reply. Your
    /// presence expires after 30 seconds. Repeat the call about every 15 seconds to extend it, and send a null `state`
    /// to remove it. You have one presence per conversation. If the conversation is open in several of your windows,
    /// the last call counts.
    async fn set_presence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The conversation and what you are doing.")] input: SetPresenceInput,
    ) -> Option<Result<SetPresencePayload>> {
        payload(ctx, |scope| async move {
            let id = input.conversation_id.id();
            let state = input.state.map(Into::into);
            let loaders = scope.loaders();
            let result = scope.services().set_presence(scope.caller(), id, state).await;
            Ok(match error::refused(result)? {
                Ok(result) => SetPresencePayload {
                    presence: Some(ConversationPresence::new(result.present, loaders)),
                    expires_at: result.expires_at,
                    changed: result.changed,
                    user_errors: Vec::new(),
                },
                Err(refusal) => SetPresencePayload {
                    presence: None,
                    expires_at: None,
                    changed: false,
                    user_errors: vec![error::user_error(loaders, refusal)],
                },
            })
        })
        .await
    }
}

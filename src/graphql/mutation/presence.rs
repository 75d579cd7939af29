//! Saying what one is doing with a conversation.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use crate::clock::Timestamp;
use crate::graphql::error;
use crate::graphql::ids;
use crate::graphql::scope::payload;
use crate::graphql::types::presence::{ConversationPresence, PresenceState};
use crate::graphql::types::user_error::UserError;

/// Mutations about presence.
#[derive(Default)]
pub struct PresenceMutation;

/// What you are doing with a conversation.
#[derive(InputObject)]
pub struct SetPresenceInput {
    /// The conversation.
    conversation_id: ID,
    /// What you are doing. Null, or left out, says that you leave.
    state: Option<PresenceState>,
}

/// What became of saying what you do.
#[derive(SimpleObject)]
pub struct SetPresencePayload {
    /// Who is at the conversation now; null when it was refused.
    presence: Option<ConversationPresence>,
    /// Until when you are shown. Say the same again before that to stay. Null when you left, and when it was
    /// refused.
    expires_at: Option<Timestamp>,
    /// Whether you were not so already. False, too, when it was refused.
    changed: bool,
    /// Why it was not done; empty when it was.
    user_errors: Vec<UserError>,
}

/// Mutations about presence.
#[Object]
impl PresenceMutation {
    /// Says what you are doing with a conversation, so that your team sees it in `conversationPresence`. It
    /// holds for 30 seconds: say it again every 15 or so, and leave with a `state` of null. You have one
    /// presence at a conversation, whichever of your windows spoke last.
    async fn set_presence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What you are doing.")] input: SetPresenceInput,
    ) -> Option<Result<SetPresencePayload>> {
        payload(ctx, |scope| async move {
            let id = ids::decode_or_nil(&input.conversation_id);
            let state = input.state.map(Into::into);
            let loaders = scope.loaders();
            let said = scope.services().set_presence(scope.caller(), id, state).await;
            Ok(match error::refused(said)? {
                Ok(said) => SetPresencePayload {
                    presence: Some(ConversationPresence::new(said.present, loaders)),
                    expires_at: said.expires_at,
                    changed: said.changed,
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

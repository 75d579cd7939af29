//! Mutations that close, reopen and read conversations.

use async_graphql::{Context, InputObject, MergedObject, Object, Result};

use super::outcome::{BulkOutcome, Outcome, bulk_outcome, conversation_ids, payload_parts};
use crate::domain::{ConversationId, MessageId};
use crate::graphql::ids::IdOf;
use crate::graphql::scope::payload;

/// Mutations that close, reopen and read conversations.
#[derive(Default)]
pub struct Lifecycle;

/// The input of `closeConversation`.
#[derive(InputObject)]
pub struct CloseConversationInput {
    /// The conversation's id.
    conversation_id: IdOf<ConversationId>,
    /// The version that you expect. The call is refused as `STALE` if the conversation has another version, for
    /// example because a message has arrived that you have not seen.
    expected_version: Option<i32>,
}

/// The result of `closeConversation`.
#[derive(MergedObject)]
pub struct CloseConversationPayload(Outcome);

/// The input of `reopenConversation`.
#[derive(InputObject)]
pub struct ReopenConversationInput {
    /// The conversation's id.
    conversation_id: IdOf<ConversationId>,
}

/// The result of `reopenConversation`.
#[derive(MergedObject)]
pub struct ReopenConversationPayload(Outcome);

/// The input of `markConversationRead`.
#[derive(InputObject)]
pub struct MarkConversationReadInput {
    /// The conversation's id.
    conversation_id: IdOf<ConversationId>,
    /// The id of the last message you have seen. Later messages stay unread. If omitted, every message stored so
    /// far counts as read.
    through_message_id: Option<IdOf<MessageId>>,
}

/// The result of `markConversationRead`.
#[derive(MergedObject)]
pub struct MarkConversationReadPayload(Outcome);

/// The input of `markConversationUnread`.
#[derive(InputObject)]
pub struct MarkConversationUnreadInput {
    /// The conversation's id.
    conversation_id: IdOf<ConversationId>,
}

/// The result of `markConversationUnread`.
#[derive(MergedObject)]
pub struct MarkConversationUnreadPayload(Outcome);

/// The input of `closeConversations`.
#[derive(InputObject)]
pub struct CloseConversationsInput {
    /// The ids of the conversations, at most 100.
    conversation_ids: Vec<IdOf<ConversationId>>,
}

/// The result of `closeConversations`.
#[derive(MergedObject)]
pub struct CloseConversationsPayload(BulkOutcome);

/// Mutations that close, reopen and read conversations.
#[Object]
impl Lifecycle {
    /// Closes a conversation. The conversation keeps its assignee. A new message from the customer reopens it.
    async fn close_conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The conversation to close.")] input: CloseConversationInput,
    ) -> Option<Result<CloseConversationPayload>> {
        payload(ctx, |scope| async move {
            let id = input.conversation_id.id();
            let answer = scope.services().close(scope.caller(), id, input.expected_version).await;
            Ok(CloseConversationPayload(payload_parts(scope, answer)?.outcome))
        })
        .await
    }

    /// Reopens a closed conversation. If its assignee is deactivated or has lost access to the phone number, the
    /// conversation becomes unassigned.
    async fn reopen_conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The conversation to reopen.")] input: ReopenConversationInput,
    ) -> Option<Result<ReopenConversationPayload>> {
        payload(ctx, |scope| async move {
            let id = input.conversation_id.id();
            let answer = scope.services().reopen(scope.caller(), id).await;
            Ok(ReopenConversationPayload(payload_parts(scope, answer)?.outcome))
        })
        .await
    }

    /// Marks a conversation as read for you. Other agents are not affected.
    async fn mark_conversation_read(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The conversation you have read.")] input: MarkConversationReadInput,
    ) -> Option<Result<MarkConversationReadPayload>> {
        payload(ctx, |scope| async move {
            let id = input.conversation_id.id();
            let through = input.through_message_id.map(|id| id.id());
            let answer = scope.services().mark_read(scope.caller(), id, through).await;
            Ok(MarkConversationReadPayload(payload_parts(scope, answer)?.outcome))
        })
        .await
    }

    /// Marks a conversation as unread for you. Other agents are not affected.
    async fn mark_conversation_unread(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The conversation to mark as unread.")] input: MarkConversationUnreadInput,
    ) -> Option<Result<MarkConversationUnreadPayload>> {
        payload(ctx, |scope| async move {
            let id = input.conversation_id.id();
            let answer = scope.services().mark_unread(scope.caller(), id).await;
            Ok(MarkConversationUnreadPayload(payload_parts(scope, answer)?.outcome))
        })
        .await
    }

    /// Closes many conversations. Each is closed separately: a refusal for one does not stop the others.
    #[graphql(complexity = "input.conversation_ids.len().saturating_mul(child_complexity).saturating_add(1)")]
    async fn close_conversations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The conversations to close.")] input: CloseConversationsInput,
    ) -> Option<Result<CloseConversationsPayload>> {
        payload(ctx, |scope| async move {
            let ids = conversation_ids(&input.conversation_ids);
            let answers = scope.services().close_all(scope.caller(), ids).await;
            bulk_outcome(scope, input.conversation_ids, answers).map(CloseConversationsPayload)
        })
        .await
    }
}

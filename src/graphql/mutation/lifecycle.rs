//! Closing, reopening and reading conversations.

use async_graphql::{Context, ID, InputObject, MergedObject, Object, Result};

use super::outcome::{BulkOutcome, Outcome, conversation_ids, settle, settle_all};
use crate::graphql::ids;
use crate::graphql::scope::payload;

/// Mutations about a conversation's status and reading.
#[derive(Default)]
pub struct Lifecycle;

/// The conversation to close.
#[derive(InputObject)]
pub struct CloseConversationInput {
    /// The conversation.
    conversation_id: ID,
    /// Refuse as STALE unless the conversation still has this version, so that a text which came in
    /// meanwhile is not overlooked.
    expected_version: Option<i32>,
}

/// What became of closing it.
#[derive(MergedObject)]
pub struct CloseConversationPayload(Outcome);

/// The conversation to reopen.
#[derive(InputObject)]
pub struct ReopenConversationInput {
    /// The conversation.
    conversation_id: ID,
}

/// What became of reopening it.
#[derive(MergedObject)]
pub struct ReopenConversationPayload(Outcome);

/// What you have read.
#[derive(InputObject)]
pub struct MarkConversationReadInput {
    /// The conversation.
    conversation_id: ID,
    /// The last message you have seen; a text that arrives meanwhile stays unread. Without it, all there is
    /// now counts as read.
    through_message_id: Option<ID>,
}

/// What became of marking it as read.
#[derive(MergedObject)]
pub struct MarkConversationReadPayload(Outcome);

/// What you want to come back to.
#[derive(InputObject)]
pub struct MarkConversationUnreadInput {
    /// The conversation.
    conversation_id: ID,
}

/// What became of marking it as unread.
#[derive(MergedObject)]
pub struct MarkConversationUnreadPayload(Outcome);

/// The conversations to close.
#[derive(InputObject)]
pub struct CloseConversationsInput {
    /// The conversations, at most 100.
    conversation_ids: Vec<ID>,
}

/// What became of closing them, one by one.
#[derive(MergedObject)]
pub struct CloseConversationsPayload(BulkOutcome);

/// Mutations about a conversation's status and reading.
#[Object]
impl Lifecycle {
    /// Marks the work as done. The assignee stays, and a new text from the customer reopens it.
    async fn close_conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to close.")] input: CloseConversationInput,
    ) -> Option<Result<CloseConversationPayload>> {
        payload(ctx, |scope| async move {
            let id = ids::decode_or_nil(&input.conversation_id);
            let answer = scope.services().close(scope.caller(), id, input.expected_version).await;
            Ok(CloseConversationPayload(settle(scope, answer)?.outcome))
        })
        .await
    }

    /// Takes the work up again.
    async fn reopen_conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to reopen.")] input: ReopenConversationInput,
    ) -> Option<Result<ReopenConversationPayload>> {
        payload(ctx, |scope| async move {
            let id = ids::decode_or_nil(&input.conversation_id);
            let answer = scope.services().reopen(scope.caller(), id).await;
            Ok(ReopenConversationPayload(settle(scope, answer)?.outcome))
        })
        .await
    }

    /// Says that you have read a conversation. Nobody else is concerned.
    async fn mark_conversation_read(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What you have read.")] input: MarkConversationReadInput,
    ) -> Option<Result<MarkConversationReadPayload>> {
        payload(ctx, |scope| async move {
            let id = ids::decode_or_nil(&input.conversation_id);
            let through = input.through_message_id.as_ref().map(|id| ids::decode_or_nil(id));
            let answer = scope.services().mark_read(scope.caller(), id, through).await;
            Ok(MarkConversationReadPayload(settle(scope, answer)?.outcome))
        })
        .await
    }

    /// Marks a conversation as unread for you, to come back to it. Nobody else is concerned.
    async fn mark_conversation_unread(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to come back to.")] input: MarkConversationUnreadInput,
    ) -> Option<Result<MarkConversationUnreadPayload>> {
        payload(ctx, |scope| async move {
            let id = ids::decode_or_nil(&input.conversation_id);
            let answer = scope.services().mark_unread(scope.caller(), id).await;
            Ok(MarkConversationUnreadPayload(settle(scope, answer)?.outcome))
        })
        .await
    }

    /// Closes many conversations, each by itself: what is refused for one does not stop the rest.
    #[graphql(complexity = "input.conversation_ids.len().saturating_mul(child_complexity).saturating_add(1)")]
    async fn close_conversations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to close.")] input: CloseConversationsInput,
    ) -> Option<Result<CloseConversationsPayload>> {
        payload(ctx, |scope| async move {
            let ids = conversation_ids(&input.conversation_ids);
            let answers = scope.services().close_all(scope.caller(), ids).await;
            settle_all(scope, input.conversation_ids, answers).map(CloseConversationsPayload)
        })
        .await
    }
}

//! Mutations that change who owns a conversation.

use async_graphql::{Context, InputObject, MaybeUndefined, MergedObject, Object, Result};

use super::outcome::{BulkOutcome, Outcome, Previous, bulk_outcome, conversation_ids, payload_parts};
use crate::domain::conversation::Expectations;
use crate::domain::{AgentId, ConversationId};
use crate::graphql::ids::IdOf;
use crate::graphql::scope::payload;
use crate::service::Assign;

/// Mutations that change who owns a conversation.
#[derive(Default)]
pub struct Assignment;

/// The input of `assignConversation`.
#[derive(InputObject)]
pub struct AssignConversationInput {
    /// The conversation's id.
    conversation_id: IdOf<ConversationId>,
    /// The id of the new assignee.
    agent_id: IdOf<AgentId>,
    /// The version that you expect. The call is refused as `STALE` if the conversation has another version.
    expected_version: Option<i32>,
    /// The id of the assignee that you expect, or null if you expect an unassigned conversation. The call is refused
    /// as `STALE` if the conversation has a different assignee. Omit this field to skip the check.
    expected_assignee_id: MaybeUndefined<IdOf<AgentId>>,
}

/// The result of `assignConversation`.
#[derive(MergedObject)]
pub struct AssignConversationPayload(Outcome, Previous);

/// The input of `claimConversation`.
#[derive(InputObject)]
pub struct ClaimConversationInput {
    /// The conversation's id.
    conversation_id: IdOf<ConversationId>,
}

/// The result of `claimConversation`.
#[derive(MergedObject)]
pub struct ClaimConversationPayload(Outcome, Previous);

/// The input of `unassignConversation`.
#[derive(InputObject)]
pub struct UnassignConversationInput {
    /// The conversation's id.
    conversation_id: IdOf<ConversationId>,
    /// The version that you expect. The call is refused as `STALE` if the conversation has another version.
    expected_version: Option<i32>,
}

/// The result of `unassignConversation`.
#[derive(MergedObject)]
pub struct UnassignConversationPayload(Outcome, Previous);

/// The input of `assignConversations`.
#[derive(InputObject)]
pub struct AssignConversationsInput {
    /// The ids of the conversations, at most 100.
    conversation_ids: Vec<IdOf<ConversationId>>,
    /// The id of the new assignee.
    agent_id: IdOf<AgentId>,
}

/// The result of `assignConversations`.
#[derive(MergedObject)]
pub struct AssignConversationsPayload(BulkOutcome);

/// Mutations that change who owns a conversation.
#[Object]
impl Assignment {
    /// Assigns a conversation to an agent, whether or not another agent owns it. The customer does not notice. Every
    /// agent with access to the phone number can still see the conversation and reply.
    async fn assign_conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The conversation and its new assignee.")] input: AssignConversationInput,
    ) -> Option<Result<AssignConversationPayload>> {
        payload(ctx, |scope| async move {
            let assignee = match &input.expected_assignee_id {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(id) => Some(Some(id.id())),
            };
            let command = Assign {
                conversation_id: input.conversation_id.id(),
                agent_id: input.agent_id.id(),
                expected: Expectations { version: input.expected_version, assignee },
            };
            let parts = payload_parts(scope, scope.services().assign(scope.caller(), command).await)?;
            Ok(AssignConversationPayload(parts.outcome, parts.previous))
        })
        .await
    }

    /// Assigns an unassigned conversation to you. If several agents claim it at the same time, exactly one succeeds.
    /// The others get a `ConflictError` with the code `ALREADY_ASSIGNED`. Its `current` conversation has the new owner.
    async fn claim_conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The conversation to claim.")] input: ClaimConversationInput,
    ) -> Option<Result<ClaimConversationPayload>> {
        payload(ctx, |scope| async move {
            let id = input.conversation_id.id();
            let parts = payload_parts(scope, scope.services().claim(scope.caller(), id).await)?;
            Ok(ClaimConversationPayload(parts.outcome, parts.previous))
        })
        .await
    }

    /// Removes the assignee of a conversation, which moves it to the `UNASSIGNED` view.
    async fn unassign_conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The conversation to unassign.")] input: UnassignConversationInput,
    ) -> Option<Result<UnassignConversationPayload>> {
        payload(ctx, |scope| async move {
            let id = input.conversation_id.id();
            let answer = scope.services().unassign(scope.caller(), id, input.expected_version).await;
            let parts = payload_parts(scope, answer)?;
            Ok(UnassignConversationPayload(parts.outcome, parts.previous))
        })
        .await
    }

    /// Assigns many conversations to one agent. Each is assigned separately: a refusal for one does not stop the
    /// others.
    #[graphql(complexity = "input.conversation_ids.len().saturating_mul(child_complexity).saturating_add(1)")]
    async fn assign_conversations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The conversations and their new assignee.")] input: AssignConversationsInput,
    ) -> Option<Result<AssignConversationsPayload>> {
        payload(ctx, |scope| async move {
            let ids = conversation_ids(&input.conversation_ids);
            let agent = input.agent_id.id();
            let answers = scope.services().assign_all(scope.caller(), ids, agent).await;
            bulk_outcome(scope, input.conversation_ids, answers).map(AssignConversationsPayload)
        })
        .await
    }
}

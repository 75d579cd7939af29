//! Who owns a conversation.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, MergedObject, Object, Result};

use super::outcome::{BulkOutcome, Outcome, Previous, conversation_ids, settle, settle_all};
use crate::domain::conversation::Expectations;
use crate::graphql::ids;
use crate::graphql::scope::payload;
use crate::service::Assign;

/// Mutations about who owns a conversation.
#[derive(Default)]
pub struct Assignment;

/// Whom to give a conversation to.
#[derive(InputObject)]
pub struct AssignConversationInput {
    /// The conversation.
    conversation_id: ID,
    /// The agent who is to own it.
    agent_id: ID,
    /// Refuse as STALE unless the conversation still has this version.
    expected_version: Option<i32>,
    /// Refuse as STALE unless this agent still owns it. Null expects nobody; leave it out to expect nothing.
    expected_assignee_id: MaybeUndefined<ID>,
}

/// What became of the assignment.
#[derive(MergedObject)]
pub struct AssignConversationPayload(Outcome, Previous);

/// The conversation to claim.
#[derive(InputObject)]
pub struct ClaimConversationInput {
    /// The conversation.
    conversation_id: ID,
}

/// What became of the claim.
#[derive(MergedObject)]
pub struct ClaimConversationPayload(Outcome, Previous);

/// The conversation to give back.
#[derive(InputObject)]
pub struct UnassignConversationInput {
    /// The conversation.
    conversation_id: ID,
    /// Refuse as STALE unless the conversation still has this version.
    expected_version: Option<i32>,
}

/// What became of giving it back.
#[derive(MergedObject)]
pub struct UnassignConversationPayload(Outcome, Previous);

/// Whom to give many conversations to.
#[derive(InputObject)]
pub struct AssignConversationsInput {
    /// The conversations, at most 100.
    conversation_ids: Vec<ID>,
    /// The agent who is to own them.
    agent_id: ID,
}

/// What became of the assignments, one by one.
#[derive(MergedObject)]
pub struct AssignConversationsPayload(BulkOutcome);

/// Mutations about who owns a conversation.
#[Object]
impl Assignment {
    /// Gives a conversation to an agent, whoever owned it before. The customer notices nothing, nobody loses
    /// sight of it, and everybody with access to the number can still reply.
    async fn assign_conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whom to give it to.")] input: AssignConversationInput,
    ) -> Option<Result<AssignConversationPayload>> {
        payload(ctx, |scope| async move {
            let assignee = match &input.expected_assignee_id {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(id) => Some(Some(ids::decode_or_nil(id))),
            };
            let command = Assign {
                conversation_id: ids::decode_or_nil(&input.conversation_id),
                agent_id: ids::decode_or_nil(&input.agent_id),
                expected: Expectations { version: input.expected_version, assignee },
            };
            let settled = settle(scope, scope.services().assign(scope.caller(), command).await)?;
            Ok(AssignConversationPayload(settled.outcome, settled.previous))
        })
        .await
    }

    /// Takes a conversation that nobody owns. Of any number who try at once, one wins; the others are told
    /// who, as ALREADY_ASSIGNED.
    async fn claim_conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to claim.")] input: ClaimConversationInput,
    ) -> Option<Result<ClaimConversationPayload>> {
        payload(ctx, |scope| async move {
            let id = ids::decode_or_nil(&input.conversation_id);
            let settled = settle(scope, scope.services().claim(scope.caller(), id).await)?;
            Ok(ClaimConversationPayload(settled.outcome, settled.previous))
        })
        .await
    }

    /// Gives a conversation back to nobody.
    async fn unassign_conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to give back.")] input: UnassignConversationInput,
    ) -> Option<Result<UnassignConversationPayload>> {
        payload(ctx, |scope| async move {
            let id = ids::decode_or_nil(&input.conversation_id);
            let answer = scope.services().unassign(scope.caller(), id, input.expected_version).await;
            let settled = settle(scope, answer)?;
            Ok(UnassignConversationPayload(settled.outcome, settled.previous))
        })
        .await
    }

    /// Gives many conversations to one agent, each by itself: what is refused for one does not stop the rest.
    #[graphql(complexity = "input.conversation_ids.len().saturating_mul(child_complexity).saturating_add(1)")]
    async fn assign_conversations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whom to give which.")] input: AssignConversationsInput,
    ) -> Option<Result<AssignConversationsPayload>> {
        payload(ctx, |scope| async move {
            let ids = conversation_ids(&input.conversation_ids);
            let agent = ids::decode_or_nil(&input.agent_id);
            let answers = scope.services().assign_all(scope.caller(), ids, agent).await;
            settle_all(scope, input.conversation_ids, answers).map(AssignConversationsPayload)
        })
        .await
    }
}

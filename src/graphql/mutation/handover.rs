//! Handing work over at the end of a shift, and how long an owner may leave a customer waiting.

use async_graphql::{Context, ID, InputObject, MergedObject, Object, Result};

use super::administration::{Decision, WorkspacePart, decide};
use super::outcome::{BulkOutcome, Outcome, settle, settle_handed_off};
use crate::graphql::ids;
use crate::graphql::scope::payload;
use crate::graphql::types::conversation::ConversationStatus;
use crate::graphql::types::rebalance_plan::LIST_COST;
use crate::graphql::types::workspace::Workspace;
use crate::service::HandOff;

/// Mutations about handing work over.
#[derive(Default)]
pub struct Handover;

/// Whose conversations go to whom.
#[derive(InputObject)]
pub struct HandOffConversationsInput {
    /// The agent whose shift ends.
    from_agent_id: ID,
    /// The agent who is to own their conversations.
    to_agent_id: ID,
    /// Which of them. Null is both open and closed ones.
    #[graphql(default_with = "Some(ConversationStatus::Open)")]
    status: Option<ConversationStatus>,
    /// Only conversations of these phone numbers, at most 100.
    phone_number_ids: Option<Vec<ID>>,
    /// What the new owner is to know, at most 200 characters. It stands in the history of each.
    note: Option<String>,
}

/// What became of the handoff, one conversation after the other.
#[derive(MergedObject)]
pub struct HandOffConversationsPayload(BulkOutcome);

/// The conversation that was handed off.
#[derive(InputObject)]
pub struct AcknowledgeHandOffInput {
    /// The conversation.
    conversation_id: ID,
}

/// What became of the acknowledgement.
#[derive(MergedObject)]
pub struct AcknowledgeHandOffPayload(Outcome);

/// How long an owner may leave a customer waiting.
#[derive(InputObject)]
pub struct SetOwnershipLeaseInput {
    /// Minutes, from 1 to 10,080, which is a week. Null, or leaving it out, lets owners keep what they have.
    minutes: Option<i32>,
}

/// What became of setting the lease.
#[derive(MergedObject)]
pub struct SetOwnershipLeasePayload(WorkspacePart, Decision);

/// Mutations about handing work over.
#[Object]
impl Handover {
    /// Gives all of an agent's conversations to another, in one step: your own, or anybody's as a manager.
    /// Those on phone numbers that the new owner has no access to stay, each with AGENT_LACKS_ACCESS in its
    /// result; those that you have no access to are left alone. At most 1,000 at once.
    #[graphql(complexity = "LIST_COST * child_complexity + 1")]
    async fn hand_off_conversations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose go to whom.")] input: HandOffConversationsInput,
    ) -> Option<Result<HandOffConversationsPayload>> {
        payload(ctx, |scope| async move {
            let numbers = input.phone_number_ids;
            let command = HandOff {
                from: ids::decode_or_nil(&input.from_agent_id),
                to: ids::decode_or_nil(&input.to_agent_id),
                status: input.status.map(Into::into),
                phone_number_ids: numbers.map(|ids| ids.iter().map(|id| ids::decode_or_nil(id)).collect()),
                note: input.note,
            };
            let answer = scope.services().hand_off(scope.caller(), command).await;
            settle_handed_off(scope, answer).map(HandOffConversationsPayload)
        })
        .await
    }

    /// Tells your colleagues that you have taken over a conversation which was handed off to you. It stands in
    /// the history as ACKNOWLEDGED. Changes nothing when there is nothing to acknowledge.
    async fn acknowledge_hand_off(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to acknowledge.")] input: AcknowledgeHandOffInput,
    ) -> Option<Result<AcknowledgeHandOffPayload>> {
        payload(ctx, |scope| async move {
            let id = ids::decode_or_nil(&input.conversation_id);
            let settled = settle(scope, scope.services().acknowledge_hand_off(scope.caller(), id).await)?;
            Ok(AcknowledgeHandOffPayload(settled.outcome))
        })
        .await
    }

    /// Sets how long an owner may leave a customer waiting before the open conversation goes back to
    /// Unassigned; for managers. The time counts from when the wait began or when they got it, whichever is
    /// later. Its history then says LEASE_EXPIRED.
    async fn set_ownership_lease(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How long.")] input: SetOwnershipLeaseInput,
    ) -> Option<Result<SetOwnershipLeasePayload>> {
        payload(ctx, |scope| async move {
            let answer = scope.services().set_ownership_lease(scope.caller(), input.minutes).await;
            let done = decide(scope, answer)?;
            let workspace = done.value.map(Workspace);
            Ok(SetOwnershipLeasePayload(WorkspacePart { workspace }, done.decision))
        })
        .await
    }
}

//! Handing off conversations at the end of a shift, and the ownership lease.

use async_graphql::{Context, InputObject, MergedObject, Object, Result};

use super::administration::{ManagerFields, WorkspaceField, manager_payload};
use super::outcome::{BulkOutcome, Outcome, hand_off_outcome, payload_parts};
use crate::domain::{AgentId, ConversationId, PhoneNumberId};
use crate::graphql::ids::IdOf;
use crate::graphql::scope::payload;
use crate::graphql::types::conversation::ConversationStatus;
use crate::graphql::types::rebalance_plan::LIST_COST;
use crate::graphql::types::workspace::Workspace;
use crate::service::HandOff;

/// Mutations about handoffs and the ownership lease.
#[derive(Default)]
pub struct Handoff;

/// The input of `handOffConversations`.
#[derive(InputObject)]
pub struct HandOffConversationsInput {
    /// The id of the agent whose conversations are handed off.
    from_agent_id: IdOf<AgentId>,
    /// The id of the agent who becomes the new owner.
    to_agent_id: IdOf<AgentId>,
    /// Hand off only conversations with this status. Null includes open and closed conversations.
    #[graphql(default_with = "Some(ConversationStatus::Open)")]
    status: Option<ConversationStatus>,
    /// Hand off only conversations on these phone numbers (at most 100).
    phone_number_ids: Option<Vec<IdOf<PhoneNumberId>>>,
    /// A note for the new owner, at most 200 characters. The history of each conversation contains the note.
    note: Option<String>,
}

/// The result of `handOffConversations`.
#[derive(MergedObject)]
pub struct HandOffConversationsPayload(BulkOutcome);

/// The input of `acknowledgeHandOff`.
#[derive(InputObject)]
pub struct AcknowledgeHandOffInput {
    /// The conversation's id.
    conversation_id: IdOf<ConversationId>,
}

/// The result of `acknowledgeHandOff`.
#[derive(MergedObject)]
pub struct AcknowledgeHandOffPayload(Outcome);

/// The input of `setOwnershipLease`.
#[derive(InputObject)]
pub struct SetOwnershipLeaseInput {
    /// The length of the lease in minutes: from 1 to 10,080 (one week). Null or omitted turns the lease off.
    minutes: Option<i32>,
}

/// The result of `setOwnershipLease`.
#[derive(MergedObject)]
pub struct SetOwnershipLeasePayload(WorkspaceField, ManagerFields);

/// Mutations about handoffs and the ownership lease.
#[Object]
impl Handoff {
    /// Hands off all of an agent's conversations to another agent in one step. You can hand off your own conversations.
    /// Managers can hand off the conversations of any agent. If the new owner has no access to a conversation's phone
    /// number, the conversation keeps its owner, and its result has an `AGENT_LACKS_ACCESS` error. Conversations that
    /// you have no access to are not included. The call is refused as `INVALID` if there are more than 1,000
    /// conversations. Hand them off in parts then, by status or by phone number.
    #[graphql(complexity = "LIST_COST * child_complexity + 1")]
    async fn hand_off_conversations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The agents, and which conversations to hand off.")]
        input: HandOffConversationsInput,
    ) -> Option<Result<HandOffConversationsPayload>> {
        payload(ctx, |scope| async move {
            let numbers = input.phone_number_ids;
            let command = HandOff {
                from: input.from_agent_id.id(),
                to: input.to_agent_id.id(),
                status: input.status.map(Into::into),
                phone_number_ids: numbers.map(|ids| ids.iter().map(IdOf::id).collect()),
                note: input.note,
            };
            let answer = scope.services().hand_off(scope.caller(), command).await;
            hand_off_outcome(scope, answer).map(HandOffConversationsPayload)
        })
        .await
    }

    /// Confirms that you have taken over a conversation that was handed off to you. The history records it as
    /// `ACKNOWLEDGED`. Changes nothing if there is no handoff to acknowledge.
    async fn acknowledge_hand_off(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The conversation that was handed off.")] input: AcknowledgeHandOffInput,
    ) -> Option<Result<AcknowledgeHandOffPayload>> {
        payload(ctx, |scope| async move {
            let id = input.conversation_id.id();
            let parts =
                payload_parts(scope, scope.services().acknowledge_hand_off(scope.caller(), id).await)?;
            Ok(AcknowledgeHandOffPayload(parts.outcome))
        })
        .await
    }

    /// Sets how long an assignee may leave a customer waiting before the open conversation becomes unassigned. The
    /// lease runs from when the customer started waiting or when the assignee got the conversation, whichever is
    /// later. The history records the expiry as `UNASSIGNED` with the reason `LEASE_EXPIRED`. For managers only.
    async fn set_ownership_lease(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The length of the lease.")] input: SetOwnershipLeaseInput,
    ) -> Option<Result<SetOwnershipLeasePayload>> {
        payload(ctx, |scope| async move {
            let answer = scope.services().set_ownership_lease(scope.caller(), input.minutes).await;
            let done = manager_payload(scope, answer)?;
            let workspace = done.value.map(Workspace);
            Ok(SetOwnershipLeasePayload(WorkspaceField { workspace }, done.fields))
        })
        .await
    }
}

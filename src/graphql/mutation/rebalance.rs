//! Mutations that propose, apply and undo a rebalance plan.

use async_graphql::{Context, InputObject, MergedObject, Object, Result, SimpleObject};

use super::administration::{ManagerFields, ManagerPayload, manager_payload};
use crate::domain::{AgentId, RebalancePlanId, rebalance_plan};
use crate::graphql::ids::IdOf;
use crate::graphql::scope::{Scope, payload};
use crate::graphql::types::conversation::ConversationStatus;
use crate::graphql::types::rebalance_plan::RebalancePlan;
use crate::service::PlanRebalance;

/// Mutations that propose, apply and undo a rebalance plan.
#[derive(Default)]
pub struct Rebalance;

/// The `plan` field of a payload.
#[derive(SimpleObject)]
pub struct PlanField {
    /// The rebalance plan after this call. Null if the call was refused.
    plan: Option<RebalancePlan>,
}

/// The input of `planRebalance`.
#[derive(InputObject)]
pub struct PlanRebalanceInput {
    /// The ids of the agents: at most 100, without duplicates. Deactivated agents do not receive conversations.
    agent_ids: Vec<IdOf<AgentId>>,
    /// Count and move only conversations with this status. Null includes open and closed conversations.
    #[graphql(default_with = "Some(ConversationStatus::Open)")]
    status: Option<ConversationStatus>,
}

/// The result of `planRebalance`.
#[derive(MergedObject)]
pub struct PlanRebalancePayload(PlanField, ManagerFields);

/// The input of `applyPlan`.
#[derive(InputObject)]
pub struct ApplyPlanInput {
    /// The rebalance plan's id.
    plan_id: IdOf<RebalancePlanId>,
}

/// The result of `applyPlan`.
#[derive(MergedObject)]
pub struct ApplyPlanPayload(PlanField, ManagerFields);

/// The input of `undoPlan`.
#[derive(InputObject)]
pub struct UndoPlanInput {
    /// The rebalance plan's id.
    plan_id: IdOf<RebalancePlanId>,
}

/// The result of `undoPlan`.
#[derive(MergedObject)]
pub struct UndoPlanPayload(PlanField, ManagerFields);

fn plan_payload_parts(
    scope: &Scope,
    done: ManagerPayload<rebalance_plan::RebalancePlan>,
) -> (PlanField, ManagerFields) {
    let plan = done.value.map(|plan| RebalancePlan::new(plan, scope.loaders()));
    (PlanField { plan }, done.fields)
}

/// Mutations that propose, apply and undo a rebalance plan.
#[Object]
impl Rebalance {
    /// Proposes how to even out the loads of these agents: the number of conversations that each of them owns. The
    /// plan makes the highest load as low as access to phone numbers allows, with the fewest moves. It first moves
    /// conversations that their owner has never answered. No conversation moves until you call `applyPlan`, which you
    /// can do for ten minutes. For managers only.
    async fn plan_rebalance(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The agents and which of their conversations to count.")] input: PlanRebalanceInput,
    ) -> Option<Result<PlanRebalancePayload>> {
        payload(ctx, |scope| async move {
            let agent_ids = input.agent_ids.iter().map(IdOf::id).collect();
            let command = PlanRebalance { agent_ids, status: input.status.map(Into::into) };
            let done =
                manager_payload(scope, scope.services().plan_rebalance(scope.caller(), command).await)?;
            let (plan, fields) = plan_payload_parts(scope, done);
            Ok(PlanRebalancePayload(plan, fields))
        })
        .await
    }

    /// Makes all moves of a rebalance plan, or none. The call is refused as `STALE` if one of the conversations has
    /// changed since the plan was made, if an agent can no longer own a conversation that the plan moves to them, or if
    /// the plan has expired. For managers only.
    async fn apply_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The plan to apply.")] input: ApplyPlanInput,
    ) -> Option<Result<ApplyPlanPayload>> {
        payload(ctx, |scope| async move {
            let id = input.plan_id.id();
            let done = manager_payload(scope, scope.services().apply_plan(scope.caller(), id).await)?;
            let (plan, fields) = plan_payload_parts(scope, done);
            Ok(ApplyPlanPayload(plan, fields))
        })
        .await
    }

    /// Reverts all moves of a rebalance plan, or none, within ten minutes after the plan was applied. The call is
    /// refused as `STALE` if one of the conversations has been reassigned or unassigned since, if a previous owner can
    /// no longer own their conversation, or if the ten minutes have passed. For managers only.
    async fn undo_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The plan to undo.")] input: UndoPlanInput,
    ) -> Option<Result<UndoPlanPayload>> {
        payload(ctx, |scope| async move {
            let id = input.plan_id.id();
            let done = manager_payload(scope, scope.services().undo_plan(scope.caller(), id).await)?;
            let (plan, fields) = plan_payload_parts(scope, done);
            Ok(UndoPlanPayload(plan, fields))
        })
        .await
    }
}

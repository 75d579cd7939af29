//! Levelling what agents hold: proposed, applied, taken back.

use async_graphql::{Context, ID, InputObject, MergedObject, Object, Result, SimpleObject};

use super::administration::{Decided, Decision, decide};
use crate::domain::rebalance_plan;
use crate::graphql::ids;
use crate::graphql::scope::{Scope, payload};
use crate::graphql::types::conversation::ConversationStatus;
use crate::graphql::types::rebalance_plan::RebalancePlan;
use crate::service::PlanRebalance;

/// Mutations about levelling what agents hold.
#[derive(Default)]
pub struct Rebalance;

/// The plan of a payload.
#[derive(SimpleObject)]
pub struct PlanPart {
    /// The plan as it is now; null when it was refused.
    plan: Option<RebalancePlan>,
}

/// Whose loads to level.
#[derive(InputObject)]
pub struct PlanRebalanceInput {
    /// The agents, at most 100, each once. Inactive ones receive nothing.
    agent_ids: Vec<ID>,
    /// Which of their conversations. Null is both open and closed ones.
    #[graphql(default_with = "Some(ConversationStatus::Open)")]
    status: Option<ConversationStatus>,
}

/// The plan that was made.
#[derive(MergedObject)]
pub struct PlanRebalancePayload(PlanPart, Decision);

/// The plan to carry out.
#[derive(InputObject)]
pub struct ApplyPlanInput {
    /// The plan.
    plan_id: ID,
}

/// What became of carrying it out.
#[derive(MergedObject)]
pub struct ApplyPlanPayload(PlanPart, Decision);

/// The plan to take back.
#[derive(InputObject)]
pub struct UndoPlanInput {
    /// The plan.
    plan_id: ID,
}

/// What became of taking it back.
#[derive(MergedObject)]
pub struct UndoPlanPayload(PlanPart, Decision);

fn parts(scope: &Scope, done: Decided<rebalance_plan::RebalancePlan>) -> (PlanPart, Decision) {
    let plan = done.value.map(|plan| RebalancePlan::new(plan, scope.loaders()));
    (PlanPart { plan }, done.decision)
}

/// Mutations about levelling what agents hold.
#[Object]
impl Rebalance {
    /// Proposes how to level what these agents hold: the highest load as low as access to phone numbers
    /// allows, by the fewest moves, of conversations that their owner has never answered first. Nothing moves
    /// until you apply the plan, within ten minutes; for managers.
    async fn plan_rebalance(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose loads to level.")] input: PlanRebalanceInput,
    ) -> Option<Result<PlanRebalancePayload>> {
        payload(ctx, |scope| async move {
            let agent_ids = input.agent_ids.iter().map(|id| ids::decode_or_nil(id)).collect();
            let command = PlanRebalance { agent_ids, status: input.status.map(Into::into) };
            let done = decide(scope, scope.services().plan_rebalance(scope.caller(), command).await)?;
            let (plan, decision) = parts(scope, done);
            Ok(PlanRebalancePayload(plan, decision))
        })
        .await
    }

    /// Moves everything as planned, or nothing: refused as STALE when one of the conversations is no longer as
    /// it was, an agent can no longer take it, or the plan is too old; for managers.
    async fn apply_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which plan.")] input: ApplyPlanInput,
    ) -> Option<Result<ApplyPlanPayload>> {
        payload(ctx, |scope| async move {
            let id = ids::decode_or_nil(&input.plan_id);
            let done = decide(scope, scope.services().apply_plan(scope.caller(), id).await)?;
            let (plan, decision) = parts(scope, done);
            Ok(ApplyPlanPayload(plan, decision))
        })
        .await
    }

    /// Takes an applied plan back within ten minutes, all of it or nothing: refused as STALE when one of the
    /// conversations has changed owners since; for managers.
    async fn undo_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which plan.")] input: UndoPlanInput,
    ) -> Option<Result<UndoPlanPayload>> {
        payload(ctx, |scope| async move {
            let id = ids::decode_or_nil(&input.plan_id);
            let done = decide(scope, scope.services().undo_plan(scope.caller(), id).await)?;
            let (plan, decision) = parts(scope, done);
            Ok(UndoPlanPayload(plan, decision))
        })
        .await
    }
}

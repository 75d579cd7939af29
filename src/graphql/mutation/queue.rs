//! The mutation that sets the queue thresholds.

use async_graphql::{Context, InputObject, MaybeUndefined, MergedObject, Object, Result};

use super::administration::{ManagerFields, WorkspaceField, manager_payload};
use crate::graphql::scope::payload;
use crate::graphql::types::workspace::Workspace;
use crate::service::ThresholdsUpdate;

/// Mutations about the queue.
#[derive(Default)]
pub struct QueueMutation;

/// The input of `setQueueThresholds`. An omitted threshold stays unchanged; null turns it off.
#[derive(InputObject)]
pub struct SetQueueThresholdsInput {
    /// The highest acceptable number of open, unassigned conversations: from 0 to 1,000,000.
    max_unassigned: MaybeUndefined<i32>,
    /// The longest acceptable wait of a customer for an answer, in seconds: from 1 to 2,592,000 (thirty days).
    max_wait_seconds: MaybeUndefined<i32>,
}

/// The result of `setQueueThresholds`.
#[derive(MergedObject)]
pub struct SetQueueThresholdsPayload(WorkspaceField, ManagerFields);

/// Mutations about the queue.
#[Object]
impl QueueMutation {
    /// Sets the thresholds that `queueHealth` checks the queue against. For managers only.
    async fn set_queue_thresholds(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The thresholds to change.")] input: SetQueueThresholdsInput,
    ) -> Option<Result<SetQueueThresholdsPayload>> {
        payload(ctx, |scope| async move {
            let update = ThresholdsUpdate {
                max_unassigned: input.max_unassigned.into(),
                max_wait_seconds: input.max_wait_seconds.into(),
            };
            let done =
                manager_payload(scope, scope.services().set_queue_thresholds(scope.caller(), update).await)?;
            let workspace = done.value.map(Workspace);
            Ok(SetQueueThresholdsPayload(WorkspaceField { workspace }, done.fields))
        })
        .await
    }
}

//! From when on the queue is past what the team tolerates.

use async_graphql::{Context, InputObject, MaybeUndefined, MergedObject, Object, Result};

use super::administration::{Decision, WorkspacePart, decide};
use crate::graphql::scope::payload;
use crate::graphql::types::workspace::Workspace;
use crate::service::ThresholdsUpdate;

/// Mutations about the queue.
#[derive(Default)]
pub struct QueueMutation;

/// From when on the queue is past what the team tolerates. What is left out stays as it is; null turns it off.
#[derive(InputObject)]
pub struct SetQueueThresholdsInput {
    /// How many open conversations may be unassigned, from 0 to 1000000.
    max_unassigned: MaybeUndefined<i32>,
    /// For how many seconds a customer may wait for an answer, from 1 to 2592000, which is thirty days.
    max_wait_seconds: MaybeUndefined<i32>,
}

/// What became of setting the thresholds.
#[derive(MergedObject)]
pub struct SetQueueThresholdsPayload(WorkspacePart, Decision);

/// Mutations about the queue.
#[Object]
impl QueueMutation {
    /// Sets from when on `queueHealth` says that a threshold is passed; for managers.
    async fn set_queue_thresholds(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What the team tolerates.")] input: SetQueueThresholdsInput,
    ) -> Option<Result<SetQueueThresholdsPayload>> {
        payload(ctx, |scope| async move {
            let update = ThresholdsUpdate {
                max_unassigned: input.max_unassigned.into(),
                max_wait_seconds: input.max_wait_seconds.into(),
            };
            let done = decide(scope, scope.services().set_queue_thresholds(scope.caller(), update).await)?;
            let workspace = done.value.map(Workspace);
            Ok(SetQueueThresholdsPayload(WorkspacePart { workspace }, done.decision))
        })
        .await
    }
}

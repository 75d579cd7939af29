//! The mutation root, split by noun.
//!
//! Each mutation takes one `input` and answers with one payload. A resolver hands a command to the service
//! and wraps what became of it; what the payloads of conversations have in common is in [`outcome`].

pub mod administration;
pub mod assignment;
pub mod handover;
pub mod lifecycle;
pub mod messaging;
pub mod outcome;
pub mod presence;
pub mod queue;
pub mod rebalance;

use async_graphql::MergedObject;

use administration::Administration;
use assignment::Assignment;
use handover::Handover;
use lifecycle::Lifecycle;
use messaging::Messaging;
use presence::PresenceMutation;
use queue::QueueMutation;
use rebalance::Rebalance;

/// What can be done. What was expected to be refused stands in `userErrors` of the payload, and then nothing
/// was written. Asking for what already is so succeeds with `changed: false`.
#[derive(MergedObject, Default)]
pub struct Mutation(
    Assignment,
    Lifecycle,
    Messaging,
    Administration,
    Handover,
    Rebalance,
    QueueMutation,
    PresenceMutation,
);

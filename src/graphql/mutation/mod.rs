//! The mutation root, split by noun.
//!
//! Each mutation takes one `input` and returns one payload. A resolver passes a command to the service and wraps
//! the result. The fields that the payloads about conversations share are in [`outcome`].

pub mod administration;
pub mod assignment;
pub mod handoff;
pub mod lifecycle;
pub mod messaging;
pub mod outcome;
pub mod presence;
pub mod queue;
pub mod rebalance;
pub mod service_tokens;
pub mod tokens;

use async_graphql::MergedObject;

use administration::Administration;
use assignment::Assignment;
use handoff::Handoff;
use lifecycle::Lifecycle;
use messaging::Messaging;
use presence::PresenceMutation;
use queue::QueueMutation;
use rebalance::Rebalance;
use service_tokens::ServiceTokens;
use tokens::Tokens;

/// The mutations of the API. If a mutation is refused, it changes nothing, and `userErrors` of its payload contains the
/// reasons. A mutation that has nothing to change, such as closing a closed conversation, succeeds with
/// `changed: false`.
#[derive(MergedObject, Default)]
pub struct Mutation(
    Assignment,
    Lifecycle,
    Messaging,
    Administration,
    Tokens,
    ServiceTokens,
    Handoff,
    Rebalance,
    QueueMutation,
    PresenceMutation,
);

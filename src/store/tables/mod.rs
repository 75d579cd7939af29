//! One file per table, with its row and its queries.

pub mod access;
pub mod agents;
pub mod contacts;
pub mod conversations;
pub mod counts;
pub mod idempotency;
pub mod messages;
pub mod pending_numbers;
pub mod phone_numbers;
pub mod presences;
pub mod queue;
pub mod read_markers;
pub mod rebalance_plans;
pub mod service_tokens;
pub mod words;
pub mod workspaces;

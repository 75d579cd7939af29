//! The output types, one file each, and the input types that belong to them.
//!
//! A type wraps a value of the lower layers without copying its fields, and loads related entities through the
//! loaders of its operation. The doc comments are the descriptions in the schema; write them for users of the API.

pub mod agent;
pub mod audit;
pub mod contact;
pub mod conversation;
pub mod conversation_list;
pub mod duplicate_replies;
pub mod event;
pub mod message;
pub mod node;
pub mod phone_number;
pub mod presence;
pub mod queue_change;
pub mod queue_health;
pub mod rebalance_plan;
pub mod service_token;
pub mod user_error;
pub mod view_counts;
pub mod workload;
pub mod workspace;
pub mod workspace_event;

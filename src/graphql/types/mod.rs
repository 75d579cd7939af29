//! The output types, one file each, and the inputs that belong to them.
//!
//! A type is a view over what the layers below answer with: it copies no fields, and looks up what is beside
//! them through the loaders of its operation. Descriptions speak to the API's user.

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
pub mod user_error;
pub mod view_counts;
pub mod workload;
pub mod workspace;

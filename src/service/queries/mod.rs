//! The queries of callers.

pub mod access;
pub mod audit;
pub mod directory;
pub mod health;
pub mod history;
pub(in crate::service) mod number_stats;
pub(in crate::service) mod phone_number_cache;
pub mod queue_health;
pub mod views;
pub mod violations;
pub mod workloads;
pub mod workspace_history;

//! What callers change. Each command is one transaction, decided by [`crate::domain`] on rows that are locked until
//! the transaction ends.

pub mod administration;
pub mod assignment;
pub mod handoff;
pub mod lease;
pub mod lifecycle;
pub mod messaging;
pub mod numbers;
pub mod rebalance;
pub mod service_tokens;
pub mod tokens;

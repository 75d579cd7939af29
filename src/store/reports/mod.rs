//! Queries over several tables, for reports and for changes of many conversations at once.

pub mod audit;
pub mod ownership;
pub mod workloads;

//! Subscriptions: streams from positions in the log, and queries that repeat while there are subscribers.

pub mod cursor;
pub mod log_feed;
pub mod log_tail;
pub mod presence;
pub(in crate::service) mod refresh_timer;
pub mod related;
pub(in crate::service) mod shared_queries;
pub mod subscriptions;
pub mod wakeups;

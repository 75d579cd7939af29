//! The storage layer: tables and queries. All SQL is here.
//!
//! Each table has a file with its row and its queries. A query is a function of a [`Conn`], written once for both
//! databases. [`crate::service`] combines queries into transactions. Every transaction that writes ends with
//! [`log::append`].

pub mod access;
pub mod agents;
pub mod audit;
pub mod backend;
pub mod contacts;
pub mod conversations;
pub mod counts;
pub mod error;
pub mod events;
pub mod idempotency;
pub mod lists;
pub mod log;
pub mod messages;
pub mod migrations;
pub mod notify;
pub mod ownership;
pub mod phone_numbers;
pub mod postgres;
mod prepared;
pub mod presences;
pub mod queue;
pub mod read_markers;
pub mod rebalance_plans;
pub mod schema;
pub mod sql_types;
pub mod sqlite;
pub mod target;
pub mod tls;
pub mod words;
pub mod workloads;
pub mod workspaces;

pub use backend::{Conn, DatabaseUrl, Retry, Store};
pub use error::{StoreError, StoreResult};
pub use postgres::Timeouts;
pub use sql_types::Epoch;

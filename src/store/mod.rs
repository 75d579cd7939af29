//! The storage layer: tables and queries. All SQL is here.
//!
//! Each table has a file with its row and its queries. A query is a function of a [`Conn`], written once for both
//! databases. [`crate::service`] combines queries into transactions. Every transaction that writes ends with
//! [`log::append`].

pub mod db;
pub mod lists;
pub mod log;
pub mod reports;
pub mod schema;
pub mod sql_types;
pub mod tables;

pub use db::backend::{DatabaseUrl, Store};
pub use db::conn::Conn;
pub use db::error::{StoreError, StoreResult};
pub use db::postgres::Timeouts;
pub use db::retry::Retry;
pub use sql_types::Epoch;

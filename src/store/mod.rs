//! What is stored, and the only SQL.
//!
//! One file a table: its row and its queries. A query is a function over [`Conn`], written once for both
//! databases; transactions belong to [`crate::service`], which strings these functions together. The one piece
//! that every write ends with is [`log::append`].

pub mod db;
pub mod lists;
pub mod log;
pub mod reports;
pub mod schema;
pub mod sql_types;
pub mod tables;

pub use db::backend::{Conn, DatabaseUrl, Retry, Store};
pub use db::error::{StoreError, StoreResult};
pub use db::postgres::Timeouts;
pub use sql_types::Epoch;

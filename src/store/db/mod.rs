//! Connections to both databases, behind one type: pools, threads, retries, migrations, notifications.

pub mod backend;
pub mod conn;
mod counting;
pub mod error;
mod language;
pub mod migrations;
pub mod notify;
pub mod postgres;
pub(in crate::store) mod prepared;
mod private_file;
pub mod retry;
pub mod sqlite;
pub mod target;
pub mod tls;

//! The transport: GraphQL over HTTP and WebSocket, with one guard in front of both.
//!
//! The GraphQL transport takes an executor and a [`session::SignIn`] as parameters. It contains no rule of the
//! product.
//! [`webhook`] calls a service directly, because Twilio does not send GraphQL. [`health`] reports whether the
//! services can be called, and [`metrics`] serves the counters. `operation_span` writes the log line and the metrics
//! of each operation.

pub mod errors;
pub mod graphiql;
pub mod graphql_http;
pub mod graphql_ws;
pub mod guard;
pub mod health;
pub mod inbox;
pub mod metrics;
pub mod operation;
mod operation_span;
pub mod rate_limit;
pub mod request_id;
pub mod server;
pub mod session;
mod trace;
pub mod transport;
pub mod webhook;

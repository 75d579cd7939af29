//! How GraphQL reaches a client: HTTP and WebSocket, one guard in front of both.
//!
//! Nothing here knows what a conversation is. An executor and a sign-in are
//! handed in; every rule of the product lives behind them.
//! [`webhook`] alone calls a use case itself: what Twilio sends is not GraphQL. [`health`] asks whether they can
//! be called, and [`metrics`] shows what was counted. What is written down about each operation is in one place,
//! `operation_span`.

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

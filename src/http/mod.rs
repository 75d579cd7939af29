//! How GraphQL reaches a client: HTTP and WebSocket, one guard in front of both.
//!
//! Nothing here knows what a conversation is. An executor and a sign-in are
//! handed in; every rule of the product lives behind them.
//! [`webhook`] alone calls a use case itself: what Twilio sends is not GraphQL.

pub mod errors;
pub mod fair_use;
pub mod graphiql;
pub mod graphql_http;
pub mod graphql_ws;
pub mod guard;
pub mod inbox;
pub mod operation;
pub mod server;
pub mod session;
pub mod transport;
pub mod webhook;

//! GraphQL over HTTP and over WebSockets for any [`async_graphql::Executor`], to the letter of both specifications.
//!
//! | module | holds |
//! |---|---|
//! | [`endpoint`], [`settings`], [`routes`] | what is served, within which bounds, and where |
//! | [`http`] | GraphQL over HTTP: `POST`, and `GET` for queries |
//! | `streams` | subscriptions over HTTP: server-sent events and multipart responses |
//! | [`ws`] | the subprotocol `graphql-transport-ws` |
//! | [`operation`] | an operation that passed the guard, and its execution |
//! | [`persisted`] | documents that clients refer to by a hash or an ID |
//! | [`conformance`] | an executor that answers as the specification asks, around async-graphql's |
//! | [`fast`] | objects that are written as JSON without a tree of values |
//! | [`auth`], [`observer`] | traits: who calls, and what the application learns of each operation |
//! | [`errors`], [`response`] | what clients read when something fails |
//! | [`rate_limit`] | points that each user may spend |
//! | [`server`] | a listener with a timeout for headers |
//!
//! Nothing here knows a schema.

#![forbid(unsafe_code)]

pub mod auth;
pub mod conformance;
mod deadlines;
pub mod document_cache;
pub mod endpoint;
pub mod errors;
mod extensions;
pub mod fast;
pub mod http;
mod json_text;
mod media_type;
pub mod observer;
pub mod operation;
mod operation_span;
pub mod parameters;
pub mod persisted;
pub mod rate_limit;
pub mod request_id;
pub mod response;
pub mod routes;
mod sdl;
pub mod server;
pub mod settings;
mod streams;
mod trace_context;
pub mod ws;

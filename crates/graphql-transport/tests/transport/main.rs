//! Tests of the transport over real HTTP and WebSocket connections.
//!
//! The handlers serve a small test schema on a random port, without Switchboard's schema
//! and storage. The clients are low-level, so that a test sees each status, frame and
//! close code.

mod audits;
mod http;
mod limits;
mod persisted;
mod rate_limit;
mod socket;
mod streams;
mod support;
mod ws;
mod ws_limits;

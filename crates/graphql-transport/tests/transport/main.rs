//! Tests of the transport over real HTTP and WebSocket connections.
//!
//! The handlers serve a small test schema on a random port, without Switchboard's schema
//! and storage. The clients are low-level, so that a test sees each status, frame and
//! close code.

// A test may fail, and is read from the top to the bottom.
#![allow(clippy::expect_used, clippy::too_many_lines, clippy::unwrap_used)]

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

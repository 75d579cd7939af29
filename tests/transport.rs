//! Tests of the transport over real HTTP and WebSocket connections.
//!
//! The handlers serve a small test schema on a random port, without Switchboard's schema
//! and storage. The clients are low-level, so that a test sees each status, frame and
//! close code.

#[path = "transport/audits.rs"]
mod audits;
#[path = "transport/fair_use.rs"]
mod fair_use;
#[path = "transport/http.rs"]
mod http;
#[path = "transport/limits.rs"]
mod limits;
#[path = "transport/socket.rs"]
mod socket;
#[path = "transport/support.rs"]
mod support;
#[path = "transport/ws.rs"]
mod ws;
#[path = "transport/ws_limits.rs"]
mod ws_limits;

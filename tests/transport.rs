//! The transport, spoken to as clients speak to it.
//!
//! The handlers run on a port of their own over a small schema of these tests; nothing
//! of Switchboard's own schema or storage takes part. Clients are raw, so that a test
//! sees each status, frame and close code.

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

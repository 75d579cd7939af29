//! The transport, spoken to as clients speak to it.
//!
//! The handlers run on a port of their own over a small schema of these tests; nothing
//! of Switchboard's own schema or storage takes part. Clients are raw, so that a test
//! sees each status, frame and close code.

mod audits;
mod fair_use;
mod http;
mod limits;
mod socket;
mod support;
mod ws;
mod ws_limits;

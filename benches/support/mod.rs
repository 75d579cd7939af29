//! Support for the benchmarks: server processes, temporary databases, and CPU times and memory from `/proc`. Linux
//! only.

#![allow(dead_code, reason = "each bench compiles this module and uses a part of it")]

pub mod database;
pub mod process;
pub mod server;
pub mod table;

/// Whether to measure. `cargo test --benches` only checks that the benchmarks build and start.
pub fn is_bench() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

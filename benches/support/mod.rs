//! What the benches stand on: real servers as processes of their own, databases of their own, and what the kernel
//! counts of them. Linux only: it reads `/proc`.

#![allow(dead_code, reason = "each bench compiles it and uses its part")]

pub mod database;
pub mod process;
pub mod server;
pub mod table;

/// Whether this is to be measured: `cargo test --benches` only wants to know that it builds.
pub fn is_bench() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

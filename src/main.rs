//! The `switchboard` binary: runs the command line.
#![forbid(unsafe_code)]

mod cli;

/// A response takes thousands of small allocations, which mimalloc handles faster than the system allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::main()
}

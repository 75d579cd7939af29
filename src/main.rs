//! The command line of Switchboard, and nothing else.
#![forbid(unsafe_code)]

mod cli;

/// An answer is thousands of small allocations.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::main()
}

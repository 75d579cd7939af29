//! What runs in the background of a process.

pub mod log_retention;

//! What runs in the background of a process: see [`registry`].

pub mod log_retention;
pub mod registry;

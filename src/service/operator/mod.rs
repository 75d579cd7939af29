//! What the operator does without signing in.

pub mod check;
pub mod import;
pub mod workspaces;

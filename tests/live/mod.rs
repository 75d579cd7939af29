//! Subscriptions.

mod badges;
mod fold;
mod health;
mod presence;
mod processes;
mod queue;
mod resets;
mod retention;
mod sharing;
mod sockets;
mod thread;
mod wakeups;
mod workloads;

//! What subscriptions deliver.

mod badges;
mod fold;
mod health;
mod presence;
mod queue;
mod resets;
mod sockets;
mod thread;
mod workloads;

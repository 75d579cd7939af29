//! What must hold when everything happens at once, or stops in the middle.

mod attacks;
mod clocks;
mod conclusions;
mod hangup;
mod intruders;
mod keys;
mod kills;
mod log_order;
mod network;
mod processes;
mod races;
mod readers;
mod reconnect;
mod sqlite;
mod tls;

//! Faults: races, crashes, lost connections and attacks.

mod attacks;
mod clocks;
mod conclusions;
mod hangup;
mod intruders;
mod keys;
mod kills;
mod language;
mod log_order;
mod network;
mod processes;
mod races;
mod readers;
mod reconnect;
mod sqlite;
mod tls;
mod workers;

//! Faults: races, crashes, lost connections and attacks.

mod atomic_commit;
mod attacks;
mod clocks;
mod hangup;
mod intruders;
mod keys;
mod kills;
mod language;
mod log_order;
mod network;
mod processes;
mod races;
mod reconnect;
mod slow_readers;
mod sqlite;
mod tls;
mod workers;

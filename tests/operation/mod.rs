//! What operators see: metrics, logs, traces, health and shutdown.

mod confidential_data;
mod drain;
pub mod exposition;
mod health;
mod ids;
mod metrics;
mod request_ids;
mod traces;

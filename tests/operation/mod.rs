//! What whoever runs it sees.

mod canary;
mod drain;
mod exposition;
mod health;
mod metrics;
mod request_ids;
mod traces;

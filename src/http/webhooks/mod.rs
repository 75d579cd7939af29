//! Requests of other companies' servers.

pub mod twilio;

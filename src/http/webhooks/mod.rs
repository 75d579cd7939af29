//! Webhooks: requests from the servers of SMS providers.

pub mod twilio;

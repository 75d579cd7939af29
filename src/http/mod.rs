//! Everything that is served over HTTP next to the GraphQL API: the pages, the webhook, health and metrics.
//!
//! The crate `graphql-transport` serves the API itself. [`webhooks`] calls a service directly, because Twilio does not
//! send GraphQL. [`health`] reports whether the services can be called, and [`metrics`] serves the counters.

pub mod health;
pub mod metrics;
pub mod pages;
pub mod webhooks;

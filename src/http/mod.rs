//! What is served over HTTP beside the GraphQL API: the two pages, the webhook, health and metrics.
//!
//! `graphql-transport` serves the API itself. [`webhooks`] alone calls a use case: what Twilio sends is not GraphQL.
//! [`health`] asks whether use cases can be called, and [`metrics`] shows what was counted.

pub mod health;
pub mod metrics;
pub mod pages;
pub mod webhooks;

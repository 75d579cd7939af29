//! The rules of the product, tested through the API.

mod access;
mod assignment;
mod handoff;
mod history;
mod inbound;
mod isolation;
mod lease;
mod lifecycle;
mod matrix;
mod messages;
mod models_and_plans;
mod order;
mod stale;
mod unread;
mod views;

//! Switchboard tells an SMS team, live, who owns every customer conversation.

#![forbid(unsafe_code)]

pub mod clock;
pub mod config;
pub mod domain;
pub mod graphql;
pub mod service;
pub mod store;
pub mod synthetic;
pub mod token;

//! Switchboard tells an SMS team, live, who owns every customer conversation.

#![forbid(unsafe_code)]

pub mod clock;
pub mod domain;
pub mod store;
pub mod synthetic;

//! The two pages: the inbox at `/`, and GraphiQL.

pub mod graphiql;
pub mod inbox;

//! The two pages: the inbox at `/`, and GraphiQL.

mod documents;
pub mod graphiql;
pub mod inbox;

/// The documents that the pages send, for a server that executes only trusted documents. GraphiQL's are those of its tabs
/// and of its live queue.
pub fn documents() -> Vec<String> {
    [inbox::documents(), graphiql::documents()].concat()
}

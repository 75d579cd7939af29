//! Ids and times, written as JSON.

use graphql_transport::fast::Json;

use super::ids::{self, Tagged};
use crate::clock::Timestamp;

/// Writes the scalars of this schema.
pub trait WriteScalar {
    /// A global id.
    fn id<T: Tagged>(&mut self, id: T);
    /// A `DateTime`.
    fn time(&mut self, at: Timestamp);
}

impl WriteScalar for Json {
    fn id<T: Tagged>(&mut self, id: T) {
        self.text(&ids::encode(id));
    }

    fn time(&mut self, at: Timestamp) {
        self.text(&at.to_string());
    }
}

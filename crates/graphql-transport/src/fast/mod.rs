//! Faster output for async-graphql: [`FastList`] writes rows directly as JSON, without a tree of values.
//! [`InlineObject`] polls the fields of an object one after another.

mod inline;
mod json;
mod object;

pub use inline::InlineObject;
pub use json::Json;
pub use object::{FastList, FastObject, FieldWriter, NoMergedKeys, Selected, scalar};

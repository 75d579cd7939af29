//! Objects and lists that are written as JSON without a tree of values between resolver and wire.

mod inline;
mod json;
mod object;

pub use inline::InlineObject;
pub use json::Json;
pub use object::{FastList, FastObject, FieldWriter, NoMergedKeys, Selected, scalar};

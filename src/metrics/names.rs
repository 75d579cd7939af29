//! The names of operations that get a label of their own.
//!
//! Clients choose the names, and every label costs memory here and in Prometheus for good. So there are few, a
//! name earns its label by an operation of a caller who is signed in that went well, and all others share one.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

/// How many names get a label of their own.
pub const OPERATION_NAMES: usize = 200;
/// The longest name that does.
const NAME_BYTES: usize = 64;
/// The label of all other names.
const OTHER: &str = "other";

#[derive(Default)]
pub(super) struct Names(RwLock<HashSet<String>>);

impl Names {
    /// The label of a name. `earns` is that its operation went well, for a caller who is signed in.
    pub fn label(&self, name: &str, earns: bool) -> String {
        if name.is_empty() || self.is_known(name) || (earns && self.learn(name)) {
            return name.to_owned();
        }
        OTHER.to_owned()
    }

    fn is_known(&self, name: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(name)
    }

    fn learn(&self, name: &str) -> bool {
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let fits = names.len() < OPERATION_NAMES && name.len() <= NAME_BYTES;
        fits && (names.insert(name.to_owned()) || names.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_earns_its_label_by_going_well_while_there_is_room() {
        let names = Names::default();
        assert_eq!(names.label("", false), "");
        assert_eq!(names.label("Queue", false), OTHER);
        assert_eq!(names.label("Queue", true), "Queue");
        assert_eq!(names.label("Queue", false), "Queue");
        assert_eq!(names.label(&"x".repeat(NAME_BYTES + 1), true), OTHER);
        for n in 1..OPERATION_NAMES {
            assert_eq!(names.label(&format!("N{n}"), true), format!("N{n}"));
        }
        assert_eq!(names.label("OneTooMany", true), OTHER);
    }
}

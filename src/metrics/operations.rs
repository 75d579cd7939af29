//! Counts operations by name, with a bounded number of names.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::names::Names;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OperationLabels {
    operation: String,
    kind: &'static str,
    transport: &'static str,
    outcome: &'static str,
}

/// The labels of an operation except its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct OperationOutcome {
    pub kind: &'static str,
    pub transport: &'static str,
    pub outcome: &'static str,
}

#[derive(Default)]
pub(super) struct Operations {
    counts: Family<OperationLabels, Counter>,
    named: Mutex<Named>,
}

#[derive(Default)]
struct Named {
    names: Names,
    /// The series of each name, so that they can be removed with its label.
    series: HashMap<String, HashSet<OperationOutcome>>,
}

impl Operations {
    /// The counters, for the registry.
    pub fn counts(&self) -> Family<OperationLabels, Counter> {
        self.counts.clone()
    }

    /// Counts a completed operation. `counts_for_name` says whether the use counts towards a label of its name.
    ///
    /// When a name loses its label, its series are removed. Their values are not added to another series, because that
    /// would look like a burst of operations.
    pub fn count(&self, name: &str, counts_for_name: bool, outcome: OperationOutcome) {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let label = named.names.label(name, counts_for_name);
        if let Some(replaced) = label.replaced {
            for outcome in named.series.remove(&replaced).unwrap_or_default() {
                self.counts.remove(&labels(&replaced, outcome));
            }
        }
        self.counts.get_or_create(&labels(&label.name, outcome)).inc();
        named.series.entry(label.name).or_default().insert(outcome);
    }
}

fn labels(operation: &str, outcome: OperationOutcome) -> OperationLabels {
    let OperationOutcome { kind, transport, outcome } = outcome;
    OperationLabels { operation: operation.to_owned(), kind, transport, outcome }
}

#[cfg(test)]
mod tests {
    use super::super::OPERATION_NAMES;
    use super::*;

    #[test]
    fn the_series_of_a_name_are_removed_with_its_label() {
        let operations = Operations::default();
        let ok = OperationOutcome { kind: "query", transport: "http", outcome: "OK" };
        let failed = OperationOutcome { outcome: "INTERNAL", ..ok };
        let has = |name: &str, outcome| operations.counts.get(&labels(name, outcome)).is_some();
        operations.count("Invented", true, ok);
        operations.count("Invented", false, failed);
        for n in 1..OPERATION_NAMES {
            for _ in 0..2 {
                operations.count(&format!("Real{n}"), true, ok);
            }
        }
        assert!(has("Invented", ok) && has("Invented", failed) && !has("other", ok));
        operations.count("Late", true, ok);
        assert!(has("other", ok) && !has("Late", ok));
        operations.count("Late", true, ok);
        assert!(has("Late", ok) && !has("Invented", ok) && !has("Invented", failed));
        let series: usize = operations.named.lock().unwrap().series.values().map(HashSet::len).sum();
        assert_eq!(series, OPERATION_NAMES + 1, "one series for each label, and one for `other`");
    }
}

//! Operations counted by name, within a bound.

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

/// What an operation is counted by, beside its name.
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
    /// The series there are of each label, to be removed with it.
    series: HashMap<String, HashSet<OperationOutcome>>,
}

impl Operations {
    /// The counts, to be registered.
    pub fn counts(&self) -> Family<OperationLabels, Counter> {
        self.counts.clone()
    }

    /// Counts an operation that is over. `earns` is that its name earns a label by it.
    ///
    /// The series of a name that loses its label end: what they counted is added to no other series, which would
    /// look like a burst.
    pub fn count(&self, name: &str, earns: bool, facts: OperationOutcome) {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let label = named.names.label(name, earns);
        if let Some(displaced) = label.displaced {
            for facts in named.series.remove(&displaced).unwrap_or_default() {
                self.counts.remove(&labels(&displaced, facts));
            }
        }
        self.counts.get_or_create(&labels(&label.name, facts)).inc();
        named.series.entry(label.name).or_default().insert(facts);
    }
}

fn labels(operation: &str, facts: OperationOutcome) -> OperationLabels {
    let OperationOutcome { kind, transport, outcome } = facts;
    OperationLabels { operation: operation.to_owned(), kind, transport, outcome }
}

#[cfg(test)]
mod tests {
    use super::super::OPERATION_NAMES;
    use super::*;

    #[test]
    fn the_series_of_a_name_end_with_its_label() {
        let operations = Operations::default();
        let ok = OperationOutcome { kind: "query", transport: "http", outcome: "OK" };
        let failed = OperationOutcome { outcome: "INTERNAL", ..ok };
        let has = |name: &str, facts| operations.counts.get(&labels(name, facts)).is_some();
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
        assert_eq!(series, OPERATION_NAMES + 1, "as many as there are labels, and one of the others");
    }
}

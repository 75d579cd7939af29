//! Decides which operation names get their own label in the metrics.
//!
//! Clients choose the names, and every label costs memory in this process and in Prometheus. So only the
//! [`OPERATION_NAMES`] most used names get a label. A use counts towards a label if the caller is signed in and the
//! operation succeeds.
//!
//! While labels are free, a name gets one at its first use. After that, a name has to be used twice as often as the
//! least used name with a label, and then replaces it. A client that invents names to fill the labels loses them to
//! real names. To get new labels, it needs twice as many uses each time.
//!
//! Names without a label are counted with the Space-Saving algorithm (Metwally, Agrawal and El Abbadi, 2005). It is
//! certain to find every name with more than one in [`CANDIDATES`] of the uses, however many names there are.

use std::collections::HashMap;

/// The maximum number of names with a label.
pub const OPERATION_NAMES: usize = 200;
/// The maximum number of names without a label that are counted.
const CANDIDATES: usize = 1_000;
/// The maximum length of a name with a label.
const NAME_BYTES: usize = 64;
/// The label of all other names.
const OTHER: &str = "other";

#[derive(Default)]
pub(super) struct Names {
    /// The names with a label, and how often each was used.
    labelled: HashMap<String, u64>,
    candidates: HashMap<String, Candidate>,
}

/// The estimated number of uses of a name without a label.
struct Candidate {
    /// An upper bound for the number of uses.
    count: u64,
    /// The part of `count` that may belong to names which this one replaced.
    error: u64,
}

/// The label of an operation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Label {
    pub name: String,
    /// The name that this name has replaced.
    pub replaced: Option<String>,
}

impl Names {
    /// The label of a used name. `counts` says whether the use counts towards a label.
    pub fn label(&mut self, name: &str, counts: bool) -> Label {
        if name.is_empty() {
            return Label { name: String::new(), replaced: None };
        }
        if let Some(uses) = self.labelled.get_mut(name) {
            *uses += u64::from(counts);
            return Label { name: name.to_owned(), replaced: None };
        }
        if counts && name.len() <= NAME_BYTES && name != OTHER {
            return self.count_towards_label(name);
        }
        Label { name: OTHER.to_owned(), replaced: None }
    }

    /// Counts a use of a name without a label, and gives the name a label if it was used often enough.
    fn count_towards_label(&mut self, name: &str) -> Label {
        if self.labelled.len() < OPERATION_NAMES {
            self.labelled.insert(name.to_owned(), 1);
            return Label { name: name.to_owned(), replaced: None };
        }
        let uses = self.count_candidate(name);
        let least = self.labelled.iter().min_by_key(|(_, uses)| **uses);
        match least.map(|(name, uses)| (name.clone(), *uses)) {
            Some((least, fewest)) if uses >= fewest.saturating_mul(2) => {
                self.labelled.remove(&least);
                self.candidates.remove(name);
                self.labelled.insert(name.to_owned(), uses);
                Label { name: name.to_owned(), replaced: Some(least) }
            }
            _ => Label { name: OTHER.to_owned(), replaced: None },
        }
    }

    /// Counts a use of a name without a label. Returns a lower bound for its number of uses.
    fn count_candidate(&mut self, name: &str) -> u64 {
        if let Some(candidate) = self.candidates.get_mut(name) {
            candidate.count += 1;
            return candidate.count - candidate.error;
        }
        let mut error = 0;
        if self.candidates.len() >= CANDIDATES {
            let least = self.candidates.iter().min_by_key(|(_, candidate)| candidate.count);
            if let Some(least) = least.map(|(name, _)| name.clone()) {
                error = self.candidates.remove(&least).map_or(0, |candidate| candidate.count);
            }
        }
        self.candidates.insert(name.to_owned(), Candidate { count: error + 1, error });
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gets_label(names: &mut Names, name: &str) -> bool {
        names.label(name, true).name == name
    }

    fn filled() -> Names {
        let mut names = Names::default();
        for n in 0..OPERATION_NAMES {
            assert!(gets_label(&mut names, &format!("Invented{n}")));
        }
        names
    }

    #[test]
    fn a_name_gets_a_free_label_at_its_first_success() {
        let mut names = Names::default();
        assert_eq!(names.label("", false).name, "");
        assert_eq!(names.label("Queue", false).name, OTHER);
        assert_eq!(names.label("Queue", true).name, "Queue");
        assert_eq!(names.label("Queue", false).name, "Queue");
        assert!(!gets_label(&mut names, &"x".repeat(NAME_BYTES + 1)));
        for _ in 0..OPERATION_NAMES {
            names.label(OTHER, true);
        }
        assert_eq!(names.labelled.len(), 1);
    }

    #[test]
    fn used_names_replace_unused_names() {
        let mut names = filled();
        let real: Vec<String> = (0..OPERATION_NAMES).map(|n| format!("Real{n}")).collect();
        for round in 0..3 {
            for name in &real {
                let label = names.label(name, true);
                assert_eq!(label.replaced.is_some(), round == 1, "{label:?} in round {round}");
            }
        }
        assert!(real.iter().all(|name| names.labelled.contains_key(name)));
    }

    #[test]
    fn a_used_name_gets_a_label_among_any_number_of_invented_names() {
        let mut names = filled();
        for n in 0..20 * CANDIDATES {
            names.label(&format!("Single{n}"), true);
            if n % 100 == 0 {
                names.label("Real", true);
            }
        }
        assert!(names.labelled.contains_key("Real"));
        assert!(
            !names.labelled.keys().any(|name| name.starts_with("Single")),
            "one use is not enough for a label"
        );
        assert!(names.candidates.len() <= CANDIDATES);
    }

    #[test]
    fn replacing_all_labels_takes_twice_as_many_uses_each_time() {
        let mut names = filled();
        for round in 1..=6 {
            for n in 0..OPERATION_NAMES {
                let name = format!("Invented{round}.{n}");
                let uses = (1..).find(|_| names.label(&name, true).replaced.is_some());
                assert_eq!(uses, Some(1 << round));
            }
        }
        assert_eq!(names.labelled.len(), OPERATION_NAMES);
    }
}

//! Which names of operations have a label of their own.
//!
//! Clients choose the names, and every label costs memory here and in Prometheus. So there are few, and those who
//! are used most have them: what is counted towards a label is an operation of a caller who is signed in that went
//! well. While there is room a name has its label at once. Later it has to be used twice as often as the least used
//! name that has one, and takes its place. Whoever invents names to fill the labels loses them to real ones, and gets
//! new ones only at a price that doubles each time round.
//!
//! Names that wait are counted by the Space-Saving algorithm (Metwally, Agrawal and El Abbadi, 2005): of however many
//! names, those are certain to be found that are more than one in [`WAITING`] of all that wait.

use std::collections::HashMap;

/// How many names have a label of their own.
pub const OPERATION_NAMES: usize = 200;
/// How many others are counted.
const WAITING: usize = 1_000;
/// The longest name that has a label.
const NAME_BYTES: usize = 64;
/// The label of all other names.
const OTHER: &str = "other";

#[derive(Default)]
pub(super) struct Names {
    /// Those with a label, and how often each was used.
    shown: HashMap<String, u64>,
    waiting: HashMap<String, Waiting>,
}

/// How often a name was used that has no label.
struct Waiting {
    /// At most so often.
    count: u64,
    /// What of that may have been the use of names whose place it took.
    error: u64,
}

/// What an operation is counted under.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Label {
    pub name: String,
    /// The name that has lost its label to this one.
    pub displaced: Option<String>,
}

impl Names {
    /// The label of a name that was used. `earns` is that the use counts towards one.
    pub fn label(&mut self, name: &str, earns: bool) -> Label {
        if name.is_empty() {
            return Label { name: String::new(), displaced: None };
        }
        if let Some(uses) = self.shown.get_mut(name) {
            *uses += u64::from(earns);
            return Label { name: name.to_owned(), displaced: None };
        }
        if earns && name.len() <= NAME_BYTES && name != OTHER {
            return self.strive(name);
        }
        Label { name: OTHER.to_owned(), displaced: None }
    }

    /// Counts a name without a label, and gives it one if it has earned it.
    fn strive(&mut self, name: &str) -> Label {
        if self.shown.len() < OPERATION_NAMES {
            self.shown.insert(name.to_owned(), 1);
            return Label { name: name.to_owned(), displaced: None };
        }
        let uses = self.wait(name);
        let least = self.shown.iter().min_by_key(|(_, uses)| **uses);
        match least.map(|(name, uses)| (name.clone(), *uses)) {
            Some((least, fewest)) if uses >= fewest.saturating_mul(2) => {
                self.shown.remove(&least);
                self.waiting.remove(name);
                self.shown.insert(name.to_owned(), uses);
                Label { name: name.to_owned(), displaced: Some(least) }
            }
            _ => Label { name: OTHER.to_owned(), displaced: None },
        }
    }

    /// Counts a name that waits; how often it was used for certain.
    fn wait(&mut self, name: &str) -> u64 {
        if let Some(waiting) = self.waiting.get_mut(name) {
            waiting.count += 1;
            return waiting.count - waiting.error;
        }
        let mut error = 0;
        if self.waiting.len() >= WAITING {
            let least = self.waiting.iter().min_by_key(|(_, waiting)| waiting.count);
            if let Some(least) = least.map(|(name, _)| name.clone()) {
                error = self.waiting.remove(&least).map_or(0, |waiting| waiting.count);
            }
        }
        self.waiting.insert(name.to_owned(), Waiting { count: error + 1, error });
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shows(names: &mut Names, name: &str) -> bool {
        names.label(name, true).name == name
    }

    fn filled() -> Names {
        let mut names = Names::default();
        for n in 0..OPERATION_NAMES {
            assert!(shows(&mut names, &format!("Invented{n}")));
        }
        names
    }

    #[test]
    fn a_name_has_a_label_once_it_has_gone_well_while_there_is_room() {
        let mut names = Names::default();
        assert_eq!(names.label("", false).name, "");
        assert_eq!(names.label("Queue", false).name, OTHER);
        assert_eq!(names.label("Queue", true).name, "Queue");
        assert_eq!(names.label("Queue", false).name, "Queue");
        assert!(!shows(&mut names, &"x".repeat(NAME_BYTES + 1)));
        for _ in 0..OPERATION_NAMES {
            names.label(OTHER, true);
        }
        assert_eq!(names.shown.len(), 1);
    }

    #[test]
    fn names_that_are_used_take_the_labels_of_names_that_are_not() {
        let mut names = filled();
        let real: Vec<String> = (0..OPERATION_NAMES).map(|n| format!("Real{n}")).collect();
        for round in 0..3 {
            for name in &real {
                let label = names.label(name, true);
                assert_eq!(label.displaced.is_some(), round == 1, "{label:?} in round {round}");
            }
        }
        assert!(real.iter().all(|name| names.shown.contains_key(name)));
    }

    #[test]
    fn names_that_are_used_keep_their_labels_among_any_number_of_invented_ones() {
        let mut names = filled();
        for n in 0..20 * WAITING {
            names.label(&format!("Single{n}"), true);
            if n % 100 == 0 {
                names.label("Real", true);
            }
        }
        assert!(names.shown.contains_key("Real"));
        assert!(!names.shown.keys().any(|name| name.starts_with("Single")), "one use is enough");
        assert!(names.waiting.len() <= WAITING);
    }

    #[test]
    fn each_time_round_new_labels_cost_twice_as_much() {
        let mut names = filled();
        for round in 1..=6 {
            for n in 0..OPERATION_NAMES {
                let name = format!("Invented{round}.{n}");
                let uses = (1..).find(|_| names.label(&name, true).displaced.is_some());
                assert_eq!(uses, Some(1 << round));
            }
        }
        assert_eq!(names.shown.len(), OPERATION_NAMES);
    }
}

//! What was acknowledged, and what was delivered.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::outcome::{number, text};

/// What clients were told about their mutations.
#[derive(Debug, Default)]
pub struct Acknowledged {
    /// Mutations that were tried, repeats included.
    pub attempts: u64,
    /// Attempts without an answer, or with one that says to try again.
    pub unanswered: u64,
    /// Conversations and the versions that an acknowledged change gave them.
    pub changes: BTreeSet<(String, i64)>,
    /// Bodies of messages whose storing was acknowledged; each is sent once, and repeated until it is.
    pub bodies: BTreeSet<String>,
}

impl Acknowledged {
    /// Takes a payload in that says that something changed.
    pub fn change(&mut self, payload: &Value) {
        let conversation = &payload["conversation"];
        self.changes.insert((text(&conversation["id"]).to_owned(), number(&conversation["version"])));
    }
}

/// What the thread of one conversation said.
#[derive(Debug, Default)]
pub struct Delivered {
    /// How often each event came, by its id.
    pub events: BTreeMap<String, u32>,
    /// The versions, in the order in which they came.
    pub versions: Vec<i64>,
    /// How often the body of each message came.
    pub bodies: BTreeMap<String, u32>,
}

impl Delivered {
    /// Takes an item of the thread in.
    pub fn take(&mut self, item: &Value) {
        assert!(item["reset"].is_null(), "the thread was reset: {item:#}");
        let event = &item["event"];
        if event.is_null() {
            return;
        }
        *self.events.entry(text(&event["id"]).to_owned()).or_default() += 1;
        // Reading concerns the reader alone, and leaves the version as it is.
        if event["kind"] != "READ" && event["kind"] != "UNREAD" {
            self.versions.push(number(&item["conversation"]["version"]));
        }
        if let Some(body) = event["message"]["body"].as_str() {
            *self.bodies.entry(body.to_owned()).or_default() += 1;
        }
    }

    /// Events that came more than once.
    pub fn repeated(&self) -> usize {
        self.events.values().filter(|times| **times > 1).count()
    }

    /// Asserts that each version followed the one before it, up to `last`.
    pub fn assert_whole(&self, first: i64, last: i64) {
        let expected: Vec<i64> = (first + 1..=last).collect();
        assert_eq!(self.versions, expected, "the thread is the log, without gap or repeat");
    }
}

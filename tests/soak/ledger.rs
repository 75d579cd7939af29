//! Records acknowledged mutations and delivered events.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::outcome::{number, text};

/// The results of the clients' mutations.
#[derive(Debug, Default)]
pub struct Acknowledged {
    /// Attempted mutations, including repeats.
    pub attempts: u64,
    /// Attempts without a response, or with a retryable error.
    pub unanswered: u64,
    /// The conversations and versions of acknowledged changes.
    pub changes: BTreeSet<(String, i64)>,
    /// Bodies of acknowledged messages. Each body is unique and is sent until it is acknowledged.
    pub bodies: BTreeSet<String>,
}

impl Acknowledged {
    /// Records the payload of a mutation that changed something.
    pub fn change(&mut self, payload: &Value) {
        let conversation = &payload["conversation"];
        self.changes.insert((text(&conversation["id"]).to_owned(), number(&conversation["version"])));
    }
}

/// The items that the live thread of one conversation delivered.
#[derive(Debug, Default)]
pub struct Delivered {
    /// The number of deliveries of each event, by its id.
    pub events: BTreeMap<String, u32>,
    /// The versions in order of delivery.
    pub versions: Vec<i64>,
    /// The number of deliveries of each message body.
    pub bodies: BTreeMap<String, u32>,
}

impl Delivered {
    /// Records an item of the thread.
    pub fn take(&mut self, item: &Value) {
        assert!(item["reset"].is_null(), "the thread was reset: {item:#}");
        let event = &item["event"];
        if event.is_null() {
            return;
        }
        *self.events.entry(text(&event["id"]).to_owned()).or_default() += 1;
        // Reading does not change the version.
        if event["kind"] != "READ" && event["kind"] != "UNREAD" {
            self.versions.push(number(&item["conversation"]["version"]));
        }
        if let Some(body) = event["message"]["body"].as_str() {
            *self.bodies.entry(body.to_owned()).or_default() += 1;
        }
    }

    /// The number of events that were delivered more than once.
    pub fn repeated(&self) -> usize {
        self.events.values().filter(|times| **times > 1).count()
    }

    /// Asserts that every version from `first + 1` to `last` was delivered once and in order.
    pub fn assert_whole(&self, first: i64, last: i64) {
        let expected: Vec<i64> = (first + 1..=last).collect();
        assert_eq!(self.versions, expected, "the thread has no gap and no repeat");
    }
}

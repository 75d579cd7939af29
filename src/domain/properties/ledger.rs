//! The naive model: it keeps the whole history of a conversation and computes every value by walking over it.
//!
//! The model uses nothing that the domain derives, so that the two can be compared.

use super::world::{Action, Cause};
use crate::clock::Timestamp;

/// The history of one conversation, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger(Vec<Entry>);

#[derive(Debug, Clone, Copy)]
enum Entry {
    Text {
        at: Timestamp,
    },
    /// `seen` is the number of the last message that the author had seen.
    Reply {
        by: usize,
        seen: i32,
        at: Timestamp,
    },
    Close,
    Reopen,
    Read {
        by: usize,
        through: i32,
    },
    Unread {
        by: usize,
    },
}

impl Ledger {
    /// Records what happened. Call this only for commands that the domain did not refuse.
    pub fn record(&mut self, cause: Cause, at: Timestamp) {
        let count = self.message_count();
        let entry = match cause {
            Cause::Text => Entry::Text { at },
            Cause::Action { by, action } => match action {
                Action::Reply { unseen } => Entry::Reply { by, seen: count - unseen, at },
                Action::Close { .. } => Entry::Close,
                Action::Reopen => Entry::Reopen,
                Action::Read { unseen } => Entry::Read { by, through: count - unseen },
                Action::Unread => Entry::Unread { by },
                Action::Assign { .. } | Action::Claim | Action::Unassign { .. } => return,
            },
            Cause::Release => return,
        };
        self.0.push(entry);
    }

    pub fn message_count(&self) -> i32 {
        self.messages().count() as i32
    }

    fn messages(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter().filter(|entry| matches!(entry, Entry::Text { .. } | Entry::Reply { .. }))
    }

    /// The number of the last message from the customer.
    pub fn last_inbound(&self) -> Option<i32> {
        let texts = (1..).zip(self.messages()).filter(|(_, entry)| matches!(entry, Entry::Text { .. }));
        texts.last().map(|(number, _)| number)
    }

    /// The time of the last message among the first `n` entries. Times never go backwards.
    fn stored_at(&self, n: usize) -> Option<Timestamp> {
        let instants = self.0.iter().take(n).filter_map(|entry| match entry {
            Entry::Text { at } | Entry::Reply { at, .. } => Some(*at),
            _ => None,
        });
        instants.max()
    }

    pub fn last_activity_at(&self) -> Option<Timestamp> {
        self.stored_at(self.0.len())
    }

    pub fn is_open(&self) -> bool {
        let last = self.0.iter().rev().find_map(|entry| match entry {
            Entry::Close => Some(false),
            Entry::Reopen | Entry::Text { .. } => Some(true),
            _ => None,
        });
        last.unwrap_or(true)
    }

    /// The time of the customer's oldest message after the last reply and the last close; `None` while closed.
    pub fn waiting_since(&self) -> Option<Timestamp> {
        if !self.is_open() {
            return None;
        }
        let answered = self.0.iter().rposition(|entry| matches!(entry, Entry::Reply { .. } | Entry::Close));
        let rest = answered.map_or(0, |position| position + 1);
        let oldest = self.0.iter().skip(rest).position(|entry| matches!(entry, Entry::Text { .. }))?;
        self.stored_at(rest + oldest + 1)
    }

    /// Whether the agent has read the customer's last message. A reply counts as reading; marking the conversation
    /// as unread undoes it.
    pub fn has_opened(&self, agent: usize) -> bool {
        let Some(last) = self.last_inbound() else { return false };
        let arrived = self.0.iter().rposition(|entry| matches!(entry, Entry::Text { .. })).unwrap_or(0);
        self.0.iter().skip(arrived).fold(false, |opened, entry| match *entry {
            Entry::Reply { by, seen, .. } if by == agent => opened || seen >= last,
            Entry::Read { by, through } if by == agent => opened || through >= last,
            Entry::Unread { by } if by == agent => false,
            _ => opened,
        })
    }

    pub fn is_unread_for(&self, agent: usize) -> bool {
        self.is_open() && self.last_inbound().is_some() && !self.has_opened(agent)
    }
}

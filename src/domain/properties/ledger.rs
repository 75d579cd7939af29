//! What was said and done in one conversation, and every question answered by walking over all of it.
//!
//! Nothing here uses what the domain derives, so that the two can be compared.

use super::world::{Cause, Deed};
use crate::clock::Timestamp;

/// What was said and done in one conversation, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger(Vec<Entry>);

#[derive(Debug, Clone, Copy)]
enum Entry {
    Text {
        at: Timestamp,
    },
    /// `seen` is the number of the last message that its author had seen.
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
    /// Writes down what the domain did not refuse.
    pub fn note(&mut self, cause: Cause, at: Timestamp) {
        let count = self.message_count();
        let entry = match cause {
            Cause::Text => Entry::Text { at },
            Cause::Deed { by, deed } => match deed {
                Deed::Reply { unseen } => Entry::Reply { by, seen: count - unseen, at },
                Deed::Close { .. } => Entry::Close,
                Deed::Reopen => Entry::Reopen,
                Deed::Read { unseen } => Entry::Read { by, through: count - unseen },
                Deed::Unread => Entry::Unread { by },
                Deed::Assign { .. } | Deed::Claim | Deed::Unassign { .. } => return,
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

    /// The number of the last text from the customer.
    pub fn last_inbound(&self) -> Option<i32> {
        let texts = (1..).zip(self.messages()).filter(|(_, entry)| matches!(entry, Entry::Text { .. }));
        texts.last().map(|(number, _)| number)
    }

    /// When the last of the first `n` entries that are messages was stored: never before the one before it.
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

    /// The oldest text after the later of the last reply and the last close; none while closed.
    pub fn waiting_since(&self) -> Option<Timestamp> {
        if !self.is_open() {
            return None;
        }
        let settled = self.0.iter().rposition(|entry| matches!(entry, Entry::Reply { .. } | Entry::Close));
        let rest = settled.map_or(0, |position| position + 1);
        let oldest = self.0.iter().skip(rest).position(|entry| matches!(entry, Entry::Text { .. }))?;
        self.stored_at(rest + oldest + 1)
    }

    /// Whether the agent has opened the last text: replying to it counts, marking it unread undoes it.
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

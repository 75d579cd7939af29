//! What a conversation adds to the badges.
//!
//! Badges are sums of small counters that move in the same transaction as the conversation. Which counters
//! move is the difference between what the conversation added before and what it adds after, so there is no
//! table of cases to get wrong: [`delta`] covers every transition, and `switchboard check` recounts with the
//! same functions.
//!
//! An agent's unread badge is the open conversations with an inbound message, less those the agent has read
//! up to date; only the second number is kept per agent, and only for agents who have read something. The same
//! two numbers are kept for each [`UnreadBucket`] of a phone number: they say where the few unread among many are.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::conversation::{Snapshot, Status};
use super::ids::{AgentId, ConversationId, PhoneNumberId};

/// Whose conversations a counter counts.
///
/// Nobody and everybody are ids of their own: NULL never conflicts in an upsert, and a badge must not sum
/// over all agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    Nobody,
    Everybody,
    Agent(AgentId),
}

impl Holder {
    /// The id under which the counter is stored.
    pub fn key(self) -> Uuid {
        match self {
            Self::Nobody => Uuid::nil(),
            Self::Everybody => Uuid::max(),
            Self::Agent(id) => id.0,
        }
    }

    /// The holder stored under `key`.
    pub fn from_key(key: Uuid) -> Self {
        if key.is_nil() {
            Self::Nobody
        } else if key.is_max() {
            Self::Everybody
        } else {
            Self::Agent(AgentId(key))
        }
    }
}

/// In which of the reader's views a conversation that they have read lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    Mine,
    Unassigned,
    Others,
}
super::spelling::spelled!(Bucket { Mine = "MINE", Unassigned = "UNASSIGNED", Others = "OTHERS" });

/// One of the [`UNREAD_BUCKETS`] parts into which the conversations of a number fall at random, each for good.
///
/// Both databases compute it from the id, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnreadBucket(pub i16);

/// How many slots a number has.
pub const UNREAD_BUCKETS: u8 = 64;

impl UnreadBucket {
    /// The end of an id is random, whatever its version.
    pub fn of(id: ConversationId) -> Self {
        let [.., last] = id.0.into_bytes();
        Self(i16::from(last % UNREAD_BUCKETS))
    }
}

/// One counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counter {
    /// Conversations of a number, by holder, status, and whether the customer ever wrote.
    Conversations { phone_number_id: PhoneNumberId, holder: Holder, status: Status, has_inbound: bool },
    /// Open conversations with an inbound message that `agent_id` has read up to date.
    Read { agent_id: AgentId, phone_number_id: PhoneNumberId, bucket: Bucket },
    /// Open conversations of a slot with an inbound message: all, or those that `reader` has read up to date.
    UnreadBucket { reader: Option<AgentId>, phone_number_id: PhoneNumberId, unread_bucket: UnreadBucket },
}

/// By how much each counter moves. Zero entries are left out.
pub type Deltas = BTreeMap<Counter, i64>;

/// Adds what `snapshot` contributes to each counter, `times` over.
pub fn contribute(snapshot: &Snapshot, times: i64, into: &mut Deltas) {
    let conversation = &snapshot.conversation;
    let phone_number_id = conversation.phone_number_id;
    let assignee = conversation.assignee();
    let holder = assignee.map_or(Holder::Nobody, Holder::Agent);
    for holder in [holder, Holder::Everybody] {
        let counter = Counter::Conversations {
            phone_number_id,
            holder,
            status: conversation.status(),
            has_inbound: conversation.last_inbound.is_some(),
        };
        add(into, counter, times);
    }
    if conversation.counts_as_unread() {
        let unread_bucket = UnreadBucket::of(conversation.id);
        add(into, Counter::UnreadBucket { reader: None, phone_number_id, unread_bucket }, times);
        for reader in &snapshot.readers {
            let bucket = match assignee {
                None => Bucket::Unassigned,
                Some(owner) if owner == *reader => Bucket::Mine,
                Some(_) => Bucket::Others,
            };
            add(into, Counter::Read { agent_id: *reader, phone_number_id, bucket }, times);
            add(into, Counter::UnreadBucket { reader: Some(*reader), phone_number_id, unread_bucket }, times);
        }
    }
}

/// Moves the counters from `before` to `after`.
pub fn delta(before: Option<&Snapshot>, after: &Snapshot, into: &mut Deltas) {
    if let Some(before) = before {
        contribute(before, -1, into);
    }
    contribute(after, 1, into);
}

fn add(into: &mut Deltas, counter: Counter, n: i64) {
    let entry = into.entry(counter).or_insert(0);
    *entry += n;
    if *entry == 0 {
        into.remove(&counter);
    }
}

/// How many conversations a view holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatusCounts {
    pub total: i64,
    pub open: i64,
    pub closed: i64,
    pub unread: i64,
}

/// The badges of the sidebar, for one agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ViewCounts {
    pub inbox: StatusCounts,
    pub assigned_to_me: StatusCounts,
    pub unassigned: StatusCounts,
}

impl ViewCounts {
    /// Adds the counter of one number to the badges of `agent`.
    pub fn add(&mut self, agent: AgentId, counter: &Counter, n: i64) {
        match *counter {
            Counter::Conversations { holder, status, has_inbound, .. } => {
                let badge = match holder {
                    Holder::Everybody => &mut self.inbox,
                    Holder::Nobody => &mut self.unassigned,
                    Holder::Agent(id) if id == agent => &mut self.assigned_to_me,
                    Holder::Agent(_) => return,
                };
                badge.total += n;
                match status {
                    Status::Open => badge.open += n,
                    Status::Closed => badge.closed += n,
                }
                if status == Status::Open && has_inbound {
                    badge.unread += n;
                }
            }
            Counter::Read { agent_id, bucket, .. } if agent_id == agent => {
                self.inbox.unread -= n;
                match bucket {
                    Bucket::Mine => self.assigned_to_me.unread -= n,
                    Bucket::Unassigned => self.unassigned.unread -= n,
                    Bucket::Others => {}
                }
            }
            Counter::Read { .. } | Counter::UnreadBucket { .. } => {}
        }
    }
}

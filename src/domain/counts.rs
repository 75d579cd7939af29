//! What each conversation contributes to the badges.
//!
//! Badges are sums of counters, which change in the same transaction as the conversation. A transition
//! subtracts the conversation's old contribution and adds the new one. [`delta`] therefore covers every transition, and
//! `switchboard check` recounts with the same functions.
//!
//! An agent's unread badge is the number of open conversations with an inbound message, minus the number of those
//! that the agent has read. Only the second number is stored per agent, and only for agents who have read
//! something. Both numbers are also stored for each [`UnreadBucket`] of a phone number, which makes a few unread
//! conversations among many quick to find.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::conversation::{Snapshot, Status};
use super::ids::{AgentId, ConversationId, PhoneNumberId};

/// The conversations that a counter counts: those of one owner, those without an owner, or all.
///
/// `Unassigned` and `All` have ids of their own in the database. They are not NULL, because an upsert never finds a row
/// by NULL. `All` spares the badge of the inbox a sum over all agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    Unassigned,
    All,
    Agent(AgentId),
}

impl Holder {
    /// The id under which the counter is stored.
    pub fn key(self) -> Uuid {
        match self {
            Self::Unassigned => Uuid::nil(),
            Self::All => Uuid::max(),
            Self::Agent(id) => id.0,
        }
    }

    /// The holder stored under `key`.
    pub fn from_key(key: Uuid) -> Self {
        if key.is_nil() {
            Self::Unassigned
        } else if key.is_max() {
            Self::All
        } else {
            Self::Agent(AgentId(key))
        }
    }
}

/// Where a reader finds a conversation that they have read: in a view of their own, or among those of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    Mine,
    Unassigned,
    Others,
}
super::spelling::spelled!(Bucket { Mine = "MINE", Unassigned = "UNASSIGNED", Others = "OTHERS" });

/// One of the [`UNREAD_BUCKETS`] buckets of a phone number. A conversation's id determines its bucket.
///
/// Both databases compute the same bucket in SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnreadBucket(pub i16);

/// The number of unread buckets of a phone number.
pub const UNREAD_BUCKETS: u8 = 64;

impl UnreadBucket {
    /// The bucket of a conversation. The last byte of an id is random in every UUID version in use.
    pub fn of(id: ConversationId) -> Self {
        let [.., last] = id.0.into_bytes();
        Self(i16::from(last % UNREAD_BUCKETS))
    }
}

/// One counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counter {
    /// Conversations of a phone number by holder, by status, and by whether the customer has written.
    Conversations { phone_number_id: PhoneNumberId, holder: Holder, status: Status, has_inbound: bool },
    /// Open conversations whose last inbound message `agent_id` has read.
    Read { agent_id: AgentId, phone_number_id: PhoneNumberId, bucket: Bucket },
    /// Open conversations of a bucket with an inbound message: all of them, or those that `reader` has read.
    UnreadBucket { reader: Option<AgentId>, phone_number_id: PhoneNumberId, unread_bucket: UnreadBucket },
}

/// The change of each counter. Zeros are omitted.
pub type Deltas = BTreeMap<Counter, i64>;

/// Adds `times` × the contribution of `snapshot` to each counter.
pub fn contribute(snapshot: &Snapshot, times: i64, into: &mut Deltas) {
    let conversation = &snapshot.conversation;
    let phone_number_id = conversation.phone_number_id;
    let assignee = conversation.assignee();
    let holder = assignee.map_or(Holder::Unassigned, Holder::Agent);
    for holder in [holder, Holder::All] {
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

/// Adds the contribution of `after`, and subtracts the contribution of `before`.
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

/// The number of conversations in a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatusCounts {
    pub total: i64,
    pub open: i64,
    pub closed: i64,
    pub unread: i64,
}

/// One agent's badges in the sidebar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ViewCounts {
    pub inbox: StatusCounts,
    pub assigned_to_me: StatusCounts,
    pub unassigned: StatusCounts,
}

impl ViewCounts {
    /// The same badges with nothing unread.
    pub fn without_unread(mut self) -> Self {
        for badge in [&mut self.inbox, &mut self.assigned_to_me, &mut self.unassigned] {
            badge.unread = 0;
        }
        self
    }

    /// Adds the value `n` of a counter to the badges of `agent`.
    pub fn add(&mut self, agent: AgentId, counter: &Counter, n: i64) {
        match *counter {
            Counter::Conversations { holder, status, has_inbound, .. } => {
                let badge = match holder {
                    Holder::All => &mut self.inbox,
                    Holder::Unassigned => &mut self.unassigned,
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

//! How often two agents answered the same customer at once.

use async_graphql::SimpleObject;

use super::phone_number::PhoneNumber;
use crate::clock::Timestamp;
use crate::graphql::scalars::EventCursor;

/// How often two agents answered the same customer. A turn is a run of messages from a customer; it counts at
/// its first answer.
#[derive(SimpleObject)]
pub struct DuplicateReplyReport {
    /// The beginning of the span.
    pub from: Timestamp,
    /// The end of the span: what was asked for, or now when that lies ahead. No part of it.
    pub to: Timestamp,
    /// How many turns were answered by two different agents within a minute of each other.
    pub count: i32,
    /// How many turns were answered at all.
    pub answered_turns: i32,
    /// The part of the answered turns that was answered twice, from 0 to 1; null when none was answered.
    pub rate: Option<f64>,
    /// Where and when, by hour and phone number. Hours without any are left out.
    pub buckets: Vec<DuplicateReplyBucket>,
    /// A position that these figures include.
    pub as_of: EventCursor,
}

/// How often it happened on one phone number in one hour.
#[derive(SimpleObject)]
pub struct DuplicateReplyBucket {
    /// The phone number.
    pub phone_number: PhoneNumber,
    /// The beginning of the hour, in UTC.
    pub hour: Timestamp,
    /// How many turns were answered by two different agents within a minute of each other.
    pub count: i32,
}

//! The report of duplicate replies: two agents who answer the same customer at nearly the same time.

use async_graphql::SimpleObject;

use super::phone_number::PhoneNumber;
use crate::clock::Timestamp;
use crate::graphql::scalars::EventCursor;

/// How often two agents answered the same customer. A turn is a sequence of messages from a customer without an
/// answer in between. A turn belongs to the period and the hour of its first answer.
#[derive(SimpleObject)]
pub struct DuplicateReplyReport {
    /// The start of the period.
    pub from: Timestamp,
    /// The end of the period, exclusive. If the requested end is in the future, the current time.
    pub to: Timestamp,
    /// The number of turns that two different agents answered within one minute of each other.
    pub count: i32,
    /// The number of turns that were answered.
    pub answered_turns: i32,
    /// `count` divided by `answeredTurns`: from 0 to 1. Null if no turn was answered.
    pub rate: Option<f64>,
    /// The counts by hour and phone number. Hours without duplicate replies are omitted.
    pub buckets: Vec<DuplicateReplyBucket>,
    /// A position in the event log. The figures include all events up to it.
    pub as_of: EventCursor,
}

/// The number of duplicate replies on one phone number in one hour.
#[derive(SimpleObject)]
pub struct DuplicateReplyBucket {
    /// The phone number.
    pub phone_number: PhoneNumber,
    /// The start of the hour, in UTC.
    pub hour: Timestamp,
    /// The number of turns that two different agents answered within one minute of each other.
    pub count: i32,
}

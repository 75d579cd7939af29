//! A way in for the fuzz targets. Compiled for them alone.

use super::protocol::{ClientMessage, Close, authorization};
use crate::operation::Parameters;

/// What a socket would make of a text frame.
#[derive(Debug)]
pub enum Read {
    /// The socket closes with this code and reason.
    Closed {
        code: u16,
        reason: String,
    },
    /// `connection_init`, with the token in its payload.
    Init(Option<String>),
    /// An operation to pass through the guard.
    Subscribe {
        id: String,
        parameters: Parameters,
    },
    Other,
}

pub fn read(text: &str) -> Read {
    match ClientMessage::parse(text) {
        Err(reason) => {
            let Close { code, reason } = Close::bad_request(reason);
            Read::Closed { code, reason }
        }
        Ok(ClientMessage::ConnectionInit(payload)) => {
            Read::Init(authorization(payload.as_ref()).map(str::to_owned))
        }
        Ok(ClientMessage::Subscribe { id, parameters }) => Read::Subscribe { id, parameters },
        Ok(ClientMessage::Ping(_) | ClientMessage::Pong | ClientMessage::Complete { .. }) => Read::Other,
    }
}

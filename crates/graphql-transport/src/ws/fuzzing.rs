//! Access for the fuzz targets. Compiled only for fuzzing.

use super::protocol::{ClientMessage, Close, authorization};
use crate::operation::Parameters;

/// How a socket interprets a text frame.
#[derive(Debug)]
pub enum Frame {
    /// The frame is invalid: the socket is closed with this code and reason.
    Closed {
        code: u16,
        reason: String,
    },
    /// `connection_init`, with the token in its payload.
    Init(Option<String>),
    /// An operation, before the guard.
    Subscribe {
        id: String,
        parameters: Parameters,
    },
    Other,
}

pub fn parse(text: &str) -> Frame {
    match ClientMessage::parse(text) {
        Err(reason) => {
            let Close { code, reason } = Close::bad_request(reason);
            Frame::Closed { code, reason }
        }
        Ok(ClientMessage::ConnectionInit(payload)) => {
            Frame::Init(authorization(payload.as_ref()).map(str::to_owned))
        }
        Ok(ClientMessage::Subscribe { id, parameters }) => Frame::Subscribe { id, parameters },
        Ok(ClientMessage::Ping(_) | ClientMessage::Pong | ClientMessage::Complete { .. }) => Frame::Other,
    }
}

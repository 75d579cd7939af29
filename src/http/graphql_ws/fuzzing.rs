//! Entry points of the fuzz targets. Compiled with the feature `fuzzing` only.

use async_graphql::ServerError;

use super::protocol::{ClientMessage, Close, authorization};
use crate::http::operation::{Operation, Parameters};
use crate::http::transport::TransportSettings;
use crate::known::Known;

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

/// Passes an operation through the guard, with an empty document cache: the result depends on the operation alone.
///
/// # Errors
/// The error that the client receives when the guard refuses the operation.
pub fn admit(parameters: Parameters, settings: &TransportSettings) -> Result<Operation, Box<ServerError>> {
    Operation::admit(parameters, settings, &Known::default())
}

//! Entry points of the fuzz targets. Compiled with the feature `fuzzing` only.

use async_graphql::ServerError;

use super::protocol::{ClientMessage, Close, authorization};
use crate::document_cache::DocumentCache;
use crate::operation::Operation;
use crate::parameters::Parameters;
use crate::persisted::{PersistedDocuments, TrustedDocuments};
use crate::settings::TransportSettings;

/// How a socket interprets a text frame. `Other` is any other valid message, or a `subscribe` whose parameters cannot
/// be read.
#[derive(Debug)]
pub enum Frame {
    /// The frame is invalid: the socket is closed with this code and reason.
    Closed {
        code: u16,
        reason: String,
    },
    /// `connection_init`, with the token in its payload.
    Init(Option<String>),
    /// `subscribe`, with parameters that the guard has not checked.
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
        Ok(ClientMessage::Subscribe { id, parameters: Ok(parameters) }) => {
            Frame::Subscribe { id, parameters }
        }
        Ok(ClientMessage::Subscribe { parameters: Err(_), .. }) => Frame::Other,
        Ok(ClientMessage::Ping(_) | ClientMessage::Pong | ClientMessage::Complete { .. }) => Frame::Other,
    }
}

/// Checks an operation with the guard. The document cache is empty, so the result does not depend on earlier calls.
///
/// # Errors
/// If the guard refuses the operation: the error that the client receives.
pub fn prepare(parameters: Parameters, settings: &TransportSettings) -> Result<Operation, Box<ServerError>> {
    let persisted = PersistedDocuments::new(TrustedDocuments::default());
    Operation::prepare(parameters, settings, &DocumentCache::default(), &persisted)
}

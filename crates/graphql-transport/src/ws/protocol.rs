//! The messages of `graphql-transport-ws`, and the close codes.
//!
//! This module parses and serialises messages. [`super::connection`] decides when a message is allowed.

use async_graphql::{Response, ServerError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};

use crate::auth::TokenProblem;
use crate::fast::Json;
use crate::parameters::Parameters;

/// The maximum length of a close reason, in bytes. The payload of a control frame has at most 125 bytes, and the close
/// code takes two.
const REASON_BYTES: usize = 123;

/// A message of the client.
#[derive(Debug)]
pub(super) enum ClientMessage {
    ConnectionInit(Option<Map<String, Value>>),
    Ping(Option<Map<String, Value>>),
    Pong,
    /// The parameters, or an error message if they are well-formed but cannot be read, for example because they are
    /// nested too deeply. Such an error ends this operation only: the other operations on the socket continue. A
    /// parameter of a wrong type makes the whole message invalid.
    Subscribe {
        id: String,
        parameters: Result<Parameters, String>,
    },
    Complete {
        id: String,
    },
}

#[derive(Deserialize)]
struct Envelope<'a> {
    r#type: String,
    id: Option<String>,
    /// The JSON text of the payload. It is parsed later, because its content depends on the type.
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

impl ClientMessage {
    /// Parses a text frame. The error is the reason for closing the socket with 4400.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        // Serde would also accept an array of the envelope's fields.
        if !text.trim_start().starts_with('{') {
            return Err("Invalid message: not a JSON object".to_owned());
        }
        let message: Envelope =
            serde_json::from_str(text).map_err(|error| format!("Invalid message: {error}"))?;
        let Envelope { r#type, id, payload } = message;
        let payload = payload.map_or("null", RawValue::get);
        let id = || {
            id.filter(|id| !id.is_empty())
                .ok_or_else(|| format!("Invalid message: \"{type}\" needs a non-empty \"id\""))
        };
        match r#type.as_str() {
            "connection_init" => Ok(Self::ConnectionInit(map(&r#type, payload)?)),
            "ping" => Ok(Self::Ping(map(&r#type, payload)?)),
            "pong" => map(&r#type, payload).map(|_| Self::Pong),
            "complete" => Ok(Self::Complete { id: id()? }),
            "subscribe" => Ok(Self::Subscribe {
                id: id()?,
                parameters: match Parameters::from_json(payload) {
                    Ok(parameters) => Ok(parameters),
                    Err(error) if error.is_data() => {
                        return Err(format!("Invalid message: payload: {error}"));
                    }
                    Err(error) => Err(format!("The parameters cannot be read: {error}.")),
                },
            }),
            other => Err(format!("Invalid message: unexpected type \"{other}\"")),
        }
    }
}

fn map(of_type: &str, payload: &str) -> Result<Option<Map<String, Value>>, String> {
    match serde_json::from_str(payload).map_err(|error| format!("Invalid message: payload: {error}"))? {
        Value::Null => Ok(None),
        Value::Object(map) => Ok(Some(map)),
        _ => Err(format!("Invalid message: the payload of \"{of_type}\" is not an object")),
    }
}

/// Returns the value of `Authorization` or `authorization` in the payload of `connection_init`.
pub(super) fn authorization(payload: Option<&Map<String, Value>>) -> Option<&str> {
    let payload = payload?;
    payload.get("Authorization").or_else(|| payload.get("authorization"))?.as_str()
}

/// The payload of `connection_ack`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AckPayload<'a> {
    /// The SHA-256 of the schema's text. It tells a client whether the schema has changed.
    pub(super) schema_hash: &'a str,
}

/// A message of the server.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ServerMessage<'a> {
    ConnectionAck {
        payload: AckPayload<'a>,
    },
    Pong {
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Map<String, Value>>,
    },
    Next {
        id: &'a str,
        payload: &'a Response,
    },
    Error {
        id: &'a str,
        payload: &'a [ServerError],
    },
    Complete {
        id: &'a str,
    },
}

impl ServerMessage<'_> {
    /// Serialises the message. Fails if a value cannot be written as JSON, which is a bug of the server.
    pub(super) fn to_json(&self) -> serde_json::Result<String> {
        let Self::Next { id, payload } = self else { return serde_json::to_string(self) };
        let mut json = Json::default();
        json.raw(r#"{"type":"next","id":"#);
        json.text(id);
        json.raw(r#","payload":"#);
        json.response(payload);
        json.raw("}");
        String::from_utf8(json.into_bytes()).map_err(serde::ser::Error::custom)
    }
}

/// The code and reason with which a socket is closed. The codes from 4000 are defined by `graphql-transport-ws`, except
/// 4508, which only this server uses. WebSocket defines the codes below 4000.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Close {
    pub(super) code: u16,
    pub(super) reason: String,
}

impl Close {
    fn new(code: u16, reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        if let Some(end) = (0..=REASON_BYTES).rfind(|at| reason.is_char_boundary(*at)) {
            reason.truncate(end);
        }
        Self { code, reason }
    }

    /// 4400: the message is invalid.
    pub(super) fn bad_request(reason: String) -> Self {
        Self::new(4400, reason)
    }

    /// 4401: `subscribe` before `connection_ack`.
    pub(super) fn unauthorized() -> Self {
        Self::new(4401, "Unauthorized")
    }

    /// 4403: the caller cannot sign in.
    pub(super) fn forbidden(problem: TokenProblem) -> Self {
        Self::new(4403, format!("Forbidden: the token is {}", problem.as_str()))
    }

    /// 4403: the token has expired.
    pub(super) fn expired() -> Self {
        Self::new(4403, "Forbidden: the token has expired")
    }

    /// 4403: the token was revoked, or its user was deactivated.
    pub(super) fn revoked() -> Self {
        Self::forbidden(TokenProblem::Revoked)
    }

    /// 4406: the client does not offer the subprotocol.
    pub(super) fn subprotocol() -> Self {
        Self::new(4406, "Subprotocol not acceptable")
    }

    /// 4408: `connection_init` did not arrive in time.
    pub(super) fn init_timeout() -> Self {
        Self::new(4408, "Connection initialisation timeout")
    }

    /// 4409: an operation with this id is running.
    pub(super) fn duplicate(id: &str) -> Self {
        Self::new(4409, format!("Subscriber for {id} already exists"))
    }

    /// 4429: a second `connection_init`.
    pub(super) fn too_many_inits() -> Self {
        Self::new(4429, "Too many initialisation requests")
    }

    /// 1008: the client has sent too many frames. Clients do not reconnect after this code. This is intended: a client
    /// that floods the server should stay away.
    pub(super) fn too_many_frames() -> Self {
        Self::new(1008, "Too many messages")
    }

    /// 4508: the client reads too slowly. A write has missed its deadline.
    pub(super) fn stuck_writer() -> Self {
        Self::new(4508, "The client reads too slowly")
    }

    /// 1001: the client did not answer a ping, so it is presumed gone.
    pub(super) fn no_pong() -> Self {
        Self::new(1001, "No answer to a ping")
    }

    /// 1002: the client violated the WebSocket protocol.
    pub(super) fn protocol_error() -> Self {
        Self::new(1002, "Protocol error")
    }

    /// 1007: a text frame is not UTF-8.
    pub(super) fn not_utf8() -> Self {
        Self::new(1007, "Text is not UTF-8")
    }

    /// 1009: a message is too long.
    pub(super) fn too_large(limit: usize) -> Self {
        Self::new(1009, format!("A message is longer than {limit} bytes"))
    }

    /// 1012: the server is stopping; the client should reconnect.
    pub(super) fn service_restart() -> Self {
        Self::new(1012, "Service restart")
    }

    /// 1013: the agent has too many sockets. Clients retry after this code. A retry may succeed: some of the agent's
    /// sockets may be dead, and the next ping frees their places.
    pub(super) fn too_many_sockets() -> Self {
        Self::new(1013, "The agent has too many sockets")
    }

    /// 1013: the server cannot verify tokens at the moment. Clients retry after this code.
    pub(super) fn sign_in_unavailable() -> Self {
        Self::new(1013, "Sign-in is unavailable")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_outside_the_protocol_are_refused() {
        for text in [
            "",
            "not json",
            "[]",
            r#"["ping"]"#,
            r#"{}"#,
            r#"{"type":1}"#,
            r#"{"type":"start","id":"1","payload":{"query":"{a}"}}"#,
            r#"{"type":"connection_ack"}"#,
            r#"{"type":"next","id":"1","payload":{}}"#,
            r#"{"type":"connection_init","payload":"token"}"#,
            r#"{"type":"ping","payload":[]}"#,
            r#"{"type":"pong","payload":1}"#,
            r#"{"type":"complete"}"#,
            r#"{"type":"complete","id":1}"#,
            r#"{"type":"subscribe","payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":"","payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            r#"{"type":"subscribe","id":"1","payload":["{a}"]}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":1}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":[]}}"#,
        ] {
            assert!(ClientMessage::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_reason_fits_a_control_frame() {
        let close = Close::duplicate(&"ü".repeat(200));
        assert!(close.reason.len() <= REASON_BYTES);
        assert!(close.reason.starts_with("Subscriber for üü"));
    }

    #[test]
    fn a_pong_without_a_payload_has_none() {
        let pong = ServerMessage::Pong { payload: None };
        assert_eq!(pong.to_json().unwrap(), r#"{"type":"pong"}"#);
        assert_eq!(
            ServerMessage::ConnectionAck { payload: AckPayload { schema_hash: "ab" } }.to_json().unwrap(),
            r#"{"type":"connection_ack","payload":{"schemaHash":"ab"}}"#
        );
    }
}

//! Entry points of the fuzz targets, which need no database. Compiled with the feature `fuzzing` only.

use super::form::{Form, Signatures};
use super::{PATH, read_text};
use crate::service::ReceiveMessage;

/// Whether `signature` is Twilio's for this form, sent with this query to the server at `public_url`.
pub fn is_signed(
    auth_token: &str,
    public_url: &str,
    signature: &[u8],
    query: Option<&str>,
    body: &[u8],
) -> bool {
    Signatures::new(auth_token, public_url, PATH).verify(signature, query, &Form::parse(body))
}

/// The text that a form describes, if it is one that can be stored.
pub fn text(body: &[u8]) -> Option<ReceiveMessage> {
    read_text(&Form::parse(body)).ok()
}

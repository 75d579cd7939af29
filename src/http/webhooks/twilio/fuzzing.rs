//! Access for the fuzz targets, without a database. Compiled only for fuzzing.

use super::form::{Form, Signatures};
use super::{PATH, read_message};
use crate::service::ReceiveMessage;

/// Whether `signature` is valid for this form, sent with this query to the server at `public_url`.
pub fn is_signed(
    auth_token: &str,
    public_url: &str,
    signature: &[u8],
    query: Option<&str>,
    body: &[u8],
) -> bool {
    Signatures::new(auth_token, public_url, PATH).verify(signature, query, &Form::parse(body))
}

/// The message in a form; `None` if the form is invalid.
pub fn message(body: &[u8]) -> Option<ReceiveMessage> {
    read_message(&Form::parse(body)).ok()
}

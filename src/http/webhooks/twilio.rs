//! `POST /webhooks/twilio/sms`: receives customers' messages from Twilio.
//!
//! A request is authenticated by Twilio's signature. The response is sent after the message is committed. A message
//! that can never be stored (to a number of no workspace, or from a sender that is not a phone number) is logged and
//! acknowledged, because Twilio would only send it again. A form without a required field, or with an invalid one, is
//! answered with 400. If a message cannot be stored at the moment, the response is
//! 503, so that Twilio sends it again. The log identifies a message by Twilio's id; it contains neither whole numbers
//! nor bodies.

mod form;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod settings;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use futures_util::StreamExt;
use tokio::time::timeout;

use crate::domain::Refusal;
use crate::domain::input::E164;
use crate::http::webhooks::twilio::form::{Form, Signatures};
use crate::http::webhooks::twilio::settings::TwilioSettings;
use crate::service::{Error, ReceiveMessage, ServiceResult, Services};
use crate::token::Caller;
use graphql_transport::http::drain;

/// The path to which Twilio posts messages, under the public URL.
pub const PATH: &str = "/webhooks/twilio/sms";

/// The maximum length of a form, because the whole form is read and sorted before its signature is verified. Twilio's
/// longest message takes a fifth of it.
const BODY_BYTES: usize = 64 * 1024;

/// The timeout of a delivery, after which the response asks Twilio to retry. Twilio's own timeout is 15 seconds.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

const SIGNATURE: &str = "x-twilio-signature";

/// A TwiML response without a reply to the customer.
const EMPTY_TWIML: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Response></Response>"#;

/// The endpoint of a Twilio account. Clones share their counter.
#[derive(Clone)]
pub struct TwilioWebhook(Arc<Inner>);

struct Inner {
    services: Services,
    signatures: Signatures,
    refused_senders: AtomicU64,
}

impl TwilioWebhook {
    pub fn new(services: Services, settings: TwilioSettings) -> Self {
        let signatures = Signatures::new(settings.auth_token.expose(), settings.public_url.as_str(), PATH);
        Self(Arc::new(Inner { services, signatures, refused_senders: AtomicU64::new(0) }))
    }

    /// How many messages were acknowledged but not stored, because their sender is not a phone number.
    pub fn refused_senders(&self) -> u64 {
        self.0.refused_senders.load(Ordering::Relaxed)
    }

    fn count(&self, outcome: &'static str) {
        self.0.services.metrics().webhook(outcome);
    }

    /// Stores a signed message, and responds after the commit.
    async fn deliver(&self, form: &Form) -> Response {
        let message = match read_message(form) {
            Ok(message) => message,
            Err(FormError::Missing(field)) => {
                self.count("malformed");
                tracing::warn!(field, "a signed request from Twilio lacks a required field");
                return plain(StatusCode::BAD_REQUEST, "A field is missing.");
            }
            Err(FormError::Sender { sid, from }) => {
                self.0.refused_senders.fetch_add(1, Ordering::Relaxed);
                self.count("refused_sender");
                tracing::warn!(sid, from, "a message was not stored: its sender is not a phone number");
                return acknowledged();
            }
            Err(FormError::Receiver { sid, to }) => {
                self.count("not_ours");
                return not_ours(&sid, &to);
            }
        };
        let (sid, to) = (message.provider_message_id.clone(), ending(message.to.as_str()));
        match self.store(message).await {
            Ok(Stored::Yes) => {
                self.count("stored");
                acknowledged()
            }
            Ok(Stored::NotOurs) | Err(Error::Refused(Refusal::NotFound(_)) | Error::Unauthenticated) => {
                self.count("not_ours");
                not_ours(&sid, &to)
            }
            Err(Error::Refused(refusal)) => {
                self.count("malformed");
                tracing::warn!(reason = invalid_field(&refusal), "a message from Twilio is invalid");
                plain(StatusCode::BAD_REQUEST, "A field is invalid.")
            }
            Err(error) => {
                self.count("unavailable");
                tracing::error!(sid, %error, "a message could not be stored; Twilio will send it again");
                unavailable()
            }
        }
    }

    async fn store(&self, message: ReceiveMessage) -> ServiceResult<Stored> {
        let services = &self.0.services;
        let Some(workspace_id) = services.workspace_of_number(&message.to).await? else {
            return Ok(Stored::NotOurs);
        };
        services.receive_message(Caller::service(workspace_id), message).await?;
        Ok(Stored::Yes)
    }
}

impl fmt::Debug for TwilioWebhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwilioWebhook")
            .field("refused_senders", &self.refused_senders())
            .finish_non_exhaustive()
    }
}

/// The route of the webhook.
pub fn routes<S: Clone + Send + Sync + 'static>(webhook: TwilioWebhook) -> Router<S> {
    Router::new().route(PATH, post(receive)).with_state(webhook)
}

async fn receive(State(webhook): State<TwilioWebhook>, request: Request) -> Response {
    match timeout(REQUEST_TIMEOUT, answer(&webhook, request)).await {
        Ok(response) => response,
        Err(_) => {
            webhook.count("unavailable");
            tracing::error!("a delivery from Twilio timed out; Twilio will send it again");
            unavailable()
        }
    }
}

async fn answer(webhook: &TwilioWebhook, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = match read(body).await {
        Ok(bytes) => bytes,
        Err(response) => {
            webhook.count("malformed");
            return response;
        }
    };
    let form = Form::parse(&bytes);
    let signature = parts.headers.get(SIGNATURE).map_or(&b""[..], |value| value.as_bytes());
    if !webhook.0.signatures.verify(signature, parts.uri.query(), &form) {
        webhook.count("unsigned");
        tracing::warn!(signed = !signature.is_empty(), "a webhook request has no valid signature");
        return plain(StatusCode::FORBIDDEN, "Not signed by Twilio.");
    }
    webhook.deliver(&form).await
}

/// Reads a body of at most [`BODY_BYTES`].
async fn read(body: Body) -> Result<Vec<u8>, Response> {
    let too_long = || plain(StatusCode::PAYLOAD_TOO_LARGE, "The form is too long.");
    let announced = body.size_hint().lower();
    let mut chunks = body.into_data_stream();
    if announced > BODY_BYTES as u64 {
        drain(chunks).await;
        return Err(too_long());
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| plain(StatusCode::BAD_REQUEST, "The form could not be read."))?;
        if bytes.len() + chunk.len() > BODY_BYTES {
            drain(chunks).await;
            return Err(too_long());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

enum Stored {
    Yes,
    /// No workspace has the number.
    NotOurs,
}

/// Why a form is not a valid message. Phone numbers are reduced to their last two digits.
#[derive(Debug, PartialEq, Eq)]
enum FormError {
    Missing(&'static str),
    Sender { sid: String, from: String },
    Receiver { sid: String, to: String },
}

/// Reads the message from a form. `NumMedia` is ignored: every `MediaUrl` field counts.
fn read_message(form: &Form) -> Result<ReceiveMessage, FormError> {
    let sid = ["MessageSid", "SmsMessageSid", "SmsSid"].into_iter().find_map(|name| form.get(name));
    let sid = sid.ok_or(FormError::Missing("MessageSid"))?.to_owned();
    let to = form.get("To").ok_or(FormError::Missing("To"))?;
    let from = form.get("From").unwrap_or_default();
    let Some(to) = E164::parse(to) else {
        return Err(FormError::Receiver { sid, to: ending(to) });
    };
    let Some(from) = E164::parse(from) else {
        return Err(FormError::Sender { sid, from: ending(from) });
    };
    Ok(ReceiveMessage {
        provider_message_id: sid,
        from,
        to,
        body: form.get("Body").unwrap_or_default().to_owned(),
        media_urls: form.numbered("MediaUrl"),
        sent_at: None,
    })
}

/// The last two characters of a number, for the log.
fn ending(number: &str) -> String {
    let hidden = number.chars().count().saturating_sub(2);
    format!("…{}", number.chars().skip(hidden).collect::<String>())
}

/// The name of the invalid field, for the log. The refusal itself may contain the message's body.
fn invalid_field(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Invalid { field, .. } => field.to_string(),
        _ => "refused".to_owned(),
    }
}

fn acknowledged() -> Response {
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], EMPTY_TWIML).into_response()
}

fn not_ours(sid: &str, to: &str) -> Response {
    tracing::warn!(sid, to, "a message was not stored: no workspace has the number");
    acknowledged()
}

fn unavailable() -> Response {
    plain(StatusCode::SERVICE_UNAVAILABLE, "Try again later.")
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    (status, text).into_response()
}

#[cfg(test)]
mod tests {
    use crate::http::webhooks::twilio::*;

    const SMS: &str = "MessageSid=SM1&SmsSid=SM0&From=%2B14155550123&To=%2B12125550100";

    fn read_form(form: &str) -> Result<ReceiveMessage, FormError> {
        read_message(&Form::parse(form.as_bytes()))
    }

    #[test]
    fn a_form_is_read_as_a_message() {
        let form = format!("{SMS}&Body=Hi+%26+bye%0A%F0%9F%9A%B2&NumMedia=2&MediaUrl1=b&MediaUrl0=a");
        let text = read_form(&form).unwrap();
        assert_eq!(text.provider_message_id, "SM1");
        assert_eq!(text.from.as_str(), "+14155550123");
        assert_eq!(text.to.as_str(), "+12125550100");
        assert_eq!(text.body, "Hi & bye\n🚲");
        assert_eq!(text.media_urls, ["a", "b"]);
    }

    #[test]
    fn a_message_may_have_an_empty_body() {
        assert_eq!(read_form(SMS).unwrap().body, "");
        assert_eq!(read_form(&format!("{SMS}&Body=")).unwrap().body, "");
    }

    #[test]
    fn older_names_of_the_message_id_are_accepted() {
        let rest = "From=%2B14155550123&To=%2B12125550100";
        for form in [format!("SmsMessageSid=SM2&SmsSid=SM3&{rest}"), format!("MessageSid=&SmsSid=SM2&{rest}")]
        {
            assert_eq!(read_form(&form).unwrap().provider_message_id, "SM2", "{form}");
        }
    }

    #[test]
    fn a_message_needs_an_id_and_a_receiver() {
        assert_eq!(read_form("").unwrap_err(), FormError::Missing("MessageSid"));
        assert_eq!(
            read_form("From=%2B14155550123&To=%2B12125550100").unwrap_err(),
            FormError::Missing("MessageSid")
        );
        assert_eq!(read_form("MessageSid=SM1&From=%2B14155550123").unwrap_err(), FormError::Missing("To"));
        assert_eq!(
            read_form("MessageSid=SM1&From=%2B14155550123&To=").unwrap_err(),
            FormError::Missing("To")
        );
    }

    #[test]
    fn invalid_senders_and_invalid_receivers_are_different_errors() {
        for (from, shown) in [("12345", "…45"), ("BANK", "…NK"), ("%2B1", "…+1"), ("7", "…7"), ("", "…")]
        {
            let error = read_form(&format!("MessageSid=SM1&From={from}&To=%2B12125550100")).unwrap_err();
            assert_eq!(error, FormError::Sender { sid: "SM1".into(), from: shown.into() });
        }
        let error = read_form("MessageSid=SM1&From=%2B14155550123&To=whatsapp%3A%2B12125550100").unwrap_err();
        assert_eq!(error, FormError::Receiver { sid: "SM1".into(), to: "…00".into() });
    }
}

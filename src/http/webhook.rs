//! `POST /webhooks/twilio/sms`: how real customers' texts come in.
//!
//! Twilio is trusted by its signature alone, and answered only when the text is stored. A text that can never be
//! stored (to a number that is not ours, or from a sender that is not a phone number) is acknowledged and logged, since
//! Twilio would only send it again. A form without a required field, or with one that cannot be used, is answered with
//! 400. A text that cannot be stored now is answered with 503, so that Twilio sends it again. Logs name a text by
//! Twilio's id for it, and never hold a whole number or a body.

mod form;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;

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

use self::form::{Form, Signatures};
use super::graphql_http::drain;
use crate::domain::Refusal;
use crate::domain::input::E164;
use crate::service::{Answer, Error, ReceiveMessage, Services};
use crate::token::Caller;

/// Where Twilio posts texts, under the public URL.
pub const PATH: &str = "/webhooks/twilio/sms";

/// The longest form. Twilio's longest text takes a fifth of it, and all of it is read and sorted before it is known
/// whether Twilio signed it.
const BODY_BYTES: usize = 64 * 1024;

/// How long one delivery may take before Twilio is told to try again; Twilio itself waits for 15 seconds.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

const SIGNATURE: &str = "x-twilio-signature";

/// Nothing to say to the customer, in Twilio's markup.
const EMPTY_TWIML: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Response></Response>"#;

/// One Twilio account, and how it reaches this server.
#[derive(Clone)]
pub struct TwilioSettings {
    /// The secret with which Twilio signs.
    pub auth_token: String,
    /// The scheme and host under which Twilio knows this server, such as `https://sms.example.com`; without a path.
    pub public_url: String,
}

impl fmt::Debug for TwilioSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwilioSettings")
            .field("auth_token", &"…")
            .field("public_url", &self.public_url)
            .finish()
    }
}

/// The endpoint for one Twilio account. Clones share their counter.
#[derive(Clone)]
pub struct TwilioWebhook(Arc<Inner>);

struct Inner {
    services: Services,
    signatures: Signatures,
    refused_senders: AtomicU64,
}

impl TwilioWebhook {
    pub fn new(services: Services, settings: TwilioSettings) -> Self {
        let signatures = Signatures::new(&settings.auth_token, &settings.public_url, PATH);
        Self(Arc::new(Inner { services, signatures, refused_senders: AtomicU64::new(0) }))
    }

    /// How many texts were acknowledged and not stored, because nobody could answer their sender.
    pub fn refused_senders(&self) -> u64 {
        self.0.refused_senders.load(Ordering::Relaxed)
    }

    fn count(&self, outcome: &'static str) {
        self.0.services.metrics().webhook(outcome);
    }

    /// Stores a signed text, and answers when that is committed.
    async fn deliver(&self, form: &Form) -> Response {
        let message = match read_text(form) {
            Ok(message) => message,
            Err(Flaw::Missing(field)) => {
                self.count("malformed");
                tracing::warn!(field, "a signed request from Twilio lacks a field");
                return plain(StatusCode::BAD_REQUEST, "A field is missing.");
            }
            Err(Flaw::Sender { sid, from }) => {
                self.0.refused_senders.fetch_add(1, Ordering::Relaxed);
                self.count("refused_sender");
                tracing::warn!(sid, from, "a text from a sender who is no phone number was not stored");
                return acknowledged();
            }
            Err(Flaw::Receiver { sid, to }) => {
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
                tracing::warn!(reason = flaw_of(&refusal), "a text from Twilio cannot be stored");
                plain(StatusCode::BAD_REQUEST, "A field cannot be used.")
            }
            Err(error) => {
                self.count("unavailable");
                tracing::error!(sid, %error, "a text could not be stored; Twilio is asked to send it again");
                unavailable()
            }
        }
    }

    async fn store(&self, message: ReceiveMessage) -> Answer<Stored> {
        let services = &self.0.services;
        let Some(workspace_id) = services.workspace_of_number(&message.to).await? else {
            return Ok(Stored::NotOurs);
        };
        services.receive_message(Caller::Service { workspace_id }, message).await?;
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
            tracing::error!("a delivery from Twilio took too long; Twilio is asked to send it again");
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
        tracing::warn!(signed = !signature.is_empty(), "a request to the webhook was not signed by Twilio");
        return plain(StatusCode::FORBIDDEN, "This is not signed by Twilio.");
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

/// Why a form is no text that could be stored. Numbers are cut to their ends.
#[derive(Debug, PartialEq, Eq)]
enum Flaw {
    Missing(&'static str),
    Sender { sid: String, from: String },
    Receiver { sid: String, to: String },
}

/// The text that a form describes. `NumMedia` is not asked: the media that are there are the media.
fn read_text(form: &Form) -> Result<ReceiveMessage, Flaw> {
    let sid = ["MessageSid", "SmsMessageSid", "SmsSid"].into_iter().find_map(|name| form.get(name));
    let sid = sid.ok_or(Flaw::Missing("MessageSid"))?.to_owned();
    let to = form.get("To").ok_or(Flaw::Missing("To"))?;
    let from = form.get("From").unwrap_or_default();
    let Some(to) = E164::parse(to) else {
        return Err(Flaw::Receiver { sid, to: ending(to) });
    };
    let Some(from) = E164::parse(from) else {
        return Err(Flaw::Sender { sid, from: ending(from) });
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

/// The last two characters: whole numbers do not belong in logs.
fn ending(number: &str) -> String {
    let hidden = number.chars().count().saturating_sub(2);
    format!("…{}", number.chars().skip(hidden).collect::<String>())
}

/// The field that a text was refused for: a refusal may hold the text itself.
fn flaw_of(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Invalid { field, .. } => field,
        _ => "refused",
    }
}

fn acknowledged() -> Response {
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], EMPTY_TWIML).into_response()
}

fn not_ours(sid: &str, to: &str) -> Response {
    tracing::warn!(sid, to, "a text to a number that is not ours was not stored");
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
    use super::*;

    const SMS: &str = "MessageSid=SM1&SmsSid=SM0&From=%2B14155550123&To=%2B12125550100";

    fn read_form(form: &str) -> Result<ReceiveMessage, Flaw> {
        read_text(&Form::parse(form.as_bytes()))
    }

    #[test]
    fn a_form_is_read_as_the_text_it_describes() {
        let form = format!("{SMS}&Body=Hi+%26+bye%0A%F0%9F%9A%B2&NumMedia=2&MediaUrl1=b&MediaUrl0=a");
        let text = read_form(&form).unwrap();
        assert_eq!(text.provider_message_id, "SM1");
        assert_eq!(text.from.as_str(), "+14155550123");
        assert_eq!(text.to.as_str(), "+12125550100");
        assert_eq!(text.body, "Hi & bye\n🚲");
        assert_eq!(text.media_urls, ["a", "b"]);
    }

    #[test]
    fn an_empty_body_is_no_reason_to_refuse_a_text() {
        assert_eq!(read_form(SMS).unwrap().body, "");
        assert_eq!(read_form(&format!("{SMS}&Body=")).unwrap().body, "");
    }

    #[test]
    fn older_names_of_the_message_id_are_known() {
        let rest = "From=%2B14155550123&To=%2B12125550100";
        for form in [format!("SmsMessageSid=SM2&SmsSid=SM3&{rest}"), format!("MessageSid=&SmsSid=SM2&{rest}")]
        {
            assert_eq!(read_form(&form).unwrap().provider_message_id, "SM2", "{form}");
        }
    }

    #[test]
    fn a_text_needs_an_id_and_a_receiver() {
        assert_eq!(read_form("").unwrap_err(), Flaw::Missing("MessageSid"));
        assert_eq!(
            read_form("From=%2B14155550123&To=%2B12125550100").unwrap_err(),
            Flaw::Missing("MessageSid")
        );
        assert_eq!(read_form("MessageSid=SM1&From=%2B14155550123").unwrap_err(), Flaw::Missing("To"));
        assert_eq!(read_form("MessageSid=SM1&From=%2B14155550123&To=").unwrap_err(), Flaw::Missing("To"));
    }

    #[test]
    fn senders_and_receivers_that_are_no_phone_numbers_are_told_apart() {
        for (from, shown) in [("12345", "…45"), ("BANK", "…NK"), ("%2B1", "…+1"), ("7", "…7"), ("", "…")]
        {
            let flaw = read_form(&format!("MessageSid=SM1&From={from}&To=%2B12125550100")).unwrap_err();
            assert_eq!(flaw, Flaw::Sender { sid: "SM1".into(), from: shown.into() });
        }
        let flaw = read_form("MessageSid=SM1&From=%2B14155550123&To=whatsapp%3A%2B12125550100").unwrap_err();
        assert_eq!(flaw, Flaw::Receiver { sid: "SM1".into(), to: "…00".into() });
    }

    #[test]
    fn the_token_is_not_in_debug_output() {
        let settings = TwilioSettings { auth_token: "hunter2".into(), public_url: "https://a.test".into() };
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}

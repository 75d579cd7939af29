//! What anybody may post to the webhook: a query, a signature and a form, divided by zero bytes.

#![no_main]

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::hmac;
use base64::ConformingExecutor as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use switchboard::http::webhooks::twilio::PATH;
use switchboard::http::webhooks::twilio::fuzzing::{is_signed, text};
use url::form_urlencoded;

const TOKEN: &str = "the secret of the account";
const ORIGIN: &str = "https://sms.example.com";

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(3, |byte| *byte == 0);
    let mut part = || parts.next().unwrap_or_default();
    let (signature, query, form) = (part(), part(), part());
    let query = std::str::from_utf8(query).ok().filter(|query| !query.is_empty());

    let message = text(form);
    if let Some(message) = &message {
        assert!(!message.provider_message_id.is_empty());
        assert!(message.from.as_str().starts_with('+') && message.to.as_str().starts_with('+'));
        assert!(message.media_urls.iter().all(|url| !url.is_empty()));
    }

    let right = sign(query, form);
    assert!(is_signed(TOKEN, ORIGIN, right.as_bytes(), query, form), "Twilio's own signature is refused");
    let forged = is_signed(TOKEN, ORIGIN, signature, query, form);
    assert!(!forged || signature == right.as_bytes(), "a signature that Twilio did not make is accepted");
    assert!(!is_signed("another secret", ORIGIN, right.as_bytes(), query, form));

    // The order of the fields changes neither the signature nor, unless a name comes twice, the text.
    let mut fields: Vec<(String, String)> = form_urlencoded::parse(form).into_owned().collect();
    fields.reverse();
    let reversed = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
    assert!(is_signed(TOKEN, ORIGIN, right.as_bytes(), query, reversed.as_bytes()));
    let names: BTreeSet<&String> = fields.iter().map(|(name, _)| name).collect();
    if names.len() == fields.len() {
        let again = text(reversed.as_bytes());
        assert_eq!(message.map(|text| text.body), again.map(|text| text.body));
    }
});

/// By Twilio's documentation, written a second time.
fn sign(query: Option<&str>, form: &[u8]) -> String {
    let mut fields: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(form).into_owned() {
        fields.entry(name).or_default().insert(value);
    }
    let mut signed = format!("{ORIGIN}{PATH}");
    if let Some(query) = query {
        signed.push('?');
        signed.push_str(query);
    }
    for (name, values) in &fields {
        for value in values {
            signed.push_str(name);
            signed.push_str(value);
        }
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, TOKEN.as_bytes());
    STANDARD.encode(hmac::sign(&key, signed.as_bytes()))
}

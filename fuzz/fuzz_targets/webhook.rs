//! Any request to the webhook: a signature, a query and a form, separated by zero bytes.

#![no_main]

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use switchboard::http::webhooks::twilio::PATH;
use switchboard::http::webhooks::twilio::fuzzing::{is_signed, message};
use url::form_urlencoded;

const TOKEN: &str = "the secret of the account";
const ORIGIN: &str = "https://sms.example.com";

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(3, |byte| *byte == 0);
    let mut part = || parts.next().unwrap_or_default();
    let (signature, query, form) = (part(), part(), part());
    let query = std::str::from_utf8(query).ok().filter(|query| !query.is_empty());

    let received = message(form);
    if let Some(received) = &received {
        assert!(!received.provider_message_id.is_empty());
        assert!(received.from.as_str().starts_with('+') && received.to.as_str().starts_with('+'));
        assert!(received.media_urls.iter().all(|url| !url.is_empty()));
    }

    let valid = sign(query, form);
    assert!(is_signed(TOKEN, ORIGIN, valid.as_bytes(), query, form), "a valid signature is refused");
    let forged = is_signed(TOKEN, ORIGIN, signature, query, form);
    assert!(!forged || signature == valid.as_bytes(), "an invalid signature is accepted");
    assert!(!is_signed("another secret", ORIGIN, valid.as_bytes(), query, form));

    // The order of the fields does not change the signature. Unless a name is repeated, it does not change the message.
    let mut fields: Vec<(String, String)> = form_urlencoded::parse(form).into_owned().collect();
    fields.reverse();
    let reversed = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
    assert!(is_signed(TOKEN, ORIGIN, valid.as_bytes(), query, reversed.as_bytes()));
    let names: BTreeSet<&String> = fields.iter().map(|(name, _)| name).collect();
    if names.len() == fields.len() {
        let again = message(reversed.as_bytes());
        assert_eq!(received.map(|message| message.body), again.map(|message| message.body));
    }
});

/// A second implementation of Twilio's signature, from its documentation.
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

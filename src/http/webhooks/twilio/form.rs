//! The fields of a form that Twilio posts, and the verification of its signature.
//!
//! This module does not interpret the fields.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;

/// The fields of a form, in the order of the body.
#[derive(Clone)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Parses `application/x-www-form-urlencoded`. This never fails; bytes that are not UTF-8 are replaced.
    pub fn parse(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// The first value of the field; `None` when it is missing or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(key, _)| key == name)?;
        (!value.is_empty()).then_some(value)
    }

    /// The values of the fields `prefix0`, `prefix1`, … in order of their numbers.
    pub fn numbered(&self, prefix: &str) -> Vec<String> {
        let numbered = self.0.iter().filter_map(|(key, value)| {
            let number: u32 = key.strip_prefix(prefix)?.parse().ok()?;
            (!value.is_empty()).then_some((number, value))
        });
        let by_number: BTreeMap<u32, &String> = numbered.collect();
        by_number.into_values().cloned().collect()
    }

    /// The text that Twilio signs after the URL: the name and value of each field, sorted by name, without separators.
    /// A repeated name occurs once with each of its distinct values, sorted.
    fn signed_text(&self) -> String {
        let mut fields: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (key, value) in &self.0 {
            fields.entry(key).or_default().insert(value);
        }
        let mut text = String::new();
        for (key, values) in fields {
            for value in values {
                text.push_str(key);
                text.push_str(value);
            }
        }
        text
    }
}

/// Shows only the names of the fields, because the values contain customers' messages and numbers.
impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(key, _)| key)).finish()
    }
}

/// Verifies Twilio's signatures for one endpoint.
pub(super) struct Signatures {
    key: hmac::Key,
    /// The URLs that Twilio may sign for the endpoint, without a query.
    urls: Vec<String>,
}

impl Signatures {
    /// Creates a verifier for the endpoint at `path` under `public_url`.
    pub fn new(auth_token: &str, public_url: &str, path: &str) -> Self {
        let origin = public_url.trim_end_matches('/');
        let urls = [Some(origin.to_owned()), with_port_toggled(origin)];
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, auth_token.as_bytes()),
            urls: urls.into_iter().flatten().map(|origin| format!("{origin}{path}")).collect(),
        }
    }

    /// Whether `signature`, the value of `X-Twilio-Signature`, is valid for this query and form.
    pub fn verify(&self, signature: &[u8], query: Option<&str>, form: &Form) -> bool {
        let Ok(tag) = STANDARD.decode(signature) else { return false };
        // Checked first, so that a request without a plausible signature costs no sorting and hashing.
        if tag.len() != hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY.tag_len() {
            return false;
        }
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let fields = form.signed_text();
        self.urls.iter().any(|url| {
            let signed = [url, query.as_str(), &fields].concat();
            // This comparison runs in constant time.
            hmac::verify(&self.key, signed.as_bytes(), &tag).is_ok()
        })
    }
}

/// The origin without its port, or with the default port if it has none. Twilio does not always sign the port as it
/// was configured, so its own validators accept both.
fn with_port_toggled(origin: &str) -> Option<String> {
    let (scheme, rest) = origin.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let port = authority.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    match port {
        Some((host, _)) => Some(format!("{scheme}://{host}{path}")),
        None => {
            let port = if scheme == "https" { 443 } else { 80 };
            Some(format!("{scheme}://{authority}:{port}{path}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::http::webhooks::twilio::form::*;

    const TOKEN: &str = "12345";
    const ORIGIN: &str = "https://mycompany.com";
    const PATH: &str = "/myapp.php";
    const QUERY: Option<&str> = Some("foo=1&bar=2");

    /// The request of Twilio's documentation, with its fields out of order.
    const FORM: &[u8] =
        b"To=%2B18005551212&Digits=1234&CallSid=CA1234567890ABCDE&From=%2B14158675309&Caller=%2B14158675309";
    /// The signature of this request in Twilio's documentation.
    const SIGNATURE: &[u8] = b"RSOYDt4T1cUTdK1PDd93/VVr8B8=";

    fn verify(token: &str, origin: &str, query: Option<&str>, form: &[u8], signature: &[u8]) -> bool {
        Signatures::new(token, origin, PATH).verify(signature, query, &Form::parse(form))
    }

    #[test]
    fn the_documented_signature_is_valid_for_any_order_of_the_fields() {
        assert!(verify(TOKEN, ORIGIN, QUERY, FORM, SIGNATURE));
        assert!(verify(TOKEN, "https://mycompany.com/", QUERY, FORM, SIGNATURE));
    }

    #[test]
    fn a_repeated_field_counts_with_each_of_its_values_sorted() {
        let form = b"Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234";
        assert!(verify(TOKEN, ORIGIN, QUERY, form, b"IK+Dwps556ElfBT0I3Rgjkr1wJU="));
    }

    #[test]
    fn every_part_of_a_request_is_signed() {
        let mut changed = FORM.to_vec();
        *changed.last_mut().unwrap() = b'8';
        let added = [FORM, b"&Body="].concat();
        assert!(!verify("12346", ORIGIN, QUERY, FORM, SIGNATURE));
        assert!(!verify(TOKEN, "http://mycompany.com", QUERY, FORM, SIGNATURE));
        assert!(!verify(TOKEN, "https://example.com", QUERY, FORM, SIGNATURE));
        assert!(!verify(TOKEN, ORIGIN, None, FORM, SIGNATURE));
        assert!(!verify(TOKEN, ORIGIN, Some("foo=1&bar=3"), FORM, SIGNATURE));
        assert!(!verify(TOKEN, ORIGIN, QUERY, &changed, SIGNATURE));
        assert!(!verify(TOKEN, ORIGIN, QUERY, &added, SIGNATURE));
        assert!(!verify(TOKEN, ORIGIN, QUERY, b"", SIGNATURE));
    }

    #[test]
    fn a_malformed_signature_is_refused() {
        for bad in [&b""[..], b"=", b"RSOY", b"nonsense!", b"\xff\xfe", &SIGNATURE[1..], &SIGNATURE[..24]] {
            assert!(!verify(TOKEN, ORIGIN, QUERY, FORM, bad), "{bad:?}");
        }
    }

    #[test]
    fn the_port_may_be_signed_or_not() {
        // Computed with Python's hmac over https://mycompany.com:443/myapp.php?foo=1&bar=2 and the fields.
        assert!(verify(TOKEN, ORIGIN, QUERY, FORM, b"kvajT1Ptam85bY51eRf/AJRuM3w="));
        assert!(verify(TOKEN, "https://mycompany.com:8443", QUERY, FORM, SIGNATURE));
        assert_eq!(with_port_toggled("http://a.test/b").as_deref(), Some("http://a.test:80/b"));
        assert_eq!(with_port_toggled("https://[::1]").as_deref(), Some("https://[::1]:443"));
        assert_eq!(with_port_toggled("https://[::1]:8443").as_deref(), Some("https://[::1]"));
        assert_eq!(with_port_toggled("a.test"), None);
    }

    #[test]
    fn fields_are_decoded_and_numbered_fields_are_sorted() {
        let form = Form::parse(b"Body=1+%2B+1%0A%F0%9F%9A%B2&Empty=&Url10=k&Url2=c&Url0=a&UrlX=x&Url3=");
        assert_eq!(form.get("Body"), Some("1 + 1\n🚲"));
        assert_eq!(form.get("Empty"), None);
        assert_eq!(form.get("Missing"), None);
        assert_eq!(form.numbered("Url"), ["a", "c", "k"]);
    }

    #[test]
    fn values_are_not_in_debug_output() {
        let shown = format!("{:?}", Form::parse(b"Body=secret&From=%2B14155550123"));
        assert_eq!(shown, r#"["Body", "From"]"#);
    }
}

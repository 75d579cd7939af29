//! The origins whose pages may open a socket.
//!
//! A browser lets any page open a WebSocket to any server, and sends the page's `Origin`
//! with the handshake. The server must check it. Other clients do not send an `Origin` and
//! are accepted; they authenticate with their token.

use axum::http::{HeaderMap, header};
use url::{Host, Url};

/// Whether an origin is a page of this machine: of `localhost` or a loopback address, on any port.
pub fn is_localhost(origin: &str) -> bool {
    let Ok(url) = Url::parse(origin) else { return false };
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether the `Origin` may open a socket. It may be absent, equal the `Host`, or be one of `allowed`, or
/// [`is_localhost`] if `allow_localhost` is set.
pub(super) fn is_allowed(headers: &HeaderMap, allowed: &[String], allow_localhost: bool) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    if allow_localhost && origin.to_str().is_ok_and(is_localhost) {
        return true;
    }
    // Sandboxed pages send `null`, which is not a URL. They are refused.
    let Some(origin) = origin.to_str().ok().and_then(|text| Url::parse(text).ok()) else {
        return false;
    };
    let listed = |text: &String| Url::parse(text).is_ok_and(|url| url.origin() == origin.origin());
    if allowed.iter().any(listed) {
        return true;
    }
    // Uses the page's scheme, because a proxy may have terminated TLS.
    headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .and_then(|host| Url::parse(&format!("{}://{host}", origin.scheme())).ok())
        .is_some_and(|own| origin.origin().is_tuple() && own.origin() == origin.origin())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn allowed(origin: Option<&str>, host: &str) -> bool {
        let mut headers = HeaderMap::new();
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        is_allowed(&headers, &["https://app.example.com".to_owned()], false)
    }

    #[test]
    fn localhost_is_this_machine_and_nothing_that_looks_like_it() {
        for origin in [
            "http://localhost:5173",
            "https://localhost",
            "http://127.0.0.1:3000",
            "http://[::1]:80",
            "http://app.localhost:1",
        ] {
            assert!(is_localhost(origin), "{origin}");
        }
        for origin in [
            "null",
            "",
            "http://localhost.evil.example",
            "http://evillocalhost",
            "http://128.0.0.1",
            "data:text/html,x",
        ] {
            assert!(!is_localhost(origin), "{origin}");
        }
    }

    #[test]
    fn only_foreign_pages_are_refused() {
        assert!(allowed(None, "switchboard.test"));
        assert!(allowed(Some("http://switchboard.test:8080"), "Switchboard.test:8080"));
        assert!(allowed(Some("https://switchboard.test"), "switchboard.test"));
        assert!(allowed(Some("https://switchboard.test"), "switchboard.test:443"));
        assert!(allowed(Some("https://app.example.com"), "switchboard.test"));
        assert!(!allowed(Some("http://app.example.com"), "switchboard.test"));
        assert!(!allowed(Some("https://evil.example"), "switchboard.test"));
        assert!(!allowed(Some("http://switchboard.test:81"), "switchboard.test"));
        assert!(!allowed(Some("https://switchboard.test.evil.example"), "switchboard.test"));
        assert!(!allowed(Some("null"), "switchboard.test"));
        assert!(!allowed(Some("data:text/html,x"), "switchboard.test"));
        assert!(!allowed(Some(""), "switchboard.test"));
    }
}

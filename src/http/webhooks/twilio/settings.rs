//! The settings of the webhook, and their formats.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// The length of an auth token, in hexadecimal digits.
const AUTH_TOKEN_DIGITS: usize = 32;

/// The settings of a Twilio account.
#[derive(Debug, Clone)]
pub struct TwilioSettings {
    /// The secret with which Twilio signs its requests.
    pub auth_token: AuthToken,
    /// The address of this server as configured at Twilio.
    pub public_url: PublicUrl,
}

/// The auth token of a Twilio account. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthToken(String);

/// The text is not an auth token. Does not contain the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the auth token of Twilio must have {AUTH_TOKEN_DIGITS} hexadecimal digits")]
pub struct InvalidAuthToken;

impl AuthToken {
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for AuthToken {
    type Err = InvalidAuthToken;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_valid = text.len() == AUTH_TOKEN_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_valid { Ok(Self(text.to_owned())) } else { Err(InvalidAuthToken) }
    }
}

impl fmt::Debug for AuthToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// The origin at which Twilio reaches this server: `https://HOST` with an optional port, and no path.
///
/// `http://` is accepted only for this machine, because customers' texts would otherwise cross the network in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

/// The text is not a public URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an https:// URL without a path, such as https://sms.example.com")]
pub struct InvalidPublicUrl;

impl PublicUrl {
    /// The URL, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PublicUrl {
    type Err = InvalidPublicUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text).map_err(|_| InvalidPublicUrl)?;
        let is_local = match url.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        let is_encrypted = url.scheme() == "https" || (url.scheme() == "http" && is_local);
        let is_origin = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let is_anonymous = url.username().is_empty() && url.password().is_none();
        if is_encrypted && is_origin && is_anonymous {
            Ok(Self(text.trim_end_matches('/').to_owned()))
        } else {
            Err(InvalidPublicUrl)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_auth_token_has_32_hexadecimal_digits_and_is_not_printed() {
        let token: AuthToken = "0123456789abcdef0123456789ABCDEF".parse().unwrap();
        assert_eq!(format!("{token:?}"), "(secret)");
        for text in ["", " ", "0", "0123456789abcdef0123456789abcdef0", "0123456789abcdef0123456789abcdeg"] {
            assert_eq!(text.parse::<AuthToken>(), Err(InvalidAuthToken), "{text}");
        }
    }

    #[test]
    fn a_public_url_is_an_encrypted_origin() {
        for text in [
            "https://sms.example.com",
            "https://sms.example.com:8443",
            "http://127.0.0.1:4000",
            "http://[::1]",
        ] {
            assert_eq!(text.parse::<PublicUrl>().unwrap().as_str(), text);
        }
        let slash: PublicUrl = "https://sms.example.com/".parse().unwrap();
        assert_eq!(slash.as_str(), "https://sms.example.com");
        for text in [
            "",
            "sms.example.com",
            "http://sms.example.com",
            "http://127.0.0.1.example.com",
            "https://sms.example.com/sms",
            "https://sms.example.com?a=b",
            "https://user:word@sms.example.com",
            "ftp://sms.example.com",
            "https://",
        ] {
            assert_eq!(text.parse::<PublicUrl>(), Err(InvalidPublicUrl), "{text}");
        }
    }
}

//! Content negotiation: the media type of the request, and of the response.

use axum::http::{HeaderMap, HeaderValue, header};

/// Whether the body is not compressed.
pub(crate) fn is_uncompressed(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// A media type of responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaType {
    /// `application/json`: the response to a well-formed request has status 200, even if its document is invalid.
    Json,
    /// `application/graphql-response+json`: the status depends on whether the operation was executed.
    GraphqlResponse,
}

impl MediaType {
    /// The preferred media type of the `Accept` header; `None` if it accepts neither.
    ///
    /// Without the header, and for wildcards, the result is `application/json`, as the
    /// specification requires for older clients.
    pub(crate) fn accepted(headers: &HeaderMap) -> Option<Self> {
        let mut any = false;
        let mut best: Option<(u16, Self)> = None;
        for value in headers.get_all(header::ACCEPT) {
            for range in value.to_str().ok()?.split(',') {
                let range = Range::parse(range);
                any |= !range.name.is_empty();
                let Some(media) = range.answer() else {
                    continue;
                };
                if best.is_none_or(|(quality, _)| range.quality > quality) {
                    best = Some((range.quality, media));
                }
            }
        }
        if any { best.map(|(_, media)| media) } else { Some(Self::Json) }
    }

    pub(crate) fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        })
    }
}

/// Whether the `Content-Type` header is JSON in UTF-8.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    value.to_str().is_ok_and(|value| {
        let range = Range::parse(value);
        range.name == "application/json" && range.utf8
    })
}

/// A media type with its `charset` and `q` parameters.
struct Range {
    name: String,
    utf8: bool,
    /// In thousandths, which is the precision of the header.
    quality: u16,
}

impl Range {
    fn parse(text: &str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let mut range =
            Self { name: parts.next().unwrap_or_default().to_ascii_lowercase(), utf8: true, quality: 1_000 };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"');
            if name.trim().eq_ignore_ascii_case("charset") {
                range.utf8 = value.eq_ignore_ascii_case("utf-8") || value.eq_ignore_ascii_case("utf8");
            } else if name.trim().eq_ignore_ascii_case("q") {
                let quality = value.parse::<f32>().unwrap_or(0.0).clamp(0.0, 1.0);
                range.quality = (quality * 1_000.0) as u16;
            }
        }
        range
    }

    fn answer(&self) -> Option<MediaType> {
        if self.quality == 0 || !self.utf8 {
            return None;
        }
        match self.name.as_str() {
            "application/graphql-response+json" => Some(MediaType::GraphqlResponse),
            "application/json" | "application/*" | "*/*" => Some(MediaType::Json),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(accept: &str) -> Option<MediaType> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_str(accept).unwrap());
        MediaType::accepted(&headers)
    }

    #[test]
    fn the_first_type_of_the_best_quality_is_used() {
        use MediaType::{GraphqlResponse, Json};
        assert_eq!(MediaType::accepted(&HeaderMap::new()), Some(Json));
        assert_eq!(accepted("*/*"), Some(Json));
        assert_eq!(
            accepted("application/graphql-response+json, application/json;q=0.9"),
            Some(GraphqlResponse)
        );
        assert_eq!(accepted("application/graphql-response+json;q=0.1, application/json"), Some(Json));
        assert_eq!(accepted("text/html, */*;q=0.8"), Some(Json));
        assert_eq!(accepted("Application/GraphQL-Response+JSON; charset=UTF-8"), Some(GraphqlResponse));
    }

    #[test]
    fn an_unsupported_type_is_not_acceptable() {
        assert_eq!(accepted("text/html"), None);
        assert_eq!(accepted("application/json;q=0"), None);
        assert_eq!(accepted("application/json; charset=utf-16"), None);
    }

    #[test]
    fn only_json_in_utf8_is_read() {
        let is_json = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(value).unwrap());
            super::is_json(&headers)
        };
        assert!(is_json("application/json"));
        assert!(is_json("Application/JSON; charset=\"utf-8\""));
        assert!(!is_json("application/json; charset=iso-8859-1"));
        assert!(!is_json("text/plain"));
        assert!(!is_json("application/jsonp"));
    }
}

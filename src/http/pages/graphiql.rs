//! GraphiQL, a page for exploring the API: `GET /graphiql`.
//!
//! The page has five tabs (the queue, a live subscription, an assignment, a claim
//! and a close). Next to them is a live queue, which folds the stream of
//! `queueChanges` over a page of `conversations` as any client would. A switch
//! selects the identity. Its token is sent in the `Authorization` header of each
//! request and in the `connection_init` payload of the socket.
//!
//! **Why GraphiQL 4.1.2.** The page has no build step, and third-party code is not
//! committed, so GraphiQL must be available as a single script. 4.1.2 is the last
//! release that is. Since 5.0, GraphiQL consists of ES modules with the Monaco
//! editor and its workers, which a page would have to load from some forty URLs.
//! The script expects React as a global, which React provides up to version 18,
//! hence 18.3.1. `createFetcher` supports subscriptions but contains no WebSocket
//! client, hence the client of `graphql-ws`. The Explorer plugin is the last
//! version for GraphiQL 4. Fonts and images are embedded in the style sheet.
//!
//! **Content-Security-Policy.** The page may run the scripts and styles that carry
//! the nonce of this response, and connect to this server. This server serves the
//! files if they are installed ([`assets`]). Otherwise they come from a CDN, and
//! the browser checks them against the same hashes. The page makes no other
//! requests; only open developer tools load source maps.
//!
//! The page contains no rules of access. It has the permissions of its token, and
//! outside `demo` it receives no token.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use crate::http::pages::graphiql::assets::Kind;
use crate::http::pages::graphiql::page::Page;
pub(super) use crate::http::pages::graphiql::page::{fill, script_safe};
pub use crate::http::pages::graphiql::settings::{AssetSource, GraphiqlSettings, Identity};
use crate::random;

pub mod assets;
mod page;
mod settings;

/// The name of a file contains its version, and its bytes match a hash, so a cached file never goes stale.
const ASSET_CACHING: &str = "public, max-age=31536000, immutable";

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The documents that the page sends by itself.
pub(super) fn documents() -> Vec<String> {
    page::documents()
}

/// `GET /graphiql` and `GET /graphiql/assets/{name}`.
pub fn routes<S>(settings: GraphiqlSettings) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    Router::new()
        .route("/graphiql", get(show_page))
        .route("/graphiql/assets/{name}", get(show_asset))
        .with_state(Arc::new(Page::new(settings)))
}

async fn show_page(State(page): State<Arc<Page>>, headers: HeaderMap) -> Response {
    let nonce = random::unique().simple().to_string();
    let html =
        if called_by_address(&headers) { page.html_signed_in(&nonce) } else { page.html_signed_out(&nonce) };
    let headers = [
        (CONTENT_SECURITY_POLICY, content_security_policy(&nonce)),
        (CACHE_CONTROL, "no-store".to_owned()),
        (REFERRER_POLICY, "no-referrer".to_owned()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (X_FRAME_OPTIONS, "DENY".to_owned()),
        (OPENER_POLICY, "same-origin".to_owned()),
        (RESOURCE_POLICY, "same-origin".to_owned()),
    ];
    (headers, Html(html)).into_response()
}

async fn show_asset(State(page): State<Arc<Page>>, Path(name): Path<String>) -> Response {
    let Some((file, bytes)) = page.asset(&name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let content_type = match file.kind {
        Kind::Script => "text/javascript; charset=utf-8",
        Kind::Style => "text/css; charset=utf-8",
    };
    let headers = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, ASSET_CACHING),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (RESOURCE_POLICY, "same-origin"),
    ];
    (headers, bytes).into_response()
}

/// Whether the `Host` header is an IP address or `localhost`.
///
/// Only then does the page contain tokens. This prevents DNS rebinding: a foreign site
/// can make its own host name resolve to this machine and then read the page from its
/// own origin, but the browser still sends the site's name in `Host`.
pub(super) fn called_by_address(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// The Content-Security-Policy of the page.
///
/// `'self'` in `connect-src` includes the WebSocket of the same host and port.
/// Fonts, cursors and the icon are `data:` URLs.
fn content_security_policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; \
         connect-src 'self'; font-src data:; img-src 'self' data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests;

//! GraphiQL, the page on which people explore the API: `GET /graphiql`.
//!
//! It has five tabs (the queue, a live subscription, an assignment, a claim, a
//! close) and, beside them, the queue itself, which folds the stream of
//! `queueChanges` over a page of `conversations` as any client would. A switch
//! chooses who one is: the token goes into the `Authorization` header of each
//! request and into the `connection_init` payload of the socket.
//!
//! **Why GraphiQL 4.1.2.** The page has no build step, and nothing of others is
//! committed, so GraphiQL must come as one script. 4.1.2 is the last release
//! that does; from 5.0 on there are ES modules only, with the Monaco editor and
//! its workers, which a page would have to collect from some forty addresses.
//! That script expects React as a global, which React has not offered since 19,
//! hence 18.3.1. Its `createFetcher` recognises subscriptions but brings no
//! WebSocket client, hence the client of `graphql-ws`. The Explorer plugin is the
//! last one for GraphiQL 4. Fonts and images are within the style sheet.
//!
//! **What the page may do** is in its Content-Security-Policy: run the scripts
//! and styles that carry this response's nonce, and talk to this server. The files
//! come from here when they are installed ([`assets`]), and otherwise from a CDN,
//! whose answers the browser compares with the same hashes. Nothing else is asked
//! of anybody; source maps are fetched by nobody but open developer tools.
//!
//! What is not here: any knowledge of who may do what. The page has no rights
//! but those of the token, and outside `demo` it is given none.

use std::fmt;
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
use uuid::Uuid;

use crate::http::pages::graphiql::assets::{Assets, Kind};
use crate::http::pages::graphiql::page::Page;
pub(super) use crate::http::pages::graphiql::page::{fill, script_safe};

pub mod assets;
mod page;

/// Names carry the version and bytes are compared with a hash, so what is cached never goes stale.
const ASSET_CACHING: &str = "public, max-age=31536000, immutable";

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What the page is to be told.
#[derive(Clone, Debug)]
pub struct GraphiqlSettings {
    /// The path of the API, for HTTP and WebSocket alike: `/graphql`.
    pub endpoint: String,
    /// Whom one can be, the first of them from the start. Their tokens are in the
    /// page, for everybody who can open it: empty outside `demo`, where the page
    /// asks for a token instead.
    pub identities: Vec<Identity>,
    /// Where GraphiQL's own files come from.
    pub assets: AssetSource,
}

/// Somebody whom the visitor of the page can be.
#[derive(Clone)]
pub struct Identity {
    /// What the switch calls them.
    pub label: String,
    /// A token of the API.
    pub token: String,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("label", &self.label).finish_non_exhaustive()
    }
}

/// Where GraphiQL's own files come from.
#[derive(Clone, Debug)]
pub enum AssetSource {
    /// From this server, which holds them in memory.
    Installed(Assets),
    /// From a CDN, with integrity hashes.
    Cdn {
        /// The command that installs them here, shown on the page; see [`assets::install_command`].
        how_to_install: String,
    },
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
    let nonce = Uuid::new_v4().simple().to_string();
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

/// Whether the browser reached this server by an address, or as `localhost`.
///
/// The tokens of the page are for those alone. A foreign site can point a name of
/// its own at this machine and then read the page as if it were the site's own
/// (DNS rebinding), but it cannot make the browser call that name an address.
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

/// What the page may load and whom it may talk to.
///
/// `'self'` in `connect-src` includes the WebSocket of the same host and port.
/// Fonts, cursors and the icon are `data:` addresses.
fn content_security_policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; \
         connect-src 'self'; font-src data:; img-src 'self' data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests;

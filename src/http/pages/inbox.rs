//! The inbox, the page on which a team works: `GET /`.
//!
//! It is a client of the public API like any other: plain ES modules that speak
//! `POST /graphql` and `graphql-transport-ws`, with no build step and no script of
//! others. The files lie beside this module and are part of the binary.
//!
//! **Addresses.** The frame names the files as `/inbox/{version}/{file}`, where the
//! version is a hash over all of them: modules import each other by relative
//! address and so stay within one version, browsers may keep each file for ever,
//! and a new binary is seen at once. The frame itself is never kept.
//!
//! **What the page may do** is in its Content-Security-Policy: run scripts and
//! styles of this server, talk to this server, and nothing else. Nothing is inline,
//! so there is no nonce; strings never become HTML, which Trusted Types enforce.
//!
//! What is not here: any knowledge of who may do what. The page has no rights but
//! those of the token, and outside `demo` it is given none.

use std::fmt::Write as _;
use std::sync::Arc;

use aws_lc_rs::digest;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde_json::json;

use crate::http::pages::graphiql::{Identity, called_by_address, fill, script_safe};

/// Addresses carry a hash of what lies there, so what is cached never goes stale.
const FILE_CACHING: &str = "public, max-age=31536000, immutable";

/// How much of the hash the addresses carry.
const VERSION_BYTES: usize = 8;

/// Data blocks are no scripts to a browser, so the settings need no exception here.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

const FRAME: &str = include_str!("inbox/index.html");
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// One of the files that the page is made of.
struct File {
    name: &'static str,
    content_type: &'static str,
    text: &'static str,
}

macro_rules! files {
    ($($name:literal $content_type:ident),+ $(,)?) => {
        [$(File { name: $name, content_type: $content_type, text: include_str!(concat!("inbox/", $name)) }),+]
    };
}

/// Everything but the frame.
static FILES: [File; FILES_HELD] = files![
    "base.css" STYLE,
    "layout.css" STYLE,
    "panels.css" STYLE,
    "actions.js" SCRIPT,
    "app.js" SCRIPT,
    "assign.js" SCRIPT,
    "composer.js" SCRIPT,
    "documents.js" SCRIPT,
    "dom.js" SCRIPT,
    "feed.js" SCRIPT,
    "health.js" SCRIPT,
    "keys.js" SCRIPT,
    "list.js" SCRIPT,
    "presence.js" SCRIPT,
    "queue.js" SCRIPT,
    "session.js" SCRIPT,
    "sidebar.js" SCRIPT,
    "signin.js" SCRIPT,
    "socket.js" SCRIPT,
    "thread.js" SCRIPT,
    "timeline.js" SCRIPT,
    "toast.js" SCRIPT,
    "workloads.js" SCRIPT,
];
const FILES_HELD: usize = 23;

/// What the page is to be told.
#[derive(Clone, Debug)]
pub struct InboxSettings {
    /// The path of the API, for HTTP and WebSocket alike: `/graphql`.
    pub endpoint: String,
    /// Whom one can be, the first of them from the start. Their tokens are in the
    /// page, for everybody who can open it by an address: empty outside `demo`,
    /// where the page asks for a token instead.
    pub identities: Vec<Identity>,
    /// The path of GraphiQL, where that is served.
    pub graphiql: Option<String>,
}

/// The settings, with what follows from the files alone.
struct Page {
    settings: InboxSettings,
    version: String,
}

/// `GET /` and `GET /inbox/{version}/{file}`.
pub fn routes<S>(settings: InboxSettings) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let page = Page { settings, version: version() };
    Router::new()
        .route("/", get(show_page))
        .route("/inbox/{version}/{file}", get(show_file))
        .with_state(Arc::new(page))
}

async fn show_page(State(page): State<Arc<Page>>, headers: HeaderMap) -> Response {
    let html = page.html(called_by_address(&headers));
    let headers = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (OPENER_POLICY, "same-origin"),
        (RESOURCE_POLICY, "same-origin"),
    ];
    (headers, Html(html)).into_response()
}

async fn show_file(State(page): State<Arc<Page>>, Path((version, name)): Path<(String, String)>) -> Response {
    let file = FILES.iter().find(|file| file.name == name && version == page.version);
    let Some(file) = file else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (CONTENT_TYPE, file.content_type),
        (CACHE_CONTROL, FILE_CACHING),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (RESOURCE_POLICY, "same-origin"),
    ];
    (headers, file.text).into_response()
}

impl Page {
    /// The frame, with the identities' tokens only for those who may have them.
    fn html(&self, signed_in: bool) -> String {
        let identities = self.settings.identities.iter().filter(|_| signed_in);
        let identities = identities.map(|who| json!({ "label": who.label, "token": who.token }));
        let settings = script_safe(&json!({
            "endpoint": self.settings.endpoint,
            "identities": identities.collect::<Vec<_>>(),
            "graphiql": self.settings.graphiql,
        }));
        let base = format!("/inbox/{}", self.version);
        fill(FRAME, |name| match name {
            "base" => &base,
            "settings" => &settings,
            _ => "",
        })
    }
}

/// A hash over the names and texts of all files, in hexadecimal.
fn version() -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for file in &FILES {
        // A length before each part keeps what is moved between two files from going unnoticed.
        for part in [file.name, file.text] {
            context.update(&part.len().to_be_bytes());
            context.update(part.as_bytes());
        }
    }
    let hash = context.finish();
    hash.as_ref().iter().take(VERSION_BYTES).fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;

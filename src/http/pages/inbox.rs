//! The inbox, the page on which a team works: `GET /`.
//!
//! The page is a client of the public API like any other. It consists of plain ES modules that
//! use `POST /graphql` and `graphql-transport-ws`, without third-party scripts. The files are in
//! the folder `inbox` next to this module. The build script removes comments from the files,
//! compresses them and puts them into the binary.
//!
//! **Addresses.** Every view and every conversation has an address. The server responds to each
//! of these addresses with the same HTML, the frame, and the script reads the address. The frame
//! refers to the files as `/inbox/{version}/{file}`. The version is a hash over all files, so
//! browsers may cache each file forever, and load all files again from a new binary. Modules
//! import each other by relative address and therefore in one version. The frame is not cached.
//!
//! **Content-Security-Policy.** The page may run scripts and styles of this server and connect to
//! this server, and nothing else. Nothing is inline, so the policy has no nonce. Trusted Types
//! enforce that strings never become HTML.
//!
//! The page contains no rules of access. It has the permissions of its token, and outside `demo`
//! it receives no token.

use std::fmt::Write as _;
use std::io::Read as _;
use std::sync::Arc;

use aws_lc_rs::digest;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flate2::Compression;
use flate2::bufread::GzEncoder;
use serde_json::json;

use crate::http::pages::documents::documents_in;
use crate::http::pages::graphiql::{Identity, called_by_address, fill, script_safe};

/// The address of a file contains a hash over all files, so a cached file never goes stale.
const FILE_CACHING: &str = "public, max-age=31536000, immutable";

/// The length of the hash in the addresses.
const VERSION_BYTES: usize = 8;

/// The settings need no exception in the policy, because browsers do not treat data blocks as scripts.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

const FRAME: &str = include_str!("inbox/index.html");
const DOCUMENTS: &str = include_str!("inbox/documents.js");
/// The modules that the frame runs. The first rows need these modules and their imports.
const ENTRIES: [&str; 2] = ["start.js", "app.js"];

/// The number of modules that are requested before the query for the first rows. With the style sheet, these are two
/// rounds over six connections. The browser sends the query after the first round.
const BEFORE_QUERY: usize = 11;

/// The `rel` of the links that the page turns into preloads after it has drawn the first rows.
const AFTER_ROWS: &str = "after-rows";

/// A file of the page.
struct File {
    name: &'static str,
    kind: Kind,
    text: &'static str,
    gzip: &'static [u8],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Script,
    Style,
}

/// All files except the frame, as prepared by the build script.
static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/inbox/files.rs"));

/// The settings of the page.
#[derive(Clone, Debug)]
pub struct InboxSettings {
    /// The path of the API, for HTTP and WebSocket alike: `/graphql`.
    pub endpoint: String,
    /// Identities to choose from; the first is signed in initially. Anyone who can open the
    /// page by an IP address can read their tokens. Empty outside `demo`, where the page asks
    /// for a token instead.
    pub identities: Vec<Identity>,
    /// The path of GraphiQL; `None` if GraphiQL is not served.
    pub graphiql: Option<String>,
}

/// The prepared responses.
struct Page {
    version: String,
    /// For requests whose `Host` is an IP address or `localhost`.
    signed_in: Frame,
    signed_out: Frame,
}

/// The frame, as text and compressed.
struct Frame {
    html: String,
    gzip: Vec<u8>,
}

/// The documents that the page sends.
pub(super) fn documents() -> Vec<String> {
    documents_in(DOCUMENTS)
}

/// The addresses of the page, and `GET /inbox/{version}/{file}`.
pub fn routes<S>(settings: InboxSettings) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let page = Page::new(&settings);
    // The page reads its own address: every view and every conversation has one.
    Router::new()
        .route("/", get(show_page))
        .route("/mine", get(show_page))
        .route("/unassigned", get(show_page))
        .route("/c/{id}", get(show_page))
        .route("/inbox/{version}/{file}", get(show_file))
        .with_state(Arc::new(page))
}

async fn show_page(State(page): State<Arc<Page>>, headers: HeaderMap) -> Response {
    let frame = if called_by_address(&headers) { &page.signed_in } else { &page.signed_out };
    let described = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (VARY, "accept-encoding"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (OPENER_POLICY, "same-origin"),
        (RESOURCE_POLICY, "same-origin"),
    ];
    if accepts_gzip(&headers) {
        (described, [(CONTENT_ENCODING, "gzip")], frame.gzip.clone()).into_response()
    } else {
        (described, frame.html.clone()).into_response()
    }
}

async fn show_file(
    State(page): State<Arc<Page>>,
    Path((version, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let file = FILES.iter().find(|file| file.name == name && version == page.version);
    let Some(file) = file else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let content_type = match file.kind {
        Kind::Script => "text/javascript; charset=utf-8",
        Kind::Style => "text/css; charset=utf-8",
    };
    let described = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, FILE_CACHING),
        (VARY, "accept-encoding"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (RESOURCE_POLICY, "same-origin"),
    ];
    if accepts_gzip(&headers) {
        (described, [(CONTENT_ENCODING, "gzip")], file.gzip).into_response()
    } else {
        (described, file.text).into_response()
    }
}

/// Whether the browser reads gzip: it is listed in `Accept-Encoding` and its weight is not 0.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let listed = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    listed.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Ok(1.0), str::parse::<f32>);
        gzip && weight.is_ok_and(|weight| weight > 0.0)
    })
}

/// A link for every module, so that the browser does not discover modules one after the other.
///
/// The modules that the first rows need are preloaded. The links to the others have no effect until the page has drawn
/// the rows and turns the links into preloads. Before that, they would take connections from the rows: a browser opens
/// only six connections over HTTP/1.1.
fn preloads(version: &str) -> String {
    let first = imported_from(&ENTRIES);
    let scripts = || FILES.iter().filter(|file| file.kind == Kind::Script).map(|file| file.name);
    let links = first.iter().enumerate().map(|(place, name)| {
        let priority = if place < BEFORE_QUERY { "" } else { " fetchpriority=\"low\"" };
        ("modulepreload", *name, priority)
    });
    let later = scripts().filter(|name| !first.contains(name)).map(|name| (AFTER_ROWS, name, ""));
    links.chain(later).fold(String::new(), |mut html, (relation, name, priority)| {
        // Writing to a string cannot fail.
        let _ = writeln!(html, "<link rel=\"{relation}\" href=\"/inbox/{version}/{name}\"{priority}>");
        html
    })
}

/// The modules and all their direct and indirect static imports. Those of the first entry come first.
fn imported_from(entries: &[&'static str]) -> Vec<&'static str> {
    let mut found = Vec::new();
    for entry in entries {
        let mut next = found.len();
        if !found.contains(entry) {
            found.push(*entry);
        }
        while let Some(name) = found.get(next) {
            let text = FILES.iter().find(|file| file.name == *name).map_or("", |file| file.text);
            for import in text.lines().filter_map(static_import) {
                if !found.contains(&import) {
                    found.push(import);
                }
            }
            next += 1;
        }
    }
    found
}

impl Page {
    fn new(settings: &InboxSettings) -> Self {
        let version = version();
        let frame = |identities: &[Identity]| Frame::new(settings, identities, &version);
        Self { signed_in: frame(&settings.identities), signed_out: frame(&[]), version }
    }
}

impl Frame {
    /// The frame with the tokens of these identities.
    fn new(settings: &InboxSettings, identities: &[Identity], version: &str) -> Self {
        let identities = identities.iter().map(|who| json!({ "label": who.label, "token": who.token }));
        let settings = script_safe(&json!({
            "endpoint": settings.endpoint,
            "identities": identities.collect::<Vec<_>>(),
            "graphiql": settings.graphiql,
        }));
        let base = format!("/inbox/{version}");
        let preloads = preloads(version);
        let html = fill(FRAME, |name| match name {
            "base" => &base,
            "preloads" => &preloads,
            "settings" => &settings,
            _ => "",
        });
        let mut gzip = Vec::new();
        // Reading from memory cannot fail.
        let _ = GzEncoder::new(html.as_bytes(), Compression::best()).read_to_end(&mut gzip);
        Self { html, gzip }
    }
}

/// The module that a line imports, or exports from; `None` for every other line.
fn static_import(line: &str) -> Option<&str> {
    if !line.starts_with("import ") && !line.starts_with("export ") {
        return None;
    }
    let (_, rest) = line.split_once(" from './")?;
    rest.split('\'').next()
}

/// A hash over the names and texts of all files, in hexadecimal.
fn version() -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for file in FILES {
        // The length before each part changes the hash when text moves from one file to another.
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

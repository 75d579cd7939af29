//! The page as a browser receives it.

use std::collections::BTreeSet;
use std::io::Read as _;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::http::header::HOST;
use tower::ServiceExt;

use crate::http::pages::inbox::*;

const BODY_BYTES_MAX: usize = 1024 * 1024;
const HOSTILE: &str = "</script><script>alert(1)</script><!--&{{base}}";

fn demo() -> Router {
    let identities = vec![Identity { label: HOSTILE.to_owned(), token: "the.secret.token".to_owned() }];
    let graphiql = Some("/graphiql".to_owned());
    routes(InboxSettings { endpoint: "/graphql".to_owned(), identities, graphiql })
}

async fn get_from(host: &str, path: &str) -> (StatusCode, HeaderMap, String) {
    let request = Request::get(path).header(HOST, host).body(Body::empty()).unwrap();
    let (status, headers, body) = answer_to(request).await;
    (status, headers, String::from_utf8(body).unwrap())
}

async fn answer_to(request: Request<Body>) -> (StatusCode, HeaderMap, Vec<u8>) {
    let (head, body) = demo().oneshot(request).await.unwrap().into_parts();
    let body = to_bytes(body, BODY_BYTES_MAX).await.unwrap();
    (head.status, head.headers, body.to_vec())
}

async fn get_accepting(coding: &str, path: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
    answer_to(Request::get(path).header(ACCEPT_ENCODING, coding).body(Body::empty()).unwrap()).await
}

/// The content of the page's settings element, as a browser would parse it.
fn settings_in(html: &str) -> serde_json::Value {
    let (_, rest) = html.split_once(r#"<script type="application/json" id="settings">"#).unwrap();
    let (settings, _) = rest.split_once("</script").unwrap();
    serde_json::from_str(settings).unwrap()
}

/// The addresses that the text refers to, after `marker` and up to the next quote.
fn references<'t>(text: &'t str, marker: &str) -> Vec<&'t str> {
    text.split(marker).skip(1).filter_map(|rest| rest.split(['"', '\'']).next()).collect()
}

#[tokio::test]
async fn only_addresses_and_localhost_receive_tokens() {
    for host in ["127.0.0.1", "127.0.0.1:80", "localhost:4000", "[::1]:80"] {
        let (_, _, html) = get_from(host, "/").await;
        let identity = &settings_in(&html)["identities"][0];
        assert_eq!(identity["token"], "the.secret.token", "{host}");
        assert_eq!(identity["label"], HOSTILE, "{host}");
        assert!(!html.contains("<script>alert"));
    }
    for host in ["evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", ""] {
        let (status, _, html) = get_from(host, "/").await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(settings_in(&html)["identities"], json!([]), "{host}");
        assert!(!html.contains("the.secret.token"), "{host}");
    }
}

#[tokio::test]
async fn the_policy_allows_this_server_and_nothing_inline() {
    let (_, headers, html) = get_from("localhost", "/").await;
    let policy = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; "));
    assert!(policy.contains("frame-ancestors 'none'"));
    for looser in ["unsafe", "http:", "https:", "*", "nonce"] {
        assert!(!policy.contains(looser), "{looser}");
    }
    assert!(!html.contains("<style") && !html.contains(" style=") && !html.contains(" onclick="));
    let inline = html.matches("<script").count() - html.matches(" src=").count();
    assert_eq!(inline, html.matches("application/json").count());
    assert_eq!(headers[CACHE_CONTROL], "no-store");
    assert_eq!(headers[X_FRAME_OPTIONS], "DENY");
    assert_eq!(headers[REFERRER_POLICY], "no-referrer");
    assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
}

#[tokio::test]
async fn the_page_refers_to_exactly_the_files_that_are_served() {
    let (_, _, html) = get_from("localhost", "/").await;
    let base = format!("/inbox/{}/", version());
    let mut left: Vec<String> = [references(&html, "src=\""), references(&html, "href=\"/")]
        .concat()
        .iter()
        .map(|path| format!("/{}", path.trim_start_matches('/')))
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(path) = left.pop() {
        let name = path.strip_prefix(&base).unwrap_or_else(|| panic!("{path} is foreign")).to_owned();
        if !seen.insert(name) {
            continue;
        }
        let (status, headers, text) = get_from("localhost", &path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert_eq!(headers[CACHE_CONTROL], FILE_CACHING);
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
        let loaded_later = references(&text, " import('./");
        let imports = text.lines().filter_map(static_import).chain(loaded_later);
        left.extend(imports.map(|name| format!("{base}{name}")));
    }
    assert_eq!(seen, FILES.iter().map(|file| file.name.to_owned()).collect());
}

#[tokio::test]
async fn every_address_of_the_page_returns_the_same_frame() {
    let (_, _, home) = get_from("localhost", "/").await;
    for path in ["/mine", "/unassigned?open&number=abc", "/c/Y29udjox", "/c/Y29udjox?in=unassigned&open"] {
        let (status, headers, html) = get_from("localhost", path).await;
        assert_eq!((status, html.as_str()), (StatusCode::OK, home.as_str()), "{path}");
        assert!(headers.contains_key(CONTENT_SECURITY_POLICY), "{path}");
    }
    for path in ["/c", "/c/a/b", "/other"] {
        let (status, _, _) = get_from("localhost", path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn every_module_is_linked_those_of_the_first_rows_as_preloads() {
    let (_, _, html) = get_from("localhost", "/").await;
    let linked = |relation: &str| -> BTreeSet<String> {
        let begin = format!("<link rel=\"{relation}\" href=\"/inbox/{}/", version());
        references(&html, &begin).into_iter().map(str::to_owned).collect()
    };
    let (first, later) = (linked("modulepreload"), linked(AFTER_ROWS));
    assert!(first.is_disjoint(&later));
    let scripts = FILES.iter().filter(|file| file.kind == Kind::Script);
    assert_eq!(&first | &later, scripts.map(|file| file.name.to_owned()).collect());
    for name in ["start.js", "app.js", "list.js", "feed.js", "documents.js"] {
        assert!(first.contains(name), "{name}");
    }
    for name in ["pane.js", "composer.js", "assign.js", "workloads.js"] {
        assert!(later.contains(name), "{name}");
    }
    // Three rounds over six connections. One of these requests is the query.
    assert!(first.len() <= 16, "{first:?}");
    let app = FILES.iter().find(|file| file.name == "app.js").unwrap();
    assert!(app.text.contains(&format!("'{AFTER_ROWS}'")));
}

#[tokio::test]
async fn the_frame_is_compressed_for_those_who_accept_it() {
    let (_, headers, body) = get_accepting("gzip", "/").await;
    assert_eq!(headers[CONTENT_ENCODING], "gzip");
    let mut html = String::new();
    flate2::read::GzDecoder::new(body.as_slice()).read_to_string(&mut html).unwrap();
    assert_eq!(settings_in(&html)["identities"], json!([]), "a request without a host gets no token");
    let (_, headers, plain) = get_from("localhost", "/").await;
    assert!(!headers.contains_key(CONTENT_ENCODING));
    assert_eq!(headers[VARY], "accept-encoding");
    assert_eq!(settings_in(&plain)["endpoint"], settings_in(&html)["endpoint"]);
}

#[test]
fn comments_are_left_out_and_lines_keep_their_numbers() {
    let served = FILES.iter().find(|file| file.name == "list.js").unwrap().text;
    let written = include_str!("list.js");
    assert!(written.contains("/**") && written.contains("// "));
    assert!(!served.contains("\n/**") && !served.contains("\n    // "));
    let number = |text: &str| text.lines().position(|line| line.starts_with("export class List"));
    assert!(number(written).is_some());
    assert_eq!(number(served), number(written));
}

#[tokio::test]
async fn files_are_compressed_for_those_who_accept_it() {
    for file in FILES {
        let path = format!("/inbox/{}/{}", version(), file.name);
        for accepted in ["gzip", "gzip, deflate, br", "br;q=1.0, GZIP;q=0.5"] {
            let (status, headers, body) = get_accepting(accepted, &path).await;
            assert_eq!(status, StatusCode::OK);
            assert_eq!(headers[CONTENT_ENCODING], "gzip", "{path}, {accepted}");
            assert_eq!(headers[VARY], "accept-encoding");
            let mut text = String::new();
            flate2::read::GzDecoder::new(body.as_slice()).read_to_string(&mut text).unwrap();
            assert_eq!(text, file.text, "{path}");
        }
        for refused in ["", "br", "gzip;q=0", "gzip; q=0.0, identity", "gzip;q=none", "xgzip"] {
            let (_, headers, body) = get_accepting(refused, &path).await;
            assert!(!headers.contains_key(CONTENT_ENCODING), "{path}, {refused}");
            assert_eq!(headers[VARY], "accept-encoding");
            assert_eq!(body, file.text.as_bytes(), "{path}, {refused}");
        }
    }
}

#[tokio::test]
async fn no_other_version_and_no_path_leads_to_a_file() {
    let (status, _, _) = get_from("localhost", &format!("/inbox/{}/app.js", version())).await;
    assert_eq!(status, StatusCode::OK);
    for path in ["0000000000000000/app.js", "app.js", "..%2f..%2fCargo.toml/app.js"] {
        let (status, _, body) = get_from("localhost", &format!("/inbox/{path}")).await;
        assert_eq!((status, body.as_str()), (StatusCode::NOT_FOUND, ""), "{path}");
    }
    for name in ["index.html", "tests.rs", "..%2finbox.rs"] {
        let (status, _, body) = get_from("localhost", &format!("/inbox/{}/{name}", version())).await;
        assert_eq!((status, body.as_str()), (StatusCode::NOT_FOUND, ""), "{name}");
    }
}

#[test]
fn nothing_turns_text_into_html_or_code() {
    for file in FILES {
        for means in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"]
        {
            assert!(!file.text.contains(means), "{} uses {means}", file.name);
        }
    }
}

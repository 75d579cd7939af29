//! The page as a browser receives it.

use async_graphql::parser::parse_query;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use tower::ServiceExt;

use crate::http::pages::graphiql::assets::FILES;
use crate::http::pages::graphiql::page::TABS;
use crate::http::pages::graphiql::*;

const BODY_BYTES_MAX: usize = 1024 * 1024;

fn from_cdn(identities: Vec<Identity>) -> Router {
    let how_to_install = "npm install graphiql && true".to_owned();
    let assets = AssetSource::Cdn { how_to_install };
    routes(GraphiqlSettings { endpoint: "/graphql".to_owned(), identities, assets })
}

fn signed_in() -> Router {
    let label = "</script><script>alert(1)</script><!--&".to_owned();
    from_cdn(vec![Identity { label, token: "the.secret.token".to_owned() }])
}

async fn get_from(router: Router, host: &str, path: &str) -> (StatusCode, HeaderMap, String) {
    let request = Request::get(path).header(HOST, host).body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = to_bytes(body, BODY_BYTES_MAX).await.unwrap();
    (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
}

async fn page_of(router: Router) -> (HeaderMap, String) {
    let (status, headers, html) = get_from(router, "127.0.0.1:8080", "/graphiql").await;
    assert_eq!(status, StatusCode::OK);
    (headers, html)
}

/// The content of the page's settings element, as a browser would parse it.
fn settings_in(html: &str) -> serde_json::Value {
    let (_, rest) = html.split_once(r#"<script type="application/json" id="settings">"#).unwrap();
    let (settings, _) = rest.split_once("</script").unwrap();
    serde_json::from_str(settings).unwrap()
}

#[tokio::test]
async fn each_file_of_the_cdn_has_its_exact_version_and_its_hash() {
    let (_, html) = page_of(from_cdn(Vec::new())).await;
    for file in &FILES {
        let tag = html.lines().find(|line| line.contains(&file.cdn_url())).unwrap();
        assert!(file.cdn_url().contains(&format!("@{}/", file.version)));
        assert!(tag.contains(&format!("integrity=\"{}\"", file.integrity)), "{tag}");
        assert!(tag.contains("crossorigin=\"anonymous\""), "{tag}");
    }
    assert_eq!(html.matches("cdn.jsdelivr.net").count(), FILES.len());
    assert_eq!(settings_in(&html)["howToInstall"], "npm install graphiql && true");
}

#[tokio::test]
async fn an_identity_cannot_end_its_script_element() {
    let (_, html) = page_of(signed_in()).await;
    let identity = &settings_in(&html)["identities"][0];
    assert_eq!(identity["label"], "</script><script>alert(1)</script><!--&");
    assert_eq!(identity["token"], "the.secret.token");
    assert!(!html.contains("<script>alert"));
}

#[tokio::test]
async fn a_page_without_identities_contains_none() {
    let (_, html) = page_of(from_cdn(Vec::new())).await;
    assert_eq!(settings_in(&html)["identities"], serde_json::json!([]));
}

#[tokio::test]
async fn only_addresses_and_localhost_receive_tokens() {
    for host in ["127.0.0.1", "127.0.0.1:80", "localhost:4000", "[::1]:80", "10.1.2.3:9"] {
        let (_, _, html) = get_from(signed_in(), host, "/graphiql").await;
        assert!(html.contains("the.secret.token"), "{host}");
    }
    for host in ["evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", ""] {
        let (status, _, html) = get_from(signed_in(), host, "/graphiql").await;
        assert_eq!(status, StatusCode::OK);
        assert!(!html.contains("the.secret.token"), "{host}");
    }
}

#[tokio::test]
async fn the_policy_allows_only_this_response_and_this_server() {
    let (headers, html) = page_of(signed_in()).await;
    let policy = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
    let (_, rest) = policy.split_once("script-src 'nonce-").unwrap();
    let (nonce, _) = rest.split_once('\'').unwrap();
    assert!(policy.starts_with("default-src 'none'; "));
    assert!(policy.contains("connect-src 'self'; "));
    assert!(policy.contains("frame-ancestors 'none'"));
    assert!(!policy.contains("unsafe"));
    assert!(!policy.contains("https:"));
    let scripts = html.matches("<script ").count();
    let data = html.matches("<script type=\"application/json\"").count();
    let with_nonce = html
        .lines()
        .filter(|line| line.starts_with("<script "))
        .filter(|line| line.contains(&format!("nonce=\"{nonce}\"")));
    assert_eq!(with_nonce.count(), scripts - data);

    let (headers, _) = page_of(signed_in()).await;
    assert!(!headers[CONTENT_SECURITY_POLICY].to_str().unwrap().contains(nonce));
}

#[tokio::test]
async fn the_page_is_not_cached_not_framed_and_sends_no_referrer() {
    let (headers, _) = page_of(signed_in()).await;
    assert_eq!(headers[CACHE_CONTROL], "no-store");
    assert_eq!(headers[X_FRAME_OPTIONS], "DENY");
    assert_eq!(headers[REFERRER_POLICY], "no-referrer");
    assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
}

#[tokio::test]
async fn no_path_leads_out_of_the_assets() {
    for name in ["..%2f..%2fCargo.toml", "%2e%2e/page.html", "../page.js", "graphiql-4.1.2.js"] {
        let path = format!("/graphiql/assets/{name}");
        let (status, _, body) = get_from(signed_in(), "localhost", &path).await;
        assert_eq!((status, body.as_str()), (StatusCode::NOT_FOUND, ""), "{name}");
    }
}

#[tokio::test]
async fn installed_files_come_from_this_server_and_may_be_cached_forever() {
    let assets = AssetSource::Installed(assets::tests::fake_assets());
    let settings = GraphiqlSettings { endpoint: "/graphql".to_owned(), identities: Vec::new(), assets };
    let router: Router = routes(settings);
    let (_, html) = page_of(router.clone()).await;
    assert!(!html.contains("cdn."));
    for file in &FILES {
        let path = format!("/graphiql/assets/{}", file.name);
        assert!(html.contains(&format!("\"{path}\" integrity=\"{}\"", file.integrity)));
        let (status, headers, body) = get_from(router.clone(), "localhost", &path).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, file.name));
        assert_eq!(headers[CACHE_CONTROL], ASSET_CACHING);
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
    }
}

#[test]
fn every_tab_holds_one_operation_named_as_the_tab() {
    for (name, query) in TABS {
        let document = parse_query(query).unwrap();
        let operations = document.operations.iter();
        let names: Vec<_> = operations.map(|(name, _)| name.map(ToString::to_string)).collect();
        assert_eq!(names, [Some(name.to_owned())]);
    }
}

#[test]
fn a_token_does_not_show_in_debug_output() {
    let identity = Identity { label: "Manager".to_owned(), token: "the.secret.token".to_owned() };
    assert!(!format!("{identity:?}").contains("secret"));
}

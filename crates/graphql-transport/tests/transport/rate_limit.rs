//! The rate limit of agents: its headers, and the errors when it is exceeded.

use graphql_transport::settings::TransportSettings;
use reqwest::{Client, Response, StatusCode, header};
use serde_json::{Value, json};

use super::{socket::Socket, support::Server};

const STRICT: &str = "application/graphql-response+json";
const PLAIN: &str = "application/json";

async fn server_with_points(points_per_minute: u32) -> Server {
    Server::with(TransportSettings { points_per_minute, ..TransportSettings::default() }).await
}

async fn post_accepting(server: &Server, accept: &str, token: &str, query: &str) -> Response {
    let request = Client::new().post(server.url()).header(header::ACCEPT, accept).bearer_auth(token);
    request.json(&json!({ "query": query })).send().await.unwrap()
}

async fn post(server: &Server, token: &str, query: &str) -> Response {
    post_accepting(server, STRICT, token, query).await
}

/// `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`.
fn rate_limit_headers(response: &Response) -> Option<[u64; 3]> {
    let read = |name| response.headers().get(name).map(|value| value.to_str().unwrap().parse().unwrap());
    Some([read("ratelimit-limit")?, read("ratelimit-remaining")?, read("ratelimit-reset")?])
}

#[tokio::test]
async fn responses_contain_the_remaining_points() {
    for (query, cost) in [
        ("{ caller }", 1),
        ("{ caller one: echo(number: 1) nested { caller } }", 1),
        ("{ fail }", 1),
        ("{ noSuchField }", 1),
        ("mutation { write }", 5),
        ("mutation { a: write b: write ...M } fragment M on Mutation { c: write }", 15),
    ] {
        let server = server_with_points(60).await;
        let response = post(&server, "alice", query).await;
        assert_eq!(rate_limit_headers(&response), Some([60, 60 - cost, cost]), "{query}");
    }
}

#[tokio::test]
async fn without_points_the_status_is_429_and_nothing_executes() {
    let server = server_with_points(1).await;
    // The price is capped at a full minute's points.
    assert_eq!(post(&server, "alice", "mutation { write }").await.status(), StatusCode::OK);
    for accept in [STRICT, PLAIN] {
        for query in ["{ caller }", "mutation { write }"] {
            let response = post_accepting(&server, accept, "alice", query).await;
            assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
            let retry: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=60).contains(&retry), "{retry}");
            let [limit, remaining, reset] = rate_limit_headers(&response).unwrap();
            assert_eq!((limit, remaining), (1, 0));
            assert!((1..=60).contains(&reset), "{reset}");
            let body: Value = response.json().await.unwrap();
            let extensions = &body["errors"][0]["extensions"];
            assert_eq!(extensions["code"], "LIMIT_EXCEEDED", "{body}");
            assert_eq!(extensions["retryable"], true);
            assert_eq!(extensions["retryAfter"], retry);
            assert!(body.get("data").is_none(), "{body}");
        }
    }
    assert_eq!(server.written(), 1);
    // Other agents have their own points.
    assert_eq!(post(&server, "revocable", "{ caller }").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn sockets_and_http_share_the_points_of_an_agent() {
    let server = server_with_points(1).await;
    let mut socket = Socket::ready(&server).await;
    let mut other = Socket::ready_as(&server, "revocable").await;
    socket.subscribe("1", "subscription { tick }").await;
    // Only the start of a subscription costs points, its items do not.
    for n in 1..=3 {
        server.world.tick.notify_one();
        assert_eq!(socket.next_of("1").await["data"]["tick"], n);
    }
    for query in ["{ caller }", "mutation { write }", "subscription { forever }"] {
        socket.subscribe("2", query).await;
        let error = socket.error_of("2").await;
        assert_eq!(error["extensions"]["code"], "LIMIT_EXCEEDED", "{error}");
        let retry = error["extensions"]["retryAfter"].as_u64().unwrap();
        assert!((1..=60).contains(&retry), "{retry}");
    }
    assert_eq!(post(&server, "alice", "{ caller }").await.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(server.written(), 0);
    // The socket, its subscription and other agents are not affected.
    server.world.tick.notify_one();
    assert_eq!(socket.next_of("1").await["data"]["tick"], 4);
    other.subscribe("1", "{ caller }").await;
    other.next_of("1").await;
}

#[tokio::test]
async fn services_and_anonymous_callers_are_not_limited_and_0_disables_the_limit() {
    let server = server_with_points(1).await;
    for _ in 0..20 {
        let response = post(&server, "service", "mutation { write }").await;
        assert_eq!((response.status(), rate_limit_headers(&response)), (StatusCode::OK, None));
        let response = post(&server, "unknown", "{ __typename }").await;
        assert_eq!((response.status(), rate_limit_headers(&response)), (StatusCode::OK, None));
    }
    let server = server_with_points(0).await;
    for _ in 0..20 {
        let response = post(&server, "alice", "mutation { write }").await;
        assert_eq!((response.status(), rate_limit_headers(&response)), (StatusCode::OK, None));
    }
}

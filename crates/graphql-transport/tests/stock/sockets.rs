//! The rules of `graphql-transport-ws`, and the events by which each service keeps or breaks them.

use std::time::Duration;

use futures_util::{FutureExt, future::BoxFuture};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::{
    assert_readme_has,
    client::{Client, Event},
    servers::{Kind, TestServer},
};

/// A rule, and what a client sees that puts it to the test.
struct Case {
    rule: &'static str,
    ours: &'static str,
    stock: &'static str,
    observe: fn(Kind) -> BoxFuture<'static, String>,
}

/// The rules that async-graphql-axum breaks.
fn broken() -> Vec<Case> {
    vec![
        Case {
            rule: "A text that is not JSON closes the socket with 4400",
            ours: "close 4400",
            stock: "close 1002",
            observe: |kind| after(kind, Message::text("not json")).boxed(),
        },
        Case {
            rule: "A message that only the server may send closes the socket with 4400",
            ours: "close 4400",
            stock: "connection lost",
            observe: |kind| after(kind, Message::text(r#"{"type":"connection_ack"}"#)).boxed(),
        },
        Case {
            rule: "A message of the deprecated subprotocol closes the socket with 4400",
            ours: "close 4400",
            stock: "`next`",
            observe: |kind| {
                let start = json!({ "id": "1", "type": "start", "payload": { "query": "{ caller }" } });
                after(kind, Message::text(start.to_string())).boxed()
            },
        },
        Case {
            rule: "A `complete` without an id closes the socket with 4400",
            ours: "close 4400",
            stock: "close 1002",
            observe: |kind| after(kind, Message::text(r#"{"type":"complete"}"#)).boxed(),
        },
        Case {
            rule: "A `subscribe` with a number for its query closes the socket with 4400",
            ours: "close 4400",
            stock: "close 1002",
            observe: |kind| {
                let subscribe = json!({ "id": "1", "type": "subscribe", "payload": { "query": 1 } });
                after(kind, Message::text(subscribe.to_string())).boxed()
            },
        },
        Case {
            rule: "A binary frame closes the socket with 4400",
            ours: "close 4400",
            stock: "`pong`",
            observe: |kind| after(kind, Message::binary(br#"{"type":"ping"}"#.to_vec())).boxed(),
        },
        Case {
            rule: "A `subscribe` before `connection_init` closes the socket with 4401",
            ours: "close 4401",
            stock: "close 1011",
            observe: |kind| subscribe_before_init(kind).boxed(),
        },
        Case {
            rule: "A `subscribe` before `connection_ack` closes the socket with 4401",
            ours: "close 4401",
            stock: "`next`",
            observe: |kind| subscribe_before_ack(kind).boxed(),
        },
        Case {
            rule: "A refused token closes the socket with 4403",
            ours: "close 4403",
            stock: "close 1002",
            observe: |kind| refused_token(kind).boxed(),
        },
        Case {
            rule: "A socket without a subprotocol is closed with 4406",
            ours: "close 4406",
            stock: "handshake fails with 400",
            observe: |kind| offered(kind, None).boxed(),
        },
        Case {
            rule: "The server does not choose `graphql-ws`, the deprecated subprotocol",
            ours: "no subprotocol",
            stock: "`data` over `graphql-ws`",
            observe: |kind| offered(kind, Some("graphql-ws")).boxed(),
        },
        Case {
            rule: "The server speaks the subprotocol that it chose, when a client offers both",
            ours: "`next` over `graphql-transport-ws`",
            stock: "`data` over `graphql-transport-ws`",
            observe: |kind| offered(kind, Some("graphql-ws, graphql-transport-ws")).boxed(),
        },
        Case {
            rule: "A client that sends nothing is closed with 4408",
            ours: "close 4408",
            stock: "close 3008",
            observe: |kind| silent_client(kind).boxed(),
        },
        Case {
            rule: "A client that sends pings, but no `connection_init`, is closed with 4408",
            ours: "close 4408",
            stock: "stays open",
            observe: |kind| chatty_client(kind).boxed(),
        },
        Case {
            rule: "A second `subscribe` with the id of a running operation closes the socket with 4409",
            ours: "close 4409",
            stock: "`next`",
            observe: |kind| duplicate_id(kind).boxed(),
        },
        Case {
            rule: "A `ping` is answered while the token is checked",
            ours: "`pong`",
            stock: "`connection_ack`",
            observe: |kind| ping_before_ack(kind).boxed(),
        },
        Case {
            rule: "A document with a syntax error is answered with `error`",
            ours: "`error`",
            stock: "`next`",
            observe: |kind| answer_to(kind, "{").boxed(),
        },
        Case {
            rule: "A document that is not valid is answered with `error`",
            ours: "`error`",
            stock: "`next`",
            observe: |kind| answer_to(kind, "{ noSuchField }").boxed(),
        },
        Case {
            rule: "A subscription with two fields at its root is answered with `error`",
            ours: "`error`",
            stock: "`next`",
            observe: |kind| answer_to(kind, "subscription { count(to: 1) forever }").boxed(),
        },
        Case {
            rule: "No message of an operation follows the client's `complete`",
            ours: "`pong`",
            stock: "`complete`",
            observe: |kind| after_complete(kind).boxed(),
        },
        Case {
            rule: "A resolver that panics fails its operation, not the socket",
            ours: "`error`",
            stock: "connection lost",
            observe: |kind| panicking_resolver(kind).boxed(),
        },
    ]
}

/// The rules that both services keep.
fn kept() -> Vec<Case> {
    let case = |rule, event, observe| Case { rule, ours: event, stock: event, observe };
    vec![
        case("A query is answered with `next`", "`next`", |kind| answer_to(kind, "{ caller }").boxed()),
        case("A subscription is answered with `next`", "`next`", |kind| {
            answer_to(kind, "subscription { count(to: 2) }").boxed()
        }),
        case("A `ping` is answered with `pong`", "`pong`", |kind| {
            after(kind, Message::text(r#"{"type":"ping"}"#)).boxed()
        }),
        case("A second `connection_init` closes the socket with 4429", "close 4429", |kind| {
            after(kind, Message::text(r#"{"type":"connection_init"}"#)).boxed()
        }),
    ]
}

#[tokio::test]
async fn each_service_keeps_and_breaks_the_rules_that_are_listed() {
    let mut wrong = Vec::new();
    for Case { rule, ours, stock, observe } in broken().into_iter().chain(kept()) {
        for (kind, pinned) in [(Kind::Ours, ours), (Kind::Stock, stock)] {
            let observed = observe(kind).await;
            if observed != pinned {
                wrong.push(format!("{rule}: {kind:?} was pinned at {pinned}, and is {observed}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_readme_lists_the_rules_that_the_stock_service_breaks() {
    let rows = broken().into_iter().map(|Case { rule, ours, stock, .. }| {
        assert_ne!(ours, stock, "{rule}");
        format!("| {rule} | {ours} | {stock} |")
    });
    assert_readme_has("`graphql-transport-ws`", &rows.collect::<Vec<_>>());
}

/// The event after `message` on a socket that is ready.
async fn after(kind: Kind, message: Message) -> String {
    let server = TestServer::start(kind).await;
    let mut client = Client::ready(&server).await;
    client.send_raw(message).await;
    client.next().await.to_string()
}

async fn answer_to(kind: Kind, query: &str) -> String {
    let server = TestServer::start(kind).await;
    let mut client = Client::ready(&server).await;
    client.subscribe("1", query).await;
    client.next().await.to_string()
}

async fn subscribe_before_init(kind: Kind) -> String {
    let server = TestServer::start(kind).await;
    let mut client = Client::open(&server).await;
    client.subscribe("1", "{ caller }").await;
    client.next().await.to_string()
}

async fn subscribe_before_ack(kind: Kind) -> String {
    let server = TestServer::start(kind).await;
    let mut client = Client::open(&server).await;
    client.init("slow").await;
    client.subscribe("1", "{ caller }").await;
    if kind == Kind::Stock {
        // async-graphql-axum reads no message while it checks a token, so the check has to end first.
        server.world.finish_sign_in.notify_one();
        assert_eq!(client.next().await, Event::Message("connection_ack".to_owned()));
    }
    client.next().await.to_string()
}

async fn ping_before_ack(kind: Kind) -> String {
    let server = TestServer::start(kind).await;
    let mut client = Client::open(&server).await;
    client.init("slow").await;
    client.send(json!({ "type": "ping" })).await;
    if kind == Kind::Stock {
        server.world.finish_sign_in.notify_one();
    }
    client.next().await.to_string()
}

async fn refused_token(kind: Kind) -> String {
    let server = TestServer::start(kind).await;
    let mut client = Client::open(&server).await;
    client.init("forged").await;
    client.next().await.to_string()
}

/// What a client that offers `subprotocols` gets for a query.
async fn offered(kind: Kind, subprotocols: Option<&'static str>) -> String {
    let server = TestServer::start(kind).await;
    let mut client = match Client::offer(&server, subprotocols).await {
        Ok(client) => client,
        Err(failure) => return failure,
    };
    client.init("alice").await;
    // The server accepts `subscribe` under both subprotocols; the type of its answer tells them apart.
    let ack = client.next().await;
    if ack != Event::Message("connection_ack".to_owned()) {
        return ack.to_string();
    }
    client.subscribe("1", "{ caller }").await;
    let event = client.next().await;
    format!("{event} over `{}`", client.subprotocol.unwrap_or_default())
}

async fn silent_client(kind: Kind) -> String {
    let server = TestServer::start_with_short_timeout(kind).await;
    let mut client = Client::open(&server).await;
    client.next().await.to_string()
}

/// async-graphql-axum has no timeout for `connection_init`. Its only timeout starts again at each message.
async fn chatty_client(kind: Kind) -> String {
    let server = match kind {
        Kind::Ours => TestServer::start_with_short_timeout(kind).await,
        Kind::Stock => TestServer::start(kind).await,
    };
    let mut client = Client::open(&server).await;
    for _ in 0..100 {
        client.send(json!({ "type": "ping" })).await;
        let event = client.next().await;
        if event != Event::Message("pong".to_owned()) {
            return event.to_string();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    "stays open".to_owned()
}

async fn duplicate_id(kind: Kind) -> String {
    let server = TestServer::start(kind).await;
    let mut client = Client::ready(&server).await;
    client.subscribe("1", "subscription { forever }").await;
    client.subscribe("1", "{ caller }").await;
    client.next().await.to_string()
}

async fn after_complete(kind: Kind) -> String {
    let server = TestServer::start(kind).await;
    let mut client = Client::ready(&server).await;
    client.subscribe("1", "subscription { forever }").await;
    client.send(json!({ "id": "1", "type": "complete" })).await;
    client.send(json!({ "type": "ping" })).await;
    client.next().await.to_string()
}

async fn panicking_resolver(kind: Kind) -> String {
    let server = TestServer::start(kind).await;
    let mut client = Client::ready(&server).await;
    client.subscribe("1", "subscription { burst }").await;
    assert_eq!(client.next().await, Event::Message("next".to_owned()));
    client.next().await.to_string()
}

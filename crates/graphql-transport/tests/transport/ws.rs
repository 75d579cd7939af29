//! graphql-transport-ws: each case of the protocol, and each close code.

use std::{sync::atomic::Ordering, time::Duration};

use graphql_transport::settings::TransportSettings;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::{
    socket::{Socket, handshake},
    support::{Server, eventually},
};

#[tokio::test]
async fn a_query_over_the_socket_is_next_then_complete() {
    let server = Server::start().await;
    let mut socket = Socket::ready(&server).await;
    socket.subscribe("1", "{ caller }").await;
    assert_eq!(socket.next_of("1").await, json!({ "data": { "caller": "alice" } }));
    assert_eq!(socket.next().await, json!({ "type": "complete", "id": "1" }));
    socket.subscribe("1", "mutation { write }").await;
    assert_eq!(socket.next_of("1").await, json!({ "data": { "write": 1 } }));
}

#[tokio::test]
async fn a_subscription_gives_its_items_in_order_and_completes() {
    let server = Server::start().await;
    let mut socket = Socket::ready(&server).await;
    socket
        .send(json!({ "id": "s", "type": "subscribe", "payload": {
            "query": "subscription Count($to: Int!) { count(to: $to) }",
            "operationName": "Count", "variables": { "to": 3 }, "extensions": {},
        }}))
        .await;
    for n in 1..=3 {
        assert_eq!(socket.next_of("s").await, json!({ "data": { "count": n } }));
    }
    assert_eq!(socket.next().await, json!({ "type": "complete", "id": "s" }));
}

#[tokio::test]
async fn an_invalid_operation_gets_one_error_message() {
    let server = Server::start().await;
    let mut socket = Socket::ready(&server).await;
    for (query, code) in [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ noSuchField }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { noSuchField }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { count(to: 1) forever }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { __typename }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription Q($to: Int!) { count(to: $to) }", "BAD_USER_INPUT"),
    ] {
        socket.subscribe("1", query).await;
        let error = socket.error_of("1").await;
        assert_eq!(error["extensions"]["code"], code, "{query}: {error}");
        socket.silent().await;
    }
    assert_eq!(server.world.forever.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_field_error_is_a_next_message_with_errors() {
    let server = Server::start().await;
    let mut socket = Socket::ready(&server).await;
    socket.subscribe("1", "subscription { refuse }").await;
    let payload = socket.next_of("1").await;
    assert_eq!(payload["errors"][0]["extensions"]["code"], "FORBIDDEN");
    assert_eq!(socket.next().await["type"], "complete");

    socket.subscribe("1", "{ fail }").await;
    let payload = socket.next_of("1").await;
    assert_eq!(payload["errors"][0]["extensions"]["code"], "INTERNAL");
    assert!(!payload.to_string().contains("hunter2"), "{payload}");
}

#[tokio::test]
async fn a_panic_is_a_masked_error_and_the_socket_stays_open() {
    let server = Server::start().await;
    let mut socket = Socket::ready(&server).await;
    socket.subscribe("s", "subscription { burst }").await;
    socket.next_of("s").await;
    let error = socket.error_of("s").await;
    assert_eq!(error["extensions"]["code"], "INTERNAL");
    assert!(!error.to_string().contains("hunter2"), "{error}");
    socket.subscribe("s", "{ caller }").await;
    socket.next_of("s").await;
}

#[tokio::test]
async fn pings_of_both_kinds_are_answered_at_any_time() {
    let server = Server::start().await;
    let mut socket = Socket::open(&server).await;
    socket.send(json!({ "type": "ping" })).await;
    assert_eq!(socket.next().await, json!({ "type": "pong" }));
    socket.send(json!({ "type": "ping", "payload": { "n": 1 } })).await;
    assert_eq!(socket.next().await, json!({ "type": "pong", "payload": { "n": 1 } }));
    socket.send(json!({ "type": "pong" })).await;
    socket.send_raw(Message::Ping("frame".into())).await;
    assert_eq!(socket.frame().await, Message::Pong("frame".into()));
}

#[tokio::test]
async fn after_the_clients_complete_there_is_silence() {
    let server = Server::start().await;
    let mut socket = Socket::ready(&server).await;
    // In each round, items are waiting to be written when the server reads `complete`.
    for round in 0..20 {
        let id = format!("flood {round}");
        socket.subscribe(&id, "subscription { flood(bytes: 100) }").await;
        socket.next_of(&id).await;
        socket.complete(&id).await;
        socket.send(json!({ "type": "ping" })).await;
        loop {
            let message = socket.next().await;
            if message["type"] == "pong" {
                break;
            }
            assert_eq!((&message["type"], &message["id"]), (&json!("next"), &json!(id)));
        }
    }
    // A late item of a round would have failed the assertion of the next round.
    socket.silent().await;
    socket.subscribe("hold", "mutation { hold }").await;
    server.world.begun.notified().await;
    socket.complete("hold").await;
    socket.silent().await;
    server.world.release.notify_one();
    eventually(|| server.written() == 1).await;
    socket.silent().await;
}

#[tokio::test]
async fn a_completed_subscription_is_dropped_and_its_id_is_free() {
    let server = Server::start().await;
    let mut socket = Socket::ready(&server).await;
    for _ in 0..3 {
        socket.subscribe("s", "subscription { forever }").await;
        eventually(|| server.world.forever.load(Ordering::SeqCst) == 1).await;
        socket.complete("s").await;
        eventually(|| server.world.forever.load(Ordering::SeqCst) == 0).await;
    }
    socket.complete("never subscribed").await;
    socket.silent().await;
}

#[tokio::test]
async fn a_reused_id_gets_nothing_of_the_operation_before() {
    let server = Server::start().await;
    let mut socket = Socket::ready(&server).await;
    for _ in 0..20 {
        socket.subscribe("s", "subscription { flood(bytes: 100) }").await;
        socket.next_of("s").await;
        socket.complete("s").await;
        socket.subscribe("s", "{ caller }").await;
        let mut payload = socket.next_of("s").await;
        while payload["data"].get("flood").is_some() {
            payload = socket.next_of("s").await;
        }
        assert_eq!(payload["data"]["caller"], "alice");
        assert_eq!(socket.next().await["type"], "complete");
    }
}

#[tokio::test]
async fn a_flood_does_not_starve_a_tick() {
    let server = Server::start().await;
    let mut socket = Socket::ready(&server).await;
    for n in 0..10 {
        let id = format!("flood {n}");
        socket.subscribe(&id, "subscription { flood(bytes: 5000) }").await;
    }
    socket.subscribe("tick", "subscription { tick }").await;
    for n in 1..=50 {
        server.world.tick.notify_one();
        let mut others = 0;
        loop {
            let message = socket.next().await;
            if message["id"] == "tick" {
                assert_eq!(message["payload"]["data"]["tick"], n);
                break;
            }
            others += 1;
            // Messages in the kernel's buffers may arrive first.
            assert!(others < 20_000, "tick {n} is starved");
        }
    }
    for n in 0..10 {
        socket.complete(&format!("flood {n}")).await;
    }
    socket.subscribe("caller", "{ caller }").await;
    while socket.next().await["id"] != "caller" {}
}

#[tokio::test]
async fn a_message_outside_the_protocol_closes_with_4400() {
    let server = Server::start().await;
    let subscribe_to_a_number = json!({ "id": "1", "type": "subscribe", "payload": { "query": 1 } });
    for message in [
        Message::text("not json"),
        Message::text("[]"),
        Message::text(r#"{"type":"start","id":"1"}"#),
        Message::text(r#"{"type":"next","id":"1","payload":{}}"#),
        Message::text(r#"{"type":"complete"}"#),
        Message::text(subscribe_to_a_number.to_string()),
        Message::binary(r#"{"type":"ping"}"#.as_bytes().to_vec()),
    ] {
        let mut socket = Socket::ready(&server).await;
        socket.send_raw(message.clone()).await;
        let (code, reason) = socket.closed().await;
        assert_eq!(code, 4400, "{message:?}");
        assert!(reason.starts_with("Invalid message"), "{reason}");
    }
}

#[tokio::test]
async fn subscribing_before_the_ack_closes_with_4401() {
    let server = Server::start().await;
    let mut early = Socket::open(&server).await;
    early.subscribe("1", "{ __typename }").await;
    assert_eq!(early.closed().await, (4401, "Unauthorized".to_owned()));

    let mut while_signing_in = Socket::open(&server).await;
    while_signing_in.init("slow").await;
    while_signing_in.subscribe("1", "{ __typename }").await;
    assert_eq!(while_signing_in.closed().await.0, 4401);
}

#[tokio::test]
async fn a_bad_or_missing_token_closes_with_4403() {
    let server = Server::start().await;
    for payload in [
        Value::Null,
        json!({}),
        json!({ "Authorization": "Bearer forged" }),
        json!({ "Authorization": "alice" }),
        json!({ "Authorization": 1 }),
    ] {
        let mut socket = Socket::open(&server).await;
        socket.send(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.closed().await, (4403, "Forbidden: the token is invalid".to_owned()));
    }
}

#[tokio::test]
async fn the_token_may_have_a_lower_case_key() {
    let server = Server::start().await;
    let mut socket = Socket::open(&server).await;
    let payload = json!({ "authorization": "bearer alice" });
    socket.send(json!({ "type": "connection_init", "payload": payload })).await;
    let ack = socket.next().await;
    assert_eq!(ack["type"], "connection_ack");
    assert_eq!(ack["payload"]["schemaHash"].as_str().map(str::len), Some(64));
}

#[tokio::test]
async fn an_expired_token_closes_with_4403() {
    let server = Server::start().await;
    let mut socket = Socket::ready_as(&server, "brief").await;
    socket.subscribe("s", "subscription { forever }").await;
    let (code, reason) = socket.closed().await;
    assert_eq!(code, 4403);
    assert!(reason.contains("expired"), "{reason}");
    eventually(|| server.world.forever.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn the_socket_of_a_revoked_token_closes_with_4403() {
    let server = Server::start().await;
    let mut other = Socket::ready(&server).await;
    let mut socket = Socket::ready_as(&server, "revocable").await;
    socket.subscribe("s", "subscription { flood(bytes: 100) }").await;
    socket.next_of("s").await;
    server.world.revoke.cancel();
    let (code, reason) = socket.closed().await;
    assert_eq!(code, 4403);
    assert!(reason.contains("revoked"), "{reason}");
    other.silent().await;
}

#[tokio::test]
async fn an_unavailable_sign_in_closes_with_1013() {
    let server = Server::start().await;
    let mut socket = Socket::open(&server).await;
    socket.init("unavailable").await;
    assert_eq!(socket.closed().await.0, 1013);
}

#[tokio::test]
async fn without_the_subprotocol_the_socket_closes_with_4406() {
    let server = Server::start().await;
    let mut request = handshake(&server);
    request.headers_mut().remove("sec-websocket-protocol");
    let mut socket = Socket::open_with(request).await.unwrap();
    assert_eq!(socket.closed().await, (4406, "Subprotocol not acceptable".to_owned()));
}

#[tokio::test]
async fn a_client_that_does_not_initialise_is_closed_with_4408() {
    let server = Server::with(TransportSettings {
        init_timeout: Duration::from_millis(500),
        ..TransportSettings::default()
    })
    .await;
    let mut silent = Socket::open(&server).await;
    let mut chatty = Socket::open(&server).await;
    chatty.send(json!({ "type": "ping" })).await;
    for socket in [&mut silent, &mut chatty] {
        let expected = (4408, "Connection initialisation timeout".to_owned());
        assert_eq!(socket.closed().await, expected);
    }
    let mut ready = Socket::ready(&server).await;
    ready.silent().await;
}

#[tokio::test]
async fn a_second_subscriber_of_an_id_closes_with_4409() {
    let server = Server::start().await;
    let mut socket = Socket::ready(&server).await;
    socket.subscribe("s", "subscription { forever }").await;
    socket.subscribe("s", "{ caller }").await;
    assert_eq!(socket.closed().await, (4409, "Subscriber for s already exists".to_owned()));
    eventually(|| server.world.forever.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn a_second_init_closes_with_4429() {
    let server = Server::start().await;
    let mut ready = Socket::ready(&server).await;
    ready.init("alice").await;
    let mut signing_in = Socket::open(&server).await;
    signing_in.init("slow").await;
    signing_in.init("slow").await;
    for socket in [&mut ready, &mut signing_in] {
        let expected = (4429, "Too many initialisation requests".to_owned());
        assert_eq!(socket.closed().await, expected);
    }
}

#[tokio::test]
async fn a_mutation_completes_although_its_socket_closed() {
    let server = Server::start().await;
    let mut socket = Socket::ready(&server).await;
    socket.subscribe("m", "mutation { hold }").await;
    server.world.begun.notified().await;
    drop(socket);
    eventually(|| server.endpoint.open_sockets() == 0).await;
    server.world.release.notify_one();
    server.endpoint.drain().await;
    assert_eq!(server.written(), 1);
}

#[tokio::test]
async fn a_stopping_server_closes_with_1012_and_refuses_new_sockets() {
    let server = Server::start().await;
    let mut socket = Socket::ready(&server).await;
    socket.subscribe("s", "subscription { forever }").await;
    server.shutdown.cancel();
    assert_eq!(socket.closed().await, (1012, "Service restart".to_owned()));
    assert!(Socket::open_with(handshake(&server)).await.is_err());
    server.endpoint.drain().await;
    assert_eq!(server.endpoint.open_sockets(), 0);
}

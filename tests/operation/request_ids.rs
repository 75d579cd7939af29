//! The ids of requests, which clients can quote in reports.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::outcome::text;
use crate::support::socket::Socket;
use crate::support::world::World;

/// Sends a request that is refused. Returns the id in the response's header, and the id in its error.
async fn refused(world: &World, sent: Option<&str>) -> (String, String) {
    let mut request = world.app.http().post(world.app.url("/graphql")).json(&json!({ "query": "{" }));
    if let Some(sent) = sent {
        request = request.header("x-request-id", sent);
    }
    let answer = request.send().await.expect("answers");
    let header = answer.headers()["x-request-id"].to_str().expect("text").to_owned();
    let body: Value = answer.json().await.expect("JSON");
    (header, text(&body["errors"][0]["extensions"]["requestId"]).to_owned())
}

on_both! {
    async fn a_request_has_an_id_that_its_errors_quote(world: World) {
        let (header, quoted) = refused(world, Some("checkout-7.f_3")).await;
        assert_eq!((header.as_str(), quoted.as_str()), ("checkout-7.f_3", "checkout-7.f_3"));
        let long = "x".repeat(65);
        for bad in [None, Some("a b"), Some("a\"b"), Some(""), Some(long.as_str())] {
            let (header, quoted) = refused(world, bad).await;
            assert!(Uuid::parse_str(&header).is_ok(), "{bad:?} became {header}");
            assert_eq!(header, quoted);
        }
    }

    async fn each_operation_of_a_socket_has_an_id(world: World) {
        let socket = Socket::open(&world.rep.client).await;
        let mut ids = Vec::new();
        for document in ["{", "{ noSuchField }", "subscription { noSuchField }", "{ node(id: 1) { nothing } }"] {
            let errors = socket.subscribe(document, Value::Null).refusal().await;
            let id = text(&errors[0]["extensions"]["requestId"]).to_owned();
            assert!(Uuid::parse_str(&id).is_ok(), "{errors}");
            assert!(!ids.contains(&id), "{id} names two operations");
            ids.push(id);
        }
    }
}

//! Limits on complexity, rate and database time, and introspection within them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::outcome::items;
use crate::support::socket::{Item, Socket};
use crate::support::world::World;

/// The introspection query of graphql-js with all options, as GraphiQL sends it: `ofType` nested nine times.
const INTROSPECTION: &str = "
  query IntrospectionQuery {
    __schema {
      description queryType { name kind } mutationType { name kind } subscriptionType { name kind }
      types { ...FullType }
      directives { name description isRepeatable locations args(includeDeprecated: true) { ...InputValue } }
    }
  }
  fragment FullType on __Type {
    kind name description specifiedByURL isOneOf
    fields(includeDeprecated: true) {
      name description args(includeDeprecated: true) { ...InputValue } type { ...TypeRef }
      isDeprecated deprecationReason
    }
    inputFields(includeDeprecated: true) { ...InputValue }
    interfaces { ...TypeRef }
    enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
    possibleTypes { ...TypeRef }
  }
  fragment InputValue on __InputValue {
    name description type { ...TypeRef } defaultValue isDeprecated deprecationReason
  }
  fragment TypeRef on __Type {
    kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType {
      kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } }
    } } } } }
  }";

on_both! {
    async fn introspection_as_tools_send_it_is_within_the_limits(world: World) {
        let stranger = world.app.stranger().data(INTROSPECTION, json!({})).await;
        assert!(items(&stranger["__schema"]["types"]).len() > 50);
        let socket = Socket::open(&world.rep.client).await;
        let on_socket = socket.subscribe(INTROSPECTION, json!({})).item().await;
        assert_eq!(on_socket, Item::Next(json!({ "data": stranger })));
    }

    async fn complexity_counts_the_length_of_lists(world: World) {
        let strict = world.app.sibling_with(|settings| settings.operations.complexity = 100).await;
        let rep = world.rep.at(strict.address());
        let page = |first: i32| format!("{{ conversations(first: {first}) {{ nodes {{ id status }} }} }}");
        rep.client.data(&page(10), json!({})).await;
        let refused = rep.client.query(&page(90), json!({})).await;
        assert_eq!((refused.status, refused.error_code()), (400, "LIMIT_EXCEEDED"));
        let error: Value = Socket::open(&rep.client).await.subscribe(&page(90), json!({})).refusal().await;
        assert_eq!(error[0]["extensions"]["code"], "LIMIT_EXCEEDED", "{error}");
        strict.stop().await;
    }

    async fn responses_report_the_rate_limit_of_the_agent(world: World) {
        let strict = world.app.sibling_with(|settings| settings.transport.points_per_minute = 3).await;
        let ask = async || {
            let request = strict.http().post(strict.url("/graphql"));
            let request = request.header("authorization", world.rep.client.authorization().expect("signed in"));
            request.json(&json!({ "query": "{ viewer { id } }" })).send().await.expect("the server answers")
        };
        let first = ask().await;
        assert_eq!(first.status(), 200);
        assert_eq!(first.headers()["ratelimit-limit"], "3");
        assert_eq!(first.headers()["ratelimit-remaining"], "2");
        assert_eq!(first.headers()["ratelimit-reset"], "20");
        let mut last = ask().await;
        for _ in 0..10 {
            last = ask().await;
        }
        assert_eq!(last.status(), 429);
        assert!(last.headers().contains_key("retry-after"));
        // Service tokens that deliver messages are not rate limited.
        for n in 1..=5 {
            let to = world.number.clone();
            let answer = world.gateway.at(strict.address()).try_mutate(
                "receiveMessage",
                json!({ "providerMessageId": format!("SM{n}"), "from": "+16505550100", "to": to.number, "body": "Hi" }),
                "changed",
            ).await;
            assert_eq!(answer.payload("receiveMessage").value["changed"], true);
        }
        strict.stop().await;
    }

    async fn a_lock_or_a_statement_that_takes_too_long_is_unavailable(world: World) {
        if !world.app.is_postgres() {
            return;
        }
        let id = world.conversation(1).await;
        let (short, long) = (Duration::from_millis(200), Duration::from_secs(600));
        for (statement, lock) in [(short, long), (long, short)] {
            let strict = world
                .app
                .sibling_with(|settings| {
                    (settings.timeouts.statement, settings.timeouts.lock) = (statement, lock);
                    settings.transport.request_timeout = long;
                })
                .await;
            let rep = world.rep.at(strict.address());
            let mut connection = world.app.sql_connection().await;
            connection.run("BEGIN; UPDATE conversations SET version = version").await;
            let input = json!({ "conversationId": id });
            let answer = rep.client.try_mutate("claimConversation", input, "changed").await;
            assert_eq!(answer.error_code(), "UNAVAILABLE", "{answer}");
            assert_eq!(answer.body["errors"][0]["extensions"]["retryable"], true);
            connection.run("ROLLBACK").await;
            rep.claim(&id).await.ok();
            rep.unassign(&id).await.changed();
            strict.stop().await;
        }
    }
}

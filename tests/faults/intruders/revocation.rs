//! Stolen tokens: taking them back, and what they cannot be used for.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use switchboard::clock::Clock;
use switchboard::domain::Role;
use switchboard::token::Caller;

use crate::support::agent::Agent;
use crate::support::app::SECRET;
use crate::support::client::Client;
use crate::support::documents::USER_ERRORS;
use crate::support::fault::process::output_of;
use crate::support::outcome::{Payload, number, text};
use crate::support::socket::{Item, Socket};
use crate::support::world::World;

/// A client with the token that the agent has now, which it keeps when the agent gets a new one.
fn thief(world: &World, agent: &Agent) -> Client {
    let header = agent.client.authorization().expect("a token");
    world.app.client(header.strip_prefix("Bearer ").expect("a bearer token").to_owned())
}

async fn status(client: &Client) -> u16 {
    client.query("{ viewer { id } }", json!({})).await.status
}

async fn assert_refused(client: &Client) {
    assert_eq!(status(client).await, 401);
    assert_eq!(Socket::try_open(client).await.err(), Some(Item::Closed(Some(4403))));
}

async fn revoke(by: &Agent, of: &Agent) -> Payload {
    let selection = format!("agent {{ id }} changed asOf {USER_ERRORS}");
    by.client.mutate("revokeAgentTokens", json!({ "agentId": of.id }), &selection).await
}

async fn issue(by: &Client, of: &Agent, ttl: i64) -> Payload {
    let input = json!({ "agentId": of.id, "ttlSeconds": ttl });
    by.mutate("issueAgentToken", input, &format!("token expiresAt {USER_ERRORS}")).await
}

fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64")).expect("JSON")
}

/// Seconds since the Unix epoch.
fn now() -> i64 {
    Clock::system().now().as_micros() / 1_000_000
}

/// A token of the agent with `more` claims, signed with the server's secret.
fn signed(world: &World, agent: &Agent, more: Value) -> Client {
    let claims =
        json!({ "sub": agent.agent_id.0, "workspace": world.id.0, "kind": "agent", "exp": now() + 600 });
    let claims = crate::support::agent::merged(claims, more);
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key);
    world.app.client(token.expect("signs"))
}

on_both! {
    async fn a_stolen_token_does_not_come_back_with_its_agent(world: World) {
        let thief = thief(world, &world.rep);
        assert_eq!(status(&thief).await, 200);
        world.deactivate(&world.rep).await.changed();
        assert_refused(&thief).await;
        world.reactivate(&world.rep).await.changed();
        assert_refused(&thief).await;
        assert_eq!(status(&world.rep.client).await, 200, "the agent has a new token");
    }

    async fn a_change_of_role_takes_the_old_tokens_back(world: World) {
        let lead = world.join(&world.app, "Lea Lead", Role::Manager, false).await;
        let thief = thief(world, &lead);
        let update = async |field: &str, value: Value| {
            let input = json!({ "agentId": lead.id, field: value });
            world.manager.client.mutate("updateAgent", input, &format!("changed {USER_ERRORS}")).await.changed()
        };
        update("title", json!("Lead")).await;
        assert_eq!(status(&thief).await, 200, "a new title revokes nothing");
        update("role", json!("REP")).await;
        assert_refused(&thief).await;
        update("role", json!("MANAGER")).await;
        assert_refused(&thief).await;
        lead.sign_in_again(world.id);
        assert_eq!(status(&lead.client).await, 200);
    }

    async fn a_revoked_token_signs_in_nowhere_and_its_sockets_are_closed(world: World) {
        let thief = thief(world, &world.rep);
        let mut socket = Socket::open(&thief).await;
        let mut changes = socket.subscribe(&crate::support::documents::queue_changes(), json!({}));
        changes.next().await;
        let sibling = world.app.sibling().await;
        let done = revoke(&world.manager, &world.rep).await.changed();
        assert_eq!(done.value["agent"]["id"], world.rep.id.as_str(), "{done}");
        assert_refused(&thief).await;
        assert_refused(&thief.at(sibling.address())).await;
        let later = world.conversation(1).await;
        loop {
            match changes.item().await {
                Item::Next(item) => assert!(!item.to_string().contains(&later), "{item:#}"),
                Item::Complete => break,
                Item::Closed(code) => {
                    assert_eq!(code, Some(4403));
                    break;
                }
                Item::Error(errors) => panic!("{errors:#}"),
            }
        }
        assert_eq!(socket.close_code().await, Some(4403));
        // A token from after the revocation is valid, on both servers.
        world.rep.sign_in_again(world.id);
        assert_eq!(status(&world.rep.client).await, 200);
        assert_eq!(status(&world.rep.client.at(sibling.address())).await, 200);
        sibling.stop().await;
    }

    async fn a_socket_that_is_still_open_after_a_revocation_changes_nothing(world: World) {
        let sibling = world.app.sibling().await;
        let document = "mutation($id: ID!) { claimConversation(input: { conversationId: $id }) { changed } }";
        for customer in 1..=5 {
            let conversation = world.conversation(customer).await;
            let mut socket = Socket::open(&world.rep.client.at(sibling.address())).await;
            revoke(&world.manager, &world.rep).await.changed();
            // The other server may not have closed the socket yet.
            let mut claim = socket.subscribe(document, json!({ "id": conversation }));
            let answer = tokio::select! {
                answer = claim.item() => answer,
                code = socket.close_code() => Item::Closed(code),
            };
            match answer {
                Item::Closed(code) => assert_eq!(code, Some(4403)),
                Item::Next(answer) => {
                    assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{answer:#}");
                }
                other => panic!("{other:?}"),
            }
            let found = world.manager.conversation_with(&conversation, "assignee { id }").await;
            assert_eq!(found["assignee"], Value::Null);
            world.rep.sign_in_again(world.id);
        }
        sibling.stop().await;
    }

    async fn agents_revoke_their_own_tokens_and_nobody_elses(world: World) {
        revoke(&world.rep, &world.rep2).await.refused("NOT_ALLOWED");
        revoke(&world.rep, &world.manager).await.refused("NOT_ALLOWED");
        assert_eq!(status(&world.rep2.client).await, 200);
        revoke(&world.rep, &world.rep).await.changed();
        assert_refused(&world.rep.client).await;
    }

    async fn a_short_token_breeds_no_long_one(world: World) {
        let caller = Caller::agent(world.id, world.manager.agent_id);
        let own = world.app.token_for(caller, 0, Duration::from_secs(120));
        let manager = world.app.client(own.clone());
        for agent in [&world.manager, &world.rep] {
            let issued = issue(&manager, agent, 2_592_000).await.ok();
            let bred = claims(text(&issued.value["token"]));
            assert!(number(&bred["exp"]) <= number(&claims(&own)["exp"]), "{bred}");
            assert!(bred["jti"].is_string() && bred["iat"].is_number(), "{bred}");
        }
        let issued = issue(&manager, &world.rep, 60).await.ok();
        let bred = claims(text(&issued.value["token"]));
        assert!(number(&bred["exp"]) <= now() + 60, "{bred}");
    }

    async fn a_manager_issues_no_token_for_another_manager(world: World) {
        let lead = world.join(&world.app, "Lea Lead", Role::Manager, false).await;
        let refused = issue(&world.manager.client, &lead, 60).await;
        refused.refused("NOT_ALLOWED");
        assert!(refused.value["token"].is_null(), "{refused}");
    }

    async fn a_token_that_does_not_say_when_it_was_issued_is_valid_until_the_first_revocation(world: World) {
        let old = signed(world, &world.rep, json!({}));
        assert_eq!(status(&old).await, 200);
        revoke(&world.manager, &world.rep).await.changed();
        assert_refused(&old).await;
        assert_eq!(status(&signed(world, &world.rep, json!({ "iat": now() + 1 }))).await, 200);
        // A token from the future would outlive the next revocation.
        assert_refused(&signed(world, &world.rep, json!({ "iat": now() + 3_600 }))).await;
    }

    async fn the_operator_revokes_tokens_on_the_command_line(world: World) {
        let thief = thief(world, &world.manager);
        let url = [("SWITCHBOARD_DATABASE", world.app.database_url())];
        let agent = world.manager.agent_id.0.to_string();
        let done = output_of(Path::new("/"), &["token", "revoke", "--agent", &agent], &url).await;
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert_refused(&thief).await;
        let signed = output_of(Path::new("/"), &["token", "--agent", &agent], &url).await;
        let token = String::from_utf8(signed.stdout).expect("UTF-8").trim().to_owned();
        assert_eq!(status(&world.app.client(token)).await, 200);
        let unknown = uuid::Uuid::new_v4().to_string();
        let failed = output_of(Path::new("/"), &["token", "revoke", "--agent", &unknown], &url).await;
        assert_eq!(failed.status.code(), Some(1));
    }
}

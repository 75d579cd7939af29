//! Leaked service tokens: what they show, and taking them back.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use switchboard::domain::service_token::{ServiceScope, ServiceScopes};
use switchboard::token::Caller;

use crate::support::agent::unique_key;
use crate::support::client::Client;
use crate::support::documents::{self, USER_ERRORS};
use crate::support::fault::process::output_of;
use crate::support::outcome::{Payload, Response, items, number, text};
use crate::support::socket::{Item, Socket};
use crate::support::world::{World, customer};
use crate::support::{eventually, operator};

/// What a service that only delivers may select.
const ALLOWED: &str = "changed asOf userErrors { code message path } conversation { id status }";

/// A customer's message on the first number.
fn message(world: &World, id: &str) -> Value {
    json!({ "providerMessageId": id, "from": customer(1), "to": world.number.number, "body": "Hello" })
}

async fn deliver(client: &Client, input: Value, selection: &str) -> Response {
    client.try_mutate("receiveMessage", input, selection).await
}

async fn assert_forbidden(answer: &Response) {
    assert_eq!(answer.error_code(), "FORBIDDEN", "{answer}");
    assert!(answer.body["data"]["receiveMessage"].is_null(), "{answer}");
}

async fn issue(world: &World, name: &str, scopes: &[&str], more: Value) -> Payload {
    let input = crate::support::agent::merged(json!({ "name": name, "scopes": scopes }), more);
    let selection = format!("token serviceToken {{ id name scopes expiresAt }} changed {USER_ERRORS}");
    world.manager.client.mutate("issueServiceToken", input, &selection).await
}

/// A service with these scopes, and the id of its token.
async fn service(world: &World, scopes: &[&str]) -> (Client, String) {
    let issued = issue(world, "Gateway", scopes, json!({})).await.changed();
    let token = text(&issued.value["token"]).to_owned();
    (world.app.client(token), text(&issued.value["serviceToken"]["id"]).to_owned())
}

async fn revoke(world: &World, id: &str) -> Payload {
    let selection = format!("serviceToken {{ id revokedAt }} changed {USER_ERRORS}");
    world.manager.client.mutate("revokeServiceToken", json!({ "serviceTokenId": id }), &selection).await
}

async fn assert_refused(client: &Client) {
    let answer = client.query("{ viewer { id } }", json!({})).await;
    assert_eq!(answer.status, 401, "{answer}");
    assert_eq!(Socket::try_open(client).await.err(), Some(Item::Closed(Some(4403))));
}

on_both! {
    async fn a_leaked_delivery_token_reads_nothing(world: World) {
        let (gateway, _) = service(world, &["DELIVER"]).await;
        world.text(&customer(1), "My card is 4111").await;
        let before = world.everything().await;
        for selection in [
            "conversation { messages(last: 100) { nodes { body } } }",
            "conversation { history { nodes { actor { email } } } }",
            "conversation { assignee { email } }",
            "conversation { contact { number name } }",
            "conversation { id status lastMessage { body } }",
            "conversation { status: version }",
            "message { body }",
            "conversation { ... on Conversation { id ... on Node { id } unread } }",
            "userErrors { ... on ConflictError { current { messages { nodes { body } } } } }",
        ] {
            assert_forbidden(&deliver(&gateway, message(world, &unique_key()), selection).await).await;
        }
        for query in ["{ workspace { name } }", "{ phoneNumbers { number } }", "{ conversations { nodes { id } } }"] {
            gateway.query(query, json!({})).await.assert_error(&["FORBIDDEN"]);
        }
        assert_eq!(world.everything().await, before, "nothing was stored");
        let id = unique_key();
        let stored = deliver(&gateway, message(world, &id), ALLOWED).await.payload("receiveMessage").changed();
        assert_eq!(stored.value["conversation"]["status"], "OPEN", "{stored}");
        let aliased = "done: changed it: conversation { key: id __typename ... on Conversation { status } }";
        let repeated = deliver(&gateway, message(world, &id), aliased).await;
        assert_eq!(repeated.body["data"]["receiveMessage"]["done"], false, "{repeated}");
        // A repeated message writes nothing and shows nothing either.
        assert_forbidden(&deliver(&gateway, message(world, &id), "conversation { unread }").await).await;
    }

    async fn a_revoked_service_token_delivers_nothing(world: World) {
        let (gateway, id) = service(world, &["DELIVER"]).await;
        let sibling = world.app.sibling().await;
        let mut socket = Socket::open(&gateway.at(sibling.address())).await;
        deliver(&gateway, message(world, &unique_key()), ALLOWED).await.payload("receiveMessage").changed();
        let before = world.everything().await;
        let revoked = revoke(world, &id).await.changed();
        assert!(revoked.value["serviceToken"]["revokedAt"].is_string(), "{revoked}");
        let document = "mutation($input: ReceiveMessageInput!) { receiveMessage(input: $input) { changed } }";
        let mut attempt = socket.subscribe(document, json!({ "input": message(world, &unique_key()) }));
        let answer = tokio::select! {
            answer = attempt.item() => answer,
            code = socket.close_code() => Item::Closed(code),
        };
        match answer {
            Item::Closed(code) => assert_eq!(code, Some(4403)),
            Item::Next(answer) => {
                assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{answer:#}");
                assert_eq!(socket.close_code().await, Some(4403));
            }
            other => panic!("{other:?}"),
        }
        for gateway in [gateway.clone(), gateway.at(sibling.address())] {
            assert_refused(&gateway).await;
        }
        revoke(world, &id).await.unchanged();
        let after = world.everything().await;
        assert_eq!(after[0][0], before[0][0], "nothing was stored");
        let other = crate::support::world::Workspace::create(&world.app, switchboard::domain::Plan::Team).await;
        let selection = format!("changed {USER_ERRORS}");
        let foreign = other.manager.client.mutate("revokeServiceToken", json!({ "serviceTokenId": id }), &selection);
        foreign.await.refused("NOT_FOUND");
        sibling.stop().await;
    }

    async fn forged_and_expired_service_tokens_are_refused(world: World) {
        let soon = switchboard::clock::Clock::system().now().plus_micros(1_500_000);
        let issued = issue(world, "Short", &["DELIVER"], json!({ "expiresAt": soon.to_string() })).await.changed();
        let token = text(&issued.value["token"]).to_owned();
        let short = world.app.client(token.clone());
        eventually("the token expires", async || {
            let answer = short.query("{ viewer { id } }", json!({})).await;
            (answer.status == 401).then_some(())
        })
        .await;
        assert_refused(&short).await;
        issue(world, "Late", &["DELIVER"], json!({ "expiresAt": "2020-01-01T00:00:00Z" })).await.refused("INVALID");
        issue(world, "None", &[], json!({})).await.refused("INVALID");
        let (good, _) = service(world, &["DELIVER", "READ"]).await;
        let good = good.authorization().expect("a token");
        let good = good.strip_prefix("Bearer sbt_").expect("a service token");
        let bytes = URL_SAFE_NO_PAD.decode(good).expect("base64");
        for at in [0, 16, 32, bytes.len() - 1] {
            let mut forged = bytes.clone();
            forged[at] ^= 1;
            let token = format!("sbt_{}", URL_SAFE_NO_PAD.encode(&forged));
            assert_refused(&world.app.client(token)).await;
        }
        for forged in [format!("sbt_{}", &good[..good.len() - 8]), "sbt_".to_owned(), good.to_owned()] {
            assert_refused(&world.app.client(forged)).await;
        }
    }

    async fn signed_service_tokens_deliver_until_all_of_them_are_revoked(world: World) {
        let signed = world.app.client(world.app.token(Caller::service(world.id)));
        let (stored, _) = service(world, &["DELIVER"]).await;
        deliver(&signed, message(world, &unique_key()), ALLOWED).await.payload("receiveMessage").changed();
        assert_forbidden(&deliver(&signed, message(world, &unique_key()), "message { body }").await).await;
        let mut socket = Socket::open(&signed).await;
        let url = [("SWITCHBOARD_DATABASE", world.app.database_url())];
        let workspace = world.id.0.to_string();
        let of = ["--workspace", &workspace];
        let done = output_of(Path::new("/"), &[&["token", "revoke", "--service-tokens"], &of[..]].concat(), &url).await;
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert_refused(&signed).await;
        assert_refused(&stored).await;
        assert_eq!(socket.close_code().await, Some(4403));
        let issued = output_of(Path::new("/"), &[&["token", "--service", "--name", "Cron"], &of[..]].concat(), &url).await;
        let token = String::from_utf8(issued.stdout).expect("UTF-8").trim().to_owned();
        let fresh = world.app.client(token);
        deliver(&fresh, message(world, &unique_key()), ALLOWED).await.payload("receiveMessage").changed();
        let listed = world.manager.client.data("{ serviceTokens { name revokedAt } }", json!({})).await;
        let cron = items(&listed["serviceTokens"]).iter().find(|token| token["name"] == "Cron");
        assert_eq!(cron.expect("listed")["revokedAt"], Value::Null, "{listed:#}");
    }

    async fn service_tokens_are_listed_with_their_last_use_and_without_their_secret(world: World) {
        let (gateway, id) = service(world, &["DELIVER", "READ"]).await;
        let document = "query($id: ID!) {
            node(id: $id) { ... on ServiceToken { id name scopes lastUsedAt createdAt } }
            serviceTokens { id name scopes lastUsedAt }
        }";
        let read = async || world.manager.client.data(document, json!({ "id": id })).await;
        let unused = read().await;
        assert_eq!(unused["node"]["lastUsedAt"], Value::Null, "{unused:#}");
        assert_eq!(unused["node"]["scopes"], json!(["DELIVER", "READ"]), "{unused:#}");
        gateway.data("{ workspace { id } }", json!({})).await;
        eventually("the use is recorded", async || {
            let used = read().await;
            let listed = items(&used["serviceTokens"]).iter().find(|token| token["id"] == id.as_str())?;
            assert_eq!(listed["name"], "Gateway");
            (used["node"]["lastUsedAt"].is_string() && listed["lastUsedAt"].is_string()).then_some(())
        })
        .await;
        world.rep.client.query("{ serviceTokens { id } }", json!({})).await.assert_error(&["FORBIDDEN"]);
        gateway.query("{ serviceTokens { id } }", json!({})).await.assert_error(&["FORBIDDEN"]);
    }

    async fn a_reading_service_sees_every_number_and_owns_nothing(world: World) {
        let (reader, id) = service(world, &["READ"]).await;
        let hidden = world.add_number(&world.app, &[&world.rep], "Hidden").await;
        let (one, two) = (world.conversation(1).await, world.conversation_on(&hidden, 2).await);
        world.rep.claim(&one).await.changed();
        let page = "query($view: ConversationView!, $filter: ConversationFilter) {
            viewer { id }
            phoneNumbers { id }
            conversations(view: $view, filter: $filter) { totalCount nodes { id unread viewerCanReply } }
            viewCounts { inbox { total unread } assignedToMe { total } unassigned { total unread } }
        }";
        let read = async |view: &str, filter: Value| {
            reader.data(page, json!({ "view": view, "filter": filter })).await
        };
        let inbox = read("INBOX", json!({})).await;
        assert_eq!(inbox["viewer"], Value::Null);
        assert_eq!(items(&inbox["phoneNumbers"]).len(), 3, "{inbox:#}");
        let nodes = items(&inbox["conversations"]["nodes"]);
        for id in [&one, &two] {
            let node = nodes.iter().find(|node| node["id"] == id.as_str()).expect("in the Inbox");
            assert_eq!(node, &json!({ "id": id, "unread": false, "viewerCanReply": false }));
        }
        let counts = json!({
            "inbox": { "total": 2, "unread": 0 }, "assignedToMe": { "total": 0 },
            "unassigned": { "total": 1, "unread": 0 },
        });
        assert_eq!(inbox["viewCounts"], counts, "{inbox:#}");
        for (view, filter, expected) in [
            ("ASSIGNED_TO_ME", json!({}), 0),
            ("UNASSIGNED", json!({}), 1),
            ("INBOX", json!({ "unread": true }), 0),
            ("INBOX", json!({ "unread": false }), 2),
        ] {
            let list = &read(view, filter.clone()).await["conversations"];
            assert_eq!(number(&list["totalCount"]), expected, "{view} {filter}: {list:#}");
            assert_eq!(i64::try_from(items(&list["nodes"]).len()), Ok(expected), "{view} {filter}: {list:#}");
        }
        let claim = "mutation($id: ID!) { claimConversation(input: { conversationId: $id }) { changed } }";
        reader.query(claim, json!({ "id": two })).await.assert_error(&["FORBIDDEN"]);
        assert_forbidden(&deliver(&reader, message(world, &unique_key()), ALLOWED).await).await;

        let mut socket = Socket::open(&reader).await;
        let mut changes = socket.subscribe(&documents::queue_changes(), json!({ "view": "INBOX" }));
        changes.next().await;
        world.text_to(&hidden, &customer(2), "Anybody there?").await;
        let change = changes.next_change().await;
        assert_eq!(change["conversation"]["id"], two.as_str(), "{change:#}");
        assert_eq!(change["conversation"]["unread"], false, "{change:#}");
        revoke(world, &id).await.changed();
        let later = world.conversation(3).await;
        while let Item::Next(item) = changes.item().await {
            assert!(!item.to_string().contains(&later), "{item:#}");
        }
        assert_eq!(socket.close_code().await, Some(4403));
        assert_refused(&reader).await;
        world.app.assert_store_is_sound().await;
    }

    async fn a_service_of_one_workspace_reads_and_delivers_nothing_of_another(world: World) {
        let other = crate::support::world::Workspace::create(&world.app, switchboard::domain::Plan::Team).await;
        let all: ServiceScopes = ServiceScope::ALL.iter().copied().collect();
        let foreign = operator::service(&world.app, other.id, "Foreign", all).await;
        let conversation = world.conversation(1).await;
        let found = foreign.data("query($id: ID!) { conversation(id: $id) { id } }", json!({ "id": conversation })).await;
        assert_eq!(found["conversation"], Value::Null);
        let refused = deliver(&foreign, message(world, &unique_key()), ALLOWED).await.payload("receiveMessage");
        refused.refused("NOT_FOUND");
    }
}

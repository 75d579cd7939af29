//! Ends an agent's streams on one process when another process revokes access, deactivates the agent or revokes the
//! agent's tokens, or the token expires.
//!
//! Asserts that no change that was committed after the acknowledgement reaches the agent. Prints the time until the
//! stream was reset or the socket closed, without an assertion on it.

use std::time::{Duration, Instant, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use switchboard::token::Caller;

use crate::support::app::App;
use crate::support::client::Client;
use crate::support::database::{Database, Prepare, TestDatabase};
use crate::support::documents;
use crate::support::fault::process::{Process, assert_sound};
use crate::support::outcome::number;
use crate::support::socket::{Item, Socket, Subscription};
use crate::support::world::{Workspace, World};
use crate::support::{DEADLINE, setting};

/// The number of rounds by default. The variable `ROUNDS` changes it.
const ROUNDS: u64 = 2;
/// Tokens expire at a whole second, so the actual lifetime is more than one second.
const TOKEN_LIFE: Duration = Duration::from_secs(2);

/// When a stream ended, and its items.
struct StreamEnd {
    at: Instant,
    items: Vec<Value>,
}

/// Follows the stream until it is reset or its socket is closed with 4403.
async fn end_of(mut changes: Subscription) -> StreamEnd {
    let mut items = Vec::new();
    loop {
        match changes.item().await {
            Item::Next(result) if result["data"]["queueChanges"]["__typename"] == "QueueReset" => break,
            Item::Next(result) => items.push(result),
            Item::Closed(code) => {
                assert_eq!(code, Some(4403));
                break;
            }
            other => panic!("neither a reset nor a close: {other:?}"),
        }
    }
    StreamEnd { at: Instant::now(), items }
}

/// Subscribes to the Inbox and waits for the first checkpoint.
async fn inbox(client: &Client) -> (Socket, Subscription) {
    let socket = Socket::open(client).await;
    let mut changes = socket.subscribe(&documents::queue_changes(), json!({ "view": "INBOX" }));
    assert_eq!(changes.next().await["__typename"], "QueueCheckpoint");
    (socket, changes)
}

/// Makes changes on one process while an agent listens on the other.
struct Changes {
    here: Workspace,
    /// The number of customers who have written so far.
    customers: u32,
}

impl Changes {
    /// Returns the time from the acknowledgement of `change` to the end of the agent's stream. A customer writes
    /// directly after the acknowledgement, and the agent must not receive this message.
    async fn measure(&mut self, client: &Client, change: impl AsyncFnOnce(&Workspace)) -> Duration {
        let (_socket, changes) = inbox(client).await;
        let following = tokio::spawn(end_of(changes));
        change(&self.here).await;
        let acknowledged = Instant::now();
        self.customers += 1;
        let later = self.here.conversation(self.customers).await;
        let end = tokio::time::timeout(DEADLINE, following).await.expect("the stream ends in time");
        let end = end.expect("the stream ends with a reset or 4403");
        assert!(
            end.items.iter().all(|item| !item.to_string().contains(&later)),
            "{later} in {:#?}",
            end.items
        );
        end.at.saturating_duration_since(acknowledged)
    }
}

/// The time at which a token expires.
fn expiry(token: &str) -> SystemTime {
    let claims = token.split('.').nth(1).expect("three parts");
    let claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64")).expect("JSON");
    SystemTime::UNIX_EPOCH + Duration::from_secs(number(&claims["exp"]).unsigned_abs())
}

fn token_of(client: &Client) -> String {
    let header = client.authorization().expect("a token");
    header.strip_prefix("Bearer ").expect("a bearer token").to_owned()
}

/// Waits until this time.
async fn wait_for(until: SystemTime) {
    while let Ok(left) = until.duration_since(SystemTime::now()) {
        tokio::time::sleep(left.max(Duration::from_millis(1))).await;
    }
}

fn summary(what: &str, mut took: Vec<Duration>) -> String {
    took.sort();
    let millis = |time: Duration| time.as_secs_f64() * 1_000.0;
    let (median, most) = (took[took.len() / 2], took[took.len() - 1]);
    format!("{what}: median {:.1} ms, at most {:.1} ms", millis(median), millis(most))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_who_loses_access_on_one_process_receives_nothing_more_on_the_other() {
    let Some(store) = TestDatabase::create(Database::Postgres).await else { return };
    let world = World::prepare(App::start(&store.url).await).await;
    world.app.stop().await;
    let (one, two) = tokio::join!(Process::start(&store.url), Process::start(&store.url));
    let agent = world.rep.at(two.address());
    let mut changes = Changes { here: world.at(one.address()), customers: 0 };
    let rounds = setting("ROUNDS").unwrap_or(ROUNDS);
    let existing = changes.here.conversation(9_999_999).await;
    let (mut revoked, mut deactivated, mut taken_back, mut expired) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let revoke = async |here: &Workspace| drop(here.revoke(&agent, &world.number).await.changed());
        revoked.push(changes.measure(&agent.client, revoke).await);
        changes.here.grant(&agent, &world.number).await.changed();

        let deactivate = async |here: &Workspace| drop(here.deactivate(&agent).await.changed());
        deactivated.push(changes.measure(&agent.client, deactivate).await);
        changes.here.reactivate(&agent).await.changed();

        let stolen = world.app.client(token_of(&agent.client)).at(two.address());
        let revoke = async |here: &Workspace| {
            let input = json!({ "agentId": agent.id });
            here.manager
                .client
                .mutate("revokeAgentTokens", input, "changed userErrors { code }")
                .await
                .changed();
            // From the acknowledgement on, the other process accepts nothing from this token.
            let claim =
                "mutation($id: ID!) { claimConversation(input: { conversationId: $id }) { changed } }";
            let answer = stolen.query(claim, json!({ "id": existing })).await;
            assert_eq!(answer.status, 401, "{answer}");
        };
        taken_back.push(changes.measure(&stolen, revoke).await);
        agent.sign_in_again(world.id);

        let caller = Caller::agent(world.id, agent.agent_id);
        let token = world.app.token_for(caller, 0, TOKEN_LIFE);
        let client = world.app.client(token.clone()).at(two.address());
        expired.push(changes.measure(&client, async |_: &Workspace| wait_for(expiry(&token)).await).await);
    }
    println!(
        "{rounds} rounds, from the acknowledgement at one process to the end of the stream at the other:"
    );
    for (what, took) in [
        ("access revoked", revoked),
        ("deactivated", deactivated),
        ("tokens revoked", taken_back),
        ("token expired", expired),
    ] {
        println!("{}", summary(what, took));
    }
    drop((one, two));
    assert_sound(&store.url).await;
}

//! A mutation that has begun finishes, even if its client disconnects.

use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::agent::Agent;
use crate::support::database::{Database, TestDatabase};
use crate::support::eventually;
use crate::support::world::World;
use crate::support::{app::App, database::Prepare};

/// Sends a claim of a conversation, and returns the open connection without waiting for the response.
async fn begin_claim(agent: &Agent, id: &str) -> TcpStream {
    let query = "mutation($id: ID!) { claimConversation(input: { conversationId: $id }) { changed } }";
    let body = json!({ "query": query, "variables": { "id": id } }).to_string();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nAccept: application/json\r\n\
         Authorization: {}\r\nContent-Length: {}\r\n\r\n",
        agent.client.address(),
        agent.client.authorization().expect("signed in"),
        body.len()
    );
    let mut connection = TcpStream::connect(agent.client.address()).await.expect("connects");
    connection.write_all(format!("{head}{body}").as_bytes()).await.expect("sends");
    connection
}

async fn assert_claimed_in_the_end(world: &World, id: &str) {
    eventually("the claim of the disconnected client is stored", async || {
        let seen = world.manager.conversation(id).await;
        (seen["assignee"]["id"] == world.rep.id.as_str()).then_some(())
    })
    .await;
    assert_eq!(world.manager.story(id).await, ["RECEIVED", "ASSIGNED"]);
    let next = world.conversation(2).await;
    world.rep.claim(&next).await.changed();
    world.app.assert_store_is_sound().await;
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// The mutation waits for the row that each writer locks last, so it has certainly begun and not finished.
#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_finishes_after_its_client_hung_up_on_postgres() {
    let Some(store) = TestDatabase::create(Database::Postgres).await else { return };
    let world = World::prepare(App::start(&store.url).await).await;
    let id = world.conversation(1).await;
    let mut blocker = world.app.sql_connection().await;
    blocker.run("BEGIN; SELECT 1 FROM workspaces FOR UPDATE").await;
    let connection = begin_claim(&world.rep, &id).await;
    let mut watcher = AsyncPgConnection::establish(&store.url).await.expect("connects");
    eventually("the mutation waits for the workspace", async || {
        let waiting = "SELECT count(*) AS n FROM pg_stat_activity
                        WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let found: Count = diesel::sql_query(waiting).get_result(&mut watcher).await.expect("counts");
        (found.n > 0).then_some(())
    })
    .await;
    drop(connection);
    // The server answers another request, so it has had the time to notice the disconnect.
    world.manager.conversation(&id).await;
    blocker.run("COMMIT").await;
    assert_claimed_in_the_end(&world, &id).await;
    world.app.stop().await;
}

/// Another writer has locked the file, so the mutation has to wait when it begins to write.
#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_finishes_after_its_client_hung_up_on_sqlite() {
    let store = TestDatabase::create(Database::Sqlite).await.expect("a file");
    let world = World::prepare(App::start(&store.url).await).await;
    let id = world.conversation(1).await;
    let mut blocker = world.app.sql_connection().await;
    blocker.run("BEGIN IMMEDIATE").await;
    let mut connection = begin_claim(&world.rep, &id).await;
    // Each of these responses shows that the server has had the time to begin the claim.
    for _ in 0..10 {
        world.manager.conversation(&id).await;
    }
    let mut answer = [0_u8; 1];
    let unanswered = futures_util::FutureExt::now_or_never(connection.read(&mut answer));
    assert!(unanswered.is_none(), "the claim waits for the file: {unanswered:?}");
    drop(connection);
    world.manager.conversation(&id).await;
    blocker.run("COMMIT").await;
    assert_claimed_in_the_end(&world, &id).await;
    world.app.stop().await;
}

on_both! {
    async fn clients_that_hang_up_at_any_moment_leave_the_store_sound(world: World) {
        let ids = world.conversations(30).await;
        for (n, id) in ids.iter().enumerate() {
            let before = world.app.statement_count();
            let connection = begin_claim(&world.rep, id).await;
            // Disconnect at different points of the request, measured in statements instead of time.
            let until = before + n as u64 % 6;
            while world.app.statement_count() < until
                && world.rep.conversation(id).await["assignee"].is_null()
            {}
            drop(connection);
        }
        for id in &ids {
            let story = world.manager.story(id).await;
            let whole = story == ["RECEIVED"] || story == ["RECEIVED", "ASSIGNED"];
            assert!(whole, "all or nothing: {story:?}");
            world.rep.claim(id).await.ok();
        }
        world.app.assert_store_is_sound().await;
    }
}

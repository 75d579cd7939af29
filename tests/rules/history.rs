//! The history contains one event for each change, and shows who owned a conversation at any time.

use serde_json::{Value, json};
use switchboard::clock::{Clock, Timestamp};
use switchboard::domain::Plan;

use crate::support::agent::Agent;
use crate::support::app::App;
use crate::support::database::{Database, TestDatabase};
use crate::support::outcome::{instant, items, text};
use crate::support::timed::{MINUTE, Time};
use crate::support::world::{Workspace, World};

const NONE: Value = Value::Null;

/// The id of the agent who owned the conversation at `micros`.
async fn owner_at(agent: &Agent, id: &str, micros: i64) -> Value {
    let time = Timestamp::from_micros(micros).to_string();
    let selection = format!("assigneeAt(time: \"{time}\") {{ id }}");
    agent.conversation_with(id, &selection).await["assigneeAt"]["id"].take()
}

on_both! {
    async fn the_history_contains_every_change_newest_first(world: World) {
        let id = world.conversation(1).await;
        world.rep.claim(&id).await.changed();
        let sent = world.rep.send(&id, "Hello").await.changed();
        world.manager.assign(&id, &world.rep2).await.changed();
        world.rep2.close(&id).await.changed();
        world.manager.reopen(&id).await.changed();
        world.rep2.unassign(&id).await.changed();
        let history = world.rep.history(&id).await;
        let [rep, rep2, manager] = [&world.rep, &world.rep2, &world.manager].map(|agent| json!(agent.id));
        let found: Vec<[&Value; 4]> = history
            .iter()
            .map(|e| [&e["kind"], &e["actor"]["id"], &e["previousAssignee"]["id"], &e["assignee"]["id"]])
            .collect();
        let kinds = ["UNASSIGNED", "REOPENED", "CLOSED", "ASSIGNED", "REPLIED", "ASSIGNED", "RECEIVED"]
            .map(|kind| json!(kind));
        let expected = [
            [&kinds[0], &rep2, &rep2, &NONE],
            [&kinds[1], &manager, &rep2, &rep2],
            [&kinds[2], &rep2, &rep2, &rep2],
            [&kinds[3], &manager, &rep, &rep2],
            [&kinds[4], &rep, &rep, &rep],
            [&kinds[5], &rep, &NONE, &rep],
            [&kinds[6], &NONE, &NONE, &NONE],
        ];
        assert_eq!(found, expected, "{history:#?}");
        assert_eq!(history[4]["message"]["id"], sent.message()["id"], "{history:#?}");
        assert_eq!(history[6]["message"]["body"], "Hello, I am customer 1", "{history:#?}");
        let times: Vec<i64> = history.iter().map(|event| instant(&event["at"])).collect();
        assert!(times.is_sorted_by(|newer, older| newer >= older), "{history:#?}");
    }

    async fn reading_is_not_part_of_the_history(world: World) {
        let id = world.conversation(1).await;
        world.rep.read(&id).await.changed();
        world.rep.unread(&id).await.changed();
        assert_eq!(world.rep.story(&id).await, ["RECEIVED"]);
        assert_eq!(world.rep2.story(&id).await, ["RECEIVED"]);
    }

    async fn the_history_pages_in_both_directions(world: World) {
        let id = world.conversation(1).await;
        for _ in 0..4 {
            world.rep.claim(&id).await.changed();
            world.rep.unassign(&id).await.changed();
        }
        let whole: Vec<Value> =
            world.rep.history(&id).await.iter().map(|event| event["id"].clone()).collect();
        assert_eq!(whole.len(), 9);
        let page = async |arguments: String| {
            let selection = format!(
                "history({arguments}) {{ nodes {{ id }} pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }}"
            );
            world.rep.conversation_with(&id, &selection).await["history"].take()
        };
        let of = |page: &Value| -> Vec<Value> {
            items(&page["nodes"]).iter().map(|event| event["id"].clone()).collect()
        };
        let first = page("first: 4".into()).await;
        assert_eq!(of(&first), whole[..4], "{first:#}");
        assert_eq!(first["pageInfo"]["hasNextPage"], true, "{first:#}");
        let second = page(format!("first: 5, after: {}", first["pageInfo"]["endCursor"])).await;
        assert_eq!(of(&second), whole[4..], "{second:#}");
        assert_eq!(second["pageInfo"]["hasNextPage"], false, "{second:#}");
        let last = page("last: 2".into()).await;
        assert_eq!(of(&last), whole[7..], "{last:#}");
        let before = page(format!("last: 3, before: {}", last["pageInfo"]["startCursor"])).await;
        assert_eq!(of(&before), whole[4..7], "{before:#}");
        assert_eq!(before["pageInfo"]["hasPreviousPage"], true, "{before:#}");
    }

    async fn an_event_is_a_node(world: World) {
        let id = world.conversation(1).await;
        let event = world.rep.history(&id).await.remove(0);
        let document = "query($id: ID!) { node(id: $id) { id ... on ConversationEvent { kind cursor } } }";
        let found = world.rep.client.data(document, json!({ "id": event["id"] })).await;
        assert_eq!(found["node"]["kind"], "RECEIVED", "{found:#}");
        assert_eq!(found["node"]["cursor"], event["cursor"], "{found:#}");
    }

    async fn each_change_moves_the_log_by_one(world: World) {
        let id = world.conversation(1).await;
        let claimed = world.rep.claim(&id).await.changed();
        let newest = world.rep.history(&id).await.remove(0);
        assert_eq!(
            newest["cursor"], claimed.value["asOf"],
            "the event has the cursor of the payload"
        );
        assert_eq!(world.rep.as_of().await, text(&newest["cursor"]));
    }
}

/// One hour of work, with a clock that the test controls.
async fn the_history_says_who_owned_it_at_any_time(database: Database) {
    let Some(store) = TestDatabase::create(database).await else { return };
    let start = Clock::system().now().as_micros();
    let time = Time::still(start);
    let app = App::start_at(&store.url, time.clock()).await;
    let world = Workspace::create(&app, Plan::Team).await;
    let at = |minute: i64| start + minute * MINUTE;
    let wait_until = |minute: i64| time.move_to(at(minute));
    wait_until(1);
    let id = world.conversation(1).await;
    wait_until(10);
    world.rep.claim(&id).await.changed();
    wait_until(20);
    world.manager.assign(&id, &world.rep2).await.changed();
    wait_until(30);
    world.rep2.close(&id).await.changed();
    wait_until(40);
    world.rep2.unassign(&id).await.changed();
    wait_until(50);
    let (rep, rep2) = (json!(world.rep.id), json!(world.rep2.id));
    for (minute, owner) in [
        (0, &NONE),
        (1, &NONE),
        (9, &NONE),
        (10, &rep),
        (19, &rep),
        (20, &rep2),
        (35, &rep2),
        (40, &NONE),
        (60, &NONE),
    ] {
        assert_eq!(&owner_at(&world.manager, &id, at(minute)).await, owner, "at minute {minute}");
    }
    assert_eq!(owner_at(&world.manager, &id, at(20) - 1).await, rep, "a microsecond before");
    assert_eq!(owner_at(&world.manager, &id, 0).await, NONE, "long before the conversation began");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_says_who_owned_it_at_any_time_on_sqlite() {
    the_history_says_who_owned_it_at_any_time(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_says_who_owned_it_at_any_time_on_postgres() {
    the_history_says_who_owned_it_at_any_time(Database::Postgres).await;
}

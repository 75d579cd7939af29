//! The clock jumps back.

use serde_json::Value;
use switchboard::domain::Plan;

use crate::support::app::App;
use crate::support::database::{Database, TestDatabase};
use crate::support::outcome::{instant, text};
use crate::support::timed::{MINUTE, Time};
use crate::support::world::{Workspace, customer};

async fn event_times_and_activity_never_go_back(database: Database) {
    let Some(store) = TestDatabase::create(database).await else { return };
    let time = Time::ticking();
    let app = App::start_at(&store.url, time.clock()).await;
    let world = Workspace::create(&app, Plan::Team).await;
    let first = world.text(&customer(1), "Hello").await;
    let id = text(&first.conversation()["id"]).to_owned();
    world.rep.claim(&id).await.changed();
    let position = world.rep.as_of().await;
    time.pass(-60 * MINUTE);
    let later = world.text(&customer(1), "Still there?").await;
    let activity =
        |payload: &crate::support::outcome::Payload| instant(&payload.conversation()["lastActivityAt"]);
    assert!(activity(&later) >= activity(&first), "{later}");
    world.rep.send(&id, "Yes").await.changed();
    world.manager.assign(&id, &world.rep2).await.changed();
    let history = world.rep.history(&id).await;
    assert!(
        history.is_sorted_by(|newer, older| instant(&newer["at"]) >= instant(&older["at"])),
        "{history:#?}"
    );
    let messages = world.rep.messages(&id).await;
    assert_eq!(messages.len(), 3, "{messages:#?}");
    let (_socket, mut changes) = world.rep2.queue("ASSIGNED_TO_ME", Value::Null, Some(&position)).await;
    let entered = changes.next_change().await;
    assert_eq!(
        entered["conversation"]["id"],
        id.as_str(),
        "the log is ordered by its sequence numbers, not by the clock: {entered:#}"
    );
    app.assert_store_is_sound().await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn event_times_and_activity_never_go_back_on_sqlite() {
    event_times_and_activity_never_go_back(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn event_times_and_activity_never_go_back_on_postgres() {
    event_times_and_activity_never_go_back(Database::Postgres).await;
}

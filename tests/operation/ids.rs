//! The ids of new rows come from the source that the services were given.

use std::sync::atomic::{AtomicU64, Ordering};

use switchboard::domain::input::E164;
use switchboard::domain::{Plan, Role};
use switchboard::random::Ids;
use switchboard::server::open_services;
use switchboard::service::NewAgent;
use uuid::Uuid;

use crate::support::app;
use crate::support::database::{Database, TestDatabase};

async fn new_rows_have_the_next_ids(database: Database) {
    let Some(store) = TestDatabase::create(database).await else { return };
    let next = AtomicU64::new(1);
    let ids = Ids::from_fn(move || Uuid::from_u64_pair(7, next.fetch_add(1, Ordering::Relaxed)));
    let services = open_services(&app::settings(&store.url)).await.expect("opens").with_ids(ids);
    let workspace = services.create_workspace("Bicycles", Plan::Team).await.expect("creates").id;
    let new = NewAgent {
        name: "Maria".to_owned(),
        title: None,
        email: "maria@example.test".to_owned(),
        role: Role::Manager,
        experienced: false,
    };
    let agent = services.enrol_agent(workspace, new).await.expect("adds").id;
    let number = E164::parse("+12125550100").expect("a number");
    let number = services.enrol_number(workspace, number, "Sales").await.expect("adds").id;
    let stored = [workspace.0, agent.0, number.0];
    assert_eq!(stored, [1, 2, 3].map(|n| Uuid::from_u64_pair(7, n)));
}

#[tokio::test(flavor = "multi_thread")]
async fn new_rows_have_the_next_ids_on_sqlite() {
    new_rows_have_the_next_ids(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_rows_have_the_next_ids_on_postgres() {
    new_rows_have_the_next_ids(Database::Postgres).await;
}

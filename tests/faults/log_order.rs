//! Shows why sequence numbers come from the workspace's row and are taken last.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use crate::support::database::TestDatabase;

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

async fn connect(url: &str) -> AsyncPgConnection {
    AsyncPgConnection::establish(url).await.expect("connects")
}

/// The rows that a reader finds if it has seen everything up to `after`.
async fn tail(reader: &mut AsyncPgConnection, table: &str, after: i64) -> Vec<i64> {
    let query = format!("SELECT n FROM {table} WHERE n > {after} ORDER BY n");
    let found: Vec<Number> = diesel::sql_query(query).load(reader).await.expect("reads");
    found.into_iter().map(|row| row.n).collect()
}

/// A serial column assigns its numbers before the commit, so a reader of the tail misses a row that commits late.
#[tokio::test(flavor = "multi_thread")]
async fn a_serial_loses_events_that_commit_late() {
    let Some(store) = TestDatabase::empty_postgres().await else { return };
    let (mut slow, mut quick, mut reader) =
        (connect(&store.url).await, connect(&store.url).await, connect(&store.url).await);
    reader.batch_execute("CREATE TABLE serial_log (n bigserial PRIMARY KEY)").await.expect("a table");
    slow.batch_execute("BEGIN; INSERT INTO serial_log DEFAULT VALUES").await.expect("takes number 1");
    quick.batch_execute("INSERT INTO serial_log DEFAULT VALUES").await.expect("commits number 2");
    let seen = tail(&mut reader, "serial_log", 0).await;
    assert_eq!(seen, [2], "number 1 is not committed yet");
    slow.batch_execute("COMMIT").await.expect("commits number 1");
    assert!(tail(&mut reader, "serial_log", 2).await.is_empty(), "and the reader never sees it");
}

/// If the number comes from a row that stays locked until the commit, the second writer waits for the first.
#[tokio::test(flavor = "multi_thread")]
async fn a_locked_row_hands_numbers_out_in_order_of_commit() {
    const TAKE: &str = "WITH head AS (UPDATE log_head SET n = n + 1 RETURNING n)
                        INSERT INTO row_log SELECT n FROM head";
    let Some(store) = TestDatabase::empty_postgres().await else { return };
    let (mut slow, mut quick, mut reader) =
        (connect(&store.url).await, connect(&store.url).await, connect(&store.url).await);
    let tables = "CREATE TABLE log_head (n bigint); INSERT INTO log_head VALUES (0);
                  CREATE TABLE row_log (n bigint PRIMARY KEY)";
    reader.batch_execute(tables).await.expect("tables");
    slow.batch_execute(&format!("BEGIN; {TAKE}")).await.expect("takes number 1");
    let second = tokio::spawn(async move { quick.batch_execute(TAKE).await });
    crate::support::eventually("the second writer waits for the first", async || {
        let waiting = "SELECT count(*) AS n FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let found: Vec<Number> = diesel::sql_query(waiting).load(&mut reader).await.expect("reads");
        (found[0].n == 1).then_some(())
    })
    .await;
    assert!(tail(&mut reader, "row_log", 0).await.is_empty());
    slow.batch_execute("COMMIT").await.expect("commits number 1");
    tokio::time::timeout(Duration::from_secs(20), second)
        .await
        .expect("in time")
        .expect("runs")
        .expect("commits");
    assert_eq!(tail(&mut reader, "row_log", 0).await, [1, 2]);
}

//! A PostgreSQL whose messages are not in English.

use std::process::Command;
use std::time::Duration;

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use serde_json::json;

use crate::support::app::App;
use crate::support::cluster::Cluster;
use crate::support::database::Prepare;
use crate::support::documents;
use crate::support::eventually;
use crate::support::fault::process::Process;
use crate::support::say;
use crate::support::world::World;

const GERMAN: &str = "de_DE.UTF-8";

/// A cluster whose messages are in German. `None` with a notice if this machine cannot make the locale.
async fn german_cluster() -> Option<Cluster> {
    let mut cluster = Cluster::create()?;
    let locales = cluster.folder("locales");
    let made = Command::new("localedef")
        .args(["--no-archive", "-i", "de_DE", "-f", "UTF-8"])
        .arg(locales.join(GERMAN))
        .output();
    // The program warns about the locale and then makes it.
    if made.is_err() || !locales.join(GERMAN).join("LC_MESSAGES").exists() {
        say("The test with German messages was SKIPPED: this machine cannot make the locale de_DE.");
        return None;
    }
    cluster.set_environment("LOCPATH", &locales);
    cluster.configure(&format!("lc_messages = '{GERMAN}'\n"));
    cluster.start_again().await;
    let mut direct = connect(&cluster.url()).await;
    let message = direct.batch_execute("SELECT 1/0").await.expect_err("fails").to_string();
    if message.contains("division by zero") {
        say("The test with German messages was SKIPPED: PostgreSQL has no German messages.");
        return None;
    }
    Some(cluster)
}

async fn connect(url: &str) -> AsyncPgConnection {
    AsyncPgConnection::establish(&format!("{url}?sslmode=disable")).await.expect("connects")
}

/// A change that waits too long for a lock fails for now, whatever the language of the server.
#[tokio::test(flavor = "multi_thread")]
async fn a_busy_database_is_recognised_in_any_language() {
    let Some(cluster) = german_cluster().await else { return };
    let mut settings = crate::support::app::settings(&cluster.url());
    settings.timeouts.lock = Duration::from_millis(100);
    let world = World::prepare(App::start_with(settings).await).await;
    let id = world.conversation(1).await;
    let mut holder = connect(&cluster.url()).await;
    holder.batch_execute("BEGIN; SELECT 1 FROM conversations FOR UPDATE").await.expect("locks");
    // Several at once, so that connections that were opened later answer as well.
    let selection = documents::single();
    let claim =
        || world.rep.client.try_mutate("claimConversation", json!({ "conversationId": id }), &selection);
    let (one, two, three) = tokio::join!(claim(), claim(), claim());
    for answer in [one, two, three] {
        answer.assert_error(&["UNAVAILABLE"]);
    }
    holder.batch_execute("ROLLBACK").await.expect("unlocks");
    world.rep.claim(&id).await.changed();
    world.app.stop().await;
}

/// A role that may not change the language can serve, and the log says what does not work.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_set_the_language_is_warned() {
    let Some(cluster) = german_cluster().await else { return };
    let mut direct = connect(&cluster.url()).await;
    for statement in ["CREATE ROLE clerk LOGIN", "CREATE DATABASE shop OWNER clerk"] {
        direct.batch_execute(statement).await.expect(statement);
    }
    let mut url = url::Url::parse(&cluster.url()).expect("a URL");
    url.set_username("clerk").expect("a name");
    url.set_path("shop");
    let process = Process::start(url.as_str()).await;
    eventually("the log names the setting", async || {
        process.log().contains("ALTER ROLE … SET lc_messages").then_some(())
    })
    .await;
    let answer = reqwest::Client::builder().no_proxy().build().expect("a client").get(process.url("/readyz"));
    assert_eq!(answer.send().await.expect("answers").status(), 200);
}

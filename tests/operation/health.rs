//! `/livez` and `/readyz`.

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use serde_json::{Value, json};

use switchboard::config::{Secret, Wakeups};
use switchboard::service::live::wakeups::WakeupState;

use crate::support::app::App;
use crate::support::database::admin_url;
use crate::support::eventually;
use crate::support::outcome::text;

async fn readiness(app: &App) -> (u16, Value) {
    let answer = app.http().get(app.url("/readyz")).send().await.expect("answers");
    let status = answer.status().as_u16();
    (status, answer.json().await.expect("JSON"))
}

/// The URL of a NATS server that does not exist.
fn unreachable() -> Secret {
    Secret::new("nats://127.0.0.1:1")
}

on_both! {
    async fn a_healthy_server_is_ready_in_every_check(app: App) {
        if app.is_postgres() {
            app.until_wakeups_are(WakeupState::Connected).await;
        }
        let alive = app.http().get(app.url("/livez")).send().await.expect("answers");
        assert_eq!(alive.status(), 204);
        let wanted = json!({
            "ready": true,
            "checks": {
                "database": { "ok": true },
                "migrations": { "ok": true },
                "wakeups": { "ok": true, "detail": if app.is_postgres() { "connected" } else { "poll" } },
                "draining": { "ok": true },
            },
        });
        let (status, mut body) = readiness(app).await;
        let workers = body["workers"].take();
        body.as_object_mut().expect("an object").remove("workers");
        assert_eq!((status, body), (200, wanted));
        let workers = workers.as_array().expect("a list").iter();
        let names: Vec<&str> = workers.map(|worker| text(&worker["name"])).collect();
        let (all, bus) = (["log_poll", "presence_reader", "lease_sweeper", "log_retention"], ["wakeups"]);
        let bus = &bus[..usize::from(app.is_postgres())];
        assert_eq!(names, [&all[..2], bus, &all[2..]].concat());
    }

    async fn a_worker_that_does_not_succeed_is_named_and_the_process_stays_ready(app: App) {
        let stuck = app.sibling_with(|settings| settings.wakeups = Wakeups::Nats(unreachable())).await;
        let late = eventually("the worker is late", async || {
            let (status, body) = readiness(&stuck).await;
            assert_eq!((status, &body["ready"]), (200, &json!(true)), "{body}");
            let mut workers = body["workers"].as_array().expect("a list").iter();
            workers.find(|worker| worker["ok"] == false).cloned()
        })
        .await;
        assert_eq!(late["name"], "wakeups", "{late}");
        assert!(late["secondsSinceSuccess"].is_null(), "it never connected: {late}");
        assert!(text(&late["detail"]).contains("several intervals"), "{late}");
        stuck.stop().await;
    }

    async fn a_missing_migration_is_named(app: App) {
        app.sql_connection().await.run(
            "DELETE FROM __diesel_schema_migrations WHERE version = \
             (SELECT max(version) FROM __diesel_schema_migrations)",
        ).await;
        let (status, body) = readiness(app).await;
        assert_eq!(status, 503, "{body}");
        assert_eq!(body["ready"], false);
        assert_eq!(body["checks"]["database"], json!({ "ok": true }));
        assert_eq!(body["checks"]["migrations"]["ok"], false, "{body}");
        let detail = body["checks"]["migrations"]["detail"].as_str().unwrap_or_default();
        assert!(detail.contains("switchboard migrate"), "{body}");
    }
}

/// The database refuses connections. Readiness names the failed check without revealing secrets, and recovers.
#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_database_is_named_without_secrets() {
    use crate::support::database::{Database, TestDatabase};
    let Some(store) = TestDatabase::create(Database::Postgres).await else { return };
    let app = App::start(&store.url).await;
    let name = url::Url::parse(&store.url).expect("a URL").path().trim_start_matches('/').to_owned();
    let admin = admin_url().expect("it is set, because the database was created");
    let mut admin = AsyncPgConnection::establish(&admin).await.expect("connects");
    let close = format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS false");
    admin.batch_execute(&close).await.expect("closes the database");
    let cut = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    let body = eventually("readiness fails", async || {
        admin.batch_execute(&cut).await.expect("cuts the connections");
        let (status, body) = readiness(&app).await;
        (status == 503).then_some(body)
    })
    .await;
    assert_eq!(body["checks"]["database"]["ok"], false, "{body}");
    assert_eq!(body["checks"]["draining"]["ok"], true, "{body}");
    let text = body.to_string();
    assert!(!text.contains(&name) && !text.contains("postgres"), "{text}");
    let alive = app.http().get(app.url("/livez")).send().await.expect("answers");
    assert_eq!(alive.status(), 204);
    let open = format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS true");
    admin.batch_execute(&open).await.expect("opens the database");
    eventually("the server is ready again", async || (readiness(&app).await.0 == 200).then_some(())).await;
    app.stop().await;
}

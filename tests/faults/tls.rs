//! Connections to PostgreSQL follow `sslmode`, for the pool, the migrations and the wake-ups.

use std::path::{Path, PathBuf};

use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use switchboard::service::live::wakeups::WakeupState;
use switchboard::store::db::{migrations, notify};
use switchboard::store::{DatabaseUrl, Store, StoreError};

use crate::support::app::App;
use crate::support::authority::Authority;
use crate::support::cluster::Cluster;
use crate::support::database::Prepare;
use crate::support::world::World;

/// A cluster with a certificate for 127.0.0.1, the file of the authority that signed it, and that of another authority.
async fn encrypted() -> Option<(Cluster, PathBuf, PathBuf)> {
    let mut cluster = Cluster::create()?;
    let (authority, stranger) = (Authority::new(), Authority::new());
    let certified = authority.certify("127.0.0.1");
    let certificate = cluster.write("server.crt", &certified.certificate);
    let key = cluster.write("server.key", &certified.key);
    cluster.configure(&format!(
        "ssl = on\nssl_cert_file = '{}'\nssl_key_file = '{}'\n",
        certificate.display(),
        key.display()
    ));
    let roots = cluster.write("authority.pem", &authority.pem);
    let others = cluster.write("stranger.pem", &stranger.pem);
    cluster.start_again().await;
    Some((cluster, roots, others))
}

fn url(cluster: &Cluster, mode: &str, roots: Option<&Path>) -> String {
    let roots = roots.map(|path| format!("&sslrootcert={}", path.display())).unwrap_or_default();
    format!("{}?sslmode={mode}{roots}", cluster.url())
}

/// Connects in each of the three ways.
async fn connect(url: &str) -> Result<(), StoreError> {
    let url = DatabaseUrl::parse(url)?;
    let pooled = Store::open(&url, 1).await;
    let migrated = migrations::migrate(&url).await;
    assert_eq!(pooled.is_ok(), migrated.is_ok(), "the pool and the migrations differ");
    let store = pooled?;
    store.listen().await.map(drop)
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// The number of connections of the server for which `sql` is true.
async fn connections(cluster: &Cluster, sql: &str) -> i64 {
    let mut conn = AsyncPgConnection::establish(&url(cluster, "disable", None)).await.expect("connects");
    let query = format!(
        "SELECT count(*) AS n FROM pg_stat_activity JOIN pg_stat_ssl USING (pid)
         WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND {sql}"
    );
    let found: Vec<Count> = diesel::sql_query(query).load(&mut conn).await.expect("counts");
    found[0].n
}

#[tokio::test(flavor = "multi_thread")]
async fn every_connection_of_a_server_is_encrypted_and_verified() {
    let Some((cluster, roots, _)) = encrypted().await else { return };
    let world = World::prepare(App::start(&url(&cluster, "verify-full", Some(&roots))).await).await;
    world.app.until_wakeups_are(WakeupState::Connected).await;
    let id = world.conversation(1).await;
    world.rep.claim(&id).await.changed();
    assert_eq!(connections(&cluster, "NOT ssl").await, 0);
    assert!(connections(&cluster, "ssl").await >= 2, "the pool and the wake-ups");
    let listening = format!("ssl AND application_name = '{}'", notify::APPLICATION_NAME);
    assert_eq!(connections(&cluster, &listening).await, 1);
    world.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_mode_verifies_what_libpq_verifies() {
    let Some((cluster, roots, others)) = encrypted().await else { return };
    let (roots, others) = (Some(roots.as_path()), Some(others.as_path()));
    let accepted = [("disable", None), ("prefer", None), ("require", None), ("require", roots)];
    for (mode, roots) in accepted.into_iter().chain([("verify-ca", roots), ("verify-full", roots)]) {
        connect(&url(&cluster, mode, roots)).await.unwrap_or_else(|error| panic!("{mode}: {error}"));
    }
    for mode in ["require", "verify-ca", "verify-full"] {
        let refused = connect(&url(&cluster, mode, others)).await;
        assert!(
            matches!(refused, Err(StoreError::Unavailable(_))),
            "{mode} with another authority: {refused:?}"
        );
    }
    // The same server under a name that is not in its certificate.
    let alias = |mode: &str| url(&cluster, mode, roots).replace("127.0.0.1", "localhost");
    connect(&alias("verify-ca")).await.expect("verify-ca only verifies the authority");
    let refused = connect(&alias("verify-full")).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "under another name: {refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn prefer_falls_back_to_no_encryption_and_require_does_not() {
    let Some(cluster) = Cluster::start().await else { return };
    connect(&url(&cluster, "prefer", None)).await.expect("falls back to no encryption");
    connect(&cluster.url()).await.expect("prefer is the default");
    let refused = connect(&url(&cluster, "require", None)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
}

//! The query plans of the statements that a server sends.
//!
//! On PostgreSQL `auto_explain` sends the plan of each statement to the server as a warning, and a proxy between the
//! two reads it. On SQLite the statements are recorded and explained later, because SQLite's plans do not depend on
//! values.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use diesel::sql_types::Text;
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::app::App;
use super::sql::SqlConnection;

/// The tables that grow with the number of messages.
const LARGE: [&str; 5] = ["conversations", "contacts", "messages", "read_markers", "conversation_words"];

tokio::task_local! {
    static NOTES: Arc<Mutex<Vec<String>>>;
}

/// A server whose query plans are recorded.
pub struct PlanRecorder {
    pub app: App,
    source: Source,
}

enum Source {
    Sqlite { path: String, statements: Arc<Mutex<Vec<String>>> },
    Postgres(Tap),
}

/// The plan of one statement.
#[derive(Debug)]
pub struct Plan {
    /// The plan as the database shows it.
    pub text: String,
    /// The large tables that the statement reads as a whole.
    pub scanned: Vec<String>,
    /// The number of rows that are sorted instead of read in index order, or `None` if there is no sort. On SQLite the
    /// number is known only for rows that are looked up by id, and otherwise `u64::MAX`.
    pub sorts: Option<u64>,
    /// The number of conversations that were read; unknown on SQLite.
    pub rows_read: Option<u64>,
}

impl PlanRecorder {
    /// Starts another server on the database of `app`.
    pub async fn start(app: &App) -> Self {
        let url = app.database_url();
        if let Some(path) = url.strip_prefix("sqlite:") {
            set_default_instrumentation(|| {
                NOTES.try_with(|notes| Box::new(Noting(notes.clone())) as Box<dyn Instrumentation>).ok()
            })
            .expect("is set");
            let statements = Arc::<Mutex<Vec<String>>>::default();
            let app = NOTES.scope(statements.clone(), App::start(url)).await;
            return Self { app, source: Source::Sqlite { path: path.to_owned(), statements } };
        }
        let name = url.rsplit('/').next().expect("a name");
        let mut connection = SqlConnection::open(url).await;
        for setting in [
            "session_preload_libraries = 'auto_explain'",
            "auto_explain.log_min_duration = 0",
            "auto_explain.log_analyze = on",
            "auto_explain.log_timing = off",
            "auto_explain.log_format = 'json'",
            // Diesel's connections only receive warnings. The log of PostgreSQL does not need the plans.
            "auto_explain.log_level = 'warning'",
            "log_min_messages = 'error'",
        ] {
            connection.run(&format!("LOAD 'auto_explain'; ALTER DATABASE \"{name}\" SET {setting}")).await;
        }
        let (tap, through) = Tap::before(url).await;
        Self { app: App::start(&through).await, source: Source::Postgres(tap) }
    }

    /// The plans since the last call.
    pub fn plans(&self) -> Vec<Plan> {
        match &self.source {
            Source::Sqlite { path, statements } => {
                let statements = std::mem::take(&mut *statements.lock().expect("not poisoned"));
                let mut connection = SqliteConnection::establish(path).expect("opens the file");
                let reads = statements.iter().filter(|statement| statement.starts_with("SELECT"));
                reads.map(|statement| of_sqlite(&mut connection, statement)).collect()
            }
            Source::Postgres(tap) => tap.plans().iter().map(of_postgres).collect(),
        }
    }
}

struct Noting(Arc<Mutex<Vec<String>>>);

impl Instrumentation for Noting {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let statement = text.split(" -- binds:").next().unwrap_or_default().to_owned();
            self.0.lock().expect("not poisoned").push(statement);
        }
    }
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

fn of_sqlite(connection: &mut SqliteConnection, statement: &str) -> Plan {
    let steps: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {statement}"))
        .load(connection)
        .expect("explains the statement");
    let scanned = steps.iter().filter_map(|step| step.detail.strip_prefix("SCAN ")).filter_map(|rest| {
        let table = rest.split(' ').next().unwrap_or_default();
        LARGE.contains(&table).then(|| table.to_owned())
    });
    let is_large = |step: &Step| step.detail.split(' ').nth(1).is_some_and(|table| LARGE.contains(&table));
    let sorts =
        steps.iter().any(is_large) && steps.iter().any(|step| step.detail.contains("TEMP B-TREE FOR"));
    // A lookup by id reads at most one row per id.
    let by_ids = steps.iter().any(|step| step.detail.ends_with(" AND id=?)"));
    let ids = statement.split("`conversations`.`id` IN (").nth(1).and_then(|list| list.split(')').next());
    let sorted = match ids {
        Some(ids) if by_ids => ids.matches('?').count() as u64,
        _ => u64::MAX,
    };
    Plan {
        scanned: scanned.collect(),
        sorts: sorts.then_some(sorted),
        rows_read: None,
        text: steps.iter().fold(statement.to_owned(), |text, step| text + "\n  " + &step.detail),
    }
}

fn of_postgres(plan: &Value) -> Plan {
    let text = serde_json::to_string_pretty(plan).expect("JSON");
    let mut found = Plan { text, scanned: Vec::new(), sorts: None, rows_read: Some(0) };
    visit(&plan["Plan"], &mut found);
    found
}

fn visit(node: &Value, found: &mut Plan) {
    let number = |name: &str| node[name].as_f64().unwrap_or(0.0) as u64;
    let (kind, table) = (node["Node Type"].as_str().unwrap_or(""), node["Relation Name"].as_str());
    if let Some(table) = table.filter(|table| LARGE.contains(table)) {
        // An index scan without a condition reads the whole index.
        let whole = kind == "Seq Scan" || (kind.starts_with("Index") && node["Index Cond"].is_null());
        if whole {
            found.scanned.push(table.to_owned());
        }
        if table == "conversations" {
            let rows = number("Actual Rows") + number("Rows Removed by Filter");
            found.rows_read = found.rows_read.map(|total| total + rows * number("Actual Loops"));
        }
    }
    let inner = node["Plans"].as_array().map(Vec::as_slice).unwrap_or_default();
    if kind.contains("Sort") {
        let rows = inner.iter().filter_map(|inner| inner["Actual Rows"].as_u64()).sum();
        found.sorts = found.sorts.max(Some(rows));
    }
    inner.iter().for_each(|inner| visit(inner, found));
}

/// The bytes that PostgreSQL has sent on one connection.
type Received = Arc<Mutex<Vec<u8>>>;

/// A proxy that records what PostgreSQL sends to a server.
struct Tap {
    received: Arc<Mutex<Vec<Received>>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Tap {
    /// Starts a tap in front of the PostgreSQL server of `url`. Returns it with a URL that goes through it.
    async fn before(url: &str) -> (Self, String) {
        let mut through = url::Url::parse(url).expect("a URL");
        let target = (through.host_str().expect("a host").to_owned(), through.port().unwrap_or(5432));
        let target = tokio::net::lookup_host(target).await.expect("resolves").next().expect("an address");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        through.set_host(Some("127.0.0.1")).expect("a host");
        through.set_port(listener.local_addr().map(|address| address.port()).ok()).expect("a port");
        through.set_query(Some("sslmode=disable"));
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let all = received.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let bytes = Received::default();
                all.lock().expect("not poisoned").push(bytes.clone());
                tokio::spawn(forward(client, target, bytes));
            }
        });
        (Self { received, accepting }, through.into())
    }

    /// The plans that arrived since the last call.
    fn plans(&self) -> Vec<Value> {
        const BEFORE: &[u8] = b"plan:\n{";
        let mut plans = Vec::new();
        for bytes in self.received.lock().expect("not poisoned").iter() {
            let bytes = std::mem::take(&mut *bytes.lock().expect("not poisoned"));
            for place in 0..bytes.len().saturating_sub(BEFORE.len()) {
                if bytes[place..].starts_with(BEFORE) {
                    let plan = bytes[place + BEFORE.len() - 1..].split(|byte| *byte == 0).next();
                    plans.push(serde_json::from_slice(plan.expect("at least one")).expect("a whole plan"));
                }
            }
        }
        plans
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn forward(client: TcpStream, target: SocketAddr, received: Received) {
    let Ok(server) = TcpStream::connect(target).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let requests = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
    });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(n @ 1..) = from_server.read(&mut buffer).await {
        received.lock().expect("not poisoned").extend_from_slice(&buffer[..n]);
        if to_client.write_all(&buffer[..n]).await.is_err() {
            break;
        }
    }
    requests.abort();
}

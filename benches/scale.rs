//! Measures how the cost of a page grows with the data: `cargo bench --bench scale`.
//!
//! Fills two databases of each kind: a large one with `--conversations` (a million by default) in five workspaces, and
//! a small one with a workspace of a thousand. The release build serves both, and they get the same requests in turns.
//! Prints a table with the median times, the CPU time per request, and the ratio of the times, which must be at most
//! [`MAX_RATIO`]. Exits with 1 when `switchboard check` finds a problem in the large database, or when a list without a
//! search exceeds the ratio. Requires Linux and `psql`. `--quick` uses a tenth of the data; `--sqlite` and `--postgres`
//! select one kind of database.

// A measurement may fail, and is read from the top to the bottom.
#![allow(clippy::expect_used, clippy::too_many_lines, clippy::unwrap_used, clippy::disallowed_methods)]

mod scale {
    pub mod rows;
}
mod support;

use std::process::ExitCode;
use std::time::Instant;

use reqwest::Client;
use serde_json::{Value, json};
use uuid::Uuid;

use self::scale::rows::{WORDS, fill};
use self::support::database::Database;
use self::support::process;
use self::support::server::{Server, program, seed};
use self::support::table::{Table, quantile};

/// The maximum ratio of the times of the large and the small database.
const MAX_RATIO: f64 = 1.3;
const CONVERSATIONS: u32 = 1_000_000;
const WORKSPACES: u32 = 5;
const SMALL: u32 = 1_000;
/// The number of requests in one turn of a server.
const TURN: u32 = 25;
const TURNS: u32 = 8;
const PAGE: u32 = 50;

const LIST: &str = "query($view: ConversationView! = INBOX, $filter: ConversationFilter, $first: Int!, $after: String) {
    conversations(view: $view, filter: $filter, first: $first, after: $after) {
      nodes { id status unread lastActivityAt contact { id number } phoneNumber { id label } assignee { id name }
              lastMessage { id body } }
      pageInfo { hasNextPage endCursor } } }";
const TOTAL: &str =
    "query($filter: ConversationFilter) { conversations(filter: $filter, first: 1) { totalCount } }";
const COUNTS: &str = "{ viewCounts { inbox { total open closed unread } assignedToMe { total open unread }
    unassigned { total open unread } asOf } }";
const CURSORS: &str = "query($first: Int!, $after: String) {
    conversations(first: $first, after: $after) { pageInfo { endCursor } } }";

/// A request and its caller.
struct Request {
    name: String,
    who: Who,
    document: &'static str,
    variables: Value,
    /// Whether [`MAX_RATIO`] applies.
    limited: bool,
}

#[derive(Clone, Copy)]
enum Who {
    /// Has access to all numbers; has read nothing.
    Manager,
    /// Has access to a few of the twenty numbers.
    Rep,
    /// Has access to all numbers; has read all open conversations except the three oldest.
    Reader,
}

impl Request {
    /// The same request without a cursor, because a cursor is valid in only one database.
    fn first_page(&self) -> Self {
        let mut first = Self { variables: self.variables.clone(), name: self.name.clone(), ..*self };
        if let Some(variables) = first.variables.as_object_mut() {
            variables.remove("after");
        }
        first
    }
}

struct Site {
    _database: Database,
    server: Server,
    client: Client,
    /// Indexed by [`Who`].
    tokens: [String; 3],
    is_postgres: bool,
}

/// The median time of a request and its mean CPU times, in milliseconds.
struct Cost {
    millis: f64,
    server_ms: f64,
    database_ms: f64,
}

#[tokio::main]
async fn main() -> ExitCode {
    if !support::is_bench() {
        return ExitCode::SUCCESS;
    }
    let arguments: Vec<String> = std::env::args().collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let given = arguments.iter().position(|argument| argument == "--conversations");
    let given = given.and_then(|place| arguments.get(place + 1)).map(|n| n.parse().expect("a number"));
    let (conversations, turns) =
        if has("--quick") { (CONVERSATIONS / 10, TURNS / 4) } else { (CONVERSATIONS, TURNS) };
    let conversations: u32 = given.unwrap_or(conversations);
    let mut met = true;
    for (name, make) in [
        ("PostgreSQL", Database::postgres as fn() -> Database),
        ("SQLite", Database::sqlite as fn() -> Database),
    ] {
        let skipped = if name == "SQLite" { has("--postgres") } else { has("--sqlite") };
        if !skipped {
            met &= compare(name, make, conversations, turns).await;
        }
    }
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints the table of one kind of database. Returns whether the ratio was met and the check was clean.
async fn compare(name: &str, make: fn() -> Database, conversations: u32, turns: u32) -> bool {
    let began = Instant::now();
    let large = Site::make(make(), WORKSPACES, conversations / WORKSPACES);
    let small = Site::make(make(), 1, SMALL);
    println!(
        "\n{name}: {conversations} conversations, of which {} in the queried workspace, compared with {SMALL}; \
         created in {} s\n",
        conversations / WORKSPACES,
        began.elapsed().as_secs()
    );
    let sound = program("check", large._database.url()).output().expect("runs");
    println!("check: {}", String::from_utf8_lossy(&sound.stdout).trim());
    let mut table = Table::new([
        "request",
        "rows",
        "1,000: ms",
        "large: ms",
        "ratio",
        "server: ms CPU",
        "database: ms CPU",
        "met",
    ]);
    let mut met = sound.status.success();
    for mut request in requests(&large).await {
        let rows = limit_rows(&small, &mut request).await;
        let (small, large) = ask_in_turns(&small, &large, &request, turns).await;
        let ratio = large.millis / small.millis;
        let is_met = ratio <= MAX_RATIO;
        met &= is_met || !request.limited;
        let pair = |small: f64, large: f64| format!("{small:.2} → {large:.2}");
        table.row([
            request.name,
            rows.map_or_else(String::new, |rows| rows.to_string()),
            format!("{:.2}", small.millis),
            format!("{:.2}", large.millis),
            format!("{ratio:.2}"),
            pair(small.server_ms, large.server_ms),
            pair(small.database_ms, large.database_ms),
            (if is_met { "yes" } else { "NO" }).to_owned(),
        ]);
    }
    println!("\n{table}");
    met
}

/// Limits the page to the number of rows that the small database returns, so that both return equally many. Returns
/// this number; `None` if the request is not for a page.
async fn limit_rows(small: &Site, request: &mut Request) -> Option<usize> {
    request.variables.get("view").or(request.variables.get("first"))?;
    let first = request.first_page();
    let answer = small.ask(first.who, first.document, &first.variables).await;
    let rows = answer["data"]["conversations"]["nodes"].as_array()?.len();
    request.variables["first"] = rows.max(1).into();
    Some(rows)
}

async fn requests(large: &Site) -> Vec<Request> {
    let list = |name: String, who: Who, view: &str, filter: Value| Request {
        name,
        who,
        document: LIST,
        variables: json!({ "view": view, "filter": filter, "first": PAGE }),
        limited: true,
    };
    let mut all = Vec::new();
    for (whose, who) in [("all numbers", Who::Manager), ("a few numbers", Who::Rep)] {
        for view in ["INBOX", "ASSIGNED_TO_ME", "UNASSIGNED"] {
            for (of, filter) in [
                ("all", json!({})),
                ("open", json!({ "status": "OPEN" })),
                ("closed", json!({ "status": "CLOSED" })),
                ("unread", json!({ "unread": true })),
            ] {
                all.push(list(format!("{view}, {of}, {whose}"), who, view, filter));
            }
        }
    }
    let unread = json!({ "unread": true });
    all.push(Request {
        limited: false,
        ..list("INBOX, unread, only the oldest 3 are unread".to_owned(), Who::Reader, "INBOX", unread)
    });
    let read = json!({ "unread": false });
    all.push(list("INBOX, not unread, all numbers".to_owned(), Who::Reader, "INBOX", read));
    let mut at = 0;
    let mut after = Value::Null;
    for page in [10, 100, 1_000] {
        while at < (page - 1) * PAGE {
            let first = 100.min((page - 1) * PAGE - at);
            let variables = json!({ "first": first, "after": after });
            let answer = large.ask(Who::Manager, CURSORS, &variables).await;
            after = answer["data"]["conversations"]["pageInfo"]["endCursor"].clone();
            at += first;
        }
        if after.is_null() {
            break;
        }
        let mut deep = list(format!("INBOX, page {page}"), Who::Manager, "INBOX", json!({}));
        deep.variables["after"] = after.clone();
        all.push(deep);
    }
    for (name, document) in [("viewCounts, all numbers", COUNTS), ("totalCount", TOTAL)] {
        let (name, variables) = (name.to_owned(), json!({}));
        all.push(Request { name, who: Who::Manager, document, variables, limited: true });
    }
    let [common, percent, rare] = WORDS;
    for (what, word) in [
        ("a rare word", rare),
        ("a number", "+16501000005"),
        ("a word in 1 % of conversations", percent),
        ("a word in all conversations", common),
    ] {
        for (name, document) in [("search", LIST), ("its totalCount", TOTAL)] {
            let variables = json!({ "filter": { "search": word }, "first": PAGE });
            let name = format!("{name}, {what}");
            all.push(Request { name, who: Who::Manager, document, variables, limited: false });
        }
    }
    all
}

impl Site {
    fn make(database: Database, workspaces: u32, conversations: u32) -> Self {
        let workspaces = workspaces.to_string();
        let seeded = seed(
            database.url(),
            &["--agents", "50", "--numbers", "20", "--conversations", "0", "--workspaces", &workspaces],
        );
        let line = seeded.line();
        let made = line["workspaces"].as_array().expect("workspaces");
        let id = |value: &Value| value.as_str().and_then(|id| id.parse().ok()).expect("an id");
        let ids: Vec<Uuid> = made.iter().map(|workspace| id(&workspace["id"])).collect();
        let reader: Uuid = id(&made[0]["managers"][1]);
        fill(&database, &ids, reader, conversations);
        let mut token = program("token", database.url());
        token.args(["--workspace", &ids[0].to_string(), "--agent", &reader.to_string()]);
        let token = token.output().expect("signs").stdout;
        let reader = format!("Bearer {}", String::from_utf8_lossy(&token).trim());
        let tokens = [seeded.bearer("manager"), seeded.bearer("rep"), reader];
        let server = Server::start(database.url(), &["--points-per-minute", "0"]);
        let is_postgres = !database.url().starts_with("sqlite:");
        let client = Client::builder().no_proxy().build().expect("a client");
        Self { _database: database, server, client, tokens, is_postgres }
    }

    async fn ask(&self, who: Who, document: &str, variables: &Value) -> Value {
        let post = self.client.post(self.server.url("/graphql"));
        let post = post.header("authorization", &self.tokens[who as usize]);
        let answer = post.json(&json!({ "query": document, "variables": variables })).send().await;
        let answer: Value = answer.expect("an answer").json().await.expect("JSON");
        assert!(answer["errors"].is_null(), "{answer:#}");
        answer
    }

    /// Sends the request for one turn, and adds its times and CPU times.
    async fn turn(&self, request: &Request, times: &mut Vec<f64>, cost: &mut Cost) {
        let cpu_ms = || {
            let database = if self.is_postgres { process::cpu_ms_of_all("postgres") } else { 0.0 };
            (self.server.cpu_ms(), database)
        };
        let (server, database) = cpu_ms();
        for _ in 0..TURN {
            let began = Instant::now();
            self.ask(request.who, request.document, &request.variables).await;
            times.push(began.elapsed().as_secs_f64() * 1_000.0);
        }
        let (server_after, database_after) = cpu_ms();
        cost.server_ms += server_after - server;
        cost.database_ms += database_after - database;
    }
}

async fn ask_in_turns(small: &Site, large: &Site, request: &Request, turns: u32) -> (Cost, Cost) {
    let mut measured = [small, large].map(|site| (site, Vec::new(), none()));
    let first = request.first_page();
    for turn in 0..=turns {
        for (place, (site, times, cost)) in measured.iter_mut().enumerate() {
            site.turn(if place == 0 { &first } else { request }, times, cost).await;
            if turn == 0 {
                // Discard the turn that warms up.
                (*times, *cost) = (Vec::new(), none());
            }
        }
    }
    let requests = f64::from(turns * TURN);
    let [small, large] = measured.map(|(_, mut times, cost)| Cost {
        millis: quantile(&mut times, 0.5),
        server_ms: cost.server_ms / requests,
        database_ms: cost.database_ms / requests,
    });
    (small, large)
}

fn none() -> Cost {
    Cost { millis: 0.0, server_ms: 0.0, database_ms: 0.0 }
}

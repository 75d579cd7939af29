//! The databases and their servers.

use std::process::Command;

use reqwest::Client;
use serde_json::Value;

use super::documents;
use super::options::Options;
use crate::support::database::{Database, sql};
use crate::support::server::{SECRET, Server, seed};

/// Turns the rate limit off.
const UNLIMITED: [&str; 2] = ["--points-per-minute", "0"];
/// The number of database connections of a peer, divided among its workers: the same as Switchboard's.
const CONNECTIONS: usize = 10;

/// One workspace in a database, and its callers.
pub struct World {
    pub database: Database,
    pub manager: String,
    pub workspace: String,
    pub viewer: String,
    /// Two agents, and a phone number that both can access.
    pub agents: [String; 2],
    pub phone_number: String,
}

impl World {
    pub fn postgres(options: &Options) -> Self {
        let world = Self::fill(Database::postgres(), options);
        // All contenders get the same statistics, and no vacuum of the seeded rows runs during the measurement.
        sql(world.database.url(), "VACUUM ANALYZE");
        world
    }

    pub fn sqlite(options: &Options) -> Self {
        Self::fill(Database::sqlite(), options)
    }

    fn fill(database: Database, options: &Options) -> Self {
        let conversations = options.conversations.to_string();
        let size = ["--agents", "8", "--numbers", "3", "--conversations", &conversations];
        let seeded = seed(database.url(), &size);
        let text = |path: &str| -> String {
            seeded.line().pointer(path).and_then(Value::as_str).expect("the output of seed").to_owned()
        };
        Self {
            manager: seeded.bearer("manager"),
            workspace: text("/workspaces/0/id"),
            viewer: text("/workspaces/0/managers/0"),
            agents: [text("/workspaces/0/reps/0"), text("/workspaces/0/reps/1")],
            // All agents can access the first number.
            phone_number: text("/workspaces/0/numbers/0/id"),
            database,
        }
    }

    /// Starts Switchboard on this database with additional arguments.
    pub fn switchboard(&self, arguments: &[&str]) -> Server {
        Server::start(self.database.url(), &[&UNLIMITED, arguments].concat())
    }

    /// Starts a peer of `benches/peers` on a database.
    pub fn peer(script: &str, database: &Database) -> Server {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let mut node = Command::new("node");
        node.arg(script).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers"));
        node.env("DATABASE_URL", database.url()).env("TOKEN_SECRET", SECRET);
        node.env("CONNECTIONS", (CONNECTIONS / workers).max(1).to_string());
        node.env("NODE_ENV", "production").env("GRAPHILE_ENV", "production");
        Server::spawn(node)
    }

    /// The API's ids of about `limit` open conversations on [`Self::phone_number`] that neither of the two agents owns.
    pub async fn conversations(&self, server: &Server, limit: usize) -> Vec<String> {
        let mut ids = Vec::new();
        let mut after = Value::Null;
        while ids.len() < limit {
            let answer = self.ask(server, &documents::ids(&self.phone_number, &after)).await;
            let answer: Value = serde_json::from_str(&answer).expect("JSON");
            let list = &answer["data"]["conversations"];
            let nodes = list["nodes"].as_array().expect("nodes");
            let others = nodes.iter().filter(|node| {
                let assignee = node["assignee"]["id"].as_str();
                !self.agents.iter().any(|agent| assignee == Some(documents::opaque('A', agent).as_str()))
            });
            ids.extend(others.filter_map(|node| Some(node["id"].as_str()?.to_owned())));
            if list["pageInfo"]["hasNextPage"] != true {
                break;
            }
            after = list["pageInfo"]["endCursor"].clone();
        }
        ids
    }

    /// Sends one request and returns the text of the response.
    ///
    /// # Panics
    /// When the status is not 200.
    pub async fn ask(&self, server: &Server, request: &Value) -> String {
        let client = Client::builder().no_proxy().build().expect("a client");
        let post = client.post(server.url("/graphql")).header("authorization", &self.manager).json(request);
        let answer = post.header("accept", "application/json").send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("a text");
        assert!(status == 200, "{status}: {text}");
        text
    }
}

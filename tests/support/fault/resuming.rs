//! A subscription that survives faults, as in a well-written client.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::agent::{Agent, merged};
use crate::support::documents;
use crate::support::outcome::text;
use crate::support::socket::{Item, Socket, Subscription};

/// The pause before a reconnect, so that an unreachable server is not flooded.
const PAUSE: Duration = Duration::from_millis(50);

/// A subscription that reconnects whenever it is cut or fails. It resumes after the last received cursor, at each of
/// its servers in turn.
pub struct ResumingSubscription {
    agent: Agent,
    servers: Vec<SocketAddr>,
    document: String,
    variables: Value,
    last: String,
    live: Option<(Socket, Subscription)>,
    connections: u32,
}

impl ResumingSubscription {
    /// The live list `view` after `after`.
    pub fn queue(agent: &Agent, servers: &[SocketAddr], view: &str, filter: &Value, after: &str) -> Self {
        let variables = json!({ "view": view, "filter": filter });
        Self::new(agent, servers, documents::queue_changes(), variables, after)
    }

    /// The thread of the conversation `id` after `after`.
    pub fn thread(agent: &Agent, servers: &[SocketAddr], id: &str, after: &str) -> Self {
        Self::new(agent, servers, documents::conversation_changed(), json!({ "id": id }), after)
    }

    fn new(agent: &Agent, servers: &[SocketAddr], document: String, variables: Value, after: &str) -> Self {
        Self {
            agent: agent.clone(),
            servers: servers.to_vec(),
            document,
            variables,
            last: after.to_owned(),
            live: None,
            connections: 0,
        }
    }

    /// How often it had to reconnect.
    pub fn resumed(&self) -> u32 {
        self.connections.saturating_sub(1)
    }

    /// The next item. Cancel-safe: dropping the future loses no item.
    pub async fn next(&mut self) -> Value {
        loop {
            let Some((_, subscription)) = &mut self.live else {
                self.connect().await;
                continue;
            };
            match subscription.item().await {
                Item::Next(result) if result.get("errors").is_none() => {
                    let data = result["data"].as_object().and_then(|data| data.values().next());
                    let item = data.unwrap_or_else(|| panic!("no data: {result:#}")).clone();
                    text(&item["cursor"]).clone_into(&mut self.last);
                    return item;
                }
                // After any error, the items after the last cursor are delivered again.
                Item::Next(fault) | Item::Error(fault) => {
                    assert_retryable(&fault);
                    self.live = None;
                }
                Item::Closed(_) => self.live = None,
                Item::Complete => panic!("the stream {} ended", self.variables),
            }
        }
    }

    async fn connect(&mut self) {
        if self.connections > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let server = self.servers[self.connections as usize % self.servers.len()];
        self.connections += 1;
        if let Ok(socket) = Socket::try_open(&self.agent.at(server).client).await {
            let variables = merged(self.variables.clone(), json!({ "after": self.last }));
            let subscription = socket.subscribe(&self.document, variables);
            self.live = Some((socket, subscription));
        }
    }
}

/// Asserts that all errors of a request or of an item have a code that tells clients to try again.
pub fn assert_retryable(fault: &Value) {
    let errors = fault.get("errors").unwrap_or(fault).as_array().cloned().unwrap_or_default();
    let retryable = errors.iter().all(|error| error["extensions"]["code"] == "UNAVAILABLE");
    assert!(!errors.is_empty() && retryable, "the errors do not tell clients to try again: {fault:#}");
}

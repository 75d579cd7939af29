//! A client's copy of a live list: a page, and the changes of the stream since then.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::agent::Agent;
use super::documents;
use super::outcome::{number, text};
use super::socket::{Item, Socket, Subscription};

/// A list as a client keeps it by the documented rules: a row or a removal applies if its version is not lower than the
/// version of the row that the client has.
pub struct Fold {
    pub agent: Agent,
    pub view: &'static str,
    pub filter: Value,
    rows: BTreeMap<String, Value>,
    /// The position of the first page. The stream can be resumed from it any number of times.
    first: String,
    live: Option<(Socket, Subscription)>,
}

impl Fold {
    /// Reads the list, page by page, and subscribes after the first page.
    pub async fn begin(agent: &Agent, view: &'static str, filter: Value) -> Self {
        let mut fold = Self::read(agent, view, filter).await;
        fold.resume().await;
        fold
    }

    /// Reads the list, page by page, without subscribing.
    pub async fn read(agent: &Agent, view: &'static str, filter: Value) -> Self {
        let (nodes, as_of) = agent.list_as_of(view, &filter).await;
        let first = text(&as_of).to_owned();
        let mut fold = Self { agent: agent.clone(), view, filter, rows: BTreeMap::new(), first, live: None };
        for node in nodes {
            fold.put(node);
        }
        fold
    }

    /// The position of the first page.
    pub fn first(&self) -> &str {
        &self.first
    }

    /// Whether the copy has exactly this row.
    pub fn holds(&self, row: &Value) -> bool {
        self.rows.get(text(&row["id"])) == Some(row)
    }

    /// Subscribes again from the *first* position, and closes the previous connection.
    pub async fn resume(&mut self) {
        self.cut();
        self.live = Some(self.agent.queue(self.view, self.filter.clone(), Some(&self.first)).await);
    }

    /// Cuts the connection.
    pub fn cut(&mut self) {
        if let Some((socket, _)) = self.live.take() {
            socket.cut();
        }
    }

    /// Applies the next item of the stream. Panics if the stream ends or resets.
    pub async fn step(&mut self) -> Value {
        let (_, subscription) = self.live.as_mut().expect("connected");
        let item = match subscription.item().await {
            Item::Next(result) => result["data"]["queueChanges"].clone(),
            other => panic!("the stream of {} {} ended: {other:?}", self.view, self.filter),
        };
        self.apply(&item);
        item
    }

    /// Applies an item from another stream.
    pub fn apply(&mut self, item: &Value) {
        match item["__typename"].as_str() {
            Some("ConversationEntered" | "ConversationUpdated") => self.put(item["conversation"].clone()),
            Some("ConversationLeft") => {
                let id = text(&item["conversationId"]);
                let known = self.rows.get(id).map(|row| number(&row["version"]));
                if known.is_some_and(|known| number(&item["version"]) >= known) {
                    self.rows.remove(id);
                }
            }
            Some("QueueCheckpoint") => {}
            _ => panic!("unexpected in the stream of {} {}: {item:#}", self.view, self.filter),
        }
    }

    fn put(&mut self, row: Value) {
        let id = text(&row["id"]).to_owned();
        let known = self.rows.get(&id).map(|row| number(&row["version"]));
        if known.is_none_or(|known| number(&row["version"]) >= known) {
            self.rows.insert(id, row);
        }
    }

    /// Applies items until the copy has exactly this row. If the row is the result of the last event that concerns this
    /// list, all earlier events have arrived too.
    pub async fn catch_up_to(&mut self, row: &Value) {
        while !self.holds(row) {
            self.step().await;
        }
    }

    /// Asserts that the copy equals the result of a new query.
    pub async fn assert_is_fresh(&self) {
        let fresh = self.agent.list(self.view, self.filter.clone()).await;
        let activity: Vec<i64> =
            fresh.iter().map(|row| super::outcome::instant(&row["lastActivityAt"])).collect();
        assert!(activity.is_sorted_by(|newer, older| newer >= older), "out of order: {fresh:#?}");
        let fresh: BTreeMap<String, Value> =
            fresh.into_iter().map(|row| (text(&row["id"]).to_owned(), row)).collect();
        for id in fresh.keys().chain(self.rows.keys()) {
            let (folded, fresh) = (self.rows.get(id), fresh.get(id));
            let list = format!("{} {} of {}", self.view, self.filter, self.agent.name);
            assert_eq!(folded, fresh, "{list}: conversation {id} folded (left) and fresh (right) differ");
        }
    }
}

/// Adds a new conversation to a list of `agent`, as a marker: when it arrives, all earlier events have arrived. Returns
/// its row in the list.
pub async fn mark(
    world: &super::world::Workspace,
    agent: &Agent,
    view: &str,
    filter: &Value,
    n: u32,
) -> Value {
    let id = world.conversation(n).await;
    if view == "ASSIGNED_TO_ME" {
        agent.claim(&id).await.changed();
    }
    if filter["unread"] == false && filter["status"] != "CLOSED" {
        agent.read(&id).await.changed();
    }
    if filter["status"] == "CLOSED" {
        agent.close(&id).await.changed();
    }
    let row = agent.conversation_with(&id, documents::CONVERSATION).await;
    let shown = agent.ids(view, filter.clone()).await;
    assert!(shown.contains(&id), "the list {view} {filter} shows its marker {row:#}");
    row
}

/// Lists that random operations add conversations to and remove them from.
pub fn lists() -> Vec<(&'static str, Value)> {
    vec![
        ("INBOX", json!({})),
        ("INBOX", json!({ "unread": true })),
        ("ASSIGNED_TO_ME", json!({ "status": "OPEN" })),
        ("ASSIGNED_TO_ME", json!({ "unread": true })),
        ("ASSIGNED_TO_ME", json!({ "status": "CLOSED" })),
        ("UNASSIGNED", json!({})),
        ("UNASSIGNED", json!({ "status": "OPEN", "unread": false })),
    ]
}

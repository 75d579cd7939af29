//! Creates events by assignments over HTTP, one after the other.

use std::time::Instant;

use reqwest::Client;
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};

use crate::support::server::{Seeded, Server};

const ASSIGN: &str = "mutation($c: ID!, $a: ID!) {
    assignConversation(input: { conversationId: $c, agentId: $a }) { changed userErrors { code } } }";

/// A manager who assigns conversations that all agents of the workspace can access.
pub struct Assigner {
    client: Client,
    url: String,
    bearer: String,
    conversations: Vec<String>,
    agents: [String; 2],
    made: usize,
}

impl Assigner {
    pub async fn open(server: &Server, seeded: &Seeded) -> Self {
        let client = Client::builder().no_proxy().build().expect("a client");
        let mut assigner = Self {
            client,
            url: server.url("/graphql"),
            bearer: seeded.bearer("manager"),
            conversations: Vec::new(),
            agents: Default::default(),
            made: 0,
        };
        // Every agent of a seeded workspace has access to its first number.
        let number =
            assigner.ask("{ phoneNumbers { id } }", json!({})).await["phoneNumbers"][0]["id"].clone();
        let open = "query($n: ID!) { conversations(view: INBOX, first: 100,
            filter: { status: OPEN, phoneNumberIds: [$n] }) { nodes { id } } }";
        let open = assigner.ask(open, json!({ "n": number })).await;
        assigner.conversations = ids(&open["conversations"]["nodes"]);
        let agents = "query($c: ID!) { agents(assignableTo: $c) { nodes { id } } }";
        let agents = assigner.ask(agents, json!({ "c": assigner.conversations[0] })).await;
        let agents = ids(&agents["agents"]["nodes"]);
        assigner.agents = [agents[0].clone(), agents[1].clone()];
        // After this round, every assignment is a change.
        for _ in 0..assigner.conversations.len() {
            assigner.next_assignment().await;
        }
        assigner
    }

    /// Assigns a conversation to another agent, which is one event. Returns the time of the response.
    pub async fn assign(&mut self) -> Instant {
        let changed = self.next_assignment().await;
        assert!(changed, "an assignment changed nothing");
        Instant::now()
    }

    /// Sends the next assignment. Returns whether it changed anything.
    async fn next_assignment(&mut self) -> bool {
        let conversations = self.conversations.len();
        let (conversation, round) = (self.made % conversations, self.made / conversations);
        self.made += 1;
        let variables = json!({ "c": self.conversations[conversation], "a": self.agents[round % 2] });
        let answer = self.ask(ASSIGN, variables).await;
        let errors = &answer["assignConversation"]["userErrors"];
        assert_eq!(*errors, json!([]), "an assignment was refused");
        answer["assignConversation"]["changed"] == true
    }

    async fn ask(&self, query: &str, variables: Value) -> Value {
        let body = json!({ "query": query, "variables": variables });
        let post = self.client.post(&self.url).header(AUTHORIZATION, &self.bearer).json(&body);
        let mut answer: Value = post.send().await.expect("an answer").json().await.expect("JSON");
        assert!(answer.get("errors").is_none(), "{answer:#}");
        answer["data"].take()
    }
}

fn ids(nodes: &Value) -> Vec<String> {
    let nodes = nodes.as_array().expect("a list");
    nodes.iter().map(|node| node["id"].as_str().expect("an id").to_owned()).collect()
}

//! An agent of a workspace, with the actions that they can take through the API.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::clock::Clock;
use switchboard::domain::{AgentId, WorkspaceId};
use switchboard::token::{Caller, Keys};

use super::app::SECRET;
use super::client::Client;
use super::documents;
use super::outcome::{Payload, ids, items, text};
use super::socket::{Socket, Subscription};

/// A signed-in agent.
#[derive(Clone)]
pub struct Agent {
    /// The id in the API.
    pub id: String,
    /// The id in the application.
    pub agent_id: AgentId,
    pub name: String,
    pub client: Client,
}

impl Agent {
    /// The same agent, connected to another server.
    pub fn at(&self, address: std::net::SocketAddr) -> Self {
        Self { client: self.client.at(address), ..self.clone() }
    }

    /// Replaces the agent's token by a new one, also in the clones of the client. Existing sockets keep their token.
    pub fn sign_in_again(&self, workspace: WorkspaceId) {
        let keys = Keys::new(SECRET.as_bytes()).expect("long enough");
        let caller = Caller::agent(workspace, self.agent_id);
        let token = keys.sign(caller, Clock::system().now(), Duration::from_secs(3600)).expect("signs");
        self.client.replace_token(token);
    }

    pub async fn assign(&self, conversation: &str, to: &Agent) -> Payload {
        self.assign_with(conversation, &to.id, json!({})).await
    }

    /// Assigns with further input fields, such as expectations.
    pub async fn assign_with(&self, conversation: &str, to: &str, more: Value) -> Payload {
        let input = merged(json!({ "conversationId": conversation, "agentId": to }), more);
        self.client.mutate("assignConversation", input, &documents::assigning()).await
    }

    pub async fn claim(&self, conversation: &str) -> Payload {
        let input = json!({ "conversationId": conversation });
        self.client.mutate("claimConversation", input, &documents::assigning()).await
    }

    pub async fn unassign(&self, conversation: &str) -> Payload {
        let input = json!({ "conversationId": conversation });
        self.client.mutate("unassignConversation", input, &documents::assigning()).await
    }

    pub async fn close(&self, conversation: &str) -> Payload {
        self.on("closeConversation", conversation).await
    }

    pub async fn reopen(&self, conversation: &str) -> Payload {
        self.on("reopenConversation", conversation).await
    }

    pub async fn read(&self, conversation: &str) -> Payload {
        self.on("markConversationRead", conversation).await
    }

    pub async fn unread(&self, conversation: &str) -> Payload {
        self.on("markConversationUnread", conversation).await
    }

    /// Calls a mutation whose only input is a conversation.
    pub async fn on(&self, mutation: &str, conversation: &str) -> Payload {
        self.on_with(mutation, conversation, json!({})).await
    }

    /// As [`Self::on`], with further input fields.
    pub async fn on_with(&self, mutation: &str, conversation: &str, more: Value) -> Payload {
        let input = merged(json!({ "conversationId": conversation }), more);
        self.client.mutate(mutation, input, &documents::single()).await
    }

    /// Replies with a new idempotency key.
    pub async fn send(&self, conversation: &str, body: &str) -> Payload {
        self.send_with(conversation, body, &unique_key(), json!({})).await
    }

    pub async fn send_with(&self, conversation: &str, body: &str, key: &str, more: Value) -> Payload {
        let input = json!({ "conversationId": conversation, "body": body, "idempotencyKey": key });
        self.client.mutate("sendMessage", merged(input, more), &documents::messaging()).await
    }

    pub async fn start(&self, number: &str, to: &str, body: &str, key: &str) -> Payload {
        let input = json!({ "phoneNumberId": number, "to": to, "body": body, "idempotencyKey": key });
        self.client.mutate("startConversation", input, &documents::messaging()).await
    }

    /// A conversation as this agent sees it, or null if they cannot see it.
    pub async fn conversation(&self, id: &str) -> Value {
        self.conversation_with(id, documents::CONVERSATION).await
    }

    /// The fields `selection` of a conversation.
    pub async fn conversation_with(&self, id: &str, selection: &str) -> Value {
        let document = format!("query($id: ID!) {{ conversation(id: $id) {{ {selection} }} }}");
        self.client.data(&document, json!({ "id": id })).await["conversation"].take()
    }

    /// The messages of a conversation, in order of arrival.
    pub async fn messages(&self, conversation: &str) -> Vec<Value> {
        let selection = format!("messages(first: 100) {{ nodes {{ {} }} }}", documents::MESSAGE);
        let found = self.conversation_with(conversation, &selection).await;
        items(&found["messages"]["nodes"]).clone()
    }

    /// The history of a conversation, newest first.
    pub async fn history(&self, conversation: &str) -> Vec<Value> {
        let selection = format!("history(first: 100) {{ nodes {{ {} }} }}", documents::EVENT);
        let found = self.conversation_with(conversation, &selection).await;
        items(&found["history"]["nodes"]).clone()
    }

    /// The kinds of the events in a conversation's history, oldest first.
    pub async fn story(&self, conversation: &str) -> Vec<String> {
        let history = self.history(conversation).await;
        history.iter().rev().map(|event| text(&event["kind"]).to_owned()).collect()
    }

    /// A page of a list: the connection, with `nodes`, `pageInfo`, `totalCount` and `asOf`.
    pub async fn page(&self, variables: Value) -> Value {
        self.client.data(&documents::page(), variables).await["conversations"].take()
    }

    /// The whole list, read page by page, with the `asOf` of the first page.
    pub async fn list_as_of(&self, view: &str, filter: &Value) -> (Vec<Value>, Value) {
        let mut after = Value::Null;
        let mut found = Vec::new();
        let mut as_of = Value::Null;
        loop {
            let variables = json!({ "view": view, "filter": filter, "first": 50, "after": after });
            let page = self.page(variables).await;
            if as_of.is_null() {
                as_of = page["asOf"].clone();
            }
            found.extend(items(&page["nodes"]).iter().cloned());
            if page["pageInfo"]["hasNextPage"] != true {
                return (found, as_of);
            }
            after = page["pageInfo"]["endCursor"].clone();
        }
    }

    /// The whole list.
    pub async fn list(&self, view: &str, filter: Value) -> Vec<Value> {
        self.list_as_of(view, &filter).await.0
    }

    /// The ids of the whole list.
    pub async fn ids(&self, view: &str, filter: Value) -> Vec<String> {
        ids(&self.list(view, filter).await)
    }

    /// The badges.
    pub async fn counts(&self) -> Value {
        let document = format!("{{ viewCounts {{ {} }} }}", documents::COUNTS);
        self.client.data(&document, json!({})).await["viewCounts"].take()
    }

    /// The queue health of some phone numbers, or of all if `numbers` is null. The window is in seconds.
    pub async fn health(&self, numbers: &Value, window: i32) -> Value {
        let document = format!(
            "query($numbers: [ID!], $window: Int!) {{ queueHealth(phoneNumberIds: $numbers, window: $window) {{ {} }} }}",
            documents::HEALTH
        );
        let variables = json!({ "numbers": numbers, "window": window });
        self.client.data(&document, variables).await["queueHealth"].take()
    }

    /// The workload of each agent.
    pub async fn workloads(&self) -> Vec<Value> {
        let document = format!("{{ workloads {{ {} }} }}", documents::WORKLOAD);
        items(&self.client.data(&document, json!({})).await["workloads"]).clone()
    }

    /// Sets the presence of this agent in a conversation. A null state removes it.
    pub async fn is_at(&self, conversation: &str, state: Value) -> Payload {
        let selection =
            format!("presence {{ {} }} expiresAt changed {}", documents::VIEWERS, documents::USER_ERRORS);
        let input = json!({ "conversationId": conversation, "state": state });
        self.client.mutate("setPresence", input, &selection).await
    }

    /// The position of the workspace's log. It changes with each event, and with nothing else.
    pub async fn as_of(&self) -> String {
        text(&self.counts().await["asOf"]).to_owned()
    }

    /// Opens a socket and subscribes to the live list on it.
    pub async fn queue(&self, view: &str, filter: Value, after: Option<&str>) -> (Socket, Subscription) {
        let socket = Socket::open(&self.client).await;
        let variables = json!({ "view": view, "filter": filter, "after": after });
        let subscription = socket.subscribe(&documents::queue_changes(), variables);
        (socket, subscription)
    }
}

/// A new idempotency key.
pub fn unique_key() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// The fields of both objects.
pub fn merged(mut fields: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("an object was expected: {more}") };
    fields.as_object_mut().expect("an object").extend(more);
    fields
}

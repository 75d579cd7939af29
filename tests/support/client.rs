//! A GraphQL client over HTTP.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use reqwest::header::{ACCEPT, AUTHORIZATION};
use serde_json::{Value, json};

use super::outcome::{Payload, Response};

/// The client of one caller. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    address: SocketAddr,
    /// Shared by all clones.
    token: Arc<Mutex<Option<String>>>,
}

impl Client {
    pub fn new(http: reqwest::Client, address: SocketAddr, token: Option<String>) -> Self {
        Self { http, address, token: Arc::new(Mutex::new(token)) }
    }

    /// The same caller, connected to another server.
    pub fn at(&self, address: SocketAddr) -> Self {
        Self { address, ..self.clone() }
    }

    /// The same caller with a new connection pool, in which no connection is open yet.
    pub fn anew(&self) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        Self { http, ..self.clone() }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The value of the `Authorization` header, or `None` without a token.
    pub fn authorization(&self) -> Option<String> {
        self.token.lock().expect("not poisoned").as_ref().map(|token| format!("Bearer {token}"))
    }

    /// Uses another token from now on, in all clones of this client.
    pub fn replace_token(&self, token: String) {
        *self.token.lock().expect("not poisoned") = Some(token);
    }

    /// Sends `document` and returns the response, with or without errors.
    pub async fn query(&self, document: &str, variables: Value) -> Response {
        self.post(&json!({ "query": document, "variables": variables })).await
    }

    /// Sends `document` and returns the data. The response must not have errors.
    pub async fn data(&self, document: &str, variables: Value) -> Value {
        self.query(document, variables).await.data()
    }

    /// Calls the mutation `name` with its input type, and selects `selection` of its payload.
    pub async fn mutate(&self, name: &str, input: Value, selection: &str) -> Payload {
        self.try_mutate(name, input, selection).await.payload(name)
    }

    /// As [`Self::mutate`], for a response that may have top-level errors.
    pub async fn try_mutate(&self, name: &str, input: Value, selection: &str) -> Response {
        self.query(&mutation(name, selection), json!({ "input": input })).await
    }

    /// As [`Self::try_mutate`], for a request that may get no response.
    ///
    /// # Errors
    /// As [`Self::attempt`].
    pub async fn attempt_mutation(
        &self,
        name: &str,
        input: Value,
        selection: &str,
    ) -> reqwest::Result<Response> {
        self.attempt(&mutation(name, selection), json!({ "input": input })).await
    }

    /// As [`Self::query`], for a request that may get no response.
    ///
    /// # Errors
    /// If the connection fails before the response is complete.
    pub async fn attempt(&self, document: &str, variables: Value) -> reqwest::Result<Response> {
        self.try_post(&json!({ "query": document, "variables": variables })).await
    }

    async fn post(&self, body: &Value) -> Response {
        self.try_post(body).await.expect("the server responds")
    }

    async fn try_post(&self, body: &Value) -> reqwest::Result<Response> {
        let mut request = self
            .http
            .post(format!("http://{}/graphql", self.address))
            .header(ACCEPT, "application/graphql-response+json, application/json;q=0.9")
            .json(body);
        if let Some(authorization) = self.authorization() {
            request = request.header(AUTHORIZATION, authorization);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        let body = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("the response {status} is not JSON ({error}): {text}"));
        Ok(Response { status, body })
    }
}

/// The document of the mutation `name`, whose input type is `NameInput`.
fn mutation(name: &str, selection: &str) -> String {
    let (first, rest) = (name[..1].to_uppercase(), &name[1..]);
    format!("mutation($input: {first}{rest}Input!) {{ {name}(input: $input) {{ {selection} }} }}")
}

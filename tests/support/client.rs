//! GraphQL over HTTP, as one caller.

use std::net::SocketAddr;

use reqwest::header::{ACCEPT, AUTHORIZATION};
use serde_json::{Value, json};

use super::outcome::{Payload, Response};

/// One caller. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    address: SocketAddr,
    token: Option<String>,
}

impl Client {
    pub fn new(http: reqwest::Client, address: SocketAddr, token: Option<String>) -> Self {
        Self { http, address, token }
    }

    /// The same caller at another server.
    pub fn at(&self, address: SocketAddr) -> Self {
        Self { address, ..self.clone() }
    }

    /// The same caller with connections of their own, none of which is open yet.
    pub fn anew(&self) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("an HTTP client");
        Self { http, ..self.clone() }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The value of the `Authorization` header; `None` for a stranger.
    pub fn authorization(&self) -> Option<String> {
        self.token.as_ref().map(|token| format!("Bearer {token}"))
    }

    /// Whatever the server answers to `document`.
    pub async fn query(&self, document: &str, variables: Value) -> Response {
        self.post(&json!({ "query": document, "variables": variables })).await
    }

    /// What the server answers to `document`, which must be free of errors.
    pub async fn data(&self, document: &str, variables: Value) -> Value {
        self.query(document, variables).await.data()
    }

    /// Calls the mutation `name`, whose input type is named after it, and selects `selection` of its payload.
    pub async fn mutate(&self, name: &str, input: Value, selection: &str) -> Payload {
        self.try_mutate(name, input, selection).await.payload(name)
    }

    /// As [`Self::mutate`], when a top-level error is expected.
    pub async fn try_mutate(&self, name: &str, input: Value, selection: &str) -> Response {
        self.query(&mutation(name, selection), json!({ "input": input })).await
    }

    /// As [`Self::try_mutate`], when there may be no answer.
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

    /// As [`Self::query`], when there may be no answer.
    ///
    /// # Errors
    /// When the connection fails before the answer is there.
    pub async fn attempt(&self, document: &str, variables: Value) -> reqwest::Result<Response> {
        self.try_post(&json!({ "query": document, "variables": variables })).await
    }

    async fn post(&self, body: &Value) -> Response {
        self.try_post(body).await.expect("the server answers")
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
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let text = answer.text().await?;
        let body = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("the answer {status} is not JSON ({error}): {text}"));
        Ok(Response { status, body })
    }
}

/// The document of the mutation `name`, whose input type is named after it.
fn mutation(name: &str, selection: &str) -> String {
    let (first, rest) = (name[..1].to_uppercase(), &name[1..]);
    format!("mutation($input: {first}{rest}Input!) {{ {name}(input: $input) {{ {selection} }} }}")
}

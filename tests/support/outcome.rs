//! Responses, with assertions that show them when they fail.

use serde_json::Value;

/// The response to a GraphQL request.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub body: Value,
}

impl Response {
    /// The data of a response without errors.
    #[track_caller]
    pub fn data(self) -> Value {
        assert!(self.body.get("errors").is_none(), "unexpected errors: {self}");
        assert!(self.body["data"].is_object(), "no data: {self}");
        self.body["data"].clone()
    }

    /// The payload of mutation `name` in a response without errors.
    #[track_caller]
    pub fn payload(self, name: &str) -> Payload {
        let value = self.clone().data()[name].take();
        assert!(value.is_object(), "no payload of {name}: {self}");
        Payload { name: name.to_owned(), value }
    }

    /// The code of the only top-level error.
    #[track_caller]
    pub fn error_code(&self) -> &str {
        let errors =
            self.body["errors"].as_array().unwrap_or_else(|| panic!("an error was expected: {self}"));
        let code = errors.first().and_then(|error| error["extensions"]["code"].as_str());
        code.unwrap_or_else(|| panic!("the error has no code: {self}"))
    }

    /// Asserts that there is a top-level error with one of `codes`.
    #[track_caller]
    pub fn assert_error(&self, codes: &[&str]) {
        let code = self.error_code();
        assert!(codes.contains(&code), "expected one of {codes:?}: {self}");
    }
}

impl std::fmt::Display for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:#}", self.status, self.body)
    }
}

/// The payload of a mutation.
#[derive(Debug, Clone)]
pub struct Payload {
    name: String,
    pub value: Value,
}

impl Payload {
    /// The codes of the user errors.
    pub fn codes(&self) -> Vec<&str> {
        let errors = self.value["userErrors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().filter_map(|error| error["code"].as_str()).collect()
    }

    /// Whether the mutation was refused with `code`.
    pub fn is_refused_with(&self, code: &str) -> bool {
        self.codes() == [code]
    }

    /// The payload, which must have no user errors.
    #[track_caller]
    pub fn ok(self) -> Self {
        let errors = self.value["userErrors"].as_array();
        assert!(errors.is_some_and(Vec::is_empty), "unexpectedly refused: {self}");
        self
    }

    /// The payload of a mutation that changed something.
    #[track_caller]
    pub fn changed(self) -> Self {
        let payload = self.ok();
        assert_eq!(payload.value["changed"], true, "nothing changed: {payload}");
        payload
    }

    /// The payload of a mutation that succeeded without changing anything.
    #[track_caller]
    pub fn unchanged(self) -> Self {
        let payload = self.ok();
        assert_eq!(payload.value["changed"], false, "something changed: {payload}");
        payload
    }

    /// The only user error, which must have `code` and a message.
    #[track_caller]
    pub fn refused(&self, code: &str) -> &Value {
        assert_eq!(self.codes(), [code], "expected to be refused with {code}: {self}");
        let error = &self.value["userErrors"][0];
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "no message: {self}");
        assert_ne!(self.value["changed"], true, "refused and changed: {self}");
        error
    }

    /// The only user error, which must have `code` and concern the input field `field`.
    #[track_caller]
    pub fn refused_at(&self, code: &str, field: &str) -> &Value {
        let error = self.refused(code);
        let path = error["path"].as_array().and_then(|path| path.last());
        assert_eq!(path.and_then(Value::as_str), Some(field), "expected to concern {field}: {self}");
        error
    }

    /// The conversation in the payload.
    #[track_caller]
    pub fn conversation(&self) -> &Value {
        let conversation = &self.value["conversation"];
        assert!(conversation.is_object(), "no conversation: {self}");
        conversation
    }

    /// The message in the payload.
    #[track_caller]
    pub fn message(&self) -> &Value {
        let message = &self.value["message"];
        assert!(message.is_object(), "no message: {self}");
        message
    }

    /// The outcomes of a bulk mutation.
    #[track_caller]
    pub fn results(&self) -> &Vec<Value> {
        self.value["results"].as_array().unwrap_or_else(|| panic!("no results: {self}"))
    }
}

impl std::fmt::Display for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:#}", self.name, self.value)
    }
}

/// The string at `value`.
#[track_caller]
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("a string was expected: {value:#}"))
}

/// The whole number at `value`.
#[track_caller]
pub fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("a whole number was expected: {value:#}"))
}

/// The items of the list at `value`.
#[track_caller]
pub fn items(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("a list was expected: {value:#}"))
}

/// The ids of a list of nodes.
#[track_caller]
pub fn ids(nodes: &[Value]) -> Vec<String> {
    nodes.iter().map(|node| text(&node["id"]).to_owned()).collect()
}

/// The instant at `value`, in microseconds since 1970.
#[track_caller]
pub fn instant(value: &Value) -> i64 {
    let parsed = switchboard::clock::Timestamp::parse(text(value));
    parsed.unwrap_or_else(|| panic!("an instant was expected: {value}")).as_micros()
}

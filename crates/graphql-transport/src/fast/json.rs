//! JSON as it is written to the wire.

use async_graphql::resolver_utils::EnumType;
use async_graphql::{Response, Value};

/// A JSON writer.
#[derive(Debug, Default)]
pub struct Json(Vec<u8>);

impl Json {
    /// An empty writer, with room for `bytes`.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    pub fn null(&mut self) {
        self.raw("null");
    }

    pub fn boolean(&mut self, value: bool) {
        self.raw(if value { "true" } else { "false" });
    }

    pub fn int(&mut self, value: i32) {
        self.serialized(&value);
    }

    pub fn text(&mut self, text: &str) {
        self.serialized(text);
    }

    /// The name of an enum value.
    pub fn name<E: EnumType>(&mut self, value: E) {
        let name = E::items().iter().find(|item| item.value == value).map_or("", |item| item.name);
        self.text(name);
    }

    /// `null` for `None`.
    pub fn optional<V>(&mut self, value: Option<V>, write: impl FnOnce(&mut Self, V)) {
        match value {
            Some(value) => write(self, value),
            None => self.null(),
        }
    }

    pub fn list<V>(&mut self, items: impl IntoIterator<Item = V>, mut write: impl FnMut(&mut Self, V)) {
        self.raw("[");
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.raw(",");
            }
            write(self, item);
        }
        self.raw("]");
    }

    /// A value of async-graphql, parts of which may already be JSON.
    pub fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.null(),
            Value::Boolean(value) => self.boolean(*value),
            Value::Number(number) => self.serialized(number),
            Value::String(text) => self.text(text),
            Value::Enum(name) => self.text(name),
            Value::Binary(written) => {
                // This is most of the response; what follows it is short.
                self.0.reserve(written.len() + 1_024);
                self.0.extend_from_slice(written);
            }
            Value::List(items) => self.list(items, Self::value),
            Value::Object(fields) => {
                self.raw("{");
                for (index, (key, value)) in fields.iter().enumerate() {
                    if index > 0 {
                        self.raw(",");
                    }
                    self.text(key);
                    self.raw(":");
                    self.value(value);
                }
                self.raw("}");
            }
        }
    }

    /// A whole response.
    pub fn response(&mut self, response: &Response) {
        self.raw("{\"data\":");
        self.value(&response.data);
        if !response.extensions.is_empty() {
            self.raw(",\"extensions\":");
            self.serialized(&response.extensions);
        }
        if !response.errors.is_empty() {
            self.raw(",\"errors\":");
            self.serialized(&response.errors);
        }
        self.raw("}");
    }

    /// Text that is already JSON.
    pub fn raw(&mut self, json: &str) {
        self.0.extend_from_slice(json.as_bytes());
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn serialized<V: serde::Serialize + ?Sized>(&mut self, value: &V) {
        let before = self.0.len();
        // Writing to memory cannot fail. Serialisation can, for a map whose keys are not strings.
        if serde_json::to_writer(&mut self.0, value).is_err() {
            self.0.truncate(before);
            self.null();
        }
    }
}

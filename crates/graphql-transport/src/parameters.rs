//! The parameters of a request, for all transports.

use std::borrow::Cow;
use std::fmt;

use async_graphql::Variables;
use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::extensions::RequestExtensions;
use crate::json_text::replace_lone_surrogates;
use crate::persisted::PersistedQuery;
use crate::trace_context::TraceContext;

/// The parameters of a GraphQL request. Only their types have been checked.
///
/// `extensions` must be a map. Its trace context and its persisted query are read.
#[derive(Debug)]
pub struct Parameters {
    /// The text of the document; `None` if the request refers to a persisted document.
    pub query: Option<String>,
    /// The ID of a trusted document.
    pub document_id: Option<String>,
    /// The hash of a persisted document.
    pub persisted_query: Option<PersistedQuery>,
    /// The name of the operation to execute; may be `None` if the document has only one.
    pub operation_name: Option<String>,
    /// Empty when absent or null.
    pub variables: Variables,
    /// Whether half of a surrogate pair was replaced in the body. The operation refuses that for
    /// most callers.
    pub replaced_surrogates: bool,
    /// The trace context in `extensions`, for sockets, whose operations have no headers.
    pub trace: TraceContext,
}

impl Parameters {
    /// Parses parameters, and replaces halves of surrogate pairs: see [`Self::replaced_surrogates`].
    ///
    /// # Errors
    /// When `json` is not an object of parameters.
    pub fn from_json(json: &str) -> Result<Self, serde_json::Error> {
        let text = replace_lone_surrogates(json);
        let replaced_surrogates = matches!(text, Cow::Owned(_));
        Ok(Self { replaced_surrogates, ..serde_json::from_str(&text)? })
    }
}

impl<'de> Deserialize<'de> for Parameters {
    // A derived implementation would also accept an array of the fields in order, which a batch of strings is.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ParametersVisitor)
    }
}

struct ParametersVisitor;

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum ParameterName {
    Query,
    DocumentId,
    OperationName,
    Variables,
    Extensions,
    #[serde(other)]
    Other,
}

impl<'de> Visitor<'de> for ParametersVisitor {
    type Value = Parameters;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map with `query`, `documentId` or `extensions.persistedQuery`")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Parameters, M::Error> {
        let mut query = None;
        let mut document_id = None;
        let mut operation_name = None;
        let mut variables = None;
        let mut extensions: Option<RequestExtensions> = None;
        while let Some(name) = map.next_key()? {
            match name {
                ParameterName::Query => set_once(&mut query, "query", map.next_value()?)?,
                ParameterName::DocumentId => set_once(&mut document_id, "documentId", map.next_value()?)?,
                ParameterName::OperationName => {
                    set_once(&mut operation_name, "operationName", map.next_value()?)?;
                }
                ParameterName::Variables => set_once(&mut variables, "variables", map.next_value()?)?,
                ParameterName::Extensions => extensions = map.next_value()?,
                ParameterName::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let RequestExtensions { trace, persisted_query } = extensions.unwrap_or_default();
        let query: Option<String> = query.flatten();
        let document_id: Option<String> = document_id.flatten();
        if query.is_none() && document_id.is_none() && persisted_query.is_none() {
            return Err(de::Error::missing_field("query"));
        }
        Ok(Parameters {
            query,
            document_id,
            persisted_query,
            operation_name: operation_name.flatten(),
            variables: variables.unwrap_or_default(),
            replaced_surrogates: false,
            trace,
        })
    }
}

fn set_once<T, E: de::Error>(field: &mut Option<T>, name: &'static str, value: T) -> Result<(), E> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::duplicate_field(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Parameters, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn parameters_of_a_wrong_type_are_refused() {
        for json in [
            r#"["{ a }"]"#,
            r#"{}"#,
            r#"{"query":null}"#,
            r#"{"query":"{a}","query":"{b}"}"#,
            r#"{"query":1}"#,
            r#"{"documentId":1}"#,
            r#"{"documentId":null}"#,
            r#"{"query":"{a}","extensions":{"persistedQuery":1}}"#,
            r#"{"query":"{a}","operationName":1}"#,
            r#"{"query":"{a}","variables":[]}"#,
            r#"{"query":"{a}","variables":"{}"}"#,
            r#"{"query":"{a}","extensions":[]}"#,
        ] {
            assert!(parse(json).is_err(), "{json}");
        }
    }

    #[test]
    fn null_and_unknown_parameters_are_ignored() {
        let json = r#"{"id":1,"query":"{a}","variables":null,"operationName":null,"extensions":null}"#;
        let parameters = parse(json).unwrap();
        assert_eq!(parameters.query.as_deref(), Some("{a}"));
        assert!(parameters.variables.is_empty() && parameters.operation_name.is_none());
    }
}

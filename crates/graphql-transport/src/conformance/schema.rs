//! A schema, for everything that happens to a document before it is executed.

use std::collections::HashMap;
use std::sync::Arc;

use apollo_compiler::ast::{FieldDefinition, NamedType};
use apollo_compiler::schema::{Component, ExtendedType};
use apollo_compiler::validation::Valid;
use apollo_compiler::{Name, Schema, name, ty};
use async_graphql::Value;
use sha2::{Digest, Sha256};

/// Whether a value is one of a custom scalar.
pub type ScalarCheck = fn(&Value) -> bool;

/// Why a schema cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct SchemaError(String);

/// A valid schema, with the checks of its custom scalars.
#[derive(Debug)]
pub struct ApiSchema {
    schema: Valid<Schema>,
    /// The object types of each interface and union, in the order of their names.
    possible_types: HashMap<Name, Vec<NamedType>>,
    scalars: HashMap<&'static str, ScalarCheck>,
    suggests: bool,
    sdl: Arc<str>,
    hash: Arc<str>,
}

impl ApiSchema {
    /// Reads a schema in the schema definition language.
    ///
    /// # Errors
    /// When `sdl` is not a valid schema.
    pub fn parse(sdl: &str) -> Result<Self, SchemaError> {
        let schema = Schema::parse_and_validate(sdl, "schema.graphql")
            .map_err(|invalid| SchemaError(invalid.errors.to_string()))?;
        let schema = with_is_one_of(schema);
        let mut possible_types = HashMap::new();
        for (name, implementers) in schema.implementers_map() {
            let mut objects: Vec<_> = implementers.objects.into_iter().collect();
            objects.sort();
            possible_types.insert(name, objects);
        }
        for (name, definition) in &schema.types {
            if let ExtendedType::Union(union) = definition {
                let mut objects: Vec<_> = union.members.iter().map(|member| member.name.clone()).collect();
                objects.sort();
                possible_types.insert(name.clone(), objects);
            }
        }
        let hash =
            Sha256::digest(sdl.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let (sdl, hash) = (sdl.into(), hash.into());
        Ok(Self { schema, possible_types, scalars: HashMap::new(), suggests: true, sdl, hash })
    }

    /// Checks values of the custom scalar `name` before anything is executed. Without a check, every value passes.
    #[must_use]
    pub fn with_scalar(mut self, name: &'static str, check: ScalarCheck) -> Self {
        self.scalars.insert(name, check);
        self
    }

    /// The text of the schema.
    pub fn sdl(&self) -> &Arc<str> {
        &self.sdl
    }

    /// The SHA-256 of the text, in hexadecimal digits.
    pub fn hash(&self) -> &Arc<str> {
        &self.hash
    }

    /// Keeps names of the schema out of error messages, for a server without introspection.
    #[must_use]
    pub fn without_suggestions(mut self) -> Self {
        self.suggests = false;
        self
    }

    /// Whether error messages may contain names of the schema that the document does not.
    pub(super) fn suggests(&self) -> bool {
        self.suggests
    }

    pub(super) fn schema(&self) -> &Valid<Schema> {
        &self.schema
    }

    pub(super) fn definition(&self, name: &str) -> Option<&ExtendedType> {
        self.schema.types.get(name)
    }

    /// The object types of an interface or a union; `None` for any other type.
    pub(super) fn possible_types(&self, name: &str) -> Option<&[NamedType]> {
        match self.schema.types.get(name) {
            // An interface may have no implementation.
            Some(ExtendedType::Interface(_) | ExtendedType::Union(_)) => {
                Some(self.possible_types.get(name).map_or(&[], Vec::as_slice))
            }
            _ => None,
        }
    }

    pub(super) fn is_union(&self, name: &str) -> bool {
        matches!(self.schema.types.get(name), Some(ExtendedType::Union(_)))
    }

    /// Whether a fragment on `condition` applies to an object of the type `object`.
    pub(super) fn applies(&self, condition: &str, object: &str) -> bool {
        condition == object || self.schema.is_subtype(condition, object)
    }

    /// Whether `value` is one of the custom scalar `name`. True for a scalar without a check.
    pub(super) fn is_scalar_value(&self, name: &str, value: &Value) -> bool {
        self.scalars.get(name).is_none_or(|check| check(value))
    }
}

/// Adds `__Type.isOneOf`, which apollo-compiler 1 does not know and the executor answers.
fn with_is_one_of(schema: Valid<Schema>) -> Valid<Schema> {
    let mut schema = schema.into_inner();
    if let Some(ExtendedType::Object(definition)) = schema.types.get_mut("__Type") {
        let field = FieldDefinition {
            description: None,
            name: name!("isOneOf"),
            arguments: Vec::new(),
            ty: ty!(Boolean),
            directives: Default::default(),
        };
        definition.make_mut().fields.entry(name!("isOneOf")).or_insert_with(|| Component::new(field));
    }
    Valid::assume_valid(schema)
}

/// A schema for the unit tests of this module.
#[cfg(test)]
pub(super) fn test_schema() -> ApiSchema {
    ApiSchema::parse(include_str!("test_schema.graphql"))
        .expect("the test schema is valid")
        .with_scalar("DateTime", |value| starts_with(value, "20"))
        .with_scalar("E164", |value| starts_with(value, "+"))
}

#[cfg(test)]
fn starts_with(value: &Value, prefix: &str) -> bool {
    matches!(value, Value::String(text) if text.starts_with(prefix))
}

//! What a schema declares, by name, for the rules that async-graphql leaves out.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::Positioned;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    FieldDefinition, InputValueDefinition, OperationType, Type, TypeDefinition, TypeKind,
    TypeSystemDefinition,
};
use async_graphql::{Name, Value};

/// A field of an object or an interface.
pub(super) struct Field {
    pub of_type: Type,
    pub arguments: InputValueDefs,
}

/// Where a value is wanted: an argument, or a field of an input object.
pub(super) struct InputValueDef {
    pub of_type: Type,
    pub has_default: bool,
}

pub(super) type InputValueDefs = HashMap<Name, InputValueDef>;

/// What a named input type takes.
pub(super) enum Input {
    Scalar,
    Enum(Vec<Name>),
    Object(InputValueDefs),
}

/// Whether a value is one of a custom scalar.
pub type ScalarCheck = fn(&Value) -> bool;

/// What a schema declares, by name.
#[derive(Default)]
pub struct SchemaIndex {
    fields: HashMap<Name, HashMap<Name, Field>>,
    inputs: HashMap<Name, Input>,
    objects: HashSet<Name>,
    unions: HashSet<Name>,
    roots: Roots,
    scalars: HashMap<&'static str, ScalarCheck>,
}

/// The names of the root types.
struct Roots {
    query: String,
    mutation: String,
    subscription: String,
}

impl Default for Roots {
    fn default() -> Self {
        let [query, mutation, subscription] = ["Query", "Mutation", "Subscription"].map(str::to_owned);
        Self { query, mutation, subscription }
    }
}

impl SchemaIndex {
    /// Reads a schema in the schema definition language.
    ///
    /// # Errors
    /// When `sdl` cannot be parsed.
    pub fn parse(sdl: &str) -> Result<Self, async_graphql::parser::Error> {
        let mut index = Self::default();
        for definition in parse_schema(sdl)?.definitions {
            match definition {
                TypeSystemDefinition::Type(definition) => index.add(definition.node),
                TypeSystemDefinition::Schema(schema) => {
                    let name = |of: Option<Positioned<Name>>, default: String| {
                        of.map_or(default, |name| name.node.to_string())
                    };
                    let Roots { query, mutation, subscription } = index.roots;
                    index.roots = Roots {
                        query: name(schema.node.query, query),
                        mutation: name(schema.node.mutation, mutation),
                        subscription: name(schema.node.subscription, subscription),
                    };
                }
                TypeSystemDefinition::Directive(_) => {}
            }
        }
        Ok(index)
    }

    /// Checks variables of the custom scalar `name` before anything is executed. Without a check, every value passes.
    #[must_use]
    pub fn with_scalar(mut self, name: &'static str, check: ScalarCheck) -> Self {
        self.scalars.insert(name, check);
        self
    }

    /// The names of all types, the built-in scalars among them.
    pub fn type_names(&self) -> impl Iterator<Item = &str> {
        let built_in = ["Int", "Float", "String", "Boolean", "ID"];
        let declared = self.fields.keys().chain(self.inputs.keys()).chain(&self.unions);
        built_in.into_iter().chain(declared.map(Name::as_str))
    }

    /// The field `name` of the type `of`. `None` for an undeclared field, `__typename` among them.
    pub(super) fn field(&self, of: &str, name: &str) -> Option<&Field> {
        self.fields.get(of)?.get(name)
    }

    /// The input type of this name. `None` also for the built-in scalars.
    pub(super) fn input(&self, name: &str) -> Option<&Input> {
        self.inputs.get(name)
    }

    /// The check of a custom scalar, if it has one.
    pub(super) fn scalar(&self, name: &str) -> Option<ScalarCheck> {
        self.scalars.get(name).copied()
    }

    /// Whether this is the name of an object type.
    pub(super) fn is_object(&self, name: &str) -> bool {
        self.objects.contains(name)
    }

    /// The type at the root of operations of this kind.
    pub(super) fn root(&self, kind: OperationType) -> &str {
        match kind {
            OperationType::Query => &self.roots.query,
            OperationType::Mutation => &self.roots.mutation,
            OperationType::Subscription => &self.roots.subscription,
        }
    }

    fn add(&mut self, definition: TypeDefinition) {
        let name = definition.name.node;
        let input = match definition.kind {
            TypeKind::Object(object) => {
                self.objects.insert(name.clone());
                return drop(self.fields.insert(name, fields(object.fields)));
            }
            TypeKind::Interface(interface) => {
                return drop(self.fields.insert(name, fields(interface.fields)));
            }
            TypeKind::Union(_) => {
                self.unions.insert(name);
                return;
            }
            TypeKind::Scalar => Input::Scalar,
            TypeKind::Enum(of) => {
                Input::Enum(of.values.into_iter().map(|value| value.node.value.node).collect())
            }
            TypeKind::InputObject(of) => Input::Object(places(of.fields)),
        };
        self.inputs.insert(name, input);
    }
}

fn fields(of: Vec<Positioned<FieldDefinition>>) -> HashMap<Name, Field> {
    let field = |field: FieldDefinition| {
        (field.name.node, Field { of_type: field.ty.node, arguments: places(field.arguments) })
    };
    of.into_iter().map(|definition| field(definition.node)).collect()
}

fn places(of: Vec<Positioned<InputValueDefinition>>) -> InputValueDefs {
    let place = |place: InputValueDefinition| {
        (
            place.name.node,
            InputValueDef { of_type: place.ty.node, has_default: place.default_value.is_some() },
        )
    };
    of.into_iter().map(|definition| place(definition.node)).collect()
}

/// A schema for the unit tests of this module.
#[cfg(test)]
pub(super) fn test_schema() -> SchemaIndex {
    SchemaIndex::parse(include_str!("test_schema.graphql"))
        .expect("the test schema parses")
        .with_scalar("DateTime", |value| starts_with(value, "20"))
        .with_scalar("E164", |value| starts_with(value, "+"))
}

#[cfg(test)]
fn starts_with(value: &Value, prefix: &str) -> bool {
    matches!(value, Value::String(text) if text.starts_with(prefix))
}

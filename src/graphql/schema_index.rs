//! An index of the schema by name, for validation rules that async-graphql lacks. Its own registry is not public.
//!
//! The index is built from the printed schema. The tests ensure that this parses; if it did not, the index would be
//! empty and only async-graphql's own checks would apply.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use async_graphql::Name;
use async_graphql::parser::Positioned;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    FieldDefinition, InputValueDefinition, OperationType, Type, TypeDefinition, TypeKind,
    TypeSystemDefinition,
};

/// A field of an object or an interface.
pub(super) struct Field {
    pub of_type: Type,
    pub arguments: InputValueDefs,
}

/// An argument, or a field of an input object.
pub(super) struct InputValueDef {
    pub of_type: Type,
    pub has_default: bool,
}

pub(super) type InputValueDefs = HashMap<Name, InputValueDef>;

/// A named input type.
pub(super) enum Input {
    Scalar,
    Enum(Vec<Name>),
    Object(InputValueDefs),
}

#[derive(Default)]
struct SchemaIndex {
    fields: HashMap<Name, HashMap<Name, Field>>,
    inputs: HashMap<Name, Input>,
    objects: HashSet<Name>,
}

static SCHEMA_INDEX: LazyLock<SchemaIndex> = LazyLock::new(|| {
    let definitions = parse_schema(super::sdl()).map(|document| document.definitions).unwrap_or_default();
    let mut index = SchemaIndex::default();
    for definition in definitions {
        if let TypeSystemDefinition::Type(definition) = definition {
            index.add(definition.node);
        }
    }
    index
});

impl SchemaIndex {
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
            TypeKind::Union(_) => return,
            TypeKind::Scalar => Input::Scalar,
            TypeKind::Enum(of) => {
                Input::Enum(of.values.into_iter().map(|value| value.node.value.node).collect())
            }
            TypeKind::InputObject(of) => Input::Object(input_values(of.fields)),
        };
        self.inputs.insert(name, input);
    }
}

fn fields(of: Vec<Positioned<FieldDefinition>>) -> HashMap<Name, Field> {
    let field = |field: FieldDefinition| {
        (field.name.node, Field { of_type: field.ty.node, arguments: input_values(field.arguments) })
    };
    of.into_iter().map(|definition| field(definition.node)).collect()
}

fn input_values(of: Vec<Positioned<InputValueDefinition>>) -> InputValueDefs {
    let input_value = |input: InputValueDefinition| {
        (
            input.name.node,
            InputValueDef { of_type: input.ty.node, has_default: input.default_value.is_some() },
        )
    };
    of.into_iter().map(|definition| input_value(definition.node)).collect()
}

/// The field `name` of the type `of`. `None` if it is not declared, as `__typename`.
pub(super) fn field(of: &str, name: &str) -> Option<&'static Field> {
    SCHEMA_INDEX.fields.get(of)?.get(name)
}

/// The input type with this name. `None` for unknown names and for built-in scalars.
pub(super) fn input(name: &str) -> Option<&'static Input> {
    SCHEMA_INDEX.inputs.get(name)
}

/// Whether this is the name of an object type, not of an interface or a union.
pub(super) fn is_object(name: &str) -> bool {
    SCHEMA_INDEX.objects.contains(name)
}

/// The root type of operations of this kind.
pub(super) fn root(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    }
}

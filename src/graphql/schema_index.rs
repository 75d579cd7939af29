//! What the schema declares, by name, for rules that the executor does not keep: it shows its own registry to nobody.
//!
//! Read from the printed schema, which parses whenever the tests pass. Without it the executor's own checks remain.

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

#[derive(Default)]
struct SchemaIndex {
    fields: HashMap<Name, HashMap<Name, Field>>,
    inputs: HashMap<Name, Input>,
    objects: HashSet<Name>,
}

static SCHEMA_INDEX: LazyLock<SchemaIndex> = LazyLock::new(|| {
    let definitions = parse_schema(super::sdl()).map(|document| document.definitions).unwrap_or_default();
    let mut declared = SchemaIndex::default();
    for definition in definitions {
        if let TypeSystemDefinition::Type(definition) = definition {
            declared.add(definition.node);
        }
    }
    declared
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

/// The field `name` of the type `of`. `None` for what is not declared, `__typename` among it.
pub(super) fn field(of: &str, name: &str) -> Option<&'static Field> {
    SCHEMA_INDEX.fields.get(of)?.get(name)
}

/// The input type of this name. `None` also for the scalars that every schema has.
pub(super) fn input(name: &str) -> Option<&'static Input> {
    SCHEMA_INDEX.inputs.get(name)
}

/// Whether this is the name of a type that nothing else can be, unlike an interface or a union.
pub(super) fn is_object(name: &str) -> bool {
    SCHEMA_INDEX.objects.contains(name)
}

/// The type at the root of operations of this kind.
pub(super) fn root(kind: OperationType) -> &'static str {
    match kind {
        OperationType::Query => "Query",
        OperationType::Mutation => "Mutation",
        OperationType::Subscription => "Subscription",
    }
}

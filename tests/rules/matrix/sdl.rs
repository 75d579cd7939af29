//! Reads the schema for the matrix: the root fields, their id arguments, and documents that call them.

use std::collections::BTreeMap;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeKind, TypeSystemDefinition,
};
use serde_json::{Map, Value, json};

/// The depth of a generated selection below the root field.
const DEPTH: usize = 2;

/// The definitions of the printed schema.
pub struct Sdl(BTreeMap<String, TypeKind>);

/// A field of `Query`, `Mutation` or `Subscription`.
pub struct RootField {
    pub operation: &'static str,
    pub name: String,
    definition: FieldDefinition,
}

/// The path of an id in the arguments of a root field, such as `["input", "agentId"]`.
#[derive(Debug, Clone)]
pub struct IdPlace {
    pub path: Vec<String>,
    pub list: bool,
}

impl IdPlace {
    /// The name of the argument or input field.
    pub fn name(&self) -> &str {
        self.path.last().expect("a path is not empty")
    }
}

impl Sdl {
    pub fn read() -> Self {
        let document = parse_schema(switchboard::graphql::sdl()).expect("a valid schema");
        let types = document.definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => {
                Some((definition.node.name.node.to_string(), definition.node.kind))
            }
            _ => None,
        });
        Self(types.collect())
    }

    /// All root fields, ordered by operation and name.
    pub fn root_fields(&self) -> Vec<RootField> {
        let roots = [("query", "Query"), ("mutation", "Mutation"), ("subscription", "Subscription")];
        let fields = roots.into_iter().flat_map(|(operation, name)| {
            let Some(TypeKind::Object(root)) = self.0.get(name) else { panic!("{name} is missing") };
            root.fields.iter().map(move |field| RootField {
                operation,
                name: field.node.name.node.to_string(),
                definition: field.node.clone(),
            })
        });
        fields.collect()
    }

    /// The paths of all ids in the field's arguments, including nested inputs.
    pub fn id_places(&self, field: &RootField) -> Vec<IdPlace> {
        let mut places = Vec::new();
        for argument in &field.definition.arguments {
            self.find_ids(&argument.node, &mut Vec::new(), &mut places);
        }
        places
    }

    fn find_ids(&self, argument: &InputValueDefinition, path: &mut Vec<String>, places: &mut Vec<IdPlace>) {
        path.push(argument.name.node.to_string());
        let (named, list) = named(&argument.ty.node);
        if named == "ID" {
            places.push(IdPlace { path: path.clone(), list });
        } else if let Some(TypeKind::InputObject(input)) = self.0.get(named) {
            for field in &input.fields {
                self.find_ids(&field.node, path, places);
            }
        }
        path.pop();
    }

    /// A document and variables that call the field. `value` returns a required argument by type and name. `place`
    /// is the path of an id and the id to pass.
    pub fn call(
        &self,
        field: &RootField,
        place: Option<(&IdPlace, &str)>,
        value: &dyn Fn(&str, &str) -> Value,
    ) -> (String, Value) {
        let mut variables = Map::new();
        for argument in &field.definition.arguments {
            if let Some(filled) = self.filled(&argument.node, value) {
                variables.insert(argument.node.name.node.to_string(), filled);
            }
        }
        if let Some((place, id)) = place {
            let mut at = &mut variables;
            let (last, above) = place.path.split_last().expect("a path is not empty");
            for name in above {
                let below = at.entry(name.clone()).or_insert_with(|| json!({}));
                at = below.as_object_mut().expect("an input is an object");
            }
            at.insert(last.clone(), if place.list { json!([id]) } else { json!(id) });
        }
        let given = || {
            field.definition.arguments.iter().filter(|a| variables.contains_key(a.node.name.node.as_str()))
        };
        let declared: Vec<_> =
            given().map(|a| format!("${}: {}", a.node.name.node, a.node.ty.node)).collect();
        let passed: Vec<_> = given().map(|a| format!("{0}: ${0}", a.node.name.node)).collect();
        let parenthesised = |list: Vec<String>| match list.is_empty() {
            true => String::new(),
            false => format!("({})", list.join(", ")),
        };
        let selection = self.selection(named(&field.definition.ty.node).0, DEPTH);
        let document = format!(
            "{} {} {{ {}{} {selection} }}",
            field.operation,
            parenthesised(declared),
            field.name,
            parenthesised(passed)
        );
        (document, Value::Object(variables))
    }

    /// The value for an argument; `None` if the argument is optional.
    fn filled(&self, argument: &InputValueDefinition, value: &dyn Fn(&str, &str) -> Value) -> Option<Value> {
        if argument.ty.node.nullable || argument.default_value.is_some() {
            return None;
        }
        let (type_name, list) = named(&argument.ty.node);
        let one = match self.0.get(type_name) {
            Some(TypeKind::InputObject(input)) => {
                let fields = input.fields.iter().filter_map(|field| {
                    Some((field.node.name.node.to_string(), self.filled(&field.node, value)?))
                });
                Value::Object(fields.collect())
            }
            Some(TypeKind::Enum(choices)) => json!(choices.values[0].node.value.node.as_str()),
            _ => value(type_name, argument.name.node.as_str()),
        };
        Some(if list { json!([one]) } else { one })
    }

    /// Selects all fields of a type without required arguments, with nested objects down to `depth`.
    fn selection(&self, type_name: &str, depth: usize) -> String {
        let fields = match self.0.get(type_name) {
            Some(TypeKind::Object(object)) => &object.fields,
            Some(TypeKind::Interface(interface)) => &interface.fields,
            Some(TypeKind::Union(_)) => return "{ __typename }".to_owned(),
            _ => return String::new(),
        };
        let mut shown = vec!["__typename".to_owned()];
        for field in fields.iter().map(|field| &field.node) {
            if field.arguments.iter().any(|a| !a.node.ty.node.nullable && a.node.default_value.is_none()) {
                continue;
            }
            let below = named(&field.ty.node).0;
            match self.0.get(below) {
                Some(TypeKind::Scalar | TypeKind::Enum(_)) | None => shown.push(field.name.node.to_string()),
                Some(_) if depth > 0 => {
                    shown.push(format!("{} {}", field.name.node, self.selection(below, depth - 1)));
                }
                Some(_) => {}
            }
        }
        format!("{{ {} }}", shown.join(" "))
    }
}

/// The name of the innermost type, and whether it is in a list.
fn named(whole: &Type) -> (&str, bool) {
    match &whole.base {
        BaseType::Named(name) => (name.as_str(), false),
        BaseType::List(inner) => (named(inner).0, true),
    }
}

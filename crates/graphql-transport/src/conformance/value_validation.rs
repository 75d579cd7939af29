//! Whether what stands in a document may stand in its place.
//!
//! Two rules of the specification that the executor keeps by half. It takes a string where the name of an enum value
//! is wanted ("Values of Correct Type"), because it judges literals as it judges variables; and it takes a variable
//! with the default `null` where null may not be ("All Variable Usages Are Allowed").

use std::collections::HashSet;

use async_graphql::parser::types::{
    BaseType, Directive, ExecutableDocument, OperationDefinition, Selection, SelectionSet, Type,
    VariableDefinition,
};
use async_graphql::parser::{Pos, Positioned};
use async_graphql::{Name, ServerError};
use async_graphql_value::Value;

use super::schema_index::{Input, InputValueDef, InputValueDefs, SchemaIndex};

/// The first value of the document that may not stand where it does, as an error to answer with.
pub fn validate_values(schema: &SchemaIndex, document: &ExecutableDocument) -> Option<ServerError> {
    document.operations.iter().find_map(|(_, operation)| {
        let operation = &operation.node;
        let walk = ValueValidator { schema, document, operation, entered: HashSet::new() };
        walk.operation().err().map(|InvalidValue { message, at }| ServerError::new(message, Some(at)))
    })
}

struct InvalidValue {
    message: String,
    at: Pos,
}

type Verdict = Result<(), InvalidValue>;

/// One look at each value of an operation.
struct ValueValidator<'a> {
    schema: &'a SchemaIndex,
    document: &'a ExecutableDocument,
    operation: &'a OperationDefinition,
    /// The fragments that were looked at: what they hold stands in the same places wherever they are spread.
    entered: HashSet<&'a Name>,
}

impl<'a> ValueValidator<'a> {
    fn operation(mut self) -> Verdict {
        let operation = self.operation;
        for variable in &operation.variable_definitions {
            if let Some(default) = &variable.node.default_value {
                let place =
                    InputValueDef { of_type: variable.node.var_type.node.clone(), has_default: false };
                self.value(&place, &default.node.clone().into_value(), default.pos)?;
            }
        }
        self.directives(&operation.directives)?;
        self.selections(self.schema.root(operation.ty), &operation.selection_set.node)
    }

    fn selections(&mut self, parent: &str, set: &'a SelectionSet) -> Verdict {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    self.directives(&field.directives)?;
                    let Some(declared) = self.schema.field(parent, &field.name.node) else { continue };
                    self.arguments(&declared.arguments, &field.arguments)?;
                    self.selections(base_name(&declared.of_type), &field.selection_set.node)?;
                }
                Selection::InlineFragment(fragment) => {
                    let fragment = &fragment.node;
                    self.directives(&fragment.directives)?;
                    let condition = fragment.type_condition.as_ref();
                    let parent = condition.map_or(parent, |condition| condition.node.on.node.as_str());
                    self.selections(parent, &fragment.selection_set.node)?;
                }
                Selection::FragmentSpread(spread) => {
                    self.directives(&spread.node.directives)?;
                    let name = &spread.node.fragment_name.node;
                    if let Some(fragment) = self.document.fragments.get(name)
                        && self.entered.insert(name)
                    {
                        let fragment = &fragment.node;
                        self.directives(&fragment.directives)?;
                        self.selections(&fragment.type_condition.node.on.node, &fragment.selection_set.node)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn arguments(&self, places: &InputValueDefs, given: &[(Positioned<Name>, Positioned<Value>)]) -> Verdict {
        for (name, value) in given {
            if let Some(place) = places.get(&name.node) {
                self.value(place, &value.node, value.pos)?;
            }
        }
        Ok(())
    }

    /// `@skip` and `@include` are all there are, and both take one condition.
    fn directives(&self, directives: &[Positioned<Directive>]) -> Verdict {
        for (name, value) in directives.iter().flat_map(|directive| &directive.node.arguments) {
            if name.node == "if" {
                let of_type = Type { base: BaseType::Named(Name::new("Boolean")), nullable: false };
                self.value(&InputValueDef { of_type, has_default: false }, &value.node, value.pos)?;
            }
        }
        Ok(())
    }

    fn value(&self, place: &InputValueDef, value: &Value, at: Pos) -> Verdict {
        match (value, &place.of_type.base) {
            (Value::Variable(name), _) => self.variable(place, name, at),
            (Value::List(items), BaseType::List(item)) => {
                let place = InputValueDef { of_type: Type::clone(item), has_default: false };
                items.iter().try_for_each(|item| self.value(&place, item, at))
            }
            // One value stands for a list of one.
            (value, BaseType::List(item)) => {
                self.value(&InputValueDef { of_type: Type::clone(item), has_default: false }, value, at)
            }
            (value, BaseType::Named(name)) => match (self.schema.input(name), value) {
                (Some(Input::Enum(_)), Value::String(_)) => {
                    let message = format!("A value of {name} is written without quotes.");
                    Err(InvalidValue { message, at })
                }
                (Some(Input::Object(places)), Value::Object(given)) => given
                    .iter()
                    .filter_map(|(name, value)| Some((places.get(name)?, value)))
                    .try_for_each(|(place, value)| self.value(place, value, at)),
                _ => Ok(()),
            },
        }
    }

    fn variable(&self, place: &InputValueDef, name: &Name, at: Pos) -> Verdict {
        let mut definitions = self.operation.variable_definitions.iter().map(|variable| &variable.node);
        match definitions.find(|definition| definition.name.node == *name) {
            // The executor refuses a variable that is not defined.
            None => Ok(()),
            Some(definition) if is_allowed(definition, place) => Ok(()),
            Some(definition) => {
                let (given, wanted) = (&definition.var_type.node, &place.of_type);
                let name: String = name.chars().take(64).collect();
                let message =
                    format!("Variable \"${name}\" of type \"{given}\" stands where \"{wanted}\" is wanted.");
                Err(InvalidValue { message, at })
            }
        }
    }
}

/// `IsVariableUsageAllowed` of the specification.
fn is_allowed(variable: &VariableDefinition, place: &InputValueDef) -> bool {
    let (given, wanted) = (&variable.var_type.node, &place.of_type);
    if wanted.nullable || !given.nullable {
        return is_compatible(given, wanted);
    }
    let has_default =
        variable.default_value.as_ref().is_some_and(|value| value.node != async_graphql::Value::Null);
    (has_default || place.has_default) && is_same_kind(&given.base, &wanted.base)
}

/// `AreTypesCompatible` of the specification.
fn is_compatible(given: &Type, wanted: &Type) -> bool {
    (wanted.nullable || !given.nullable) && is_same_kind(&given.base, &wanted.base)
}

fn is_same_kind(given: &BaseType, wanted: &BaseType) -> bool {
    match (given, wanted) {
        (BaseType::Named(given), BaseType::Named(wanted)) => given == wanted,
        (BaseType::List(given), BaseType::List(wanted)) => is_compatible(given, wanted),
        _ => false,
    }
}

fn base_name(of: &Type) -> &str {
    match &of.base {
        BaseType::Named(name) => name,
        BaseType::List(item) => base_name(item),
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema_index::test_schema;
    use super::*;
    use async_graphql::parser::parse_query;

    fn reason(query: &str) -> Option<String> {
        validate_values(&test_schema(), &parse_query(query).unwrap()).map(|error| error.message)
    }

    #[test]
    fn names_of_enums_are_no_strings() {
        for good in [
            "{ conversations(view: INBOX, filter: { status: OPEN }) { totalCount } }",
            "query($view: ConversationView = INBOX) { conversations(view: $view) { totalCount } }",
            "{ nodes(ids: [\"a\"]) { id } node(id: \"INBOX\") { id } }",
        ] {
            assert_eq!(reason(good), None, "{good}");
        }
        for bad in [
            "{ conversations(view: \"INBOX\") { totalCount } }",
            "{ conversations(filter: { status: \"OPEN\" }) { totalCount } }",
            "{ ... on Query { ...f } } fragment f on Query { conversations(view: \"INBOX\") { totalCount } }",
            "query($view: ConversationView = \"INBOX\") { conversations(view: $view) { totalCount } }",
            "query A { viewer { id } } query B { conversations(view: \"INBOX\") { totalCount } }",
        ] {
            assert!(reason(bad).is_some_and(|reason| reason.contains("without quotes")), "{bad}");
        }
    }

    #[test]
    fn a_variable_that_may_be_null_stands_where_null_may_be() {
        for good in [
            "query($id: ID!) { node(id: $id) { id } }",
            "query($id: ID = \"a\") { node(id: $id) { id } }",
            "query($view: ConversationView) { conversations(view: $view) { totalCount } }",
            "query($ids: [ID!]!) { conversations(filter: { phoneNumberIds: $ids }) { totalCount } }",
            "query($on: Boolean = true) { viewer @include(if: $on) { id } }",
            "query($id: ID!) { nodes(ids: [$id]) { id } }",
        ] {
            assert_eq!(reason(good), None, "{good}");
        }
        for bad in [
            "query($id: ID) { node(id: $id) { id } }",
            "query($id: ID = null) { node(id: $id) { id } }",
            "query($id: ID = null) { nodes(ids: [$id]) { id } }",
            "query($ids: [ID]!) { nodes(ids: $ids) { id } }",
            "query($id: String!) { node(id: $id) { id } }",
            "query($on: Boolean = null) { viewer @include(if: $on) { id } }",
            "mutation($id: ID = null) { claimConversation(input: { conversationId: $id }) { changed } }",
            "query($id: ID = null) { ...f } fragment f on Query { node(id: $id) { id } }",
        ] {
            assert!(reason(bad).is_some_and(|reason| reason.contains("is wanted")), "{bad}");
        }
    }
}

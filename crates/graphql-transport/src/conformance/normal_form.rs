//! The normal form of an operation: it has no fragments and no directives, and each response key occurs once.
//!
//! async-graphql executes the fields of a response key separately and merges their values afterwards. The result is
//! wrong when these fields have different selections. This module applies the specification's `CollectFields` before
//! the execution: it evaluates `@skip` and `@include`, expands the fragments, and merges the selections of each
//! response key. If a selection set becomes empty, the module adds a hidden `__typename`, because async-graphql returns
//! null for an empty set.

use std::collections::{HashMap, HashSet};

use apollo_compiler::Node;
use apollo_compiler::ast;
use apollo_compiler::executable::{
    DirectiveList, ExecutableDocument as Document, Field, Operation, Selection, SelectionSet,
};
use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types as parsed;
use async_graphql::{Name, Pos, Positioned, Response, ServerError};
use async_graphql_value::Value as Literal;

use super::literals::{constant_literal, parsed_type, position};
use super::response_shape::{Fields, HIDDEN_KEY, ResponseField, ResponseShape};
use super::schema::ApiSchema;

/// The inputs of a normal form besides the document: one form serves all requests for which they are equal.
pub(super) struct Inputs<'a> {
    /// The values of the variables of `@skip` and `@include`.
    pub conditions: HashMap<&'a str, bool>,
    /// The variables that have neither a value nor a default.
    pub unprovided: HashSet<&'a str>,
    /// The variables whose value is null, and which are used where null is not allowed.
    pub nulls: HashSet<&'a str>,
}

/// An operation in its normal form.
#[derive(Debug)]
pub(super) struct NormalForm {
    pub document: parsed::ExecutableDocument,
    shape: ResponseShape,
    /// Whether the shape has fields or selections that cannot be executed.
    has_null_arguments: bool,
}

impl NormalForm {
    pub fn of(schema: &ApiSchema, document: &Document, operation: &Operation, inputs: &Inputs<'_>) -> Self {
        let mut builder =
            Builder { schema, document, inputs, used: HashSet::new(), has_null_arguments: false };
        let root = &operation.selection_set;
        let (items, shape) = builder.selection_set(root.ty.as_str(), &[root]);
        let at = Pos::default();
        let definition = parsed::OperationDefinition {
            ty: match operation.operation_type {
                ast::OperationType::Query => parsed::OperationType::Query,
                ast::OperationType::Mutation => parsed::OperationType::Mutation,
                ast::OperationType::Subscription => parsed::OperationType::Subscription,
            },
            variable_definitions: builder.variable_definitions(operation),
            directives: Vec::new(),
            selection_set: Positioned::new(parsed::SelectionSet { items }, at),
        };
        let document = parsed::ExecutableDocument {
            operations: parsed::DocumentOperations::Single(Positioned::new(definition, at)),
            fragments: HashMap::new(),
        };
        Self { document, shape, has_null_arguments: builder.has_null_arguments }
    }

    /// Whether a null argument makes a field or an object of this form an error.
    pub fn has_null_arguments(&self) -> bool {
        self.has_null_arguments
    }

    /// The error of an operation that cannot be executed at all.
    pub fn request_error(&self, kind: parsed::OperationType) -> Option<ServerError> {
        if !self.has_null_arguments {
            return None;
        }
        self.shape.request_error(kind == parsed::OperationType::Subscription)
    }

    /// Completes a response of this form.
    pub fn complete(&self, response: &mut Response) {
        if self.has_null_arguments {
            self.shape.report_null_arguments(response);
        }
        self.shape.complete(response);
    }
}

pub(super) struct Builder<'a> {
    pub(super) schema: &'a ApiSchema,
    pub(super) document: &'a Document,
    pub(super) inputs: &'a Inputs<'a>,
    /// The variables in the normal form.
    used: HashSet<&'a str>,
    has_null_arguments: bool,
}

/// The fields of each response key, in the order of the document.
type Collected<'a> = IndexMap<&'a str, Vec<&'a Node<Field>>>;

type Items = Vec<Positioned<parsed::Selection>>;

impl<'a> Builder<'a> {
    /// Merges the selection sets of one field, whose type is `ty`.
    fn selection_set(&mut self, ty: &str, sets: &[&'a SelectionSet]) -> (Items, ResponseShape) {
        if let Some(null) = self.null_condition(sets) {
            self.has_null_arguments = true;
            return (vec![hidden_typename()], ResponseShape::Invalid(null));
        }
        match self.schema.possible_types(ty) {
            Some(possible) if self.schema.is_union(ty) || self.depend_on_type(possible, sets) => {
                self.by_type(possible, self.schema.is_union(ty), sets)
            }
            possible => {
                // All possible types have the same fields, so collect those of the first.
                let object =
                    possible.and_then(|possible| possible.first()).map_or(ty, |first| first.as_str());
                let (mut items, fields) = self.object(object, sets);
                let hidden = items.is_empty();
                if hidden {
                    items.push(hidden_typename());
                }
                (items, ResponseShape::Object { fields, hidden })
            }
        }
    }

    /// Merges selection sets for objects of the type `object`.
    fn object(&mut self, object: &str, sets: &[&'a SelectionSet]) -> (Items, Fields) {
        let mut items = Vec::new();
        let mut fields = Fields::new();
        for (key, same_key) in self.collect(object, sets) {
            let (item, field) = self.field(key, &same_key);
            items.extend(item);
            fields.insert(Name::new(key), field);
        }
        (items, fields)
    }

    /// Merges selection sets whose fields depend on the type of the object. A union has no fields but `__typename`, and
    /// async-graphql answers any other with null.
    fn by_type(
        &mut self,
        possible: &[ast::NamedType],
        is_union: bool,
        sets: &[&'a SelectionSet],
    ) -> (Items, ResponseShape) {
        let collected: Vec<(&ast::NamedType, Collected<'a>)> =
            possible.iter().map(|object| (object, self.collect(object, sets))).collect();
        // Fields that every type has are selected once, so that they count once towards the limits of an operation.
        let common: HashSet<&str> = match collected.split_first() {
            None => HashSet::new(),
            Some(((_, first), others)) => {
                let is_common = |key: &str, fields: &Vec<&'a Node<Field>>| {
                    (!is_union || fields[0].name == "__typename")
                        && others
                            .iter()
                            .all(|(_, other)| other.get(key).is_some_and(|it| are_same(it, fields)))
                };
                first.iter().filter(|(key, fields)| is_common(key, fields)).map(|(key, _)| *key).collect()
            }
        };
        let mut items = vec![hidden_typename()];
        let mut by_type = HashMap::new();
        for (index, (object, collected)) in collected.into_iter().enumerate() {
            let mut own = Vec::new();
            let mut fields = Fields::new();
            for (key, same_key) in collected {
                let (item, field) = self.field(key, &same_key);
                fields.insert(Name::new(key), field);
                if !common.contains(key) {
                    own.extend(item);
                } else if index == 0 {
                    items.extend(item);
                }
            }
            if !own.is_empty() {
                items.push(on_type(object, own));
            }
            by_type.insert(Name::new(object.as_str()), fields);
        }
        (items, ResponseShape::ByType(by_type))
    }

    /// Merges the fields of a response key into one. Returns no selection for a field that cannot be executed.
    fn field(
        &mut self,
        key: &str,
        same_key: &[&'a Node<Field>],
    ) -> (Option<Positioned<parsed::Selection>>, ResponseField) {
        let field = same_key[0];
        let at = position(field, &self.document.sources);
        if let Some(null) = self.null_argument(field) {
            self.has_null_arguments = true;
            return (None, ResponseField { ty: field.ty().clone(), shape: ResponseShape::Invalid(null) });
        }
        let inner = field.ty().inner_named_type();
        let sets: Vec<&SelectionSet> = same_key.iter().map(|field| &field.selection_set).collect();
        let (items, shape) = if sets.iter().all(|set| set.is_empty()) {
            (Vec::new(), ResponseShape::Leaf)
        } else {
            self.selection_set(inner.as_str(), &sets)
        };
        let arguments = field
            .arguments
            .iter()
            .filter_map(|argument| {
                let value = self.literal(&argument.value)?;
                Some((positioned(&argument.name, at), Positioned::new(value, at)))
            })
            .collect();
        let name = field.name.as_str();
        let selection = parsed::Field {
            alias: (key != name).then(|| Positioned::new(Name::new(key), at)),
            name: Positioned::new(Name::new(name), at),
            arguments,
            directives: Vec::new(),
            selection_set: Positioned::new(parsed::SelectionSet { items }, at),
        };
        let selection = parsed::Selection::Field(Positioned::new(selection, at));
        (Some(Positioned::new(selection, at)), ResponseField { ty: field.ty().clone(), shape })
    }

    /// `CollectFields` of the specification, for an object of the type `object`.
    fn collect(&self, object: &str, sets: &[&'a SelectionSet]) -> Collected<'a> {
        let mut collected = Collected::new();
        let mut visited = HashSet::new();
        for set in sets {
            self.collect_into(object, set, &mut visited, &mut collected);
        }
        collected
    }

    fn collect_into(
        &self,
        object: &str,
        set: &'a SelectionSet,
        visited: &mut HashSet<&'a str>,
        collected: &mut Collected<'a>,
    ) {
        for selection in &set.selections {
            if !self.is_included(selection.directives()) {
                continue;
            }
            match selection {
                Selection::Field(field) => {
                    collected.entry(field.response_key().as_str()).or_default().push(field);
                }
                Selection::InlineFragment(fragment) => {
                    let condition = fragment.type_condition.as_ref();
                    if condition.is_none_or(|condition| self.schema.applies(condition, object)) {
                        self.collect_into(object, &fragment.selection_set, visited, collected);
                    }
                }
                Selection::FragmentSpread(spread) => {
                    let Some(fragment) = self.document.fragments.get(&spread.fragment_name) else { continue };
                    if visited.insert(spread.fragment_name.as_str())
                        && self.schema.applies(fragment.type_condition(), object)
                    {
                        self.collect_into(object, &fragment.selection_set, visited, collected);
                    }
                }
            }
        }
    }

    /// Whether the fields can differ between the possible types of an interface or a union.
    fn depend_on_type(&self, possible: &[ast::NamedType], sets: &[&'a SelectionSet]) -> bool {
        let mut visited = HashSet::new();
        sets.iter().any(|set| self.has_narrow_fragment(possible, set, &mut visited))
    }

    /// Whether a fragment in `set` does not apply to all possible types.
    fn has_narrow_fragment(
        &self,
        possible: &[ast::NamedType],
        set: &'a SelectionSet,
        visited: &mut HashSet<&'a str>,
    ) -> bool {
        set.selections.iter().filter(|selection| self.is_included(selection.directives())).any(|selection| {
            let (condition, set) = match selection {
                Selection::Field(_) => return false,
                Selection::InlineFragment(fragment) => {
                    (fragment.type_condition.as_ref(), &fragment.selection_set)
                }
                Selection::FragmentSpread(spread) => {
                    match self.document.fragments.get(&spread.fragment_name) {
                        Some(fragment) if visited.insert(spread.fragment_name.as_str()) => {
                            (Some(fragment.type_condition()), &fragment.selection_set)
                        }
                        _ => return false,
                    }
                }
            };
            let applies_to_all = condition
                .is_none_or(|condition| possible.iter().all(|object| self.schema.applies(condition, object)));
            !applies_to_all || self.has_narrow_fragment(possible, set, visited)
        })
    }

    /// Evaluates `@skip` and `@include`.
    pub(super) fn is_included(&self, directives: &DirectiveList) -> bool {
        let condition = |name| {
            let value = &directives.get(name)?.specified_argument_by_name("if")?;
            match &***value {
                ast::Value::Boolean(value) => Some(*value),
                ast::Value::Variable(name) => self.inputs.conditions.get(name.as_str()).copied(),
                _ => None,
            }
        };
        condition("skip") != Some(true) && condition("include") != Some(false)
    }

    /// The value of an argument. `None` for a variable without a value: the argument is then omitted.
    fn literal(&mut self, value: &'a ast::Value) -> Option<Literal> {
        Some(match value {
            ast::Value::Variable(name) if self.inputs.unprovided.contains(name.as_str()) => return None,
            ast::Value::Variable(name) => {
                self.used.insert(name.as_str());
                Literal::Variable(Name::new(name.as_str()))
            }
            ast::Value::List(items) => {
                // An item cannot be omitted, so it becomes null.
                Literal::List(items.iter().map(|item| self.literal(item).unwrap_or(Literal::Null)).collect())
            }
            ast::Value::Object(fields) => Literal::Object(
                fields
                    .iter()
                    .filter_map(|(name, value)| Some((Name::new(name.as_str()), self.literal(value)?)))
                    .collect(),
            ),
            constant => constant_literal(constant),
        })
    }

    /// The definitions of the variables in the normal form. Call this after all fields are merged.
    fn variable_definitions(&self, operation: &Operation) -> Vec<Positioned<parsed::VariableDefinition>> {
        let used = operation.variables.iter().filter(|it| self.used.contains(it.name.as_str()));
        used.map(|variable| {
            let at = position(variable, &self.document.sources);
            let definition = parsed::VariableDefinition {
                name: positioned(&variable.name, at),
                var_type: Positioned::new(parsed_type(&variable.ty), at),
                directives: Vec::new(),
                default_value: None,
            };
            Positioned::new(definition, at)
        })
        .collect()
    }
}

/// Whether two lists contain the same fields of the document.
fn are_same(these: &[&Node<Field>], those: &[&Node<Field>]) -> bool {
    these.len() == those.len() && these.iter().zip(those).all(|(this, that)| this.ptr_eq(that))
}

fn hidden_typename() -> Positioned<parsed::Selection> {
    let at = Pos::default();
    let field = parsed::Field {
        alias: Some(Positioned::new(Name::new(HIDDEN_KEY), at)),
        name: Positioned::new(Name::new("__typename"), at),
        arguments: Vec::new(),
        directives: Vec::new(),
        selection_set: Positioned::new(parsed::SelectionSet::default(), at),
    };
    Positioned::new(parsed::Selection::Field(Positioned::new(field, at)), at)
}

fn on_type(object: &ast::NamedType, items: Items) -> Positioned<parsed::Selection> {
    let at = items[0].pos;
    let condition = parsed::TypeCondition { on: Positioned::new(Name::new(object.as_str()), at) };
    let fragment = parsed::InlineFragment {
        type_condition: Some(Positioned::new(condition, at)),
        directives: Vec::new(),
        selection_set: Positioned::new(parsed::SelectionSet { items }, at),
    };
    Positioned::new(parsed::Selection::InlineFragment(Positioned::new(fragment, at)), at)
}

fn positioned(name: &apollo_compiler::Name, at: Pos) -> Positioned<Name> {
    Positioned::new(Name::new(name.as_str()), at)
}

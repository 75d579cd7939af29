//! Validates documents with apollo-compiler, and adds suggestions to error messages.
//!
//! apollo-compiler implements the rules of the specification, among them the merging of fields on all levels. This
//! module adds suggestions for misspelt names, the check of literals of custom scalars, and the rules that
//! apollo-compiler 1 implements in part: [`variable_uses`] and [`list_arguments`].

use std::collections::HashSet;

use apollo_compiler::ast::{self, Definition, Type};
use apollo_compiler::diagnostic::Diagnostic;
use apollo_compiler::executable::ExecutableDocument;
use apollo_compiler::parser::{Parser, SourceMap};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::{DiagnosticData, DiagnosticList, Valid};
use apollo_compiler::{Name, Node};
use async_graphql::{Pos, ServerError};

use super::literals::{constant_literal, position};
use super::schema::ApiSchema;
use super::variable_uses::VariableUse;
use super::{list_arguments, variable_uses};
use crate::errors::{self, Code};

/// The maximum number of errors that are reported for a document.
const MAX_ERRORS: usize = 10;
/// The maximum number of names that a message lists when none of them is similar.
const MAX_CHOICES: usize = 12;
/// The maximum number of similar names that a message suggests.
const MAX_SUGGESTIONS: usize = 3;
/// The maximum number of characters of the document's names in a message.
const NAME_CHARS: usize = 64;

/// Parses and validates a document. Also returns the names of the variables that are used where null is not allowed.
///
/// # Errors
/// `GRAPHQL_VALIDATION_FAILED` for each mistake, up to [`MAX_ERRORS`].
pub(super) fn validate(
    schema: &ApiSchema,
    text: &str,
) -> Result<(Valid<ExecutableDocument>, HashSet<Name>), Vec<ServerError>> {
    let document = Parser::new()
        .parse_ast(text, "operation.graphql")
        .map_err(|invalid| server_errors(&invalid.errors))?;
    let mut visitor = Visitor::new(schema, &document);
    visitor.document();
    visitor.variable_uses();
    let non_null = visitor.uses.iter().filter(|usage| usage.ty.is_non_null());
    let non_null = non_null.map(|usage| usage.variable.clone()).collect();
    let mistakes = visitor.mistakes;
    match document.to_executable_validate(schema.schema()) {
        Ok(valid) if mistakes.is_empty() => match list_arguments::conflict(schema, &document) {
            None => Ok((valid, non_null)),
            Some(conflict) => Err(vec![conflict]),
        },
        Ok(_) => Err(mistakes),
        // Omit apollo-compiler's errors. A misspelt name causes several of them, and they have no suggestions.
        Err(_) if !mistakes.is_empty() => Err(mistakes),
        Err(invalid) => Err(server_errors(&invalid.errors)),
    }
}

fn server_errors(errors: &DiagnosticList) -> Vec<ServerError> {
    errors.iter().take(MAX_ERRORS).map(|diagnostic| server_error(&diagnostic)).collect()
}

/// An error of apollo-compiler as an error of this server.
pub(super) fn server_error(diagnostic: &Diagnostic<'_, DiagnosticData>) -> ServerError {
    let message = diagnostic.error.unstable_compat_message().unwrap_or_else(|| diagnostic.error.to_string());
    let at = diagnostic
        .line_column_range()
        .map(|range| Pos { line: range.start.line, column: range.start.column });
    invalid(message, at)
}

fn invalid(message: String, at: Option<Pos>) -> ServerError {
    let mut error = errors::error(Code::GraphqlValidationFailed, message);
    error.locations = at.into_iter().collect();
    error
}

/// Visits each name and each literal of a document.
struct Visitor<'a> {
    schema: &'a ApiSchema,
    sources: &'a SourceMap,
    document: &'a ast::Document,
    /// The index of the current definition.
    index: usize,
    uses: Vec<VariableUse<'a>>,
    mistakes: Vec<ServerError>,
}

impl<'a> Visitor<'a> {
    fn new(schema: &'a ApiSchema, document: &'a ast::Document) -> Self {
        let sources = &document.sources;
        Self { schema, sources, document, index: 0, uses: Vec::new(), mistakes: Vec::new() }
    }

    /// Rejects variables where their type is not allowed.
    fn variable_uses(&mut self) {
        let Some((usage, definition)) = variable_uses::first_misuse(self.document, &self.uses) else {
            return;
        };
        let default = match &definition.default_value {
            Some(value) if value.is_null() => " and the default null",
            _ => "",
        };
        let name = clip(usage.variable);
        let (given, expected) = (&definition.ty, &usage.ty);
        let message = format!(
            "Variable \"${name}\" of type \"{given}\"{default} is used where \"{expected}\" is expected."
        );
        self.mistakes.push(invalid(message, Some(usage.at)));
    }

    fn directives(&mut self, directives: &'a ast::DirectiveList) {
        for directive in directives.iter() {
            let Some(definition) = self.schema.schema().directive_definitions.get(&directive.name) else {
                continue;
            };
            for argument in &directive.arguments {
                if let Some(def) = definition.argument_by_name(&argument.name) {
                    self.argument(&def.ty, def.default_value.is_some(), &argument.value);
                }
            }
        }
    }

    /// Visits the value of an argument or of a field of an input object.
    fn argument(&mut self, ty: &Type, has_default: bool, value: &'a Node<ast::Value>) {
        if let ast::Value::Variable(name) = &**value {
            self.uses.push(VariableUse {
                variable: name,
                ty: ty.clone(),
                has_default,
                definition: self.index,
                at: position(value, self.sources),
            });
        } else {
            self.value(ty, value);
        }
    }

    fn document(&mut self) {
        for (index, definition) in self.document.definitions.iter().enumerate() {
            self.index = index;
            match definition {
                Definition::OperationDefinition(operation) => {
                    for variable in &operation.variables {
                        self.variable(variable);
                    }
                    self.directives(&operation.directives);
                    if let Some(root) = self.schema.schema().root_operation(operation.operation_type) {
                        self.selections(root.clone(), &operation.selection_set);
                    }
                }
                Definition::FragmentDefinition(fragment)
                    if self.type_exists(&fragment.type_condition, fragment) =>
                {
                    self.selections(fragment.type_condition.clone(), &fragment.selection_set);
                }
                _ => {}
            }
        }
    }

    fn variable(&mut self, variable: &'a Node<ast::VariableDefinition>) {
        let name = variable.ty.inner_named_type();
        if self.type_exists(name, variable)
            && let Some(default) = &variable.default_value
        {
            self.value(&variable.ty, default);
        }
    }

    fn selections(&mut self, parent: Name, selections: &'a [ast::Selection]) {
        for selection in selections {
            match selection {
                ast::Selection::Field(field) => {
                    self.directives(&field.directives);
                    self.field(&parent, field);
                }
                ast::Selection::InlineFragment(fragment) => {
                    self.directives(&fragment.directives);
                    let on = fragment.type_condition.as_ref().unwrap_or(&parent);
                    if self.type_exists(on, fragment) {
                        self.selections(on.clone(), &fragment.selection_set);
                    }
                }
                ast::Selection::FragmentSpread(spread) => self.directives(&spread.directives),
            }
        }
    }

    fn field(&mut self, parent: &Name, field: &'a Node<ast::Field>) {
        let Ok(definition) = self.schema.schema().type_field(parent, &field.name) else {
            let names = match self.schema.definition(parent) {
                Some(ExtendedType::Object(def)) => def.fields.keys().collect(),
                Some(ExtendedType::Interface(def)) => def.fields.keys().collect(),
                _ => Vec::new(),
            };
            let message = format!("Cannot query field \"{}\" on type \"{parent}\".", clip(&field.name));
            return self.push_with_suggestions(message, &field.name, names, field);
        };
        let definition = definition.node.clone();
        for argument in &field.arguments {
            match definition.argument_by_name(&argument.name) {
                Some(def) => self.argument(&def.ty, def.default_value.is_some(), &argument.value),
                None => {
                    let message = format!(
                        "Unknown argument \"{}\" on field \"{parent}.{}\".",
                        clip(&argument.name),
                        field.name
                    );
                    let names = definition.arguments.iter().map(|def| &def.name).collect();
                    self.push_with_suggestions(message, &argument.name, names, argument);
                }
            }
        }
        self.selections(definition.ty.inner_named_type().clone(), &field.selection_set);
    }

    /// Visits a literal where a value of the type `ty` is expected.
    fn value(&mut self, ty: &Type, value: &'a Node<ast::Value>) {
        match (ty, &**value) {
            (_, ast::Value::Variable(_) | ast::Value::Null) => {}
            (Type::List(item) | Type::NonNullList(item), ast::Value::List(items)) => {
                items.iter().for_each(|value| self.argument(item, false, value));
            }
            (Type::List(item) | Type::NonNullList(item), _) => self.value(item, value),
            (Type::Named(name) | Type::NonNullNamed(name), literal) => self.named_value(name, literal, value),
        }
    }

    fn named_value(&mut self, name: &Name, literal: &'a ast::Value, node: &'a Node<ast::Value>) {
        let schema = self.schema;
        match (schema.definition(name), literal) {
            (Some(ExtendedType::Enum(def)), ast::Value::Enum(given)) if !def.values.contains_key(given) => {
                let message = format!("Value \"{}\" does not exist in \"{name}\" enum.", clip(given));
                self.push_with_suggestions(message, given, def.values.keys().collect(), node);
            }
            (Some(ExtendedType::InputObject(def)), ast::Value::Object(fields)) => {
                for (field, value) in fields {
                    match def.fields.get(field) {
                        Some(def) => self.argument(&def.ty, def.default_value.is_some(), value),
                        None => {
                            let message =
                                format!("Field \"{}\" is not defined by type \"{name}\".", clip(field));
                            self.push_with_suggestions(message, field, def.fields.keys().collect(), value);
                        }
                    }
                }
            }
            (Some(ExtendedType::Scalar(_)), literal) => {
                let is_value = match (name.as_str(), literal) {
                    ("Int", ast::Value::Int(number)) => number.try_to_i32().is_ok(),
                    ("Float", ast::Value::Int(number)) => number.try_to_f64().is_ok(),
                    ("Float", ast::Value::Float(number)) => number.try_to_f64().is_ok(),
                    ("String", ast::Value::String(_))
                    | ("Boolean", ast::Value::Boolean(_))
                    | ("ID", ast::Value::String(_) | ast::Value::Int(_)) => true,
                    ("Int" | "Float" | "String" | "Boolean" | "ID", _) => false,
                    (custom, literal) => constant_literal(literal)
                        .into_const()
                        .is_none_or(|value| schema.is_scalar_value(custom, &value)),
                };
                if !is_value && self.mistakes.len() < MAX_ERRORS {
                    let mut error =
                        errors::error(Code::BadUserInput, format!("Expected a value of type \"{name}\"."));
                    error.locations = vec![position(node, self.sources)];
                    self.mistakes.push(error);
                }
            }
            _ => {}
        }
    }

    fn type_exists<T>(&mut self, name: &Name, node: &Node<T>) -> bool {
        let exists = self.schema.definition(name).is_some();
        if !exists {
            let names = self.schema.schema().types.keys().filter(|name| !name.starts_with("__")).collect();
            self.push_with_suggestions(format!("Unknown type \"{}\".", clip(name)), name, names, node);
        }
        exists
    }

    /// Adds an error. The message suggests those of `names` that are similar to `name`.
    fn push_with_suggestions<T>(
        &mut self,
        mut message: String,
        name: &str,
        names: Vec<&Name>,
        node: &Node<T>,
    ) {
        if self.schema.suggests() {
            let close = similar_names(name, &names);
            if !close.is_empty() {
                message.push_str(&format!(" Did you mean {}?", alternatives(&close)));
            } else if !names.is_empty() && names.len() <= MAX_CHOICES {
                let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
                message.push_str(&format!(" Available: {}.", names.join(", ")));
            }
        }
        self.push(message, node);
    }

    fn push<T>(&mut self, message: String, node: &Node<T>) {
        if self.mistakes.len() < MAX_ERRORS {
            self.mistakes.push(invalid(message, Some(position(node, self.sources))));
        }
    }
}

fn clip(name: &str) -> String {
    name.chars().take(NAME_CHARS).collect()
}

/// The names that are similar to `name`, the most similar first.
fn similar_names<'a>(name: &str, names: &[&'a Name]) -> Vec<&'a str> {
    let name = clip(name).to_lowercase();
    let max_distance = name.len() * 2 / 5 + 1;
    let distance = |other: &str| strsim::damerau_levenshtein(&name, &other.to_lowercase());
    let mut close: Vec<(usize, &str)> = names
        .iter()
        .map(|other| (distance(other), other.as_str()))
        .filter(|(distance, _)| *distance <= max_distance)
        .collect();
    close.sort();
    close.into_iter().take(MAX_SUGGESTIONS).map(|(_, name)| name).collect()
}

/// `"a"`, `"a" or "b"`, `"a", "b" or "c"`.
fn alternatives(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

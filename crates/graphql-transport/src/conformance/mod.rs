//! Makes async-graphql conform to the specification: prepares documents for the executor, and completes its responses.
//!
//! [`PreparedDocument`] is created once for a document and one of its operations, and cached. After the sign-in,
//! [`PreparedDocument::conform`] validates the document, coerces the variables, and builds the normal form. This is an
//! operation without fragments, directives and repeated fields, which async-graphql executes correctly.
//! [`Execution::complete`] then adds the nulls that async-graphql 7 omits for failed fields, and puts the fields in the
//! order of the document.

mod list_arguments;
mod literals;
mod normal_form;
mod null_arguments;
mod response_shape;
pub mod schema;
#[cfg(test)]
mod tests;
mod validation;
mod variable_uses;
mod variables;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use apollo_compiler::Name;
use apollo_compiler::ast;
use apollo_compiler::executable::{DirectiveList, ExecutableDocument, Selection, SelectionSet};
use apollo_compiler::validation::Valid;
use async_graphql::parser::types::OperationType;
use async_graphql::{Request, Response, ServerError, Value, Variables};

use self::normal_form::{Inputs, NormalForm};
use self::schema::ApiSchema;
use crate::errors::{self, Code};
use crate::fast::NoMergedKeys;

pub use self::response_shape::HIDDEN_KEY;

/// The maximum number of normal forms that are cached for a document. Few documents need more. Further forms are
/// built for each request.
const MAX_FORMS: usize = 8;

/// A document and one of its operations, checked by the guard.
pub struct PreparedDocument {
    /// Query, mutation or subscription.
    pub kind: OperationType,
    /// Whether the operation selects only `__schema`, `__type` and `__typename`.
    pub introspection_only: bool,
    /// Whether the document names nothing of the schema, because its only field is `__typename`.
    pub selects_only_typename: bool,
    /// The number of root fields, including those with `@skip` or `@include`.
    pub root_fields: usize,
    /// The name of the operation; `None` if it is anonymous.
    pub operation_name: Option<String>,
    text: String,
    valid: OnceLock<Result<ValidDocument, Vec<ServerError>>>,
}

/// A document that is valid for the schema, and its normal forms.
struct ValidDocument {
    document: Valid<ExecutableDocument>,
    /// The variables of `@skip` and `@include`.
    conditions: Vec<Name>,
    /// The variables of the operation that a request may omit.
    optional: Vec<Name>,
    /// The variables of the operation that may be null, and are used where null is not allowed.
    nullable: Vec<Name>,
    forms: Mutex<Vec<(FormKey, Arc<NormalForm>)>>,
}

/// A flag for each of the conditions: whether it is true. A flag for each optional variable: whether it is provided. A
/// flag for each of the nullable variables: whether it is null.
type FormKey = Vec<bool>;

/// The normal form that a request executes. It completes the responses.
#[derive(Clone)]
pub struct Execution(Arc<NormalForm>);

impl Execution {
    /// Completes a response of this execution: see [`crate::conformance`].
    pub fn complete(&self, mut response: Response) -> Response {
        self.0.complete(&mut response);
        response
    }
}

impl PreparedDocument {
    /// Prepares a document that passed the guard. `text` is the text that apollo-compiler parses.
    pub fn new(
        text: String,
        kind: OperationType,
        operation_name: Option<String>,
        introspection_only: bool,
        root_fields: usize,
    ) -> Self {
        Self {
            kind,
            introspection_only,
            selects_only_typename: false,
            root_fields,
            operation_name,
            text,
            valid: OnceLock::new(),
        }
    }

    /// Marks a document that names nothing of the schema: see [`Self::selects_only_typename`].
    #[must_use]
    pub fn selecting_only_typename(mut self, only: bool) -> Self {
        self.selects_only_typename = only;
        self
    }

    /// Returns the request to execute with these variables.
    ///
    /// # Errors
    /// `GRAPHQL_VALIDATION_FAILED` if the document is not valid for the schema, and `BAD_USER_INPUT` if a variable is
    /// invalid.
    pub fn conform(
        &self,
        schema: &ApiSchema,
        variables: Variables,
    ) -> Result<(Request, Execution), Vec<ServerError>> {
        let valid = self.valid.get_or_init(|| self.validate(schema)).as_ref().map_err(Clone::clone)?;
        let (variables, form) = valid
            .normal_form(schema, self.operation_name.as_deref(), variables)
            .map_err(|error| vec![*error])?;
        if let Some(error) = form.request_error(self.kind) {
            return Err(vec![error]);
        }
        let mut request = Request::new(String::new()).variables(variables);
        // The completion finds null arguments in the data, which must not be serialised before.
        if !form.has_null_arguments() {
            request = request.data(NoMergedKeys);
        }
        request.set_parsed_query(form.document.clone());
        Ok((request, Execution(form)))
    }

    fn validate(&self, schema: &ApiSchema) -> Result<ValidDocument, Vec<ServerError>> {
        let (document, non_null) = validation::validate(schema, &self.text)?;
        let mut optional = Vec::new();
        let mut nullable = Vec::new();
        if let Ok(operation) = document.operations.get(self.operation_name.as_deref()) {
            for variable in operation.variables.iter().filter(|variable| !variable.ty.is_non_null()) {
                if variable.default_value.is_none() {
                    optional.push(variable.name.clone());
                }
                if non_null.contains(&variable.name) {
                    nullable.push(variable.name.clone());
                }
            }
        }
        let mut conditions = Vec::new();
        let fragments = document.fragments.values().map(|fragment| &fragment.selection_set);
        for set in document.operations.iter().map(|operation| &operation.selection_set).chain(fragments) {
            conditions_in(set, &mut conditions);
        }
        Ok(ValidDocument { conditions, optional, nullable, forms: Mutex::default(), document })
    }
}

impl ValidDocument {
    /// Coerces the variables, and returns the normal form for them from the cache or builds it.
    fn normal_form(
        &self,
        schema: &ApiSchema,
        operation_name: Option<&str>,
        variables: Variables,
    ) -> Result<(Variables, Arc<NormalForm>), Box<ServerError>> {
        let operation = self
            .document
            .operations
            .get(operation_name)
            .map_err(|_| errors::error(Code::GraphqlValidationFailed, "There is no such operation."))?;
        let variables = variables::coerce(schema, operation, &self.document.sources, variables)?;
        let is_true = |name: &Name| variables.get(name.as_str()) == Some(&Value::Boolean(true));
        let is_provided = |name: &Name| variables.contains_key(name.as_str());
        let is_null = |name: &Name| variables.get(name.as_str()) == Some(&Value::Null);
        let key: FormKey = (self.conditions.iter().map(is_true))
            .chain(self.optional.iter().map(is_provided))
            .chain(self.nullable.iter().map(is_null))
            .collect();
        let mut forms = self.forms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, form)) = forms.iter().find(|(other, _)| *other == key) {
            return Ok((variables, form.clone()));
        }
        let inputs = Inputs {
            conditions: self.conditions.iter().map(|name| (name.as_str(), is_true(name))).collect(),
            unprovided: self.optional.iter().filter(|name| !is_provided(name)).map(Name::as_str).collect(),
            nulls: self.nullable.iter().filter(|name| is_null(name)).map(Name::as_str).collect(),
        };
        let form = Arc::new(NormalForm::of(schema, &self.document, operation, &inputs));
        if forms.len() < MAX_FORMS {
            forms.push((key, form.clone()));
        }
        Ok((variables, form))
    }
}

/// Adds the variables of `@skip` and `@include` in a selection set to `conditions`.
fn conditions_in(set: &SelectionSet, conditions: &mut Vec<Name>) {
    let mut seen: HashSet<Name> = conditions.iter().cloned().collect();
    let mut sets = vec![set];
    while let Some(set) = sets.pop() {
        for selection in &set.selections {
            for name in variables_of(selection.directives()) {
                if seen.insert(name.clone()) {
                    conditions.push(name.clone());
                }
            }
            match selection {
                Selection::Field(field) => sets.push(&field.selection_set),
                Selection::InlineFragment(fragment) => sets.push(&fragment.selection_set),
                Selection::FragmentSpread(_) => {}
            }
        }
    }
}

fn variables_of(directives: &DirectiveList) -> impl Iterator<Item = &Name> {
    let conditions =
        directives.iter().filter(|directive| matches!(directive.name.as_str(), "skip" | "include"));
    conditions.filter_map(|directive| match &**directive.specified_argument_by_name("if")? {
        ast::Value::Variable(name) => Some(name),
        _ => None,
    })
}

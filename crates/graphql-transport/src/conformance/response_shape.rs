//! The shape of a response: which fields each object has, in which order, and which of them may be null.

use std::collections::HashMap;

use apollo_compiler::ast::Type;
use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, PathSegment, Pos, Response, ServerError, Value};

use crate::errors::{self, Code};

/// The response key of a field that the client did not select. A key in a document cannot be empty.
pub const HIDDEN_KEY: &str = "";

/// The fields of an object, in the order of the document.
pub(super) type Fields = IndexMap<Name, ResponseField>;

/// A field of a response.
#[derive(Debug, PartialEq)]
pub(super) struct ResponseField {
    /// The type of the field in the schema.
    pub ty: Type,
    pub shape: ResponseShape,
}

/// The shape of a field's value.
#[derive(Debug, PartialEq)]
pub(super) enum ResponseShape {
    /// A scalar or an enum value.
    Leaf,
    /// An object of one type, or of several types that have the same fields. If `hidden`, no field
    /// is selected, and the executor returns one under [`HIDDEN_KEY`].
    Object { fields: Fields, hidden: bool },
    /// An object whose fields depend on its type. The executor returns the name of the type under [`HIDDEN_KEY`].
    ByType(HashMap<Name, Fields>),
    /// A field that is not executed, or an object of which no field is executed, because an argument is null. The value
    /// becomes an error.
    Invalid(NullArgument),
}

/// An argument whose value is null although its type does not allow null. The specification makes this an error of the
/// field, because the value comes from a variable that may be null.
#[derive(Debug, PartialEq)]
pub(super) struct NullArgument {
    message: String,
    at: Pos,
}

impl NullArgument {
    pub fn new(argument: &str, ty: &Type, at: Pos) -> Self {
        Self { message: format!("Argument \"{argument}\" of non-null type \"{ty}\" must not be null."), at }
    }

    fn error(&self, path: &[PathSegment]) -> ServerError {
        let mut error = errors::error(Code::BadUserInput, self.message.clone());
        error.locations = vec![self.at];
        error.path = path.to_vec();
        error
    }
}

impl ResponseShape {
    /// Completes the data of a response: adds nulls for failed fields, orders the fields of each object, and removes
    /// hidden fields.
    pub fn complete(&self, response: &mut Response) {
        let failures = Failures::of(&response.errors);
        if let Some(failures) = &failures {
            self.add_nulls(&mut response.data, failures);
        }
        self.arrange(&mut response.data);
    }

    /// The error of an operation whose root selection is invalid, or of a subscription whose field is.
    pub fn request_error(&self, is_subscription: bool) -> Option<ServerError> {
        match self {
            Self::Invalid(null) => Some(null.error(&[])),
            Self::Object { fields, .. } if is_subscription => {
                fields.iter().find_map(|(key, field)| match &field.shape {
                    Self::Invalid(null) => Some(null.error(&[PathSegment::Field(key.to_string())])),
                    _ => None,
                })
            }
            _ => None,
        }
    }

    /// Adds an error for each field and object that is [`Self::Invalid`].
    pub fn report_null_arguments(&self, response: &mut Response) {
        self.report_at(&mut response.data, &mut Vec::new(), &mut response.errors);
    }

    fn report_at(&self, data: &mut Value, path: &mut Vec<PathSegment>, errors: &mut Vec<ServerError>) {
        match data {
            Value::List(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    path.push(PathSegment::Index(index));
                    self.report_at(item, path, errors);
                    path.pop();
                }
            }
            Value::Object(_) if let Self::Invalid(null) = self => {
                errors.push(null.error(path));
                *data = Value::Null;
            }
            Value::Object(object) => {
                let Some(fields) = self.fields_of(object) else { return };
                for (key, field) in fields {
                    path.push(PathSegment::Field(key.to_string()));
                    match (object.get_mut(key), &field.shape) {
                        (Some(value), shape) => shape.report_at(value, path, errors),
                        (None, Self::Invalid(null)) => errors.push(null.error(path)),
                        (None, _) => {}
                    }
                    path.pop();
                }
            }
            _ => {}
        }
    }

    /// The fields of `object`. `None` if this is a leaf, or if the type of the object is unknown.
    fn fields_of(&self, object: &IndexMap<Name, Value>) -> Option<&Fields> {
        match self {
            Self::Leaf | Self::Invalid(_) => None,
            Self::Object { fields, .. } => Some(fields),
            Self::ByType(by_type) => match object.get(HIDDEN_KEY) {
                Some(Value::String(name)) => by_type.get(name.as_str()),
                _ => None,
            },
        }
    }

    /// Puts the fields of each object in order, and removes the hidden ones.
    fn arrange(&self, data: &mut Value) {
        match data {
            Value::List(items) if *self != Self::Leaf => items.iter_mut().for_each(|item| self.arrange(item)),
            Value::Object(object) => {
                let Some(fields) = self.fields_of(object) else { return };
                if !matches!(self, Self::Object { hidden: false, .. }) {
                    object.shift_remove(HIDDEN_KEY);
                }
                arrange_fields(fields, object);
            }
            _ => {}
        }
    }

    /// Adds a null for each missing field of an object. If a field cannot be null, the object becomes null instead.
    fn add_nulls(&self, data: &mut Value, failures: &Failures) {
        if *self == Self::Leaf {
            return;
        }
        // async-graphql returns null for an object if every field failed.
        if *data == Value::Null && matches!(self, Self::Object { .. }) && failures.has_fields() {
            *data = Value::Object(IndexMap::new());
        }
        let Value::Object(object) = data else { return };
        let Some(fields) = self.fields_of(object) else { return };
        for (key, field) in fields {
            let value = object.entry(key.clone()).or_insert(Value::Null);
            let failures = failures.at_field(key);
            if !complete_value(&field.ty, &field.shape, value, failures) {
                *data = Value::Null;
                return;
            }
        }
    }
}

/// Completes a value of the type `ty`. Returns `false` if the value is null and `ty` does not allow null.
fn complete_value(ty: &Type, shape: &ResponseShape, value: &mut Value, failures: Option<&Failures>) -> bool {
    match ty {
        Type::List(item) | Type::NonNullList(item) => {
            if let Value::List(items) = value {
                let mut complete = true;
                for (index, item_value) in items.iter_mut().enumerate() {
                    let failures = failures.and_then(|failures| failures.at_index(index));
                    complete &= complete_value(item, shape, item_value, failures);
                }
                if !complete {
                    *value = Value::Null;
                }
            }
        }
        Type::Named(_) | Type::NonNullNamed(_) => {
            if let Some(failures) = failures {
                shape.add_nulls(value, failures);
            }
        }
    }
    *value != Value::Null || !ty.is_non_null()
}

/// Puts the fields of an object in order.
fn arrange_fields(fields: &Fields, object: &mut IndexMap<Name, Value>) {
    // The fields are usually in order already. This loop finds them without hashing the keys.
    let mut expected = fields.iter();
    let is_ordered = object.iter_mut().all(|(key, value)| {
        let field = expected.find(|(name, _)| *name == key);
        field.inspect(|(_, field)| field.shape.arrange(value)).is_some()
    });
    if is_ordered {
        return;
    }
    let position = |key: &Name| fields.get_index_of(key).unwrap_or(usize::MAX);
    object.sort_by_cached_key(|key, _| position(key));
    for (key, value) in object {
        if let Some(field) = fields.get(key) {
            field.shape.arrange(value);
        }
    }
}

/// The paths of the errors of a response, as a tree.
#[derive(Default)]
struct Failures {
    fields: HashMap<String, Failures>,
    items: HashMap<usize, Failures>,
}

impl Failures {
    /// `None` if no field failed.
    fn of(errors: &[ServerError]) -> Option<Self> {
        let mut root = Self::default();
        for error in errors {
            let mut node = &mut root;
            for segment in &error.path {
                node = match segment {
                    PathSegment::Field(key) => node.fields.entry(key.clone()).or_default(),
                    PathSegment::Index(index) => node.items.entry(*index).or_default(),
                };
            }
        }
        root.has_fields().then_some(root)
    }

    fn has_fields(&self) -> bool {
        !self.fields.is_empty()
    }

    fn at_field(&self, key: &str) -> Option<&Self> {
        self.fields.get(key)
    }

    fn at_index(&self, index: usize) -> Option<&Self> {
        self.items.get(&index)
    }
}

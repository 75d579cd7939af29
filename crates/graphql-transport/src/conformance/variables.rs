//! `CoerceVariableValues` of the specification: the variables of a request, before anything is executed.
//!
//! async-graphql reads a variable where it is used, so that a mutation could be carried out although the variable of a
//! later field is invalid. Here a value that does not fit refuses the whole request.

use apollo_compiler::ast::{self, Type};
use apollo_compiler::executable::Operation;
use apollo_compiler::parser::SourceMap;
use apollo_compiler::schema::ExtendedType;
use async_graphql::{Name, Number, Pos, ServerError, Value, Variables};

use super::literals::{constant_literal, position};
use super::schema::ApiSchema;
use crate::errors::{self, Code};

/// The most characters of a name that an error repeats.
const NAME_CHARS: usize = 64;

/// The values of the operation's variables: those given, and the defaults of the others.
///
/// # Errors
/// `BAD_USER_INPUT`, with the first variable that has an invalid value, or none where one is required.
pub(super) fn coerce(
    schema: &ApiSchema,
    operation: &Operation,
    sources: &SourceMap,
    mut given: Variables,
) -> Result<Variables, Box<ServerError>> {
    let mut coerced = Variables::default();
    for definition in &operation.variables {
        let name = definition.name.as_str();
        let at = || position(definition, sources);
        let value = match (given.remove(name), &definition.default_value) {
            (Some(Value::Null), _) if definition.ty.is_non_null() => {
                return Err(missing(name, &definition.ty, at()));
            }
            (Some(value), _) => coerce_value(schema, &definition.ty, value).map_err(|reason| {
                invalid(format!("Variable \"${}\" is invalid: {reason}.", clip(name)), at())
            })?,
            (None, Some(default)) => constant_literal(default).into_const().unwrap_or_default(),
            (None, None) if definition.ty.is_non_null() => return Err(missing(name, &definition.ty, at())),
            (None, None) => continue,
        };
        coerced.insert(Name::new(name), value);
    }
    Ok(coerced)
}

fn missing(name: &str, ty: &Type, at: Pos) -> Box<ServerError> {
    invalid(format!("Variable \"${}\" of type \"{ty}\" needs a value.", clip(name)), at)
}

fn invalid(message: String, at: Pos) -> Box<ServerError> {
    let mut error = errors::error(Code::BadUserInput, message);
    error.locations = vec![at];
    Box::new(error)
}

fn clip(name: &str) -> String {
    name.chars().take(NAME_CHARS).collect()
}

/// # Errors
/// Why the value is invalid, as the end of a sentence. The reason never contains the value.
fn coerce_value(schema: &ApiSchema, ty: &Type, value: Value) -> Result<Value, String> {
    match (value, ty) {
        (Value::Null, ty) if ty.is_non_null() => Err(format!("{ty} cannot be null")),
        (Value::Null, _) => Ok(Value::Null),
        (Value::List(items), Type::List(item) | Type::NonNullList(item)) => {
            let items = items.into_iter().map(|value| coerce_value(schema, item, value));
            Ok(Value::List(items.collect::<Result<_, _>>()?))
        }
        // A single value is a list of one.
        (value, Type::List(item) | Type::NonNullList(item)) => {
            Ok(Value::List(vec![coerce_value(schema, item, value)?]))
        }
        (value, Type::Named(name) | Type::NonNullNamed(name)) => coerce_named(schema, name, value),
    }
}

fn coerce_named(schema: &ApiSchema, name: &ast::NamedType, value: Value) -> Result<Value, String> {
    let wrong = || format!("not a value of type {name}");
    match (schema.definition(name), value) {
        (Some(ExtendedType::Scalar(_)), value) => match (name.as_str(), value) {
            ("Int", Value::Number(number)) => {
                let int = integer(&number).filter(|n| i32::try_from(*n).is_ok()).ok_or_else(wrong)?;
                Ok(Value::Number(int.into()))
            }
            ("ID", Value::Number(number)) => {
                Ok(Value::String(integer(&number).ok_or_else(wrong)?.to_string()))
            }
            ("Float", value @ Value::Number(_))
            | ("Boolean", value @ Value::Boolean(_))
            | ("String" | "ID", value @ Value::String(_)) => Ok(value),
            ("Int" | "Float" | "Boolean" | "String" | "ID", _) => Err(wrong()),
            (custom, value) if schema.is_scalar_value(custom, &value) => Ok(value),
            _ => Err(wrong()),
        },
        (Some(ExtendedType::Enum(of)), Value::String(text)) if of.values.contains_key(text.as_str()) => {
            Ok(Value::Enum(Name::new(text)))
        }
        (Some(ExtendedType::Enum(of)), value @ Value::Enum(_)) => match &value {
            Value::Enum(given) if of.values.contains_key(given.as_str()) => Ok(value),
            _ => Err(wrong()),
        },
        (Some(ExtendedType::InputObject(of)), Value::Object(mut given)) => {
            if let Some(unknown) = given.keys().find(|key| !of.fields.contains_key(key.as_str())) {
                return Err(format!("{name} has no field \"{}\"", clip(unknown)));
            }
            for (field, definition) in &of.fields {
                match given.get_mut(field.as_str()) {
                    Some(value) => {
                        *value = coerce_value(schema, &definition.ty, std::mem::take(value))
                            .map_err(|reason| format!("at \"{field}\", {reason}"))?;
                    }
                    None if definition.is_required() => {
                        return Err(format!("{name} needs the field \"{field}\""));
                    }
                    None => {}
                }
            }
            Ok(Value::Object(given))
        }
        // Validation has refused variables of a type that does not exist.
        _ => Err(wrong()),
    }
}

/// The integer that a JSON number is, also if it is written as `2.0`.
fn integer(number: &Number) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    number.as_i64().or_else(|| {
        let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= EXACT)?;
        Some(float as i64)
    })
}

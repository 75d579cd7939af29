//! Serialises lists of loaded objects directly to JSON.
//!
//! async-graphql builds a tree of values between the resolvers and the response: 1,300 values for a page of fifty
//! rows, each with a copy of its text and a hashed name. Values that are already loaded do not need this tree. A
//! selection is compiled once into a `SerializerPlan`, which then writes each row. If a row needs a value that must be
//! loaded, or the selection has arguments or directives, async-graphql resolves the list as usual. A type without
//! [`FastObject`] fields therefore still works; it is only slower.
//!
//! The JSON is stored in the response as [`Value::Binary`], which nothing else produces, and which [`Json::value`]
//! copies into the output unchanged.

use std::borrow::Cow;

use async_graphql::parser::types::{Field, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::resolver_utils::resolve_list;
use async_graphql::{ContextSelectionSet, OutputType, Positioned, ServerResult, Value};

use super::inline::collect_fields;
use super::json::Json;
use crate::conformance::HIDDEN_KEY;

/// The typical size of a row in a list, in bytes. Used to reserve memory.
const BYTES_OF_ROW: usize = 512;

/// Marker in the data of a request: no response key occurs twice in one object, so no fields have to be merged. JSON
/// that is already written cannot be merged.
pub struct NoMergedKeys;

/// Writes a field of `T`. Returns `None` if the value is not loaded; the output is then incomplete and is discarded.
pub type FieldWriter<T> = Box<dyn Fn(&T, &mut Json) -> Option<()> + Send + Sync>;

/// A GraphQL type of which some fields can be written directly. They must equal the results of its resolvers; a test
/// compares the two.
///
/// By default, no field can be written directly.
pub trait FastObject: Sized {
    /// The type's name in the schema. Empty if nothing of the type, not even `__typename`, is written directly.
    fn type_name() -> Cow<'static, str> {
        Cow::default()
    }

    /// The writer of a field. `None` if async-graphql must resolve it.
    fn writer(_: &Selected<'_>) -> Option<FieldWriter<Self>> {
        None
    }
}

/// A selected field without arguments and directives.
pub struct Selected<'a> {
    ctx: &'a ContextSelectionSet<'a>,
    field: &'a Field,
}

impl Selected<'_> {
    /// The field's name in the schema.
    pub fn name(&self) -> &str {
        &self.field.name.node
    }

    /// A writer for the object that `find` returns: `None` if it is not loaded, `Some(None)` for `null`.
    pub fn object<T, U>(
        &self,
        find: impl Fn(&T) -> Option<Option<&U>> + Send + Sync + 'static,
    ) -> Option<FieldWriter<T>>
    where
        U: FastObject + 'static,
    {
        let plan = SerializerPlan::<U>::of(self.ctx, &self.field.selection_set.node)?;
        Some(Box::new(move |it, json| {
            match find(it)? {
                Some(found) => plan.write(found, json)?,
                None => json.null(),
            }
            Some(())
        }))
    }
}

/// A writer for a field whose value is always loaded.
pub fn scalar<T>(write: impl Fn(&T, &mut Json) + Send + Sync + 'static) -> FieldWriter<T> {
    Box::new(move |it, json| {
        write(it, json);
        Some(())
    })
}

/// A selection on type `T`, compiled to field writers.
struct SerializerPlan<T> {
    /// For each field: the text before its value (brace or comma, and key), and its writer.
    fields: Vec<(String, FieldWriter<T>)>,
}

impl<T: FastObject> SerializerPlan<T> {
    /// `None` if async-graphql must resolve the selection.
    fn of<'a>(ctx: &'a ContextSelectionSet<'a>, set: &'a SelectionSet) -> Option<Self> {
        let type_name = T::type_name();
        if type_name.is_empty() {
            return None;
        }
        let mut selected = Vec::with_capacity(set.items.len());
        if !collect_fields(ctx, set, &type_name, &mut selected) || selected.is_empty() {
            return None;
        }
        let mut fields = Vec::with_capacity(selected.len());
        for field in selected {
            let field = &field.node;
            if field.response_key().node == HIDDEN_KEY {
                continue;
            }
            let before =
                format!("{}\"{}\":", if fields.is_empty() { "{" } else { "," }, field.response_key().node);
            let writer = if field.name.node == "__typename" {
                let name = type_name.clone();
                scalar(move |_, json| json.text(&name))
            } else if field.arguments.is_empty() {
                T::writer(&Selected { ctx, field })?
            } else {
                return None;
            };
            fields.push((before, writer));
        }
        Some(Self { fields })
    }

    fn write(&self, it: &T, json: &mut Json) -> Option<()> {
        if self.fields.is_empty() {
            json.raw("{");
        }
        for (before, write) in &self.fields {
            json.raw(before);
            write(it, json)?;
        }
        json.raw("}");
        Some(())
    }
}

/// A list whose items are written directly if possible.
pub struct FastList<'a, T>(pub Vec<&'a T>);

impl<T: FastObject> FastList<'_, T> {
    fn serialize(&self, ctx: &ContextSelectionSet<'_>) -> Option<Value> {
        let plan = plan_of::<T>(ctx)?;
        let mut json = Json::with_capacity(self.0.len() * BYTES_OF_ROW);
        let mut complete = Some(());
        json.list(&self.0, |json, item| {
            if complete.is_some() {
                complete = plan.write(item, json);
            }
        });
        complete.map(|()| Value::Binary(json.into_bytes().into()))
    }
}

impl<T: OutputType + FastObject> OutputType for FastList<'_, T> {
    fn type_name() -> Cow<'static, str> {
        Vec::<T>::type_name()
    }

    fn qualified_type_name() -> String {
        Vec::<T>::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        Vec::<T>::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        match self.serialize(ctx) {
            Some(written) => Ok(written),
            None => resolve_list(ctx, field, self.0.iter().copied(), Some(self.0.len())).await,
        }
    }
}

fn plan_of<T: FastObject>(ctx: &ContextSelectionSet<'_>) -> Option<SerializerPlan<T>> {
    ctx.data_opt::<NoMergedKeys>()?;
    SerializerPlan::of(ctx, &ctx.item.node)
}

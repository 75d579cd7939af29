//! Answers that are written as JSON where their parts stand.
//!
//! Between a resolver and the wire the engine keeps a tree of values: of a page of fifty, 1,300 of them, each with a
//! copy of its text and a name to hash. What is known already needs no tree. A plan is made of a selection
//! once, and writes an object of its type as often as there are rows. Where a row needs something that has to be
//! waited for, an argument, or a directive, there is no plan, and the engine does what it always does: a type
//! gains in speed what it says here, and loses nothing by what it does not say.
//!
//! What is written stands in the engine's answer as a binary value, which nothing else makes and which [`Json::value`]
//! puts into the text as it is.

use std::borrow::Cow;

use async_graphql::parser::types::{Field, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::resolver_utils::resolve_list;
use async_graphql::{ContextSelectionSet, OutputType, Positioned, ServerResult, Value};

use super::inline::gather;
use super::json::Json;

/// About as many as a row of a list takes with what is usually selected of it.
const BYTES_OF_ROW: usize = 512;

/// What a request carries in which no key is asked for in two places of one object: the engine merges what it finds in
/// both, and what is written cannot be merged.
pub struct NoMergedKeys;

/// Writes a field of `T`; `None` when what it shows is not at hand, and something may have been written in vain.
pub type FieldWriter<T> = Box<dyn Fn(&T, &mut Json) -> Option<()> + Send + Sync>;

/// A type of the API some of whose fields can be written. They must be what its resolvers answer with: a test holds
/// the two together.
///
/// Unless it says otherwise, none.
pub trait FastObject: Sized {
    /// The type's name in the schema; empty when nothing of it is written, not even that.
    fn type_name() -> Cow<'static, str> {
        Cow::default()
    }

    /// How to write a field; `None` when the engine is to resolve it.
    fn writer(_: &Selected<'_>) -> Option<FieldWriter<Self>> {
        None
    }
}

/// A selected field, without arguments and directives.
pub struct Selected<'a> {
    ctx: &'a ContextSelectionSet<'a>,
    field: &'a Field,
}

impl Selected<'_> {
    /// The field's name in the schema.
    pub fn name(&self) -> &str {
        &self.field.name.node
    }

    /// Writes the object that `find` finds at hand, or `null` when there is none.
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

/// Writes a field whose value is always at hand.
pub fn scalar<T>(write: impl Fn(&T, &mut Json) + Send + Sync + 'static) -> FieldWriter<T> {
    Box::new(move |it, json| {
        write(it, json);
        Some(())
    })
}

/// How to write what is selected of an object of type `T`.
struct SerializerPlan<T> {
    /// What stands before each value, and what writes it.
    fields: Vec<(String, FieldWriter<T>)>,
}

impl<T: FastObject> SerializerPlan<T> {
    /// `None` when the engine has to do it.
    fn of<'a>(ctx: &'a ContextSelectionSet<'a>, set: &'a SelectionSet) -> Option<Self> {
        let type_name = T::type_name();
        if type_name.is_empty() {
            return None;
        }
        let mut selected = Vec::with_capacity(set.items.len());
        if !gather(ctx, set, &type_name, &mut selected) || selected.is_empty() {
            return None;
        }
        let mut fields = Vec::with_capacity(selected.len());
        for field in selected {
            let field = &field.node;
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
        for (before, write) in &self.fields {
            json.raw(before);
            write(it, json)?;
        }
        json.raw("}");
        Some(())
    }
}

/// A list whose items are written if they can be.
pub struct FastList<'a, T>(pub Vec<&'a T>);

impl<T: FastObject> FastList<'_, T> {
    fn written(&self, ctx: &ContextSelectionSet<'_>) -> Option<Value> {
        let plan = planned::<T>(ctx)?;
        let mut json = Json::with_capacity(self.0.len() * BYTES_OF_ROW);
        let mut all = Some(());
        json.list(&self.0, |json, item| {
            if all.is_some() {
                all = plan.write(item, json);
            }
        });
        all.map(|()| Value::Binary(json.into_bytes().into()))
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
        match self.written(ctx) {
            Some(written) => Ok(written),
            None => resolve_list(ctx, field, self.0.iter().copied(), Some(self.0.len())).await,
        }
    }
}

fn planned<T: FastObject>(ctx: &ContextSelectionSet<'_>) -> Option<SerializerPlan<T>> {
    ctx.data_opt::<NoMergedKeys>()?;
    SerializerPlan::of(ctx, &ctx.item.node)
}

//! Objects whose fields are polled one after another.
//!
//! async-graphql collects a future for every field and joins them, so that look-ups can be batched. In a page of
//! rows, nearly all fields are already loaded. [`InlineObject`] resolves single objects and the rows that a list
//! cannot write directly (see [`super::object`]). It polls each field once, in order, keeps the results that are
//! ready, and awaits the other fields concurrently. It does not call async-graphql's extensions; the schema has none.

use std::borrow::Cow;
use std::future::poll_fn;
use std::ops::Deref;
use std::task::Poll;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::registry::Registry;
use async_graphql::resolver_utils::Fields;
use async_graphql::{
    ContainerType, Context, ContextSelectionSet, ObjectType, OutputType, Positioned, ServerResult, Value,
};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::object::{FastObject, FieldWriter, Selected};

/// Wraps an object type so that its fields are polled in order. Otherwise it behaves as `T`.
#[derive(Debug, Clone)]
pub struct InlineObject<T>(pub T);

impl<T> Deref for InlineObject<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ContainerType + FastObject> OutputType for InlineObject<T> {
    fn type_name() -> Cow<'static, str> {
        <T as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(&self, ctx: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let mut fields = Vec::with_capacity(ctx.item.node.items.len());
        if !collect_fields(ctx, &ctx.item.node, &<T as OutputType>::type_name(), &mut fields) {
            return self.0.resolve(ctx, field).await;
        }
        let mut object = IndexMap::with_capacity(fields.len());
        let mut waiting = FuturesUnordered::new();
        for field in fields {
            let key = &field.node.response_key().node;
            if field.node.name.node == "__typename" {
                object.insert(key.clone(), Value::String(<T as OutputType>::type_name().into_owned()));
                continue;
            }
            let mut resolving = Box::pin(async move { self.0.resolve_field(&ctx.with_field(field)).await });
            match poll_fn(|task| Poll::Ready(resolving.as_mut().poll(task))).await {
                Poll::Ready(Ok(value)) => _ = object.insert(key.clone(), value.unwrap_or_default()),
                Poll::Ready(Err(error)) => ctx.add_error(error),
                Poll::Pending => {
                    // Reserves the field's position in the object.
                    object.insert(key.clone(), Value::Null);
                    waiting.push(async move { (key, resolving.await) });
                }
            }
        }
        while let Some((key, resolved)) = waiting.next().await {
            match resolved {
                Ok(value) => _ = object.insert(key.clone(), value.unwrap_or_default()),
                Err(error) => {
                    object.shift_remove(key);
                    ctx.add_error(error);
                }
            }
        }
        // Like async-graphql, return null if every field of the object failed.
        Ok(if object.is_empty() { Value::Null } else { Value::Object(object) })
    }
}

/// Collects the fields of a selection on this object type, including those in fragments. Returns `false` if
/// async-graphql must resolve the selection: it has directives, or a response key that occurs twice and must be
/// merged.
pub(super) fn collect_fields<'a>(
    ctx: &ContextSelectionSet<'a>,
    set: &'a SelectionSet,
    type_name: &str,
    fields: &mut Vec<&'a Positioned<Field>>,
) -> bool {
    set.items.iter().all(|selection| {
        let (condition, set) = match &selection.node {
            Selection::Field(field) => {
                let key = &field.node.response_key().node;
                let is_new = fields.iter().all(|other| other.node.response_key().node != *key);
                fields.push(field);
                return is_new && field.node.directives.is_empty();
            }
            Selection::InlineFragment(fragment) => {
                (fragment.node.type_condition.as_ref(), &fragment.node.selection_set)
            }
            Selection::FragmentSpread(spread) => {
                match ctx.query_env.fragments.get(&spread.node.fragment_name.node) {
                    Some(fragment) => (Some(&fragment.node.type_condition), &fragment.node.selection_set),
                    None => return false,
                }
            }
        };
        let condition = condition.map_or(type_name, |condition| condition.node.on.node.as_str());
        let interfaces = ctx.schema_env.registry.implements.get(type_name);
        let applies = condition == type_name || interfaces.is_some_and(|names| names.contains(condition));
        !applies || collect_fields(ctx, &set.node, type_name, fields)
    })
}

impl<T: ContainerType + FastObject> ContainerType for InlineObject<T> {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        self.0.resolve_field(ctx).await
    }

    fn collect_all_fields<'a>(
        &'a self,
        ctx: &ContextSelectionSet<'a>,
        fields: &mut Fields<'a>,
    ) -> ServerResult<()> {
        self.0.collect_all_fields(ctx, fields)
    }
}

impl<T: ObjectType + FastObject> ObjectType for InlineObject<T> {}

impl<T: FastObject + 'static> FastObject for InlineObject<T> {
    fn type_name() -> Cow<'static, str> {
        <T as FastObject>::type_name()
    }

    fn writer(selected: &Selected<'_>) -> Option<FieldWriter<Self>> {
        let write = T::writer(selected)?;
        Some(Box::new(move |it, json| write(&it.0, json)))
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{EmptyMutation, EmptySubscription, Object, Response, Result, Schema};
    use tokio::task::yield_now;

    use super::*;

    struct Thing;

    #[Object]
    impl Thing {
        async fn ready(&self) -> i32 {
            1
        }

        async fn waits(&self, #[graphql(default = 2)] n: i32) -> i32 {
            yield_now().await;
            n
        }

        async fn fails(&self) -> Result<Option<i32>> {
            Err("at once".into())
        }

        async fn fails_later(&self) -> Result<i32> {
            yield_now().await;
            Err("later".into())
        }

        async fn inner(&self) -> Self {
            Self
        }
    }

    impl FastObject for Thing {}

    struct Query;

    #[Object]
    impl Query {
        async fn plain(&self) -> Thing {
            Thing
        }

        async fn inline(&self) -> InlineObject<Thing> {
            InlineObject(Thing)
        }
    }

    async fn answer(field: &str, selection: &str, fragments: &str) -> Response {
        let schema = Schema::new(Query, EmptyMutation, EmptySubscription);
        schema.execute(format!("{{ it: {field} {selection} }} {fragments}")).await
    }

    fn error_texts(response: &Response) -> Vec<String> {
        let mut errors: Vec<_> =
            response.errors.iter().map(|error| format!("{} at {:?}", error.message, error.path)).collect();
        errors.sort();
        errors
    }

    #[tokio::test]
    async fn results_equal_those_of_async_graphql() {
        for (selection, fragments) in [
            ("{ ready waits }", ""),
            ("{ waits three: waits(n: 3) ready __typename }", ""),
            ("{ inner { waits ready } fails ready }", ""),
            ("{ fails failsLater ready }", ""),
            ("{ failsLater }", ""),
            ("{ ... { ready } ... on Thing { waits } ...f }", "fragment f on Thing { inner { ready } }"),
            ("{ ready ready inner { ready } inner { waits } }", ""),
            (
                "{ ready @skip(if: true) waits @include(if: true) ... @skip(if: true) { inner { ready } } }",
                "",
            ),
        ] {
            let plain = answer("plain", selection, fragments).await;
            let inline = answer("inline", selection, fragments).await;
            assert_eq!(inline.data, plain.data, "{selection}");
            assert_eq!(error_texts(&inline), error_texts(&plain), "{selection}");
        }
    }

    #[tokio::test]
    async fn fields_are_in_the_requested_order_even_if_they_were_awaited() {
        let response =
            answer("inline", "{ waits ready ...f __typename }", "fragment f on Thing { last: waits }");
        let text = response.await.data.to_string();
        assert_eq!(text, r#"{it: {waits: 2, ready: 1, last: 2, __typename: "Thing"}}"#);
    }
}

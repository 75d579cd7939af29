//! Answers as the specification wants them: nulls where something failed, and fields in the order asked for.
//!
//! The engine leaves a field that failed out of its object. Clients are promised otherwise: a nullable field
//! that failed is null, and one that is never null takes the nearest nullable thing around it along. The
//! engine also writes fields down as they become ready; people who explore expect them as they wrote them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::parse_query;
use async_graphql::parser::types::{
    BaseType, ExecutableDocument, OperationDefinition, Selection, SelectionSet, Type,
};
use async_graphql::{Data, Executor, Name, PathSegment, Request, Response, Value};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

use super::document::operation;
use super::written::Unmerged;
use super::{Schema, declared, places, variables};
use crate::known::Known;

/// The executor that every transport uses: the schema, with its answers completed.
#[derive(Clone)]
pub struct Engine {
    schema: Schema,
    /// The same, for documents that have been found valid.
    trusting: Schema,
    documents: Arc<Known<Asked>>,
}

impl Engine {
    /// `trusting` need not validate.
    pub fn new(schema: Schema, trusting: Schema) -> Self {
        Self { schema, trusting, documents: Arc::default() }
    }

    fn schema_for(&self, asked: &Asked) -> &Schema {
        if asked.is_valid.load(Ordering::Relaxed) { &self.trusting } else { &self.schema }
    }
}

impl Executor for Engine {
    async fn execute(&self, mut request: Request) -> Response {
        match Asked::of(&mut request, &self.documents) {
            Admission::Unread => self.schema.execute(request).await,
            Admission::Refused(refused) => *refused,
            Admission::Read(asked) => {
                asked.complete(self.schema_for(&asked).execute(asked.mark(request)).await)
            }
            Admission::Unsure(asked) => asked.mended(self.schema.execute(asked.mark(request)).await),
        }
    }

    fn execute_stream(
        &self,
        mut request: Request,
        session_data: Option<Arc<Data>>,
    ) -> BoxStream<'static, Response> {
        let execute = |schema, request| Executor::execute_stream(schema, request, session_data);
        match Asked::of(&mut request, &self.documents) {
            Admission::Unread => execute(&self.schema, request),
            Admission::Refused(refused) => stream::once(std::future::ready(*refused)).boxed(),
            Admission::Read(asked) => {
                let request = asked.mark(request);
                execute(self.schema_for(&asked), request)
                    .map(move |response| asked.complete(response))
                    .boxed()
            }
            Admission::Unsure(asked) => {
                let request = asked.mark(request);
                execute(&self.schema, request).map(move |response| asked.mended(response)).boxed()
            }
        }
    }
}

/// What a request asked for, kept beside its execution, which for a subscription is long: so the document, which is
/// many times as large as its text, is not. It is read again for an answer in which something failed.
struct Asked {
    query: String,
    operation_name: Option<String>,
    outline: Outline,
    /// Whether the document has passed the engine's validation, whatever its variables were: those are judged apart,
    /// and each time.
    is_valid: AtomicBool,
}

/// What is known of a request before its execution.
enum Admission {
    /// There is no document that can be read; the engine says why.
    Unread,
    /// A value stands where it may not, or a variable does not fit.
    Refused(Box<Response>),
    Read(Arc<Asked>),
    /// The same, but it has to be validated, and that it is valid says nothing of the next time: there is less in the
    /// request's document than was asked, or a variable is null.
    Unsure(Arc<Asked>),
}

impl Asked {
    fn of(request: &mut Request, documents: &Known<Self>) -> Admission {
        let (query, name) = (request.query.clone(), request.operation_name.clone());
        let variables = std::mem::take(&mut request.variables);
        let read = request.parsed_query().map(|document| {
            let asked = documents.of(&query, name.as_deref(), || match places::misplaced(document) {
                Some(error) => Err(error),
                None => Ok(Self {
                    query: query.clone(),
                    operation_name: name.clone(),
                    outline: Outline::of_operation(document, name.as_deref()),
                    is_valid: AtomicBool::new(false),
                }),
            })?;
            let misfit = variables::misfit(document, name.as_deref(), &variables);
            misfit.map_or_else(|| Ok((asked, variables::without_absent(document, &variables))), Err)
        });
        request.variables = variables;
        match read {
            Err(_) => Admission::Unread,
            Ok(Err(error)) => Admission::Refused(Box::new(Response::from_errors(vec![error]))),
            // Where null may stand is not judged apart.
            Ok(Ok((asked, None))) if request.variables.values().any(|value| *value == Value::Null) => {
                Admission::Unsure(asked)
            }
            Ok(Ok((asked, None))) => Admission::Read(asked),
            Ok(Ok((asked, Some(abridged)))) => {
                request.set_parsed_query(abridged);
                Admission::Unsure(asked)
            }
        }
    }

    /// The request, which says so when nothing of its answer has to be merged.
    fn mark(&self, request: Request) -> Request {
        if self.outline.merges { request } else { request.data(Unmerged) }
    }

    /// `response`, mended and in order. Unless it says otherwise, the document is valid from now on.
    fn complete(&self, response: Response) -> Response {
        // What is not valid is answered with an error of no field.
        if response.errors.iter().all(|error| !error.path.is_empty()) {
            self.is_valid.store(true, Ordering::Relaxed);
        }
        self.mended(response)
    }

    /// `response`, mended and in order.
    fn mended(&self, mut response: Response) -> Response {
        let failed = response.errors.iter().any(|error| !error.path.is_empty());
        if failed && let Ok(document) = parse_query(&self.query) {
            let operation = operation(&document, self.operation_name.as_deref());
            if let Some(operation) = operation {
                mend(&mut response, &document, operation);
            }
        }
        self.outline.arrange(&mut response.data);
        response
    }
}

/// Puts nulls in the place of what failed.
fn mend(response: &mut Response, document: &ExecutableDocument, operation: &OperationDefinition) {
    let failed = response.errors.iter().filter(|error| !error.path.is_empty());
    let failed: Vec<_> = failed
        .filter_map(|error| Some((&error.path, nullability(document, operation, &error.path)?)))
        .collect();
    // All of them are put in before any is passed on, so that nothing is put into what is null by then.
    for (path, _) in &failed {
        insert_null(&mut response.data, path);
    }
    for (path, nullable) in &failed {
        pass_on(&mut response.data, path, nullable);
    }
}

/// What a selection answers with, in order, and what is selected in each in turn.
#[derive(Default)]
struct Outline {
    fields: IndexMap<Name, Outline>,
    /// Whether a key here or below is asked for in more than one place.
    merges: bool,
}

impl Outline {
    /// Empty when there is no such operation.
    fn of_operation(document: &ExecutableDocument, name: Option<&str>) -> Self {
        let operation = operation(document, name);
        operation.map_or_else(Self::default, |it| Self::of(document, &[&it.selection_set.node]))
    }

    /// The outline of selections that are answered together.
    fn of(document: &ExecutableDocument, sets: &[&SelectionSet]) -> Self {
        let mut below: IndexMap<&Name, Vec<Selected>> = IndexMap::new();
        for set in sets {
            gather(document, set, None, &mut below);
        }
        let mut merges = below.values().any(|selected| are_merged(selected));
        let outlined = |(key, selected): (&Name, Vec<Selected>)| {
            let sets: Vec<_> = selected.into_iter().map(|(_, set)| set).collect();
            let outline = Self::of(document, &sets);
            merges |= outline.merges;
            (key.clone(), outline)
        };
        let fields = below.into_iter().map(outlined).collect();
        Self { fields, merges }
    }

    /// Puts the fields of every object in order.
    fn arrange(&self, data: &mut Value) {
        match data {
            _ if self.fields.is_empty() => {}
            Value::List(items) => items.iter_mut().for_each(|item| self.arrange(item)),
            Value::Object(fields) => {
                // They mostly stand as they were asked for, and are found then without a hash. What comes before the
                // first that does not is looked at twice.
                let mut asked = self.fields.iter();
                let is_arranged = fields.iter_mut().all(|(key, below)| {
                    let outline = asked.find(|(name, _)| *name == key);
                    outline.inspect(|(_, outline)| outline.arrange(below)).is_some()
                });
                if is_arranged {
                    return;
                }
                let place = |key: &Name| self.fields.get_index_of(key).unwrap_or(usize::MAX);
                fields.sort_by_cached_key(|key, _| place(key));
                for (key, below) in fields {
                    if let Some(outline) = self.fields.get(key) {
                        outline.arrange(below);
                    }
                }
            }
            _ => {}
        }
    }
}

/// What a field selects, with the type that the fragment around it is on, if there is one.
type Selected<'a> = (Option<&'a str>, &'a SelectionSet);

/// Whether the answer may have one object for several of these.
fn are_merged(selected: &[Selected]) -> bool {
    let objects = selected.iter().filter(|(_, set)| !set.items.is_empty());
    let ons: Vec<Option<&str>> = objects.map(|(on, _)| *on).collect();
    let is_apart = |one: Option<&str>, other: Option<&str>| match (one, other) {
        (Some(one), Some(other)) => one != other && declared::is_object(one) && declared::is_object(other),
        _ => false,
    };
    ons.iter().enumerate().any(|(place, one)| ons[..place].iter().any(|other| !is_apart(*one, *other)))
}

fn gather<'a>(
    document: &'a ExecutableDocument,
    set: &'a SelectionSet,
    on: Option<&'a str>,
    below: &mut IndexMap<&'a Name, Vec<Selected<'a>>>,
) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) => {
                let key = &field.node.response_key().node;
                below.entry(key).or_default().push((on, &field.node.selection_set.node));
            }
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref();
                let on = condition.map_or(on, |condition| Some(condition.node.on.node.as_str()));
                gather(document, &fragment.node.selection_set.node, on, below);
            }
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    let on = Some(fragment.node.type_condition.node.on.node.as_str());
                    gather(document, &fragment.node.selection_set.node, on, below);
                }
            }
        }
    }
}

/// For each segment of `path`, whether what stands there may be null. `None` when the path is not one of the
/// operation.
fn nullability(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    path: &[PathSegment],
) -> Option<Vec<bool>> {
    let mut selected = vec![(declared::root(operation.ty).to_owned(), &operation.selection_set.node)];
    let mut here: Option<Type> = None;
    let mut nullable = Vec::with_capacity(path.len());
    for segment in path {
        let next = match segment {
            PathSegment::Index(_) => match here?.base {
                BaseType::List(item) => *item,
                BaseType::Named(_) => return None,
            },
            PathSegment::Field(key) => {
                let mut found = Vec::new();
                for (parent, set) in &selected {
                    fields_under(document, parent, set, key, &mut found);
                }
                let next = found.first()?.0.clone();
                selected = found.into_iter().map(|(ty, set)| (base_name(&ty.base), set)).collect();
                next
            }
        };
        nullable.push(next.nullable);
        here = Some(next);
    }
    Some(nullable)
}

/// The fields that answer under `key` in a selection on `parent`, with what they select in turn.
fn fields_under<'a>(
    document: &'a ExecutableDocument,
    parent: &str,
    set: &'a SelectionSet,
    key: &str,
    found: &mut Vec<(Type, &'a SelectionSet)>,
) {
    for selection in &set.items {
        match &selection.node {
            Selection::Field(field) if field.node.response_key().node.as_str() == key => {
                let declared = declared::field(parent, &field.node.name.node);
                found.extend(declared.map(|it| (it.of_type.clone(), &field.node.selection_set.node)));
            }
            Selection::Field(_) => {}
            Selection::InlineFragment(fragment) => {
                let condition = fragment.node.type_condition.as_ref();
                let parent = condition.map_or(parent, |condition| condition.node.on.node.as_str());
                fields_under(document, parent, &fragment.node.selection_set.node, key, found);
            }
            // Validation has refused fragments that spread themselves.
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    let parent = fragment.node.type_condition.node.on.node.as_str();
                    fields_under(document, parent, &fragment.node.selection_set.node, key, found);
                }
            }
        }
    }
}

fn base_name(base: &BaseType) -> String {
    match base {
        BaseType::Named(name) => name.to_string(),
        BaseType::List(item) => base_name(&item.base),
    }
}

/// Puts null where `path` leads, unless something stands there.
fn insert_null(data: &mut Value, path: &[PathSegment]) {
    let Some((segment, rest)) = path.split_first() else { return };
    match segment {
        PathSegment::Field(key) => {
            // An object all of whose fields failed is null to the engine.
            if *data == Value::Null {
                *data = Value::Object(Default::default());
            }
            if let Value::Object(fields) = data {
                let below = fields.entry(Name::new(key)).or_insert(Value::Null);
                // What is missing on the way down is a list that failed as a whole.
                if matches!(rest.first(), Some(PathSegment::Field(_))) || *below != Value::Null {
                    insert_null(below, rest);
                }
            }
        }
        PathSegment::Index(index) => {
            if let Value::List(items) = data
                && let Some(item) = items.get_mut(*index)
            {
                insert_null(item, rest);
            }
        }
    }
}

/// Makes the nearest nullable thing around null when what stands at the end of `path` is null and may not be.
fn pass_on(data: &mut Value, path: &[PathSegment], nullable: &[bool]) {
    let mut here = &*data;
    let mut reached = 0;
    for segment in path {
        let below = match (segment, here) {
            (PathSegment::Field(key), Value::Object(fields)) => fields.get(key.as_str()),
            (PathSegment::Index(index), Value::List(items)) => items.get(*index),
            _ => None,
        };
        let Some(below) = below else { break };
        here = below;
        reached += 1;
    }
    if *here != Value::Null {
        return;
    }
    let kept = nullable[..reached].iter().rposition(|nullable| *nullable).map_or(0, |last| last + 1);
    let mut here = data;
    for segment in &path[..kept] {
        let below = match (segment, here) {
            (PathSegment::Field(key), Value::Object(fields)) => fields.get_mut(key.as_str()),
            (PathSegment::Index(index), Value::List(items)) => items.get_mut(*index),
            _ => None,
        };
        let Some(below) = below else { return };
        here = below;
    }
    *here = Value::Null;
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::{ServerError, value};

    fn failing(path: &[&str]) -> ServerError {
        let mut error = ServerError::new("failed", None);
        let segment = |text: &&str| match text.parse() {
            Ok(index) => PathSegment::Index(index),
            Err(_) => PathSegment::Field((*text).to_owned()),
        };
        error.path = path.iter().map(segment).collect();
        error
    }

    fn complete(response: Response, query: &str, operation_name: Option<&str>) -> Response {
        let mut request = Request::new(query);
        request.operation_name = operation_name.map(str::to_owned);
        match Asked::of(&mut request, &Known::default()) {
            Admission::Read(asked) => asked.complete(response),
            Admission::Unread | Admission::Refused(_) | Admission::Unsure(_) => {
                panic!("cannot be answered: {query}")
            }
        }
    }

    fn completed(query: &str, data: Value, errors: &[&[&str]]) -> Value {
        let mut response = Response::new(data);
        response.errors = errors.iter().map(|path| failing(path)).collect();
        complete(response, query, None).data
    }

    #[test]
    fn a_nullable_field_that_failed_is_null() {
        let data = completed(
            "{ viewer { id } workspace { id } }",
            value!({ "workspace": { "id": "x" } }),
            &[&["viewer"]],
        );
        assert_eq!(data, value!({ "workspace": { "id": "x" }, "viewer": null }));
        let data = completed("mutation { m: receiveMessage(input: 1) { changed } }", Value::Null, &[&["m"]]);
        assert_eq!(data, value!({ "m": null }));
    }

    #[test]
    fn a_field_that_is_never_null_takes_its_nearest_nullable_surroundings_along() {
        let query = "{ conversations { asOf nodes { id ...row } } viewer { id } } fragment row on Conversation { who: contact { id } }";
        let data = value!({ "conversations": { "asOf": "c", "nodes": [{ "id": "1" }, { "id": "2" }] }, "viewer": null });
        let data = completed(query, data, &[&["conversations", "nodes", "1", "who"]]);
        assert_eq!(data, value!({ "conversations": null, "viewer": null }));
        let data = completed("{ nodes(ids: []) { id } }", Value::Null, &[&["nodes"]]);
        assert_eq!(data, Value::Null);
    }

    #[test]
    fn items_that_may_be_null_fail_alone() {
        let query = "{ nodes(ids: []) { ... on Conversation { id messages(first: 101) { totalCount } lastMessage { id } } } }";
        let data = value!({ "nodes": [{ "id": "1" }, { "id": "2" }] });
        let data = completed(query, data, &[&["nodes", "1", "messages"], &["nodes", "0", "lastMessage"]]);
        assert_eq!(data, value!({ "nodes": [{ "id": "1", "lastMessage": null }, null] }));
    }

    #[test]
    fn an_object_all_of_whose_fields_failed_is_an_object_of_nulls() {
        let query = "{ conversation(id: 1) { a: assigneeAt(time: 1) { id } b: assigneeAt(time: 2) { id } } }";
        let errors: &[&[&str]] = &[&["conversation", "a"], &["conversation", "b"]];
        let data = completed(query, value!({ "conversation": null }), errors);
        assert_eq!(data, value!({ "conversation": { "a": null, "b": null } }));
        let query =
            "{ conversation(id: 1) { messages(first: 101) { totalCount } a: assigneeAt(time: 1) { id } } }";
        let errors: &[&[&str]] = &[&["conversation", "messages"], &["conversation", "a"]];
        let data = completed(query, value!({ "conversation": null }), errors);
        assert_eq!(data, value!({ "conversation": null }));
    }

    fn keys(data: &Value) -> String {
        serde_json::to_string(data).unwrap().replace('"', "")
    }

    #[test]
    fn fields_stand_in_the_order_asked_for() {
        let query = "query A { viewer { id } } query B { w: workspace { plan name } ...more viewer { name } }
            fragment more on Query { viewer { id role } conversations { nodes { status id } totalCount } }";
        let data = value!({
            "conversations": { "totalCount": 2, "nodes": [{ "id": 1, "status": 2 }, { "status": 3, "id": 4 }] },
            "viewer": { "name": "n", "id": "i", "role": "r" },
            "w": { "name": "x", "plan": "y" },
        });
        let data = complete(Response::new(data), query, Some("B")).data;
        let wanted = "{w:{plan:y,name:x},viewer:{id:i,role:r,name:n},\
            conversations:{nodes:[{status:2,id:1},{status:3,id:4}],totalCount:2}}";
        assert_eq!(keys(&data), wanted);
    }

    #[test]
    fn fields_stand_in_the_order_asked_for_beside_some_that_are_missing() {
        let query = "subscription { queueChanges { __typename ... on QueueReset { reason asOf }
            ... on ConversationUpdated { cursor conversation { id status version } } } }";
        for (given, wanted) in [
            // In order all the way.
            (
                value!({ "queueChanges": { "__typename": "C", "cursor": 1, "conversation": { "id": 2, "version": 3 } } }),
                "{queueChanges:{__typename:C,cursor:1,conversation:{id:2,version:3}}}",
            ),
            // Out of order below what is in order.
            (
                value!({ "queueChanges": { "__typename": "C", "conversation": { "version": 3, "id": 2 } } }),
                "{queueChanges:{__typename:C,conversation:{id:2,version:3}}}",
            ),
            // One that is missing, and one that comes too late.
            (
                value!({ "queueChanges": { "conversation": { "version": 3, "status": 4 }, "cursor": 1 } }),
                "{queueChanges:{cursor:1,conversation:{status:4,version:3}}}",
            ),
            (
                value!({ "queueChanges": { "asOf": 5, "reason": 6, "__typename": "Q" } }),
                "{queueChanges:{__typename:Q,reason:6,asOf:5}}",
            ),
        ] {
            assert_eq!(keys(&complete(Response::new(given), query, None).data), wanted);
        }
    }
}

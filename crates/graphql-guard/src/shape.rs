//! The first half of step 3 of the guard: measures the size of the document with its fragments expanded.
//!
//! Each fragment is measured once, after the fragments that it spreads, and the
//! sums saturate. A text of a few hundred bytes can expand to billions of
//! selections; measuring it is still linear in the length of the text.
//!
//! The sums include *all* operations, because the executor validates all of them.
//! Aliases and root fields limit what is executed, so these two count only the
//! chosen operation.
//!
//! **Introspection** needs a separate estimate. Each of its fields counts as one
//! in the executor's complexity, although each level of
//! `fields { type { fields { … } } }` multiplies the response by the size of the
//! schema. The estimate multiplies the cost of the selections of a list field by
//! the estimated length of the list.

use std::collections::HashMap;
use std::convert::Infallible;

use async_graphql_parser::types::{
    Directive, ExecutableDocument, Field, FragmentDefinition, FragmentSpread, OperationDefinition, Selection,
    SelectionSet,
};
use async_graphql_parser::{Pos, Positioned};
use async_graphql_value::ConstValue as Value;

use super::{DocumentError, DocumentLimits, Limit};

/// The size of a selection set with its fragments expanded.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Shape {
    selections: usize,
    /// The depth of nested fields.
    depth: usize,
    /// The depth of nested selection sets, including this one.
    levels: usize,
    aliases: usize,
    values: usize,
    variable_uses: usize,
    /// The cost of the `__schema` and `__type` fields in the set.
    introspection_cost: usize,
    /// The cost that the set would have inside `__schema` or `__type`.
    cost_inside_introspection: usize,
    /// Fields at the top level of the set.
    pub(super) fields: usize,
    /// Top-level fields that are in a fragment.
    pub(super) fields_in_fragments: usize,
    /// Top-level fields that are `__schema`, `__type` or `__typename`.
    meta_fields: usize,
}

impl Shape {
    pub(super) fn introspection_only(&self) -> bool {
        self.fields == self.meta_fields
    }

    /// Adds the counts of `other`, which is at the same level.
    fn add(&mut self, other: Shape) {
        for (sum, more) in [
            (&mut self.selections, other.selections),
            (&mut self.aliases, other.aliases),
            (&mut self.values, other.values),
            (&mut self.variable_uses, other.variable_uses),
            (&mut self.introspection_cost, other.introspection_cost),
            (&mut self.cost_inside_introspection, other.cost_inside_introspection),
            (&mut self.fields, other.fields),
            (&mut self.fields_in_fragments, other.fields_in_fragments),
            (&mut self.meta_fields, other.meta_fields),
        ] {
            *sum = sum.saturating_add(more);
        }
        self.depth = self.depth.max(other.depth);
        self.levels = self.levels.max(other.levels);
    }

    fn check(&self, limits: &DocumentLimits, at: Pos) -> Result<(), DocumentError> {
        check_all(
            [
                (Limit::Selections, self.selections, limits.selections),
                (Limit::Depth, self.depth, limits.depth),
                (Limit::Nesting, self.levels, limits.bracket_levels()),
                (Limit::Values, self.values, limits.values),
                (Limit::VariableUses, self.variable_uses, limits.variable_uses),
                (Limit::IntrospectionCost, self.introspection_cost, limits.introspection_cost),
            ],
            at,
        )
    }
}

fn check_all<const N: usize>(counts: [(Limit, usize, usize); N], at: Pos) -> Result<(), DocumentError> {
    for (what, count, limit) in counts {
        if count > limit {
            return Err(DocumentError::exceeded(what, limit, Some(at)));
        }
    }
    Ok(())
}

/// Measures the document, checks it against the limits, and returns the shape of
/// the chosen operation.
///
/// The recursion is as deep as the brackets of the text, which [`super::scan`]
/// has limited. It never continues from one fragment into another.
pub(super) fn check(
    limits: &DocumentLimits,
    document: &ExecutableDocument,
    chosen: &Positioned<OperationDefinition>,
) -> Result<Shape, DocumentError> {
    let mut measure = Measure { limits, fragments: HashMap::new() };
    for (name, fragment) in sort_fragments(document)? {
        let mut shape = measure.set(&fragment.node.selection_set.node)?;
        shape.add(measure.directives(&fragment.node.directives)?);
        shape.check(limits, fragment.pos)?;
        measure.fragments.insert(name, shape);
    }
    let mut total = Shape::default();
    for (_, operation) in document.operations.iter() {
        total.add(measure.operation(operation)?);
        total.check(limits, operation.pos)?;
    }
    let root = measure.set(&chosen.node.selection_set.node)?;
    check_all(
        [
            (Limit::Aliases, root.aliases, limits.aliases),
            (Limit::RootFields, root.fields, limits.root_fields),
        ],
        chosen.pos,
    )?;
    Ok(root)
}

struct Measure<'a> {
    limits: &'a DocumentLimits,
    /// The shapes of the fragments measured so far.
    fragments: HashMap<&'a str, Shape>,
}

impl Measure<'_> {
    fn operation(&self, operation: &Positioned<OperationDefinition>) -> Result<Shape, DocumentError> {
        let mut shape = self.set(&operation.node.selection_set.node)?;
        shape.add(self.directives(&operation.node.directives)?);
        for variable in &operation.node.variable_definitions {
            shape.add(self.directives(&variable.node.directives)?);
            if let Some(value) = &variable.node.default_value {
                let values = count_values(self.limits, &value.node, Some(value.pos))?;
                shape.values = shape.values.saturating_add(values);
            }
        }
        Ok(shape)
    }

    fn set(&self, set: &SelectionSet) -> Result<Shape, DocumentError> {
        let mut total = Shape::default();
        for item in &set.items {
            let mut shape = match &item.node {
                Selection::Field(field) => self.field(&field.node)?,
                Selection::FragmentSpread(spread) => in_fragment(self.spread(spread)?),
                Selection::InlineFragment(inline) => in_fragment(self.set(&inline.node.selection_set.node)?),
            };
            shape.selections = shape.selections.saturating_add(1);
            shape.add(self.directives(item.node.directives())?);
            total.add(shape);
        }
        if !set.items.is_empty() {
            total.levels = total.levels.saturating_add(1);
        }
        Ok(total)
    }

    fn field(&self, field: &Field) -> Result<Shape, DocumentError> {
        let mut shape = self.set(&field.selection_set.node)?;
        let name = field.name.node.as_str();
        let inside = shape.cost_inside_introspection.saturating_add(1);
        shape.cost_inside_introspection = inside.saturating_mul(estimated_length(name));
        if matches!(name, "__schema" | "__type") {
            shape.introspection_cost = shape.introspection_cost.saturating_add(inside);
        }
        shape.depth = shape.depth.saturating_add(1);
        let alias = usize::from(field.alias.is_some());
        shape.aliases = shape.aliases.saturating_add(alias);
        shape.fields = 1;
        shape.fields_in_fragments = 0;
        shape.meta_fields = usize::from(matches!(name, "__schema" | "__type" | "__typename"));
        // The type of an argument's value cannot be named outside the parser's
        // crates. A directive has arguments of the same type, so it carries them.
        shape
            .add(self.arguments(Directive { name: field.name.clone(), arguments: field.arguments.clone() })?);
        Ok(shape)
    }

    fn spread(&self, spread: &Positioned<FragmentSpread>) -> Result<Shape, DocumentError> {
        let name = spread.node.fragment_name.node.as_str();
        self.fragments.get(name).copied().ok_or_else(|| DocumentError::unknown_fragment(name, spread.pos))
    }

    /// Measures the directives of one location, where each may occur once: the schema has no repeatable directive.
    fn directives(&self, directives: &[Positioned<Directive>]) -> Result<Shape, DocumentError> {
        let mut total = Shape::default();
        let mut first = HashMap::new();
        for directive in directives {
            let name = directive.node.name.node.as_str();
            if let Some(before) = first.insert(name, directive.pos) {
                return Err(DocumentError::directive_repeated(name, [before, directive.pos]));
            }
            total.add(self.arguments(directive.node.clone())?);
        }
        Ok(total)
    }

    /// Takes ownership of the arguments, because a value that may contain
    /// variables can only be inspected by converting it into a constant.
    fn arguments(&self, holder: Directive) -> Result<Shape, DocumentError> {
        let mut shape = Shape::default();
        for (count, (name, value)) in holder.arguments.into_iter().enumerate() {
            let counts = [(Limit::Arguments, count + 1, self.limits.arguments)];
            check_all(counts, name.pos)?;
            let at = Some(value.pos);
            let mut uses = 0;
            let Ok(constant) = value.node.into_const_with(|_| {
                uses += 1;
                Ok::<_, Infallible>(Value::Null)
            });
            let values = count_values(self.limits, &constant, at)?;
            shape.values = shape.values.saturating_add(values);
            shape.variable_uses = shape.variable_uses.saturating_add(uses);
        }
        Ok(shape)
    }
}

fn in_fragment(mut shape: Shape) -> Shape {
    shape.fields_in_fragments = shape.fields;
    shape
}

/// The estimated length of an introspection field's list; 1 for other fields.
fn estimated_length(field: &str) -> usize {
    match field {
        "types" => 64,
        "fields" | "inputFields" | "args" | "enumValues" | "interfaces" | "possibleTypes" | "directives" => {
            12
        }
        _ => 1,
    }
}

/// Counts a value and the items and fields nested in it.
///
/// # Errors
///
/// [`DocumentError::Exceeded`] if a list is too long or the value nests too
/// deep. The error has the position `at`.
pub(super) fn count_values(
    limits: &DocumentLimits,
    value: &Value,
    at: Option<Pos>,
) -> Result<usize, DocumentError> {
    count_values_below(limits, value, at, limits.bracket_levels())
}

fn count_values_below(
    limits: &DocumentLimits,
    value: &Value,
    at: Option<Pos>,
    levels_left: usize,
) -> Result<usize, DocumentError> {
    let inside: Box<dyn Iterator<Item = &Value>> = match value {
        Value::List(items) if items.len() > limits.list_items => {
            return Err(DocumentError::exceeded(Limit::ListItems, limits.list_items, at));
        }
        Value::List(items) => Box::new(items.iter()),
        Value::Object(fields) => Box::new(fields.values()),
        _ => return Ok(1),
    };
    let Some(levels_left) = levels_left.checked_sub(1) else {
        return Err(DocumentError::exceeded(Limit::Nesting, limits.bracket_levels(), at));
    };
    let mut count = 1_usize;
    for value in inside {
        let below = count_values_below(limits, value, at, levels_left)?;
        count = count.saturating_add(below);
    }
    Ok(count)
}

type Fragment<'a> = (&'a str, &'a Positioned<FragmentDefinition>);

/// The fragments in topological order: each after the fragments that it spreads.
///
/// # Errors
///
/// If a spread names an undefined fragment, if fragments form a cycle, or if no
/// operation uses a fragment. An unused fragment is invalid in any case; refusing
/// it here ensures that every fragment is counted.
fn sort_fragments(document: &ExecutableDocument) -> Result<Vec<Fragment<'_>>, DocumentError> {
    let mut order = FragmentOrder { document, visited: HashMap::new(), sorted: Vec::new() };
    for (_, operation) in document.operations.iter() {
        let mut spreads = Vec::new();
        collect_spreads(&operation.node.selection_set.node, &mut spreads);
        order.visit(spreads)?;
    }
    let unused = document
        .fragments
        .iter()
        .filter(|(name, _)| !order.visited.contains_key(name.as_str()))
        .min_by_key(|(_, fragment)| fragment.pos);
    match unused {
        Some((name, fragment)) => Err(DocumentError::unused_fragment(name, fragment.pos)),
        None => Ok(order.sorted),
    }
}

struct FragmentOrder<'a> {
    document: &'a ExecutableDocument,
    /// The fragments reached so far; `true` once the fragment is in `sorted`.
    visited: HashMap<&'a str, bool>,
    sorted: Vec<Fragment<'a>>,
}

impl<'a> FragmentOrder<'a> {
    /// Visits the fragments depth first. It uses a `Vec` instead of recursion,
    /// because a chain of fragments may be as long as the document.
    fn visit(&mut self, spreads: Vec<&'a Positioned<FragmentSpread>>) -> Result<(), DocumentError> {
        let mut path = vec![(None, spreads.into_iter())];
        while let Some((fragment, spreads)) = path.last_mut() {
            let Some(spread) = spreads.next() else {
                if let Some(fragment) = *fragment {
                    self.sorted.push(fragment);
                    self.visited.insert(fragment.0, true);
                }
                path.pop();
                continue;
            };
            let name = spread.node.fragment_name.node.as_str();
            let Some(next) = self.document.fragments.get(name) else {
                return Err(DocumentError::unknown_fragment(name, spread.pos));
            };
            match self.visited.get(name) {
                Some(true) => {}
                Some(false) => return Err(DocumentError::fragment_cycle(name, spread.pos)),
                None => {
                    self.visited.insert(name, false);
                    let mut below = Vec::new();
                    collect_spreads(&next.node.selection_set.node, &mut below);
                    path.push((Some((name, next)), below.into_iter()));
                }
            }
        }
        Ok(())
    }
}

fn collect_spreads<'a>(set: &'a SelectionSet, into: &mut Vec<&'a Positioned<FragmentSpread>>) {
    for item in &set.items {
        match &item.node {
            Selection::Field(field) => collect_spreads(&field.node.selection_set.node, into),
            Selection::FragmentSpread(spread) => into.push(spread),
            Selection::InlineFragment(inline) => {
                collect_spreads(&inline.node.selection_set.node, into);
            }
        }
    }
}

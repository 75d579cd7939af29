//! The third gate, first half: what the document amounts to, expanded.
//!
//! Each fragment is measured once, the ones it spreads before it, and the sums
//! saturate; so a text of a few hundred bytes that stands for billions of
//! selections is measured in the time it takes to read it.
//!
//! Everything is summed over *all* operations, because the executor validates
//! them all; only aliases and fields at the root, which bound what is executed,
//! are those of the chosen operation.
//!
//! **Introspection** needs an estimate of its own. Its fields count as one each
//! in the executor's complexity, yet each `fields { type { fields { … } } }`
//! multiplies the answer by the size of the schema. Here a field that answers a
//! list costs as many times what it selects as such a list is long.

use std::collections::HashMap;
use std::convert::Infallible;

use async_graphql_parser::types::{
    Directive, ExecutableDocument, Field, FragmentDefinition, FragmentSpread, OperationDefinition, Selection,
    SelectionSet,
};
use async_graphql_parser::{Pos, Positioned};
use async_graphql_value::ConstValue as Value;

use super::{DocumentError, DocumentLimits, Limit};

/// What a selection set amounts to with its fragments expanded.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Shape {
    selections: usize,
    /// Fields inside each other.
    depth: usize,
    /// Selection sets inside each other, this one included.
    levels: usize,
    aliases: usize,
    values: usize,
    variable_uses: usize,
    /// The cost of the `__schema` and `__type` inside.
    introspection_cost: usize,
    /// What the set would cost if it stood inside one of those.
    cost_inside_introspection: usize,
    /// Fields that stand at the top of the set.
    pub(super) fields: usize,
    /// Those of them that a fragment brings.
    pub(super) fields_in_fragments: usize,
    /// Those of them that every schema has at its root.
    meta_fields: usize,
}

impl Shape {
    pub(super) fn introspection_only(&self) -> bool {
        self.fields == self.meta_fields
    }

    /// Puts `other` beside this.
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

/// Measures the document, holds it against the limits, and answers the shape of
/// the chosen operation.
///
/// Recursion goes as deep as brackets nest in the text, which [`super::scan`]
/// has bounded, and never from one fragment into another.
pub(super) fn check(
    limits: &DocumentLimits,
    document: &ExecutableDocument,
    chosen: &Positioned<OperationDefinition>,
) -> Result<Shape, DocumentError> {
    let mut measure = Measure { limits, fragments: HashMap::new() };
    for (name, fragment) in in_order_of_need(document)? {
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
                Selection::FragmentSpread(spread) => brought_by_fragment(self.spread(spread)?),
                Selection::InlineFragment(inline) => {
                    brought_by_fragment(self.set(&inline.node.selection_set.node)?)
                }
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
        shape.cost_inside_introspection = inside.saturating_mul(usual_length(name));
        if matches!(name, "__schema" | "__type") {
            shape.introspection_cost = shape.introspection_cost.saturating_add(inside);
        }
        shape.depth = shape.depth.saturating_add(1);
        let alias = usize::from(field.alias.is_some());
        shape.aliases = shape.aliases.saturating_add(alias);
        shape.fields = 1;
        shape.fields_in_fragments = 0;
        shape.meta_fields = usize::from(matches!(name, "__schema" | "__type" | "__typename"));
        // The type of a literal has no name outside the parser's own crates, so
        // a field's arguments travel as a directive's, which have the same.
        shape
            .add(self.arguments(Directive { name: field.name.clone(), arguments: field.arguments.clone() })?);
        Ok(shape)
    }

    fn spread(&self, spread: &Positioned<FragmentSpread>) -> Result<Shape, DocumentError> {
        let name = spread.node.fragment_name.node.as_str();
        self.fragments.get(name).copied().ok_or_else(|| DocumentError::unknown_fragment(name, spread.pos))
    }

    /// Measures the directives of one place, where each may stand once: the schema has none that repeats.
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

    /// Takes what it looks into, because a literal that may hold variables
    /// shows what is inside only when it is turned into a constant.
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

fn brought_by_fragment(mut shape: Shape) -> Shape {
    shape.fields_in_fragments = shape.fields;
    shape
}

/// How many things a field of introspection answers, as an estimate: 1 for what
/// is no list.
fn usual_length(field: &str) -> usize {
    match field {
        "types" => 64,
        "fields" | "inputFields" | "args" | "enumValues" | "interfaces" | "possibleTypes" | "directives" => {
            12
        }
        _ => 1,
    }
}

/// Counts a value with the items and fields inside it.
///
/// # Errors
///
/// A list in it is too long, or it nests too deep. `at` is where to say it is.
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

/// The fragments that operations use, each behind those it spreads.
///
/// # Errors
///
/// A spread names no fragment, fragments spread each other in a circle, or no
/// operation uses one of them. (An unused one is invalid anyway; refusing it
/// here means that every fragment is part of what is counted.)
fn in_order_of_need(document: &ExecutableDocument) -> Result<Vec<Fragment<'_>>, DocumentError> {
    let mut order = FragmentOrder { document, entered: HashMap::new(), done: Vec::new() };
    for (_, operation) in document.operations.iter() {
        let mut spreads = Vec::new();
        collect_spreads(&operation.node.selection_set.node, &mut spreads);
        order.visit(spreads)?;
    }
    let unused = document
        .fragments
        .iter()
        .filter(|(name, _)| !order.entered.contains_key(name.as_str()))
        .min_by_key(|(_, fragment)| fragment.pos);
    match unused {
        Some((name, fragment)) => Err(DocumentError::unused_fragment(name, fragment.pos)),
        None => Ok(order.done),
    }
}

struct FragmentOrder<'a> {
    document: &'a ExecutableDocument,
    /// Fragments reached; true once those they spread are all in `done`.
    entered: HashMap<&'a str, bool>,
    done: Vec<Fragment<'a>>,
}

impl<'a> FragmentOrder<'a> {
    /// Walks the graph of fragments depth first, on a stack of its own: a chain
    /// of fragments may be as long as the document.
    fn visit(&mut self, spreads: Vec<&'a Positioned<FragmentSpread>>) -> Result<(), DocumentError> {
        let mut path = vec![(None, spreads.into_iter())];
        while let Some((fragment, spreads)) = path.last_mut() {
            let Some(spread) = spreads.next() else {
                if let Some(fragment) = *fragment {
                    self.done.push(fragment);
                    self.entered.insert(fragment.0, true);
                }
                path.pop();
                continue;
            };
            let name = spread.node.fragment_name.node.as_str();
            let Some(next) = self.document.fragments.get(name) else {
                return Err(DocumentError::unknown_fragment(name, spread.pos));
            };
            match self.entered.get(name) {
                Some(true) => {}
                Some(false) => return Err(DocumentError::fragment_cycle(name, spread.pos)),
                None => {
                    self.entered.insert(name, false);
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

//! Reads a document from standard input, and prints what it costs, or why the guard refuses it.
//!
//! `echo '{ books { title } }' | cargo run -p graphql-guard --example check [OPERATION]`

use std::io::{self, Read};
use std::process::ExitCode;

use graphql_guard::{DocumentLimits, Limit, check_document};

type Field = fn(&mut DocumentLimits) -> &mut usize;

/// Each limit of a document, and its field in the limits.
const LIMITS: [(Limit, Field); 13] = [
    (Limit::QueryBytes, |limits| &mut limits.query_bytes),
    (Limit::Tokens, |limits| &mut limits.tokens),
    (Limit::Nesting, |limits| &mut limits.nesting),
    (Limit::Directives, |limits| &mut limits.directives),
    (Limit::Selections, |limits| &mut limits.selections),
    (Limit::Depth, |limits| &mut limits.depth),
    (Limit::RootFields, |limits| &mut limits.root_fields),
    (Limit::Aliases, |limits| &mut limits.aliases),
    (Limit::Arguments, |limits| &mut limits.arguments),
    (Limit::Values, |limits| &mut limits.values),
    (Limit::ListItems, |limits| &mut limits.list_items),
    (Limit::VariableUses, |limits| &mut limits.variable_uses),
    (Limit::IntrospectionCost, |limits| &mut limits.introspection_cost),
];

fn main() -> io::Result<ExitCode> {
    let mut query = String::new();
    io::stdin().read_to_string(&mut query)?;
    let operation = std::env::args().nth(1);
    let checked = match check_document(&DocumentLimits::default(), &query, operation.as_deref()) {
        Ok(checked) => checked,
        Err(error) => {
            println!("refused: {} {error}", error.code());
            for at in error.locations() {
                println!("  line {}, column {}", at.line, at.column);
            }
            return Ok(ExitCode::FAILURE);
        }
    };
    println!(
        "accepted: {} {}",
        checked.operation,
        checked.operation_name.as_deref().unwrap_or("without a name")
    );
    for (limit, field) in LIMITS {
        let allowed = *field(&mut DocumentLimits::default());
        let cost = lowest_limit(allowed, |value| {
            let mut limits = DocumentLimits::default();
            *field(&mut limits) = value;
            check_document(&limits, &query, operation.as_deref()).is_ok()
        });
        println!("{cost:>8} of {allowed:>7} {limit}");
    }
    Ok(ExitCode::SUCCESS)
}

/// The lowest limit under which the document passes: what the document costs.
fn lowest_limit(allowed: usize, passes: impl Fn(usize) -> bool) -> usize {
    let (mut lowest, mut highest) = (0, allowed);
    while lowest < highest {
        let middle = lowest.midpoint(highest);
        if passes(middle) {
            highest = middle;
        } else {
            lowest = middle + 1;
        }
    }
    lowest
}

//! The committed `schema.graphql` is the schema of the server.

use std::path::Path;

#[test]
fn the_committed_schema_is_printed_from_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.graphql");
    let committed = std::fs::read_to_string(&path).expect("schema.graphql is committed");
    let printed = switchboard::graphql::sdl();
    for (number, (committed, printed)) in (1..).zip(committed.lines().zip(printed.lines())) {
        assert_eq!(committed, printed, "schema.graphql:{number}: print it again with `switchboard schema`");
    }
    assert_eq!(committed.trim_end(), printed.trim_end(), "print it again with `switchboard schema`");
}

#[test]
fn everything_in_the_schema_has_a_description() {
    let sdl = switchboard::graphql::sdl();
    let mut described = false;
    let mut in_description = false;
    let mut bare = Vec::new();
    for (number, line) in (1..).zip(sdl.lines()) {
        let text = line.trim();
        if in_description || text.starts_with("\"\"\"") {
            let quotes = text.matches("\"\"\"").count();
            in_description = in_description != (quotes % 2 == 1);
            described = true;
            continue;
        }
        let declares =
            text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') || text.starts_with("extend");
        if declares && !described && !text.starts_with("schema") && !text.starts_with("query:") {
            bare.push(format!("{number}: {text}"));
        }
        described = false;
    }
    let roots = ["mutation: ", "subscription: "];
    bare.retain(|line| !roots.iter().any(|root| line.contains(root)));
    assert!(bare.is_empty(), "without a description:\n{}", bare.join("\n"));
}

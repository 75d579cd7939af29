//! Layers: `http → graphql → service → store → domain`. A layer may use the layers to its right, and none to its left.
//!
//! Reads the sources as text. Comments and strings are removed; then every path that begins with `crate::` is a use of
//! the layer that it names. `clock`, `token`, `metrics`, `document_cache` and `failpoint` are leaves, which every layer
//! may use. Everything else (`app`, `config`, the command line, synthetic data) is above all layers, and no layer may
//! use it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// From the outermost to the innermost.
const LAYERS: [&str; 5] = ["http", "graphql", "service", "store", "domain"];
const LEAVES: [&str; 5] = ["clock", "token", "metrics", "document_cache", "failpoint"];
/// What the leaves may use: each other and the domain.
const UNDER_LEAVES: [&str; 3] = ["clock", "token", "domain"];
/// Crates that only some layers may use, with these layers.
const CONFINED: [(&str, &[&str]); 9] = [
    ("diesel", &["store"]),
    ("diesel_async", &["store"]),
    ("diesel_migrations", &["store"]),
    ("tokio_postgres", &["store"]),
    ("tokio_postgres_rustls", &["store"]),
    ("async_nats", &["service"]),
    ("async_graphql", &["graphql", "http"]),
    ("axum", &["http"]),
    ("prometheus_client", &["metrics"]),
];

/// The layer or leaf of a file below `src`, or `None` if the file is above all layers.
fn layer_of(path: &Path) -> Option<String> {
    let first = path.components().next()?.as_os_str().to_str()?;
    let name = first.strip_suffix(".rs").unwrap_or(first);
    (LAYERS.contains(&name) || LEAVES.contains(&name)).then(|| name.to_owned())
}

/// The source without comments, strings and character literals.
fn code_of(source: &str) -> String {
    let bytes: Vec<char> = source.chars().collect();
    let mut code = String::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        at += match rest {
            ['/', '/', ..] => rest.iter().position(|&c| c == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => block_comment(rest),
            ['"', ..] => string(rest),
            ['r', '#' | '"', ..] if !ends_in_word(&code) && raw_string(rest).is_some() => {
                raw_string(rest).unwrap_or(1)
            }
            ['\'', '\\', ..] => {
                2 + rest[2..].iter().skip(1).position(|&c| c == '\'').map_or(0, |end| end + 2)
            }
            ['\'', _, '\'', ..] => 3,
            [c, ..] => {
                code.push(*c);
                1
            }
            [] => 1,
        };
    }
    code
}

fn ends_in_word(code: &str) -> bool {
    code.ends_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// The length of the block comment at the beginning of `rest`. Block comments nest.
fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of the string literal at the beginning of `rest`.
fn string(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// The length of the raw string literal at the beginning of `rest`, or `None` if it is an identifier such as `r#type`.
fn raw_string(rest: &[char]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|&&c| c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return None;
    }
    let body = 2 + hashes;
    let ends = |at: usize| {
        rest[at] == '"' && rest[at + 1..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes
    };
    (body..rest.len()).find(|&at| ends(at)).map(|at| at + 1 + hashes)
}

/// Every word of the code, with the text after it.
fn words(code: &str) -> impl Iterator<Item = (&str, &str)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let starts = code.char_indices().filter(move |&(at, c)| is_word(c) && !code[..at].ends_with(is_word));
    starts.map(move |(at, _)| {
        let end = code[at..].find(|c| !is_word(c)).map_or(code.len(), |length| at + length);
        (&code[at..end], &code[end..])
    })
}

/// The first names of the paths after `crate`, also inside braces. Macros are left out.
fn first_names(rest: &str) -> BTreeSet<String> {
    let Some(rest) = rest.trim_start().strip_prefix("::") else { return BTreeSet::new() };
    let rest = rest.trim_start();
    let Some(group) = rest.strip_prefix('{') else {
        let (name, after) = words(rest).next().unwrap_or_default();
        let is_macro = after.starts_with('!');
        return if is_macro { BTreeSet::new() } else { BTreeSet::from([name.to_owned()]) };
    };
    let mut names = BTreeSet::new();
    let (mut depth, mut expecting) = (0, true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => expecting = true,
            c if expecting && (c.is_alphabetic() || c == '_') => {
                names.extend(words(&group[at..]).next().map(|(name, _)| name.to_owned()));
                expecting = false;
            }
            _ => {}
        }
    }
    names
}

/// The uses in `source`, a file of `layer`, that are not allowed.
fn violations(layer: &str, source: &str) -> Vec<String> {
    let code = code_of(source);
    let allowed: &[&str] = match LAYERS.iter().position(|name| *name == layer) {
        Some(depth) => &LAYERS[depth..],
        None => &UNDER_LEAVES,
    };
    let mut found = Vec::new();
    for (word, rest) in words(&code) {
        if word == "crate" {
            let outside =
                |name: &String| !allowed.contains(&name.as_str()) && !LEAVES.contains(&name.as_str());
            let names = first_names(rest).into_iter().filter(outside);
            found.extend(names.map(|name| format!("{layer} uses crate::{name}")));
        }
        let confined = CONFINED.iter().find(|(name, layers)| *name == word && !layers.contains(&layer));
        if confined.is_some() {
            found.push(format!("{layer} uses {word}"));
        }
    }
    found
}

fn sources(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(below).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn no_layer_reaches_up() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for path in sources(&src) {
        let below = path.strip_prefix(&src).expect("below src");
        let Some(layer) = layer_of(below) else { continue };
        let source = std::fs::read_to_string(&path).expect("a source file");
        found.extend(
            violations(&layer, &source)
                .into_iter()
                .map(|violation| format!("{}: {violation}", below.display())),
        );
        seen.insert(layer);
    }
    assert!(found.is_empty(), "layers reach up:\n{}", found.join("\n"));
    for layer in LAYERS {
        assert!(
            seen.contains(layer),
            "the layer {layer} was not found under src; does this test still read the right folder?"
        );
    }
}

#[test]
fn a_violation_is_found_however_it_is_written() {
    for (layer, source, violation) in [
        ("domain", "use crate::store::Conn;", "domain uses crate::store"),
        ("store", "use crate::{domain::Agent, service::Services};", "store uses crate::service"),
        ("store", "use crate::{\n    domain::{Agent, ids},\n    graphql,\n};", "store uses crate::graphql"),
        ("service", "fn f() { let _ = crate :: http :: router(); }", "service uses crate::http"),
        ("service", "pub(in crate::http) struct X;", "service uses crate::http"),
        ("domain", "use crate::server::App;", "domain uses crate::app"),
        ("http", "use crate::config::Secret;", "http uses crate::config"),
        ("clock", "use crate::store::Pool;", "clock uses crate::store"),
        ("service", "use diesel::prelude::*;", "service uses diesel"),
        ("graphql", "fn f(c: &mut ::diesel_async::AsyncPgConnection) {}", "graphql uses diesel_async"),
        ("service", "#[derive(async_graphql::Enum)] enum E {}", "service uses async_graphql"),
        ("domain", "/* a /* nested */ comment */ use crate::http::x;", "domain uses crate::http"),
        ("domain", "const A: &str = \"\\\"\"; use crate::http::x;", "domain uses crate::http"),
        ("domain", "const A: &str = r#\"\"\"#; use crate::http::x;", "domain uses crate::http"),
        (
            "domain",
            "const A: char = '\"'; use crate::http::x; const B: char = '\\'';",
            "domain uses crate::http",
        ),
    ] {
        assert_eq!(violations(layer, source), [violation], "{source}");
    }
}

#[test]
fn an_allowed_use_is_not_a_violation() {
    for (layer, source) in [
        ("http", "use crate::{graphql, service::Services, store::StoreError, domain::Agent, token, clock};"),
        ("graphql", "use crate::domain::{Agent, http};"),
        (
            "store",
            "//! Never [`crate::http`].\nuse crate::domain::Agent; // nor crate::service\n/* crate::graphql */",
        ),
        ("store", "crate::on_backend!(conn, |c| x.load(c).await)"),
        ("store", "use diesel::prelude::*; use diesel_async::RunQueryDsl;"),
        ("service", "const TEXT: &str = \"crate::http\"; const RAW: &str = r#\"use crate::\"http\"\"#;"),
        ("token", "use crate::clock::Timestamp; use crate::domain::AgentId;"),
        ("service", "struct A<'a>(&'a str); use crate::store::X;"),
    ] {
        assert_eq!(violations(layer, source), [""; 0], "{source}");
    }
}

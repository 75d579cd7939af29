//! The layers of `src`, from top to bottom: `http` and `graphql` on the same level, `service`, `store`, `domain`.
//!
//! A layer may use only the layers below it: `http` and `graphql` may not use each other. Every layer may use the leaf
//! modules `clock`, `random`, `token`, `metrics` and `failpoint`. All other modules, such as `server`, `routes`, `auth`
//! and `config`, may use every layer, and no layer may use them. Inside a layer, a test counts the files in import
//! cycles.

use std::collections::{BTreeMap, BTreeSet};

use super::imports::{Imports, Path};
use super::repository;

/// The layers of each level, from top to bottom.
const LEVELS: [&[&str]; 4] = [&["http", "graphql"], &["service"], &["store"], &["domain"]];
const LEAVES: [&str; 5] = ["clock", "random", "token", "metrics", "failpoint"];
/// The layers that the leaf modules may use. They may also use each other.
const BELOW_LEAVES: [&str; 1] = ["domain"];
/// Crates that only the listed modules may use. Only `store` may use Diesel, so all SQL is in `store`.
const RESTRICTED_CRATES: [(&str, &[&str]); 13] = [
    ("diesel", &["store"]),
    ("diesel_async", &["store"]),
    ("diesel_migrations", &["store"]),
    ("tokio_postgres", &["store"]),
    ("tokio_postgres_rustls", &["store"]),
    ("async_nats", &["service"]),
    ("async_graphql", &["graphql", "http"]),
    ("dataloader", &["graphql"]),
    ("graphql_transport", &["graphql", "http", "auth", "config", "routes", "server", "cli"]),
    ("graphql_guard", &["cli"]),
    ("axum", &["http", "routes", "server"]),
    ("prometheus_client", &["metrics"]),
    ("synthetic", &["demo", "seed"]),
];
/// The number of files of each layer that are in an import cycle. Lower the number when you remove a cycle.
const FILES_IN_CYCLES: [(&str, usize); 5] =
    [("http", 0), ("graphql", 9), ("service", 15), ("store", 0), ("domain", 11)];

/// The modules that a module may use, or `None` if it is above all layers.
fn below(module: &str) -> Option<BTreeSet<&'static str>> {
    if LEAVES.contains(&module) {
        return Some(LEAVES.into_iter().chain(BELOW_LEAVES).collect());
    }
    let level = LEVELS.iter().position(|level| level.contains(&module))?;
    let own = LEVELS[level].iter().filter(|layer| **layer == module);
    let lower = LEVELS[level + 1..].iter().copied().flatten();
    Some(own.chain(lower).copied().chain(LEAVES).collect())
}

/// The imports of a file of `module` that are not allowed.
fn violations(module: &str, imports: &Imports) -> BTreeSet<String> {
    let allowed = below(module);
    let is_refused = |path: &Path| match path.as_slice() {
        [root, name, ..] if root == "crate" => {
            allowed.as_ref().is_some_and(|allowed| !allowed.contains(name.as_str()))
        }
        [name, ..] => {
            RESTRICTED_CRATES.iter().any(|(krate, modules)| name == krate && !modules.contains(&module))
        }
        [] => false,
    };
    let describe = |path: Path| match path.as_slice() {
        [root, name, ..] if root == "crate" => format!("{module} uses crate::{name}"),
        path => format!("{module} uses {}", path[0]),
    };
    imports.paths().into_iter().filter(is_refused).map(describe).collect()
}

/// The module path of a file: `crate::store::db` for `src/store/db/mod.rs`.
fn module_of(file: &str) -> Vec<&str> {
    let path = file.trim_start_matches("src/").trim_end_matches(".rs");
    let names = path.split('/').filter(|name| !matches!(*name, "mod" | "lib"));
    ["crate"].into_iter().chain(names).collect()
}

/// The imports of each file under `src`.
fn sources() -> BTreeMap<String, Imports> {
    let texts = repository::texts(&["rs"]).into_iter().filter(|(file, _)| file.starts_with("src/"));
    texts.map(|(file, text)| (file.clone(), Imports::of(&module_of(&file), &text))).collect()
}

/// The top-level module of a file under `src`: `store` for `src/store/db/mod.rs`.
fn top(file: &str) -> &str {
    module_of(file).get(1).copied().unwrap_or_default()
}

/// The imports between files.
struct Graph<'a> {
    files: &'a BTreeMap<String, Imports>,
    /// The file that contains each module.
    file_of_module: BTreeMap<&'a Path, &'a str>,
}

impl<'a> Graph<'a> {
    fn new(files: &'a BTreeMap<String, Imports>) -> Self {
        let modules = |(file, imports): (&'a String, &'a Imports)| {
            imports.modules().map(move |module| (module, file.as_str()))
        };
        Self { files, file_of_module: files.iter().flat_map(modules).collect() }
    }

    /// The file that defines the item at a path. Follows at most `hops` re-exports.
    fn file_of(&self, path: &Path, hops: usize) -> Option<&'a str> {
        let module_at = |length: &usize| self.file_of_module.get_key_value(&path[..*length].to_vec());
        let length = (1..=path.len()).rev().find(|length| module_at(length).is_some())?;
        let (module, file) = module_at(&length)?;
        let import = path.get(length).and_then(|name| self.files[*file].imported(module, name));
        let import = import.filter(|import| hops > 0 && import[0] == "crate");
        match import.map(|import| [import.as_slice(), &path[length + 1..]].concat()) {
            Some(import) if import != *path => self.file_of(&import, hops - 1),
            _ => Some(file),
        }
    }

    /// The files of the same layer that `file` imports.
    fn imported_by(&self, file: &str) -> BTreeSet<&'a str> {
        let paths = self.files[file].dependencies();
        let files = paths.iter().filter_map(|path| self.file_of(path, 8));
        files.filter(|other| *other != file && top(other) == top(file)).collect()
    }

    /// The files of a layer that are in an import cycle. Each file comes with its imports in the same cycle.
    fn cycles(&self, layer: &str) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
        let files = self.files.keys().map(String::as_str).filter(|file| top(file) == layer);
        let imports: BTreeMap<_, _> = files.map(|file| (file, self.imported_by(file))).collect();
        let reached: BTreeMap<_, _> = imports.keys().map(|file| (*file, reached(&imports, file))).collect();
        let in_cycle =
            |file: &&str, other: &&str| reached[file].contains(other) && reached[other].contains(file);
        let cycles = imports.iter().filter(|(file, _)| in_cycle(file, file));
        cycles
            .map(|(file, to)| (*file, to.iter().copied().filter(|to| in_cycle(file, to)).collect()))
            .collect()
    }
}

/// The files that `from` imports, directly or through others.
fn reached<'a>(imports: &BTreeMap<&str, BTreeSet<&'a str>>, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&str> = imports[from].iter().copied().collect();
    while let Some(file) = next.pop() {
        if reached.insert(file) {
            next.extend(&imports[file]);
        }
    }
    reached
}

#[test]
fn no_layer_uses_a_layer_above_it() {
    let sources = sources();
    let found = sources.iter().flat_map(|(file, imports)| {
        violations(top(file), imports).into_iter().map(move |violation| format!("{file}: {violation}"))
    });
    let found: Vec<String> = found.collect();
    assert!(found.is_empty(), "layers use layers above them:\n{}", found.join("\n"));
    for layer in LEVELS.iter().copied().flatten().chain(&LEAVES) {
        let files = sources.keys().filter(|file| top(file) == *layer).count();
        assert!(files > 0, "{layer} was not found under src");
    }
}

#[test]
fn no_layer_gets_a_new_import_cycle() {
    let sources = sources();
    let graph = Graph::new(&sources);
    for (layer, expected) in FILES_IN_CYCLES {
        let cycles = graph.cycles(layer);
        assert_eq!(cycles.len(), expected, "files of {layer} in cycles: {cycles:#?}");
    }
}

#[test]
fn a_cycle_is_found_through_re_exports_and_modules() {
    let files = [
        ("src/store/mod.rs", "mod a; mod b; mod c; mod d; pub use b::B; pub(crate) struct Own;"),
        ("src/store/a.rs", "use crate::store::B;"),
        ("src/store/b.rs", "use super::c as other; pub struct B(other::C);"),
        ("src/store/c.rs", "pub(super) struct C; fn f() { vec![super::a::A]; }"),
        ("src/store/d.rs", "use crate::store::{B, Own}; use crate::domain::A;"),
        ("src/domain/mod.rs", "use crate::store::B;"),
    ];
    let files = files.map(|(file, text)| (file.to_owned(), Imports::of(&module_of(file), text)));
    let files = BTreeMap::from(files);
    let cycles = Graph::new(&files).cycles("store");
    let [a, b, c] = ["src/store/a.rs", "src/store/b.rs", "src/store/c.rs"];
    assert_eq!(cycles, BTreeMap::from([(a, [b].into()), (b, [c].into()), (c, [a].into())]));
    assert_eq!(Graph::new(&files).cycles("domain"), BTreeMap::new());
}

/// The violations of a file `x.rs` in the folder of a module.
fn violations_of(module: &str, source: &str) -> Vec<String> {
    Vec::from_iter(violations(module, &Imports::of(&["crate", module, "x"], source)))
}

#[test]
fn a_violation_is_found_however_it_is_written() {
    for (module, source, violation) in [
        ("domain", "use crate::store::Conn;", "domain uses crate::store"),
        ("store", "use crate::{domain::Agent, service::Services};", "store uses crate::service"),
        ("store", "use crate::{\n    domain::{Agent, ids},\n    graphql,\n};", "store uses crate::graphql"),
        (
            "store",
            "use crate::{domain::{self, Agent}, http::{self, pages::{inbox}}};",
            "store uses crate::http",
        ),
        ("service", "fn f() { let _ = crate :: http :: router(); }", "service uses crate::http"),
        ("service", "fn f(app: &crate::http::Health) {}", "service uses crate::http"),
        ("service", "impl<T: crate::graphql::Node> A for B<T> {}", "service uses crate::graphql"),
        ("service", "fn f() { g::<crate::graphql::Node>(); }", "service uses crate::graphql"),
        ("service", "fn f() { if let crate::graphql::Kind::A { .. } = a {} }", "service uses crate::graphql"),
        ("service", "pub(in crate::http) struct X;", "service uses crate::http"),
        ("service", "mod a { fn f() { use crate::http::x; } }", "service uses crate::http"),
        ("domain", "use crate::server::App;", "domain uses crate::server"),
        ("domain", "use crate::*;", "domain uses crate::*"),
        ("domain", "use crate as root; type A = root::store::Conn;", "domain uses crate::store"),
        (
            "domain",
            "use super::super as root; use root::store as s; type A = s::Conn;",
            "domain uses crate::store",
        ),
        ("domain", "use crate::{self as root}; fn f() { root::store::x(); }", "domain uses crate::store"),
        ("domain", "type A = super::super::store::Conn;", "domain uses crate::store"),
        ("domain", "mod a { use super::super::super::store::Conn; }", "domain uses crate::store"),
        ("domain", "use self::super::super::store;", "domain uses crate::store"),
        ("domain", "fn f() { vec![crate::store::x(), 1]; }", "domain uses crate::store"),
        ("domain", "fn f() { m!(a => { [crate::{domain, store::{x}}] }); }", "domain uses crate::store"),
        ("domain", "macro_rules! m { () => { $crate::store::x() } }", "domain uses crate::store"),
        ("domain", "fn f() { crate::store::m!(); }", "domain uses crate::store"),
        ("domain", "#[derive(crate::store::Row)] struct A;", "domain uses crate::store"),
        ("graphql", "use crate::http::health;", "graphql uses crate::http"),
        ("http", "use crate::graphql;", "http uses crate::graphql"),
        ("http", "use crate::config::Secret;", "http uses crate::config"),
        ("clock", "use crate::store::Pool;", "clock uses crate::store"),
        ("service", "use diesel::prelude::*;", "service uses diesel"),
        ("service", "use diesel as d; fn f() { d::x(); }", "service uses diesel"),
        ("service", "extern crate diesel as d;", "service uses diesel"),
        ("service", "#[diesel::dsl::auto_type] fn f() {}", "service uses diesel"),
        ("graphql", "fn f(c: &mut ::diesel_async::AsyncPgConnection) {}", "graphql uses diesel_async"),
        ("service", "#[derive(async_graphql::Enum)] enum E {}", "service uses async_graphql"),
        ("service", "use ::{std::fmt, axum::Router};", "service uses axum"),
        ("seed", "use diesel::prelude::*;", "seed uses diesel"),
    ] {
        assert_eq!(violations_of(module, source), [violation], "{source}");
    }
}

#[test]
fn an_allowed_use_is_not_a_violation() {
    for (module, source) in [
        ("http", "use crate::{service::Services, store::StoreError, domain::Agent, token, clock};"),
        ("graphql", "use crate::domain::{Agent, http}; fn f() { http::x(); }"),
        ("http", "use axum::http; fn f() { http::x(); }"),
        (
            "store",
            "//! Never [`crate::http`].\nuse crate::domain::Agent; // nor crate::service\n/* crate::graphql */",
        ),
        ("store", "pub(crate) fn f() { crate::on_backend!(conn, |c| x.load(c).await) }"),
        ("store", "use diesel::prelude::*; use diesel_async::RunQueryDsl;"),
        ("store", "mod graphql; use graphql::X; use self::graphql::Y; pub(super) use super::z as http;"),
        ("service", "const TEXT: &str = \"crate::http\"; const RAW: &str = r#\"use crate::\"http\"\"#;"),
        ("token", "use crate::clock::Timestamp; use crate::domain::AgentId;"),
        (
            "service",
            "struct A<'a>(&'a str); use crate::store::X; fn f(http: u8, diesel: u8) { g(http, diesel) }",
        ),
        ("server", "use crate::{auth, config, graphql, http, routes, service, store};"),
    ] {
        assert_eq!(violations_of(module, source), [""; 0], "{source}");
    }
}

//! Tasks are spawned in few files, each for a reason. Background loops are workers of the registry.

use std::collections::BTreeMap;

use syn::visit::{self, Visit};

use super::repository;

/// The files that spawn tasks or threads, and what they spawn. A background loop belongs in the registry instead.
const SPAWNING: [(&str, &str); 14] = [
    ("src/cli/demo.rs", "the customers of the demo"),
    ("src/cli/traces.rs", "one export of spans"),
    ("src/http/pages/graphiql/assets.rs", "one installation of scripts"),
    ("src/server.rs", "the two listeners"),
    ("src/service/commands/rebalance.rs", "one computation"),
    ("src/service/live/log_feed.rs", "the tail of a log, which ends with its last subscription"),
    ("src/service/live/shared_queries.rs", "a query of subscriptions, which ends with the last of them"),
    ("src/service/queries/access.rs", "one update of the time at which a service token was used"),
    ("src/service/workers/registry.rs", "the background workers"),
    ("src/store/db/backend.rs", "one transaction"),
    ("src/store/db/migrations.rs", "one migration"),
    ("src/store/db/notify.rs", "the driver of a connection"),
    ("src/store/db/sqlite.rs", "the threads of a file"),
    ("src/token/jwks.rs", "one request to an identity provider"),
];

/// Counts the calls that spawn.
#[derive(Default)]
struct Spawns(usize);

impl Spawns {
    fn of(source: &str) -> usize {
        let mut spawns = Self::default();
        spawns.visit_file(&syn::parse_file(source).expect("parses"));
        spawns.0
    }

    fn count(&mut self, name: &syn::Ident) {
        let name = name.to_string();
        self.0 += usize::from(name.starts_with("spawn") || name == "track_future");
    }
}

impl<'ast> Visit<'ast> for Spawns {
    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let syn::Expr::Path(path) = &*call.func
            && let Some(last) = path.path.segments.last()
        {
            self.count(&last.ident);
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.count(&call.method);
        visit::visit_expr_method_call(self, call);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let is_test = item.attrs.iter().any(|attribute| {
            attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
        });
        if !is_test {
            visit::visit_item_mod(self, item);
        }
    }
}

#[test]
fn tasks_are_spawned_in_named_files_and_background_loops_in_the_registry() {
    let texts = repository::texts(&["rs"]).into_iter();
    let sources = texts.filter(|(file, _)| file.starts_with("src/") && !file.ends_with("tests.rs"));
    let mut found: BTreeMap<String, usize> =
        sources.map(|(file, text)| (file, Spawns::of(&text))).filter(|(_, spawns)| *spawns > 0).collect();
    // Calls of the driver's own method of this name, which runs on the thread that calls it.
    found.remove("src/store/db/sqlite/writer.rs");
    let found: Vec<&str> = found.keys().map(String::as_str).collect();
    let named: Vec<&str> = SPAWNING.iter().map(|(file, _)| *file).collect();
    assert_eq!(found, named, "a background loop is started with `Workers::start` or `Workers::every`");
}

#[test]
fn a_spawn_is_found_however_it_is_written() {
    for source in [
        "fn f() { tokio::spawn(async {}); }",
        "use tokio::spawn; fn f() { g(spawn(async {})); }",
        "fn f() { tasks.spawn(async {}); }",
        "fn f() { std::thread::Builder::new().spawn(g); }",
        "fn f() { tokio::task::spawn_blocking(g); }",
    ] {
        assert_eq!(Spawns::of(source), 1, "{source}");
    }
    assert_eq!(Spawns::of("#[cfg(test)] mod tests { fn f() { tokio::spawn(async {}); } }"), 0);
}

//! What `deploy/Dockerfile` copies is a complete workspace: Cargo reads it, and every file that the sources include is
//! there.

use std::path::{Path, PathBuf};
use std::process::Command;

use syn::visit::{self, Visit};

/// The patterns of `Dockerfile.dockerignore`, of which the last that matches decides.
struct Ignore(Vec<(String, bool)>);

impl Ignore {
    fn parse(text: &str) -> Self {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(lines.map(pattern).collect())
    }

    fn ignores(&self, path: &Path) -> bool {
        let matching = self.0.iter().rev().find(|(pattern, _)| matches(pattern, path));
        matching.is_some_and(|(_, ignored)| *ignored)
    }
}

/// A line's pattern, and whether it ignores what matches.
fn pattern(line: &str) -> (String, bool) {
    let (pattern, ignored) = line.strip_prefix('!').map_or((line, true), |pattern| (pattern, false));
    let literal = pattern.strip_prefix("**/").unwrap_or(pattern);
    assert!(pattern == "*" || !literal.contains(['*', '?', '[']), "this test cannot read the pattern {line}");
    (pattern.to_owned(), ignored)
}

/// Whether a pattern matches the path or a folder that the path is in.
fn matches(pattern: &str, path: &Path) -> bool {
    match pattern.strip_prefix("**/") {
        _ if pattern == "*" => true,
        Some(name) => path.components().any(|part| part.as_os_str() == name),
        None => path.starts_with(pattern),
    }
}

/// The `COPY` instructions that copy from the build context: their sources and their destination.
fn copies(dockerfile: &str) -> Vec<(Vec<String>, String)> {
    let joined = dockerfile.replace("\\\n", " ");
    let instructions = joined.lines().filter_map(|line| line.trim().strip_prefix("COPY "));
    let from_context = instructions.filter(|arguments| !arguments.contains("--from="));
    from_context
        .map(|arguments| {
            let mut paths: Vec<String> = arguments.split_whitespace().map(str::to_owned).collect();
            assert!(!arguments.contains(['-', '[', '*']), "this test cannot read COPY {arguments}");
            let destination = paths.pop().expect("a destination");
            (paths, destination)
        })
        .collect()
}

/// Copies a file or what is in a folder, without what is ignored.
fn copy(root: &Path, path: &Path, to: &Path, ignore: &Ignore) {
    let from = root.join(path);
    if from.is_dir() {
        std::fs::create_dir_all(to).expect("a folder");
        for entry in std::fs::read_dir(&from).expect("a folder") {
            let name = entry.expect("an entry").file_name();
            if !ignore.ignores(&path.join(&name)) {
                copy(root, &path.join(&name), &to.join(&name), ignore);
            }
        }
    } else {
        std::fs::copy(&from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    }
}

/// Builds the folder that the `COPY` instructions leave in the image.
fn copied() -> tempfile::TempDir {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| std::fs::read_to_string(root.join("deploy").join(name)).expect("is committed");
    let ignore = Ignore::parse(&read("Dockerfile.dockerignore"));
    let image = tempfile::Builder::new().prefix("switchboard-image").tempdir().expect("a folder");
    for (sources, destination) in copies(&read("Dockerfile")) {
        for source in sources {
            let source = Path::new(&source);
            assert!(root.join(source).exists(), "the Dockerfile copies {}", source.display());
            assert!(!ignore.ignores(source), "Dockerfile.dockerignore leaves out {}", source.display());
            // Several sources go into the folder; a folder's content goes into the destination itself.
            let folder = destination.ends_with('/') && !root.join(source).is_dir();
            let to = image.path().join(&destination);
            let to = if folder { to.join(source.file_name().expect("a name")) } else { to };
            std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
            copy(root, source, &to, &ignore);
        }
    }
    image
}

#[test]
fn cargo_reads_the_workspace_that_the_dockerfile_copies() {
    let image = copied();
    // Reads every manifest, looks for the file of every target, and compares the lock file with the manifests.
    let cargo = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--package=switchboard", "--edges=normal,build"])
        .current_dir(image.path())
        .output()
        .expect("cargo runs");
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
}

/// Finds the paths in `include_str!("…")` and `include_bytes!("…")`.
#[derive(Default)]
struct Included(Vec<String>);

impl Included {
    fn of(source: &str) -> Vec<String> {
        let mut included = Self::default();
        included.visit_file(&syn::parse_file(source).expect("Rust"));
        included.0
    }
}

impl<'ast> Visit<'ast> for Included {
    /// Unit tests are not compiled in the image.
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let is_test = |attribute: &syn::Attribute| {
            let condition = attribute.meta.require_list().and_then(|list| list.parse_args::<syn::Ident>());
            attribute.path().is_ident("cfg") && condition.is_ok_and(|condition| condition == "test")
        };
        if !item.attrs.iter().any(is_test) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        if call.path.is_ident("include_str") || call.path.is_ident("include_bytes") {
            self.0.push(call.parse_body::<syn::LitStr>().expect("a path").value());
        }
    }
}

/// The sources of the program, without files of unit tests.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.file_stem().is_some_and(|name| name == "tests") {
            continue;
        }
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_dockerfile_copies_what_the_sources_include() {
    let image = copied();
    let mut found = Vec::new();
    sources(&image.path().join("src"), &mut found);
    let in_src = found.len();
    sources(&image.path().join("crates"), &mut found);
    assert!(found.len() > in_src, "the Dockerfile copies no source of a crate");
    let mut count = 0;
    for path in found {
        for file in Included::of(&std::fs::read_to_string(&path).expect("a source")) {
            let file = path.parent().expect("a folder").join(file);
            assert!(file.exists(), "{} includes {}", path.display(), file.display());
            count += 1;
        }
    }
    assert!(count > 0, "the sources include no file");
    assert!(
        image.path().join("migrations/postgres").is_dir() && image.path().join("migrations/sqlite").is_dir()
    );
}

#[test]
fn an_included_file_is_found_outside_unit_tests() {
    let source = r#"
        const A: &str = include_str!("a");
        fn f() { g(&[include_bytes!("b")]) }
        #[cfg(unix)] mod m { const C: &str = include_str!("c"); }
        #[cfg(test)] mod tests { const D: &str = include_str!("d"); }
        // include_str!("e")
    "#;
    assert_eq!(Included::of(source), ["a", "b", "c"]);
}

#[test]
fn the_last_pattern_of_a_dockerignore_decides() {
    let ignore = Ignore::parse("*\n!src\n!benches\nbenches/peers\n**/node_modules\n");
    assert!(ignore.ignores(Path::new("target")));
    assert!(!ignore.ignores(Path::new("src/lib.rs")));
    assert!(!ignore.ignores(Path::new("benches/load.rs")));
    assert!(ignore.ignores(Path::new("benches/peers/cluster.mjs")));
    assert!(ignore.ignores(Path::new("src/node_modules/x.js")));
}

//! Minimum versions that fix known advisories, and crates that must not be used.
//!
//! `cargo deny check advisories` checks more, but needs a database of advisories. These checks work offline.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::repository;

/// The numbers of a version, without a suffix after `-` or `+`.
type Version = [u64; 3];

/// The minimum version of a crate: the one that fixes its last known advisory, for example CVE-2024-47614
/// (async-graphql) or RUSTSEC-2025-0055 (tracing-subscriber).
const FLOORS: [(&str, Version); 6] = [
    ("async-graphql", [7, 0, 10]),
    ("diesel", [2, 3, 10]),
    ("h2", [0, 4, 16]),
    ("jsonwebtoken", [10, 3, 0]),
    ("tokio-postgres", [0, 7, 18]),
    ("tracing-subscriber", [0, 3, 20]),
];

/// The maximum major version of a crate. The next one is not used before its release.
const CEILINGS: [(&str, u64); 1] = [("async-graphql", 7)];

/// Crates that must not be used. `rsa` leaks keys through its timing and has no fix (RUSTSEC-2023-0071). TLS and hashes
/// come from rustls and aws-lc, so that only one library has to be kept up to date.
const UNWANTED: [&str; 4] = ["rsa", "openssl", "openssl-sys", "native-tls"];

fn read(file: &str) -> Table {
    parse(file, &repository::text(file))
}

fn parse(file: &str, text: &str) -> Table {
    text.parse().unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Missing numbers are zero: `2.3` allows 2.3.0.
fn version(text: &str) -> Version {
    let release = text.split(['-', '+']).next().unwrap_or_default();
    let mut numbers =
        release.split('.').map(|part| part.parse().unwrap_or_else(|_| panic!("not a version: {text}")));
    std::array::from_fn(|_| numbers.next().unwrap_or(0))
}

/// The crates of a lock file, each with its versions.
fn locked(lock: &Table) -> BTreeMap<&str, Vec<Version>> {
    let mut crates: BTreeMap<&str, Vec<Version>> = BTreeMap::new();
    for package in lock["package"].as_array().expect("packages") {
        let value = |key: &str| package[key].as_str().expect("a string");
        crates.entry(value("name")).or_default().push(version(value("version")));
    }
    crates
}

fn table(value: &Value) -> &Table {
    value.as_table().expect("a table")
}

/// The tables of dependencies in a manifest: of the workspace, of the package, and of the package on some targets.
fn dependency_tables(manifest: &Table) -> Vec<&Table> {
    let targets = manifest.get("target").map(table).into_iter().flat_map(|targets| targets.values());
    let workspace = manifest.get("workspace");
    let holders = targets.chain(workspace).map(table).chain([manifest]);
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    holders.flat_map(|holder| kinds.into_iter().filter_map(|kind| holder.get(kind)).map(table)).collect()
}

/// The name and the version requirement of a dependency. `None` if the workspace's manifest describes the dependency,
/// or if it is a package of the workspace, which has a path.
fn requirement<'a>(name: &'a str, dependency: &'a Value) -> Option<(&'a str, &'a str)> {
    if let Some(requirement) = dependency.as_str() {
        return Some((name, requirement));
    }
    let name = dependency.get("package").and_then(Value::as_str).unwrap_or(name);
    let is_inherited = dependency.get("workspace").and_then(Value::as_bool) == Some(true);
    let requirement = dependency.get("version").and_then(Value::as_str);
    let is_elsewhere = is_inherited || dependency.get("path").is_some();
    assert!(requirement.is_some() || is_elsewhere, "{name} does not have a version");
    requirement.map(|requirement| (name, requirement))
}

/// The version requirements of a manifest's dependencies, as a string or in a table.
fn required(manifest: &Table) -> Vec<(&str, &str)> {
    let dependencies = dependency_tables(manifest).into_iter().flatten();
    dependencies.filter_map(|(name, dependency)| requirement(name, dependency)).collect()
}

/// The requirements of a manifest that allow a crate older than a fix, or any version.
fn lax(manifest: &Table) -> Vec<String> {
    let mut lax = Vec::new();
    for (name, requirement) in required(manifest) {
        let floor = FLOORS.iter().find(|(floored, _)| *floored == name).map(|(_, floor)| *floor);
        let least = || version(requirement.trim_start_matches(['^', '=', '~', '>', ' ']));
        if requirement.contains('*') || floor.is_some_and(|floor| least() < floor) {
            lax.push(format!("{name} = \"{requirement}\""));
        }
    }
    lax
}

/// The violations of these rules by the crates of a lock file.
fn flaws(crates: &BTreeMap<&str, Vec<Version>>) -> Vec<String> {
    let mut flaws = Vec::new();
    for (name, floor) in FLOORS {
        let too_old = crates.get(name).into_iter().flatten().filter(|version| **version < floor);
        flaws.extend(too_old.map(|version| format!("{name} {version:?} is under {floor:?}")));
    }
    for (name, major) in CEILINGS {
        let too_new = crates.get(name).into_iter().flatten().filter(|version| version[0] > major);
        flaws.extend(too_new.map(|version| format!("{name} {version:?} is over {major}")));
    }
    let unwanted = UNWANTED.iter().filter(|name| crates.contains_key(**name));
    flaws.extend(unwanted.map(|name| format!("{name} must not be used")));
    flaws
}

#[test]
fn no_crate_is_older_than_the_fix_of_a_known_advisory() {
    let lock = read("Cargo.lock");
    let crates = locked(&lock);
    assert!(
        crates.contains_key("async-graphql") && crates.contains_key("diesel"),
        "not a lock file: {crates:?}"
    );
    assert_eq!(flaws(&crates), Vec::<String>::new());
}

/// A new resolution, for example by a project that uses this crate as a library, must not select an older version.
#[test]
fn no_requirement_allows_a_crate_older_than_the_fix_of_a_known_advisory() {
    let files: Vec<String> =
        repository::files().into_iter().filter(|file| file.ends_with("Cargo.toml")).collect();
    let mut count = 0;
    for file in &files {
        let manifest = read(file);
        assert_eq!(lax(&manifest), Vec::<String>::new(), "{file}");
        count += required(&manifest).len();
    }
    let members = ["Cargo.toml", "crates/graphql-transport/Cargo.toml", "fuzz/Cargo.toml"];
    assert!(members.iter().all(|member| files.iter().any(|file| file == member)), "{files:?}");
    assert!(count > 50, "{count} requirements");
}

#[test]
fn an_old_or_unwanted_crate_is_found() {
    let lock = "version = 4\n\n[[package]]\nname = \"diesel\"\nversion = \"2.3.9\"\n\n\
                [[package]]\nname = \"diesel\"\nversion = \"2.3.10\"\n\n\
                [[package]]\nname = \"async-graphql\"\nversion = \"8.0.0-rc.1\"\n\n\
                [[package]]\nname = \"rsa\"\nversion = \"0.9.8\"\n";
    let flaws = flaws(&locked(&parse("a lock file", lock)));
    assert_eq!(flaws.len(), 3, "{flaws:#?}");
    assert_eq!(version("1.2.3-rc.1+4"), [1, 2, 3]);
}

#[test]
fn a_requirement_is_found_in_every_table() {
    let manifest = "[dependencies]\n# A reason.\na = \"1.2\"\nb = { version = \"^3\", features = [\"c = \"] }\n\
                    c.workspace = true\nd = { path = \"d\" }\ne = { path = \"e\", version = \"4\" }\n\
                    [dev-dependencies]\nf = { package = \"diesel\", version = \"2.3.9\" }\n\
                    [build-dependencies]\ng = \"*\"\n[target.'cfg(unix)'.dependencies]\nh2 = \"0.4\"\n\
                    [workspace.dependencies]\njsonwebtoken = { version = \"9\" }\ndiesel = \"2.3.10\"\n\
                    [profile.dev]\ndebug = \"x\"\n";
    let manifest = parse("a manifest", manifest);
    let mut requirements = required(&manifest);
    requirements.sort_unstable();
    let expected = [
        ("a", "1.2"),
        ("b", "^3"),
        ("diesel", "2.3.10"),
        ("diesel", "2.3.9"),
        ("e", "4"),
        ("g", "*"),
        ("h2", "0.4"),
        ("jsonwebtoken", "9"),
    ];
    assert_eq!(requirements, expected);
    let mut lax = lax(&manifest);
    lax.sort_unstable();
    assert_eq!(lax, ["diesel = \"2.3.9\"", "g = \"*\"", "h2 = \"0.4\"", "jsonwebtoken = \"9\""]);
}

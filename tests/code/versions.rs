//! Minimum versions that fix known advisories, and crates that must not be used.
//!
//! `cargo deny check advisories` checks more, but needs a database of advisories. These checks work offline.

use std::collections::BTreeMap;
use std::path::Path;

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

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Missing numbers are zero: `2.3` allows 2.3.0.
fn version(text: &str) -> Version {
    let release = text.split(['-', '+']).next().unwrap_or_default();
    let mut numbers =
        release.split('.').map(|part| part.parse().unwrap_or_else(|_| panic!("not a version: {text}")));
    std::array::from_fn(|_| numbers.next().unwrap_or(0))
}

/// The crates of a lock file, each with its versions.
fn locked(lock: &str) -> BTreeMap<&str, Vec<Version>> {
    let mut crates: BTreeMap<&str, Vec<Version>> = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let value = |key: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \""));
            line.and_then(|rest| rest.strip_suffix('"')).unwrap_or_else(|| panic!("no {key} in {package}"))
        };
        crates.entry(value("name")).or_default().push(version(value("version")));
    }
    crates
}

/// The version requirements of a manifest's dependencies, as a string or in a table.
fn required(manifest: &str) -> BTreeMap<&str, &str> {
    let mut section = "";
    let mut requirements = BTreeMap::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        }
        let Some((name, value)) = line.split_once(" = ") else { continue };
        if !section.ends_with("dependencies]") {
            continue;
        }
        let quoted = match value.strip_prefix('{') {
            Some(table) => table.split_once("version = ").map(|(_, rest)| rest),
            None => Some(value),
        };
        let requirement = quoted.and_then(|rest| rest.strip_prefix('"')?.split('"').next());
        requirements.insert(name, requirement.unwrap_or_else(|| panic!("no version in: {line}")));
    }
    requirements
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
    let manifest = read("Cargo.toml");
    let requirements = required(&manifest);
    assert!(requirements.len() > 20, "{requirements:?}");
    for (name, floor) in FLOORS {
        if let Some(requirement) = requirements.get(name) {
            let least = version(requirement.trim_start_matches(['^', '=', '~', '>', ' ']));
            assert!(least >= floor, "{name} = \"{requirement}\" allows less than {floor:?}");
        }
    }
    let wildcards: Vec<_> =
        requirements.iter().filter(|(_, requirement)| requirement.contains('*')).collect();
    assert!(wildcards.is_empty(), "{wildcards:?}");
}

#[test]
fn an_old_or_unwanted_crate_is_found() {
    let lock = "version = 4\n\n[[package]]\nname = \"diesel\"\nversion = \"2.3.9\"\n\n\
                [[package]]\nname = \"diesel\"\nversion = \"2.3.10\"\n\n\
                [[package]]\nname = \"async-graphql\"\nversion = \"8.0.0-rc.1\"\n\n\
                [[package]]\nname = \"rsa\"\nversion = \"0.9.8\"\n";
    let flaws = flaws(&locked(lock));
    assert_eq!(flaws.len(), 3, "{flaws:#?}");
    let manifest = "[dependencies]\n# A reason.\na = \"1.2\"\nb = { version = \"^3\", features = [\"c = \"] }\n\
                    [profile.dev]\ndebug = \"x\"\n";
    assert_eq!(required(manifest), BTreeMap::from([("a", "1.2"), ("b", "^3")]));
    assert_eq!(version("1.2.3-rc.1+4"), [1, 2, 3]);
}

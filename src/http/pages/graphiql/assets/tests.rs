//! Only files that match their published hash are served.
//!
//! The repository does not contain the published files. These tests use fake files;
//! the browser test loads the real ones.

use std::collections::HashSet;

use crate::http::pages::graphiql::assets::*;

/// A directory in npm's layout, in which the content of each file is its name.
fn directory_of_fake_files() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for file in &FILES {
        let path = file.path_in(dir.path());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, file.name).unwrap();
    }
    dir
}

/// Assets in which the content of each file is its name.
pub(in crate::http::pages::graphiql) fn fake_assets() -> Assets {
    Assets { bytes: FILES.iter().map(|file| file.name.into()).collect() }
}

#[test]
fn the_hash_has_the_format_of_the_integrity_attribute() {
    // An example in the Subresource Integrity specification.
    assert_eq!(
        integrity_of(b"alert('Hello, world.');"),
        "sha384-H8BRh8j48O9oYatfu5AZzq6A9RINhZO5H16dQZngK7T62em8MUt1FLm52t+eX6xO"
    );
}

#[test]
fn a_file_that_differs_from_the_published_one_is_refused() {
    let dir = directory_of_fake_files();
    let refused = load(dir.path()).unwrap_err();
    let AssetError::Mismatch { path } = refused else { panic!("{refused}") };
    assert_eq!(path, FILES[0].path_in(dir.path()));
}

#[test]
fn a_file_is_accepted_by_its_hash_alone() {
    let dir = directory_of_fake_files();
    let file = AssetFile {
        integrity: "sha384-H8BRh8j48O9oYatfu5AZzq6A9RINhZO5H16dQZngK7T62em8MUt1FLm52t+eX6xO",
        ..FILES[0]
    };
    let path = file.path_in(dir.path());
    std::fs::write(&path, "alert('Hello, world.');").unwrap();
    assert_eq!(file.read(dir.path()).unwrap(), "alert('Hello, world.');");
    std::fs::write(&path, "alert('Hello, world!');").unwrap();
    assert!(matches!(file.read(dir.path()), Err(AssetError::Mismatch { .. })));
}

#[test]
fn files_that_are_not_installed_are_missing() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(load(dir.path()), Err(AssetError::Missing { .. })));
}

#[test]
fn only_the_listed_names_are_found() {
    let assets = fake_assets();
    for file in &FILES {
        assert_eq!(assets.find(file.name), Some((file, Bytes::from(file.name))));
    }
    for name in ["", ".", "..", "../graphiql-4.1.2.js", "node_modules", "GRAPHIQL-4.1.2.JS"] {
        assert_eq!(assets.find(name), None, "{name}");
    }
}

#[test]
fn every_file_has_a_name_with_its_version_and_a_complete_hash() {
    let names: HashSet<_> = FILES.iter().map(|file| file.name).collect();
    assert_eq!(names.len(), FILES.len());
    for file in &FILES {
        assert!(file.name.contains(file.version), "{}", file.name);
        let hash = file.integrity.strip_prefix("sha384-").unwrap();
        assert_eq!(BASE64.decode(hash).unwrap().len(), 48, "{}", file.name);
    }
}

#[test]
fn the_install_command_has_exact_versions_and_runs_no_scripts() {
    let command = install_command(Path::new("/srv/it's here"));
    assert!(command.starts_with(r"npm install --prefix '/srv/it'\''s here' "), "{command}");
    assert!(command.contains(" --ignore-scripts "));
    assert!(command.split(' ').any(|word| word == "react@18.3.1"));
}

//! The Diesel CLI leaves `src/store/schema.rs` alone, and `diesel.toml` says where both databases' migrations are.

use std::path::Path;

use toml::{Table, Value};

/// The files that `diesel migration run` and `diesel print-schema` overwrite with this configuration.
fn overwritten(configuration: &str) -> Vec<String> {
    let configuration: Table = configuration.parse().expect("TOML");
    // `[print_schema]` configures one schema, `[print_schema.name]` one of several.
    fn files(table: &Table) -> Vec<String> {
        let nested = table.values().filter_map(Value::as_table).flat_map(files);
        let file = table.get("file").map(|file| file.as_str().expect("a path").to_owned());
        file.into_iter().chain(nested).collect()
    }
    configuration.get("print_schema").and_then(Value::as_table).map(files).unwrap_or_default()
}

fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect("is committed")
}

#[test]
fn the_diesel_cli_overwrites_no_file() {
    assert_eq!(overwritten(&read("diesel.toml")), Vec::<String>::new());
}

#[test]
fn a_configuration_that_overwrites_a_file_is_found() {
    assert_eq!(overwritten("[print_schema]\nfile = 'src/store/schema.rs'"), ["src/store/schema.rs"]);
    assert_eq!(overwritten("[print_schema.postgres]\nfile = 'src/postgres.rs'"), ["src/postgres.rs"]);
    assert_eq!(overwritten("[print_schema]\nfilter = { only_tables = ['agents'] }"), Vec::<String>::new());
}

#[test]
fn diesel_toml_names_every_folder_of_migrations() {
    let configuration = read("diesel.toml");
    let parsed: Table = configuration.parse().expect("TOML");
    let directory = parsed["migrations_directory"]["dir"].as_str().expect("a path");
    let folders = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations"));
    let folders: Vec<String> = folders
        .expect("a folder of folders")
        .map(|folder| format!("migrations/{}", folder.expect("an entry").file_name().display()))
        .collect();
    assert!(folders.iter().any(|folder| folder == directory), "{directory} is not one of {folders:?}");
    for folder in folders {
        assert!(configuration.contains(&folder), "diesel.toml does not name {folder}");
    }
}

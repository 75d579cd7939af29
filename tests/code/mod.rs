//! Tests of the sources: layers, migrations, schema files, versions of dependencies, links and phrases.

mod diesel_toml;
mod dockerfile;
mod imports;
mod layers;
mod links;
mod migrations;
mod phrases;
mod repository;
mod schema_file;
mod schema_rs;
mod spawns;
mod versions;

//! Tests of the sources: layers, migrations, schema files and versions of dependencies.

mod layers;
mod migrations;
mod schema_file;
mod schema_rs;
mod versions;

//! What must hold of the repository itself.

mod diesel_toml;
mod dockerfile;
mod layers;
mod migrations;
mod schema_file;
mod schema_rs;
mod versions;

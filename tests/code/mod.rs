//! What must hold of the repository itself.

mod layers;
mod links;
mod migrations;
mod phrases;
mod repository;
mod schema_file;
mod schema_rs;
mod versions;

# The commands that people use. `just` lists them.

export TEST_DATABASE_URL := env("TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")

[private]
default:
    @just --list --unsorted

# Serve a demo and open the inbox in the browser
demo *flags:
    cargo run -- demo --open {{ flags }}

# Run the tests on SQLite and PostgreSQL, or only tests whose names contain a text
test *names:
    cargo test -- {{ names }}

# Run the tests on SQLite alone
test-sqlite *names:
    env -u TEST_DATABASE_URL cargo test -- {{ names }}

# Format all crates and check them with clippy
lint:
    cargo fmt --all
    cargo clippy --workspace --all-targets -- -D warnings

# Build the documentation and open it
doc:
    RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --document-private-items --workspace --open

# Print the files that a test compares with the code
generate:
    cargo run -q -- schema > schema.graphql
    cargo run -q -- settings > docs/settings.md

# Check links, phrases, layers and the files that are printed from the code
check-text:
    cargo test --test main -- code::links code::phrases code::layers code::schema_file
    cargo test --bin switchboard settings

# Compare with other servers and with the targets; takes about ten minutes
bench *flags:
    benches/run {{ flags }}

# Fuzz one target for a minute: guard, cursor, webhook or ws_message
fuzz target:
    cargo fuzz run --sanitizer none {{ target }} -- -dict=fuzz/dictionaries/{{ target }}.dict -max_total_time=60

# Run everything that CI runs
ci:
    .ci/run

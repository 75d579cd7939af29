//! The page of 50: Switchboard, the peers, and the ideal SQL statement as a lower bound.

use std::io::Write as _;

use serde_json::Value;
use tempfile::NamedTempFile;

use super::answers::{BY_HAND, GENERATED, Page, Shape, of_graphql, of_sql};
use super::contenders::{Contender, Measurement, Work, compare};
use super::documents::{self, PAGE};
use super::driver::{Expected, Load, Pace};
use super::options::Options;
use super::statements;
use super::world::World;
use crate::support::database::sql;
use crate::support::server::Server;

pub const SWITCHBOARD: &str = "Switchboard";
pub const YOGA: &str = "GraphQL Yoga";
pub const YOGA_SCRIPT: &str = "yoga/server.mjs";
pub const POSTGRAPHILE: &str = "PostGraphile";
pub const STATEMENT: &str = "one statement";

/// The servers that return pages.
pub struct Servers {
    pub switchboard: Server,
    pub yoga: Option<Server>,
    pub postgraphile: Option<Server>,
}

impl Servers {
    pub fn start(world: &World, options: &Options) -> Self {
        let peer = |script| (!options.no_node).then(|| World::peer(script, &world.database));
        Self {
            switchboard: world.switchboard(&[]),
            yoga: peer(YOGA_SCRIPT),
            postgraphile: peer("postgraphile/server.mjs"),
        }
    }
}

/// Measures pages at the maximum rate, from all contenders. `counted` also requests the total count.
///
/// # Panics
/// When the contenders' responses differ.
pub async fn closed(
    world: &World,
    servers: &Servers,
    counted: bool,
    options: &Options,
) -> Vec<(String, Measurement)> {
    let statement = statements::page(counted);
    let truth = truth(world, &statement);
    let mut contenders = over_http(world, servers, counted, &truth).await;
    let script = script(&statement);
    let variables = [("workspace", world.workspace.clone()), ("viewer", world.viewer.clone())];
    contenders.push(Contender {
        name: STATEMENT.to_owned(),
        database: &world.database,
        work: Work::Sql { script: script.path(), variables: &variables },
    });
    compare(&contenders, options.connections, Pace::Closed, options).await
}

/// Measures pages at a fixed rate that all can sustain, from all servers.
pub async fn open(
    world: &World,
    servers: &Servers,
    per_second: f64,
    options: &Options,
) -> Vec<(String, Measurement)> {
    let truth = truth(world, &statements::page(false));
    let contenders = over_http(world, servers, false, &truth).await;
    compare(&contenders, options.connections, Pace::Open { per_second }, options).await
}

async fn over_http<'a>(
    world: &'a World,
    servers: &'a Servers,
    counted: bool,
    truth: &Page,
) -> Vec<Contender<'a>> {
    let by_hand = documents::page(PAGE, counted);
    let generated = documents::generated_page(&world.workspace, counted);
    let all = [
        (SWITCHBOARD, Some(&servers.switchboard), &by_hand, &BY_HAND),
        (YOGA, servers.yoga.as_ref(), &by_hand, &BY_HAND),
        (POSTGRAPHILE, servers.postgraphile.as_ref(), &generated, &GENERATED),
    ];
    let mut contenders = Vec::new();
    for (name, server, request, shape) in all {
        if let Some(server) = server {
            let load = checked(world, server, request, shape, truth).await;
            let work = Work::Http { servers: vec![server], load };
            contenders.push(Contender { name: name.to_owned(), database: &world.database, work });
        }
    }
    contenders
}

/// The load of a request whose response has been compared with the database.
async fn checked(world: &World, server: &Server, request: &Value, shape: &Shape, truth: &Page) -> Load {
    let text = world.ask(server, request).await;
    let answer = serde_json::from_str(&text).expect("JSON");
    assert_eq!(&of_graphql(&answer, shape), truth, "the responses differ");
    let bodies = vec![documents::bytes(request)];
    Load::new(server.address(), Some(&world.manager), bodies, Expected::Length(text.len()))
}

/// The load of Switchboard's page.
pub async fn page_load(world: &World, server: &Server) -> Load {
    let truth = truth(world, &statements::page(false));
    checked(world, server, &documents::page(PAGE, false), &BY_HAND, &truth).await
}

/// The page, read from the database.
fn truth(world: &World, statement: &str) -> Page {
    let statement = statement
        .replace(":workspace", &format!("'{}'", world.workspace))
        .replace(":viewer", &format!("'{}'", world.viewer));
    let rows = sql(world.database.url(), &format!("SELECT json_agg(page) FROM ({statement}) page"));
    let page = of_sql(&rows, PAGE);
    assert_eq!(page.rows.len(), PAGE, "the page is full");
    page
}

/// A script file for `pgbench`, which requires a semicolon after each statement.
pub fn script(statements: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a file");
    writeln!(file, "{};", statements.trim_end().trim_end_matches(';')).expect("writes");
    file
}

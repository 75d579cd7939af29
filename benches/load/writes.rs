//! Repeated assignments to two agents in turn, so that every request changes something.

use super::contenders::{Contender, Measurement, Work, compare};
use super::documents;
use super::driver::{Expected, Load, Pace};
use super::options::Options;
use super::pages::{STATEMENT, SWITCHBOARD, page_load, script};
use super::statements;
use super::world::World;
use crate::support::database::{Database, sql};
use crate::support::server::Server;

/// The number of connections that assign.
const WRITERS: usize = 8;
/// The maximum number of conversations to assign.
const ASSIGNED: usize = 2_000;

/// Measures the contenders over HTTP, and the minimal SQL on `copy`, a database with the same rows.
pub async fn postgres(
    world: &World,
    over_http: &[Contender<'_>],
    copy: &Database,
    options: &Options,
) -> Vec<(String, Measurement)> {
    sql(copy.url(), &statements::numbered(&world.phone_number));
    let image = sql(
        world.database.url(),
        "SELECT after_image FROM events WHERE conversation_id IS NOT NULL ORDER BY seq DESC LIMIT 1",
    );
    let variables = [
        ("conversations", sql(copy.url(), "SELECT count(*) FROM bench_conversations")),
        ("workspace", world.workspace.clone()),
        ("viewer", world.viewer.clone()),
        ("first", world.agents[0].clone()),
        ("second", world.agents[1].clone()),
        ("image", image),
    ];
    let script = script(statements::ASSIGN);
    let mut contenders = over_http.to_vec();
    contenders.push(Contender {
        name: STATEMENT.to_owned(),
        database: copy,
        work: Work::Sql { script: script.path(), variables: &variables },
    });
    compare(&contenders, WRITERS, Pace::Closed, options).await
}

/// Measures Switchboard on SQLite, without a comparison.
pub async fn sqlite(world: &World, server: &Server, options: &Options) -> Vec<(String, Measurement)> {
    let load = load(world, server).await;
    let contender = over_http(&world.database, SWITCHBOARD, &[server], &load);
    compare(&[contender], WRITERS, Pace::Closed, options).await
}

/// Measures pages and assignments with one process, and with two on the same database.
pub async fn processes(
    world: &World,
    one: &Server,
    two: &Server,
    load: &Load,
    options: &Options,
) -> [Vec<(String, Measurement)>; 2] {
    let both = [one, two];
    let page = page_load(world, one).await;
    let one_and_two = |load: &Load| {
        let database = &world.database;
        [
            over_http(database, "one process", &both[..1], load),
            over_http(database, "two processes", &both, load),
        ]
    };
    let pages = compare(&one_and_two(&page), options.connections, Pace::Closed, options).await;
    [pages, compare(&one_and_two(load), WRITERS, Pace::Closed, options).await]
}

/// A contender whose servers share a database and a load.
pub fn over_http<'a>(
    database: &'a Database,
    name: &str,
    servers: &[&'a Server],
    load: &Load,
) -> Contender<'a> {
    let addresses = servers.iter().map(|server| server.address().to_owned()).collect();
    let work = Work::Http { servers: servers.to_vec(), load: load.clone().to(addresses) };
    Contender { name: name.to_owned(), database, work }
}

/// Assigns many conversations to the first agent and then to the second, repeatedly. Rounds and servers on the same
/// database share the position in the load.
pub async fn load(world: &World, server: &Server) -> Load {
    let conversations = world.conversations(server, ASSIGNED).await;
    assert!(conversations.len() > WRITERS, "too few conversations to assign");
    let bodies = documents::assignments(&conversations, &world.agents);
    Load::new(server.address(), Some(&world.manager), bodies, Expected::Contains(r#""changed":true"#))
}

//! Assigning: over and over, to one agent and then to the other, so that every request changes something.

use super::contenders::{Contender, Figures, Work, compare};
use super::documents;
use super::driver::{Expected, Load, Pace};
use super::options::Options;
use super::pages::{STATEMENT, SWITCHBOARD, page_load, script};
use super::statements;
use super::world::World;
use crate::support::database::{Database, sql};
use crate::support::server::Server;

/// The connections that assign.
const WRITERS: usize = 8;
/// The conversations that are assigned; there are fewer in a small world.
const ASSIGNED: usize = 2_000;

/// Those over HTTP, and the least SQL that does the same on `copy`, a database with the same rows.
pub async fn postgres(
    world: &World,
    over_http: &[Contender<'_>],
    copy: &Database,
    options: &Options,
) -> Vec<(String, Figures)> {
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

/// On SQLite, where there is nobody to compare with.
pub async fn sqlite(world: &World, server: &Server, options: &Options) -> Vec<(String, Figures)> {
    let load = load(world, server).await;
    let contender = over_http(&world.database, SWITCHBOARD, &[server], &load);
    compare(&[contender], WRITERS, Pace::Closed, options).await
}

/// Pages and assignments from one process, and from two on the same database.
pub async fn processes(
    world: &World,
    one: &Server,
    two: &Server,
    load: &Load,
    options: &Options,
) -> [Vec<(String, Figures)>; 2] {
    let both = [one, two];
    let page = page_load(world, one).await;
    let alone_and_both = |load: &Load| {
        let database = &world.database;
        [
            over_http(database, "one process", &both[..1], load),
            over_http(database, "two processes", &both, load),
        ]
    };
    let pages = compare(&alone_and_both(&page), options.connections, Pace::Closed, options).await;
    [pages, compare(&alone_and_both(load), WRITERS, Pace::Closed, options).await]
}

/// Servers on a database that are sent a load, together.
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

/// Gives each of many conversations to the first agent and then to the second, round and round, however many
/// rounds and servers on one database share it.
pub async fn load(world: &World, server: &Server) -> Load {
    let conversations = world.conversations(server, ASSIGNED).await;
    assert!(conversations.len() > WRITERS, "too few conversations to assign");
    let bodies = documents::assignments(&conversations, &world.agents);
    Load::new(server.address(), Some(&world.manager), bodies, Expected::Contains(r#""changed":true"#))
}

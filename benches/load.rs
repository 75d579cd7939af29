//! Compares Switchboard with other servers on the same rows and the same machine: `benches/run`.
//!
//! Creates one workspace in a new PostgreSQL database, and measures on it the release build, a hand-written Node.js
//! server with the same fields, PostGraphile, and `pgbench` with one ideal SQL statement and no server. All return the
//! page of 50, and their responses are compared before the measurement. They take turns in rounds. Assignments, badges
//! and the other targets follow. All processes and databases are removed at the end, also after Ctrl-C.
//!
//! CPU time is counted by the kernel for the processes of a server and for its connections in PostgreSQL. Other load on
//! the machine changes CPU times little and rates more. Requires Linux, `psql` and `pgbench`, a PostgreSQL on this
//! machine as for the tests, and Node.js 20 for the peers.

// A measurement may fail, and is read from the top to the bottom.
#![allow(clippy::expect_used, clippy::too_many_lines, clippy::unwrap_used)]

mod load {
    pub mod answers;
    pub mod contenders;
    pub mod documents;
    pub mod driver;
    pub mod fanout;
    pub mod options;
    pub mod pages;
    pub mod plot;
    pub mod report;
    pub mod singles;
    pub mod statements;
    pub mod world;
    pub mod writes;
}
mod support;

use std::process::ExitCode;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use self::load::contenders::Measurement;
use self::load::options::Options;
use self::load::pages::{STATEMENT, SWITCHBOARD, Servers, YOGA, YOGA_SCRIPT};
use self::load::report::{Bound, Goal, Report, Section};
use self::load::world::World;
use self::load::writes::over_http;
use self::load::{fanout, pages, plot, singles, writes};
use self::support::database::Database;

/// The conventional exit code after Ctrl-C.
const INTERRUPTED: u8 = 130;

// The client uses one thread and leaves the rest of the machine to the servers.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    if !support::is_bench() {
        return ExitCode::SUCCESS;
    }
    let options = Options::read();
    let report = tokio::select! {
        report = measure(&options) => report,
        () = interrupted() => return ExitCode::from(INTERRUPTED),
    };
    println!("\n{report}");
    let written = options.json.iter().map(|path| (path, format!("{:#}\n", report.json())));
    let drawn = options.plot.iter().filter_map(|path| Some((path, drawing(&report)?)));
    for (path, text) in written.chain(drawn) {
        if let Err(error) = std::fs::write(path, text) {
            eprintln!("{}: {error}", path.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

async fn interrupted() {
    let mut terminate = signal(SignalKind::terminate()).expect("signals");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

async fn measure(options: &Options) -> Report {
    step("seeding");
    let world = World::postgres(options);
    // Each writer uses its own database.
    let [copy, yogas] = [Database::copy_of(&world.database), Database::copy_of(&world.database)];
    let machine = singles::machine(&world);
    let servers = Servers::start(&world, options);
    let mut sections = Vec::new();
    let mut add = |key, title: &str, rows| sections.push(Section { key, title: title.to_owned(), rows });

    step("pages");
    let rows = pages::closed(&world, &servers, false, options).await;
    let slowest = rows.iter().filter(|(name, _)| name != STATEMENT).map(|(_, it)| it.per_second);
    let rate = options.rate.unwrap_or(slowest.fold(f64::INFINITY, f64::min) / 2.0);
    add("page", "A page of 50, at the maximum rate", rows);
    step("pages with their total");
    let rows = pages::closed(&world, &servers, true, options).await;
    add("countedPage", "The same page with its total", rows);
    step("pages at a fixed rate");
    let rows = pages::open(&world, &servers, rate, options).await;
    add("pageAtRate", &format!("A page of 50, at {rate:.0} requests per second each"), rows);

    step("small responses");
    add("viewCounts", "The badges", singles::view_counts(&world, &servers, options).await);
    add("trivial", "A response without a database", singles::trivial(&world, &servers, options).await);
    let statements = singles::statements(&world).await;
    let start = singles::start(&world).await;

    let Servers { switchboard, .. } = servers;
    let assigning = writes::load(&world, &switchboard).await;
    {
        step("assigning");
        let yoga = (!options.no_node).then(|| World::peer(YOGA_SCRIPT, &yogas));
        let mut writers = vec![over_http(&world.database, SWITCHBOARD, &[&switchboard], &assigning)];
        let for_yoga = assigning.restarted();
        writers.extend(yoga.iter().map(|yoga| over_http(&yogas, YOGA, &[yoga], &for_yoga)));
        let rows = writes::postgres(&world, &writers, &copy, options).await;
        add("assign", "Assignments, 8 connections, PostgreSQL", rows);

        step("live");
        let watched = world.switchboard(&fanout::SOCKETS);
        writers[0] = over_http(&world.database, SWITCHBOARD, &[&watched], &assigning);
        let rows = fanout::compare(&writers, options).await;
        let title = format!("Time from an assignment to the last of {} subscribers", options.subscribers);
        add("live", &title, rows);
    }
    step("two processes");
    let second = world.switchboard(&[]);
    let [read, written] = writes::processes(&world, &switchboard, &second, &assigning, options).await;
    add("pageByTwo", "A page of 50 from two processes on one database", read);
    add("assignByTwo", "Assignments by two processes on one database", written);
    drop((switchboard, second));

    step("live from two processes");
    let both = [world.switchboard(&fanout::SOCKETS), world.switchboard(&fanout::SOCKETS)];
    let mut rows = Vec::new();
    for (name, servers) in [("one process", &both[..1]), ("two processes", &both[..])] {
        let servers = Vec::from_iter(servers);
        let contender = over_http(&world.database, name, &servers, &assigning);
        // Measure them one after the other: on one database, each would deliver the other's changes.
        rows.extend(fanout::compare(&[contender], options).await);
    }
    let title = format!(
        "Time from an assignment at one process to the last of {} subscribers at both",
        options.subscribers
    );
    add("liveByTwo", &title, rows);
    drop(both);

    step("assigning on SQLite");
    let small = World::sqlite(options);
    let server = small.switchboard(&[]);
    add("assignSqlite", "Assignments, 8 connections, SQLite", writes::sqlite(&small, &server, options).await);

    let most = statements.iter().map(|(_, count)| *count).fold(0.0, f64::max);
    let goals = goals(&sections, most, start);
    let settings = json!({
        "conversations": options.conversations, "seconds": options.seconds, "rounds": options.rounds,
        "connections": options.connections, "ratePerSecond": rate, "statementsOfPage": statements,
    });
    Report { machine, settings, sections, goals }
}

/// Compares the measurements with the performance targets.
fn goals(sections: &[Section], statements: f64, start: f64) -> Vec<Goal> {
    let of = |key: &str, name: &str, part: fn(&Measurement) -> f64| {
        let section = sections.iter().find(|section| section.key == key);
        section.and_then(|section| section.of(name)).map_or(f64::NAN, part)
    };
    let rate = |key: &str, name: &str| of(key, name, |it| it.per_second);
    let server = |key: &str, name: &str| of(key, name, |it| it.server_ms);
    let database = |key: &str, name: &str| of(key, name, |it| it.database_ms);
    let goal = |key, what, unit, bound, measured| Goal { key, what, unit, bound, measured };
    use Bound::{AtLeast, AtMost};
    vec![
        goal("pageServer", "a page of 50: CPU of the server", "ms", AtMost(0.3), server("page", SWITCHBOARD)),
        goal(
            "pageDatabase",
            "a page of 50: CPU of PostgreSQL",
            "ms",
            AtMost(0.4),
            database("page", SWITCHBOARD),
        ),
        goal(
            "yogaServer",
            "CPU of the hand-written Node.js server for the same page",
            "times",
            AtLeast(4.0),
            server("page", YOGA) / server("page", SWITCHBOARD),
        ),
        goal(
            "yogaRate",
            "rate, relative to the hand-written Node.js server",
            "times",
            AtLeast(3.0),
            rate("page", SWITCHBOARD) / rate("page", YOGA),
        ),
        goal(
            "statementRate",
            "rate, relative to one ideal statement without a server",
            "times",
            AtLeast(0.5),
            rate("page", SWITCHBOARD) / rate("page", STATEMENT),
        ),
        goal(
            "countedStatementRate",
            "the same with the total, which the statement counts",
            "times",
            AtLeast(0.5),
            rate("countedPage", SWITCHBOARD) / rate("countedPage", STATEMENT),
        ),
        goal("statements", "SQL statements for a page of 1, 50 or 100", "", AtMost(6.0), statements),
        goal(
            "assignServer",
            "an assignment: CPU of the server",
            "ms",
            AtMost(0.1),
            server("assign", SWITCHBOARD),
        ),
        goal(
            "assignDatabase",
            "an assignment: CPU of PostgreSQL",
            "ms",
            AtMost(0.45),
            database("assign", SWITCHBOARD),
        ),
        goal(
            "liveP50",
            "time until the last of 1,000 subscribers has a change, p50",
            "ms",
            AtMost(10.0),
            of("live", SWITCHBOARD, |it| it.p50_ms),
        ),
        goal(
            "liveP99",
            "time until the last of 1,000 subscribers has a change, p99",
            "ms",
            AtMost(30.0),
            of("live", SWITCHBOARD, |it| it.p99_ms),
        ),
        goal(
            "assignSqlite",
            "assignments on SQLite, 8 connections",
            "per second",
            AtLeast(1_500.0),
            rate("assignSqlite", SWITCHBOARD),
        ),
        goal("start", "start to first response", "s", AtMost(1.0), start),
        goal("binary", "size of the binary", "MB", AtMost(30.0), singles::binary()),
    ]
}

fn drawing(report: &Report) -> Option<String> {
    let section = report.sections.iter().find(|section| section.key == "page")?;
    let machine = |key: &str| report.machine[key].as_str().unwrap_or_default().to_owned();
    let note = format!(
        "{} conversations, {} cores, PostgreSQL {}, Node.js {}; created by benches/run",
        report.settings["conversations"],
        report.machine["cores"],
        machine("postgresql"),
        machine("node"),
    );
    Some(plot::page(section, &note))
}

fn step(what: &str) {
    eprintln!("{what} …");
}

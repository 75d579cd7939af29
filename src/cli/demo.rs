//! The command `demo`.

use std::io::{ErrorKind, IsTerminal};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use anyhow::Context as _;
use clap::Args;
use graphql_transport::settings::Introspection;
use serde::Serialize;
use switchboard::clock::Clock;
use switchboard::config::{Graphiql, Inbox, Secret, ServerConfig};
use switchboard::demo::{Tokens, World, traffic};
use switchboard::seed::Backdating;
use switchboard::server::{App, open_services};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::open::{self, MissingFile};
use super::output;
use super::signals::StopSignal;

/// The address on which the demo listens, if its port is free.
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4000);
/// Higher than the default of `serve`, so that one person with many windows, or a script, does not reach the limit.
const SOCKETS_PER_AGENT: usize = 1_000;

/// Serve a live demo: a team, a few hundred conversations, and customers who keep sending messages
///
/// The demo uses a temporary SQLite file, or a new workspace in --database. The inbox and GraphiQL are already signed
/// in. Prints the addresses, and tokens that are valid for 12 hours.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Add the demo's workspace to this database and keep it: `sqlite:PATH` or `postgres://USER@HOST/NAME`
    // Not read from the environment, so that a demo does not get into a real database by accident.
    #[arg(long, value_name = "URL")]
    database: Option<Secret>,
    /// Address to listen on [default: 127.0.0.1:4000, or a free port if 4000 is in use]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Open the inbox in the browser
    #[arg(long)]
    open: bool,
    /// Do not simulate any activity
    #[arg(long)]
    quiet_customers: bool,
    /// Print one line of JSON when the server accepts requests: {"url", "tokens": {"manager", "rep", "rep2",
    /// "service"}}
    #[arg(long)]
    json: bool,
}

/// The output of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    url: &'a str,
    tokens: &'a Tokens,
}

/// A running demo.
struct Running {
    app: App,
    world: World,
    tokens: Tokens,
    traffic: Option<(CancellationToken, JoinHandle<()>)>,
}

pub async fn run(args: DemoArgs) -> anyhow::Result<()> {
    let mut stop = StopSignal::listen()?;
    // The folder is removed on drop. It is declared first, so it is dropped after everything that uses the file.
    let (database, _temporary) = database(args.database.clone())?;
    let running = tokio::select! {
        started = start(&args, database) => started?,
        () = stop.received() => return Ok(()),
    };
    let url = url(running.app.local_addr());
    if args.json {
        output::line(&serde_json::to_string(&Line { url: &url, tokens: &running.tokens })?)?;
    } else {
        output::line(&welcome(&url, &running, args.database.is_some()))?;
    }
    if args.open
        && let Err(error) = ::open::that_detached(&url)
    {
        tracing::warn!(%error, "cannot open a browser");
    }
    stop.received().await;
    if let Some((cancel, traffic)) = running.traffic {
        cancel.cancel();
        // The task ends after its current action. If it panicked, nothing is left to stop.
        let _ = traffic.await;
    }
    running.app.shutdown().await;
    Ok(())
}

/// The database, and the temporary folder that holds it.
fn database(given: Option<Secret>) -> anyhow::Result<(Secret, Option<TempDir>)> {
    if let Some(database) = given {
        open::require(&database, MissingFile::Create)?;
        return Ok((database, None));
    }
    let folder = tempfile::Builder::new().prefix("switchboard-demo-").tempdir();
    let folder = folder.context("cannot create a temporary folder")?;
    let file = folder.path().join("demo.sqlite");
    let path = file.to_str().context("the path of the temporary folder is not Unicode")?;
    Ok((Secret::new(format!("sqlite:{path}")), Some(folder)))
}

async fn start(args: &DemoArgs, database: Secret) -> anyhow::Result<Running> {
    let listen = args.listen.map_or_else(default_or_free_port, Ok)?;
    let backdating = Backdating::new(Clock::system());
    let mut config = ServerConfig::new(database.expose(), listen, open::random_secret());
    config.clock = backdating.clock();
    config.transport.introspection = Introspection::Public;
    // People develop their own frontends against the demo.
    config.transport.allow_localhost = true;
    config.transport.sockets_per_agent = SOCKETS_PER_AGENT;
    config.transport.points_per_minute = 0;
    let services = open_services(&config).await?;
    let world = World::build(&services, &backdating).await.map_err(open::explained)?;
    let tokens = world.tokens(&services).await.map_err(open::explained)?;
    let identities = world.identities(&tokens);
    config.inbox = Inbox::On { identities: identities.clone() };
    config.graphiql = Graphiql::On { identities, install_assets: true };
    let app = App::serve(config, services.clone()).await?;
    let traffic = (!args.quiet_customers).then(|| {
        let cancel = CancellationToken::new();
        (cancel.clone(), tokio::spawn(traffic::run(services, world.clone(), cancel)))
    });
    Ok(Running { app, world, tokens, traffic })
}

/// The default address, or port 0 if the default port is in use.
fn default_or_free_port() -> anyhow::Result<SocketAddr> {
    match TcpListener::bind(DEFAULT_LISTEN) {
        Ok(_) => Ok(DEFAULT_LISTEN),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            tracing::warn!("port {} is in use; the demo picks a free port", DEFAULT_LISTEN.port());
            Ok(SocketAddr::new(DEFAULT_LISTEN.ip(), 0))
        }
        Err(error) => Err(error).with_context(|| format!("cannot listen on {DEFAULT_LISTEN}")),
    }
}

/// The URL at which a browser on this machine reaches the server.
fn url(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

fn welcome(url: &str, running: &Running, kept: bool) -> String {
    let Running { world, tokens, .. } = running;
    let bold = |text: &str| match std::io::stdout().is_terminal() {
        true => format!("\x1b[1m{text}\x1b[0m"),
        false => text.to_owned(),
    };
    let end = if kept { "Its workspace stays in the database" } else { "Its database is then removed" };
    format!(
        "{workspace} is ready.

  {inbox}     {url}            signed in as {manager}
  {explore}  {url}/graphiql   signed in as {manager}
  {api}       {url}/graphql    HTTP and WebSocket

Tokens for the header `Authorization: Bearer …`, valid for 12 hours:

  manager  {manager}
  {manager_token}

  rep      {rep}
  {rep_token}

  rep2     {rep2}
  {rep2_token}

  service  delivers inbound messages
  {service_token}

Ctrl-C ends the demo. {end}.",
        workspace = bold(&world.staff.workspace.name),
        inbox = bold("Inbox"),
        explore = bold("GraphiQL"),
        api = bold("API"),
        manager = world.manager.name,
        rep = world.rep.name,
        rep2 = world.rep2.name,
        manager_token = tokens.manager,
        rep_token = tokens.rep,
        rep2_token = tokens.rep2,
        service_token = tokens.service,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_can_be_opened_for_every_listen_address() {
        for (address, expected) in [
            ("127.0.0.1:4000", "http://127.0.0.1:4000"),
            ("0.0.0.0:80", "http://127.0.0.1:80"),
            ("[::]:80", "http://[::1]:80"),
            ("192.0.2.7:80", "http://192.0.2.7:80"),
        ] {
            assert_eq!(url(address.parse().unwrap()), expected);
        }
    }

    #[test]
    fn the_temporary_database_is_removed_with_the_demo() {
        let (database, folder) = database(None).unwrap();
        let path = database.expose().strip_prefix("sqlite:").unwrap().to_owned();
        std::fs::write(&path, "").unwrap();
        drop(folder);
        assert!(!std::path::Path::new(&path).exists());
    }
}

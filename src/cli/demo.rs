//! `demo`.

use std::io::{ErrorKind, IsTerminal};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use switchboard::clock::Clock;
use switchboard::config::{Graphiql, Inbox, Secret, ServerConfig};
use switchboard::demo::{Tokens, World, traffic};
use switchboard::seed::Backdating;
use switchboard::server::{App, open_services};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::open::{self, Begin};
use super::output;
use super::signals::StopSignal;

/// Where the demo listens when that is free.
const USUAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4000);
/// One person with many windows, or a script, must not meet the limits that keep many people apart.
const SOCKETS_PER_AGENT: usize = 1_000;

/// Serve a living demo: a team, a few hundred conversations, customers who keep texting
///
/// On a new SQLite file, which is removed at the end, or in a new workspace of --database. The inbox and GraphiQL are signed in
/// already. Prints the addresses, and tokens that hold for 12 hours.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Add the demo's workspace to this database, and keep it: `sqlite:PATH` or `postgres://USER@HOST/NAME`
    // Not from the variable: a demo must never find its way into a real store by accident.
    #[arg(long, value_name = "URL")]
    database: Option<Secret>,
    /// Where to listen [default: 127.0.0.1:4000, or a free port if that is taken]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Open the inbox in the browser
    #[arg(long)]
    open: bool,
    /// Let nothing happen by itself
    #[arg(long)]
    quiet_customers: bool,
    /// Print one line of JSON, once requests are accepted: {"url", "tokens": {"manager", "rep", "rep2", "service"}}
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Line<'a> {
    url: &'a str,
    tokens: &'a Tokens,
}

/// A demo that accepts requests.
struct Running {
    app: App,
    world: World,
    tokens: Tokens,
    traffic: Option<(CancellationToken, JoinHandle<()>)>,
}

pub async fn run(args: DemoArgs) -> anyhow::Result<()> {
    let mut stop = StopSignal::listen()?;
    // Removed when it is dropped: last, after everything that uses the file.
    let (database, _temporary) = database(args.database.clone())?;
    let running = tokio::select! {
        started = start(&args, database) => started?,
        () = stop.told() => return Ok(()),
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
        tracing::warn!(%error, "no browser could be opened");
    }
    stop.told().await;
    if let Some((cancel, traffic)) = running.traffic {
        cancel.cancel();
        // It ends between two beats; one that panicked has nothing left to end.
        let _ = traffic.await;
    }
    running.app.shutdown().await;
    Ok(())
}

/// The database, and the folder that is to be removed with it.
fn database(given: Option<Secret>) -> anyhow::Result<(Secret, Option<TempDir>)> {
    if let Some(database) = given {
        open::require(&database, Begin::Allowed)?;
        return Ok((database, None));
    }
    let folder = tempfile::Builder::new().prefix("switchboard-demo-").tempdir();
    let folder = folder.context("no temporary folder could be made")?;
    let file = folder.path().join("demo.sqlite");
    let path = file.to_str().context("the temporary folder's name is not Unicode")?;
    Ok((Secret::new(format!("sqlite:{path}")), Some(folder)))
}

async fn start(args: &DemoArgs, database: Secret) -> anyhow::Result<Running> {
    let listen = args.listen.map_or_else(usual_or_free, Ok)?;
    let backdating = Backdating::new(Clock::system());
    let mut config = ServerConfig::new(database.expose(), listen, open::random_secret());
    config.clock = backdating.clock();
    config.transport.introspection = true;
    config.transport.sockets_per_agent = SOCKETS_PER_AGENT;
    config.transport.points_per_minute = 0;
    let services = open_services(&config).await?;
    let world = World::build(&services, &backdating).await.map_err(open::explained)?;
    let tokens = world.tokens(&services)?;
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

/// The usual address, or a free port when somebody listens there.
fn usual_or_free() -> anyhow::Result<SocketAddr> {
    match TcpListener::bind(USUAL) {
        Ok(_) => Ok(USUAL),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            tracing::warn!("port {} is taken, so the demo takes a free one", USUAL.port());
            Ok(SocketAddr::new(USUAL.ip(), 0))
        }
        Err(error) => Err(error).with_context(|| format!("{USUAL} could not be listened on")),
    }
}

/// How a browser on this machine reaches the server.
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
    let end = if kept { "its workspace stays in the database" } else { "its database is removed then" };
    format!(
        "{workspace} is open for business.

  {inbox}     {url}            signed in as {manager}
  {explore}  {url}/graphiql   signed in as {manager}
  {api}       {url}/graphql    HTTP and WebSocket

Tokens, for 12 hours, as in `Authorization: Bearer …`:

  manager  {manager}
  {manager_token}

  rep      {rep}
  {rep_token}

  rep2     {rep2}
  {rep2_token}

  service  delivers customers' texts
  {service_token}

Ctrl-C ends the demo; {end}.",
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
    fn a_url_can_be_opened_whatever_is_listened_on() {
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
    fn the_temporary_database_goes_with_the_demo() {
        let (database, folder) = database(None).unwrap();
        let path = database.expose().strip_prefix("sqlite:").unwrap().to_owned();
        std::fs::write(&path, "").unwrap();
        drop(folder);
        assert!(!std::path::Path::new(&path).exists());
    }
}

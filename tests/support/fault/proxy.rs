//! A TCP proxy that simulates network faults.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The buffer size in bytes. It is small, so that a stopped reader soon blocks the writer.
const BUFFER: u32 = 8 * 1024;

/// What happens to the bytes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// They are forwarded.
    Open,
    /// Each chunk is forwarded after a delay.
    Slow(Duration),
    /// Connections are accepted and stay open, and nothing is forwarded until the flow is open again.
    Held,
}

/// The direction of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Towards {
    Server,
    Client,
}

/// Cuts a connection after this many bytes in one direction.
#[derive(Debug, Clone, Copy)]
struct Cut {
    towards: Towards,
    bytes: u64,
}

/// One connection through a [`Proxy`].
pub struct Link {
    flow: watch::Sender<Flow>,
    cut: CancellationToken,
}

impl Link {
    /// Sets the flow of this connection.
    pub fn set(&self, flow: Flow) {
        self.flow.send_replace(flow);
    }

    /// Cuts the connection on both sides.
    pub fn cut(&self) {
        self.cut.cancel();
    }
}

struct Inner {
    target: Mutex<SocketAddr>,
    flow: Mutex<Flow>,
    next_cut: Mutex<Option<Cut>>,
    links: Mutex<Vec<Arc<Link>>>,
}

/// A proxy at its own address. It closes its connections and stops on drop.
pub struct Proxy {
    address: SocketAddr,
    inner: Arc<Inner>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy in front of `target`.
    pub async fn before(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let inner = Arc::new(Inner {
            target: Mutex::new(target),
            flow: Mutex::new(Flow::Open),
            next_cut: Mutex::default(),
            links: Mutex::default(),
        });
        let accepting = tokio::spawn({
            let inner = inner.clone();
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    inner.accept(client);
                }
            }
        });
        Self { address, inner, accepting }
    }

    /// Starts a proxy in front of the PostgreSQL server of `url`. Returns it with a URL that goes through it.
    pub async fn before_postgres(url: &str) -> (Self, String) {
        let mut through = url::Url::parse(url).expect("a URL");
        let host = through.host_str().expect("a host").to_owned();
        let port = through.port().unwrap_or(5432);
        let target =
            tokio::net::lookup_host((host, port)).await.expect("resolves").next().expect("an address");
        let proxy = Self::before(target).await;
        through.set_host(Some("127.0.0.1")).expect("a host");
        through.set_port(Some(proxy.address.port())).expect("a port");
        (proxy, through.into())
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends new connections to `target`.
    pub fn aim(&self, target: SocketAddr) {
        *lock(&self.inner.target) = target;
    }

    /// Sets the flow of all connections, existing and new.
    pub fn set(&self, flow: Flow) {
        self.set_new(flow);
        self.links().iter().for_each(|link| link.set(flow));
    }

    /// Sets the flow of new connections.
    pub fn set_new(&self, flow: Flow) {
        *lock(&self.inner.flow) = flow;
    }

    /// Cuts all connections.
    pub fn cut(&self) {
        self.links().iter().for_each(|link| link.cut());
    }

    /// Cuts the next connection after `bytes` bytes in the direction `towards`. Later bytes never arrive.
    pub fn cut_next_at(&self, towards: Towards, bytes: u64) {
        *lock(&self.inner.next_cut) = Some(Cut { towards, bytes });
    }

    /// The open connections, oldest first.
    pub fn links(&self) -> Vec<Arc<Link>> {
        let mut links = lock(&self.inner.links);
        links.retain(|link| !link.cut.is_cancelled());
        links.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

impl Inner {
    /// Starts to forward a new connection.
    fn accept(&self, client: TcpStream) {
        let target = *lock(&self.target);
        let flow = watch::Sender::new(*lock(&self.flow));
        let link = Arc::new(Link { flow, cut: CancellationToken::new() });
        let cut = lock(&self.next_cut).take();
        lock(&self.links).push(link.clone());
        tokio::spawn(async move {
            tokio::select! {
                _ = forward(client, target, &link, cut) => link.cut(),
                () = link.cut.cancelled() => {}
            }
        });
    }
}

/// Forwards bytes in both directions until one side is done or the connection is cut.
async fn forward(
    client: TcpStream,
    target: SocketAddr,
    link: &Link,
    cut: Option<Cut>,
) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(BUFFER)?;
    let server = socket.connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let at = |towards| cut.filter(|cut| cut.towards == towards).map(|cut| cut.bytes);
    tokio::select! {
        ended = pump(from_client, to_server, link, at(Towards::Server)) => ended,
        ended = pump(from_server, to_client, link, at(Towards::Client)) => ended,
    }
}

/// Forwards bytes in one direction, at most `left` bytes if it is set.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    link: &Link,
    mut left: Option<u64>,
) -> std::io::Result<()> {
    let mut flow = link.flow.subscribe();
    let mut chunk = vec![0; BUFFER as usize];
    loop {
        until_open(&mut flow).await;
        let mut read = from.read(&mut chunk).await?;
        if read == 0 {
            return Ok(());
        }
        if let Flow::Slow(pause) = until_open(&mut flow).await {
            tokio::time::sleep(pause).await;
        }
        if let Some(left) = &mut left {
            read = read.min(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= read as u64;
        }
        to.write_all(&chunk[..read]).await?;
        if left == Some(0) {
            return Ok(());
        }
    }
}

/// Waits until the flow is not held, and returns it.
async fn until_open(flow: &mut watch::Receiver<Flow>) -> Flow {
    *flow.wait_for(|flow| *flow != Flow::Held).await.expect("the link exists")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("not poisoned")
}

//! A TCP proxy that does to connections what networks do.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Small, so that a reader who stops is soon felt on the other side.
const BUFFER: u32 = 8 * 1024;

/// What happens to the bytes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// They pass.
    Open,
    /// Each piece passes after a while.
    Slow(Duration),
    /// A black hole: connections are accepted and stay, and nothing passes until they are opened again.
    Held,
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Towards {
    Server,
    Client,
}

/// Where a connection is cut: after this many bytes that way.
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
    /// Changes what happens to its bytes from now on.
    pub fn set(&self, flow: Flow) {
        self.flow.send_replace(flow);
    }

    /// Cuts it: both ends lose their connection.
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

/// A proxy at an address of its own; it and its connections are gone when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    inner: Arc<Inner>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// A proxy in front of `target`.
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
                    inner.join(client);
                }
            }
        });
        Self { address, inner, accepting }
    }

    /// A proxy in front of the PostgreSQL of `url`, and the URL through it.
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

    /// Sends connections from now on to `target`.
    pub fn aim(&self, target: SocketAddr) {
        *lock(&self.inner.target) = target;
    }

    /// Changes what happens to the bytes of all connections, those to come included.
    pub fn set(&self, flow: Flow) {
        self.set_new(flow);
        self.links().iter().for_each(|link| link.set(flow));
    }

    /// Changes what happens to the bytes of connections to come.
    pub fn set_new(&self, flow: Flow) {
        *lock(&self.inner.flow) = flow;
    }

    /// Cuts all connections.
    pub fn cut(&self) {
        self.links().iter().for_each(|link| link.cut());
    }

    /// Cuts the next connection once `bytes` have gone `towards` one end; what comes after them never arrives.
    pub fn cut_next_at(&self, towards: Towards, bytes: u64) {
        *lock(&self.inner.next_cut) = Some(Cut { towards, bytes });
    }

    /// The connections there are, the oldest first.
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
    /// Takes a connection in.
    fn join(&self, client: TcpStream) {
        let target = *lock(&self.target);
        let flow = watch::Sender::new(*lock(&self.flow));
        let link = Arc::new(Link { flow, cut: CancellationToken::new() });
        let cut = lock(&self.next_cut).take();
        lock(&self.links).push(link.clone());
        tokio::spawn(async move {
            tokio::select! {
                _ = carry(client, target, &link, cut) => link.cut(),
                () = link.cut.cancelled() => {}
            }
        });
    }
}

/// Carries bytes both ways until either end is done or the connection is to be cut.
async fn carry(client: TcpStream, target: SocketAddr, link: &Link, cut: Option<Cut>) -> std::io::Result<()> {
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

/// Carries bytes one way, `left` of them if that is given.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    link: &Link,
    mut left: Option<u64>,
) -> std::io::Result<()> {
    let mut flow = link.flow.subscribe();
    let mut piece = vec![0; BUFFER as usize];
    loop {
        passage(&mut flow).await;
        let mut read = from.read(&mut piece).await?;
        if read == 0 {
            return Ok(());
        }
        if let Flow::Slow(pause) = passage(&mut flow).await {
            tokio::time::sleep(pause).await;
        }
        if let Some(left) = &mut left {
            read = read.min(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= read as u64;
        }
        to.write_all(&piece[..read]).await?;
        if left == Some(0) {
            return Ok(());
        }
    }
}

/// Waits until bytes may pass.
async fn passage(flow: &mut watch::Receiver<Flow>) -> Flow {
    *flow.wait_for(|flow| *flow != Flow::Held).await.expect("the link is there")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("not poisoned")
}

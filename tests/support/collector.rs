//! A collector of traces: receives OTLP over HTTP or HTTPS.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use axum::serve::Listener;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::task::AbortOnDropHandle;

use super::authority::Certified;

type Batches = Arc<Mutex<Vec<Bytes>>>;

/// A collector on its own port. It stops on drop.
pub struct Collector {
    endpoint: String,
    batches: Batches,
    _serving: AbortOnDropHandle<()>,
}

impl Collector {
    pub async fn start() -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").await.expect("listens");
        let endpoint = format!("http://{}", tcp.local_addr().expect("bound"));
        Self::serve(tcp, endpoint)
    }

    /// Starts a collector with TLS and a certificate for 127.0.0.1.
    pub async fn start_encrypted(certified: &Certified) -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").await.expect("listens");
        let endpoint = format!("https://{}", tcp.local_addr().expect("bound"));
        Self::serve(Encrypted { tcp, acceptor: acceptor(certified) }, endpoint)
    }

    fn serve<L: Listener>(listener: L, endpoint: String) -> Self
    where
        L::Addr: std::fmt::Debug,
    {
        let batches = Batches::default();
        let take = async |State(batches): State<Batches>, body: Bytes| {
            batches.lock().expect("not poisoned").push(body);
        };
        let router = Router::new().route("/v1/traces", post(take)).with_state(batches.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        Self { endpoint, batches, _serving: AbortOnDropHandle::new(serving) }
    }

    /// The value for `--otlp-endpoint`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The received batches, in order of arrival.
    pub fn batches(&self) -> Vec<Bytes> {
        self.batches.lock().expect("not poisoned").clone()
    }

    /// The spans of all batches.
    pub fn spans(&self) -> Vec<Span> {
        let read = |batch: Bytes| ExportTraceServiceRequest::decode(batch).expect("a batch of traces");
        let resources = self.batches().into_iter().flat_map(|batch| read(batch).resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }

    /// The span of the operation with this name.
    pub fn operation(&self, name: &str) -> Span {
        let spans = self.spans();
        let is_it = |span: &&Span| text(span, "graphql.operation.name").as_deref() == Some(name);
        spans.iter().find(is_it).unwrap_or_else(|| panic!("no span of {name} in {spans:#?}")).clone()
    }
}

/// The value of a string attribute of a span.
fn text(span: &Span, key: &str) -> Option<String> {
    let attribute = span.attributes.iter().find(|attribute| attribute.key == key)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        _ => None,
    }
}

struct Encrypted {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Encrypted {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (stream, address) = self.tcp.accept().await.expect("accepts");
            // A client that does not trust the certificate fails the handshake.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

fn acceptor(certified: &Certified) -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(certified.certificate.as_bytes()).expect("PEM");
    let key = PrivateKeyDer::from_pem_slice(certified.key.as_bytes()).expect("PEM");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a certificate and its key");
    TlsAcceptor::from(Arc::new(config))
}

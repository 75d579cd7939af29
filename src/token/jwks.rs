//! An identity provider's public keys: where they are, and how they are kept fresh.
//!
//! The set is read at the start, when it has grown old, and when a token names a key that is not in it, which is
//! how a provider's rotation is noticed. However many tokens ask for it, there is one reading at a time and one in
//! a cooldown. Until a reading succeeds the keys stay as they are: a provider that is away locks nobody out.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::io::AsyncReadExt;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;
use url::{Host, Url};

use super::TokenError;
use super::key_set::KeySet;

/// Where a key set is.
#[derive(Clone, PartialEq, Eq)]
pub enum JwksSource {
    File(PathBuf),
    Url(Url),
}

/// A URL may hold a password.
impl fmt::Debug for JwksSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Url(url) => write!(f, "{}", url.host_str().unwrap_or_default()),
        }
    }
}

impl std::str::FromStr for JwksSource {
    type Err = JwksError;

    /// A URL with `https://`, or the path of a file. `http://` is only for this machine: whoever can change
    /// the answer on its way can sign in as anybody.
    fn from_str(text: &str) -> Result<Self, JwksError> {
        if !text.contains("://") {
            return Ok(Self::File(PathBuf::from(text)));
        }
        let url = Url::parse(text).map_err(|_| JwksError::Insecure)?;
        match url.scheme() {
            "https" => Ok(Self::Url(url)),
            "http" if is_here(&url) => Ok(Self::Url(url)),
            _ => Err(JwksError::Insecure),
        }
    }
}

fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Where the keys are, and the bounds of reading them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwksSettings {
    pub source: JwksSource,
    /// The least time between two readings.
    pub cooldown: Duration,
    /// After this a set is read again, so that a key that was withdrawn is refused.
    pub max_age: Duration,
    /// How long a reading may take.
    pub timeout: Duration,
    /// The longest set.
    pub max_bytes: usize,
}

impl JwksSettings {
    /// The usual bounds.
    pub fn new(source: JwksSource) -> Self {
        Self {
            source,
            cooldown: Duration::from_secs(30),
            max_age: Duration::from_secs(600),
            timeout: Duration::from_secs(5),
            max_bytes: 256 * 1024,
        }
    }
}

/// Why a key set could not be read.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    #[error("a key set is a file, or comes over https")]
    Insecure,
    #[error("the key set cannot be read: {0}")]
    File(#[from] std::io::Error),
    #[error("the key set cannot be fetched: {0}")]
    Fetch(String),
    #[error("the key set took too long")]
    Slow,
    #[error("the key set is longer than {0} bytes")]
    TooLong(usize),
    #[error("the key set is of no use: {0}")]
    Useless(String),
}

/// The keys, and the way to read them again. Cheap to clone.
#[derive(Clone)]
pub struct Jwks {
    inner: Arc<Inner>,
}

struct Inner {
    settings: JwksSettings,
    http: Http,
    held: RwLock<Option<Held>>,
    /// When the last reading began. Whoever reads holds it.
    began: Arc<Mutex<Option<Instant>>>,
}

#[derive(Clone)]
struct Held {
    keys: Arc<KeySet>,
    since: Instant,
}

impl Jwks {
    /// Reads the set for the first time. A provider that is away is asked again when a token comes.
    ///
    /// # Errors
    /// A file that is no key set is a mistake, and the client for URLs may lack roots to trust.
    pub async fn open(settings: JwksSettings) -> Result<Self, JwksError> {
        let http = Http::open(&settings.source)?;
        let jwks = Self {
            inner: Arc::new(Inner { settings, http, held: RwLock::default(), began: Arc::default() }),
        };
        if let JwksSource::File(_) = jwks.inner.settings.source {
            jwks.inner.hold(jwks.inner.read().await?);
        } else if let Some(turn) = jwks.turn().await {
            jwks.read_on(turn).await;
        }
        Ok(jwks)
    }

    /// The keys that may have signed a token. A key that is not known is looked for in the set as it is now.
    pub(super) async fn find(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
    ) -> Result<Vec<Arc<DecodingKey>>, TokenError> {
        let found = |held: &Option<Held>| {
            held.as_ref().map(|held| held.keys.find(algorithm, id)).filter(|keys| !keys.is_empty())
        };
        let held = self.inner.held();
        if let Some(keys) = found(&held) {
            self.keep_fresh(held);
            return Ok(keys);
        }
        if let Some(turn) = self.turn().await {
            self.read_on(turn).await;
        }
        let held = self.inner.held();
        match found(&held) {
            Some(keys) => Ok(keys),
            None if held.is_none() => Err(TokenError::Unavailable),
            None => Err(TokenError::Invalid),
        }
    }

    /// Has an old set read again, for those who come later.
    fn keep_fresh(&self, held: Option<Held>) {
        let is_old = held.is_some_and(|held| held.since.elapsed() >= self.inner.settings.max_age);
        if is_old
            && let Ok(began) = Arc::clone(&self.inner.began).try_lock_owned()
            && let Some(turn) = self.inner.after_cooldown(began)
        {
            let jwks = self.clone();
            tokio::spawn(async move { jwks.read_on(turn).await });
        }
    }

    /// A turn to read the set; `None` when somebody has just done so. Waits while somebody does.
    async fn turn(&self) -> Option<OwnedMutexGuard<Option<Instant>>> {
        let began = Arc::clone(&self.inner.began).lock_owned().await;
        self.inner.after_cooldown(began)
    }

    /// Reads the set to the end, whether or not anybody still waits for it: others do.
    async fn read_on(&self, turn: OwnedMutexGuard<Option<Instant>>) {
        let inner = Arc::clone(&self.inner);
        let reading = tokio::spawn(async move {
            match inner.read().await {
                Ok(keys) => {
                    tracing::info!(source = ?inner.settings.source, keys = keys.len(), "read the key set");
                    inner.hold(keys);
                }
                Err(error) => {
                    tracing::warn!(source = ?inner.settings.source, %error, "the key set stays as it was");
                }
            }
            drop(turn);
        });
        // It can only have been cancelled by the end of the runtime.
        let _ = reading.await;
    }
}

impl Inner {
    fn held(&self) -> Option<Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn hold(&self, keys: KeySet) {
        let held = Held { keys: Arc::new(keys), since: Instant::now() };
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some(held);
    }

    /// The turn, when the cooldown since the last one is over.
    fn after_cooldown(
        &self,
        mut began: OwnedMutexGuard<Option<Instant>>,
    ) -> Option<OwnedMutexGuard<Option<Instant>>> {
        if began.is_some_and(|began| began.elapsed() < self.settings.cooldown) {
            return None;
        }
        *began = Some(Instant::now());
        Some(began)
    }

    async fn read(&self) -> Result<KeySet, JwksError> {
        let bytes = tokio::time::timeout(self.settings.timeout, self.bytes());
        let bytes = bytes.await.map_err(|_| JwksError::Slow)??;
        KeySet::parse(&bytes).map_err(|error| JwksError::Useless(error.to_string()))
    }

    async fn bytes(&self) -> Result<Vec<u8>, JwksError> {
        let max = self.settings.max_bytes;
        let mut bytes = Vec::new();
        match &self.settings.source {
            JwksSource::File(path) => {
                let file = tokio::fs::File::open(path).await?;
                file.take(max as u64 + 1).read_to_end(&mut bytes).await?;
            }
            JwksSource::Url(url) => {
                return self.http.get(url, max).await;
            }
        }
        if bytes.len() > max { Err(JwksError::TooLong(max)) } else { Ok(bytes) }
    }
}

type Client<C> = legacy::Client<C, Empty<Bytes>>;

/// A client that follows no redirect, and trusts whom this machine trusts.
enum Http {
    Plain(Client<HttpConnector>),
    Tls(Client<HttpsConnector<HttpConnector>>),
}

impl Http {
    fn open(source: &JwksSource) -> Result<Self, JwksError> {
        let client = legacy::Client::builder(TokioExecutor::new());
        match source {
            JwksSource::Url(url) if url.scheme() == "https" => {
                let provider = rustls::crypto::aws_lc_rs::default_provider();
                let roots = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider);
                let roots = roots.map_err(|error| JwksError::Fetch(error.to_string()))?;
                Ok(Self::Tls(client.build(roots.https_only().enable_http1().build())))
            }
            _ => Ok(Self::Plain(client.build(HttpConnector::new()))),
        }
    }

    async fn get(&self, url: &Url, max_bytes: usize) -> Result<Vec<u8>, JwksError> {
        let uri = url.as_str().parse().map_err(|_| JwksError::Insecure)?;
        let answer = match self {
            Self::Plain(client) => client.get(uri),
            Self::Tls(client) => client.get(uri),
        };
        let answer = answer.await.map_err(|error| JwksError::Fetch(in_full(&error)))?;
        if !answer.status().is_success() {
            return Err(JwksError::Fetch(format!("the answer is {}", answer.status())));
        }
        match Limited::new(answer.into_body(), max_bytes).collect().await {
            Ok(body) => Ok(body.to_bytes().into()),
            Err(error) if error.is::<LengthLimitError>() => Err(JwksError::TooLong(max_bytes)),
            Err(error) => Err(JwksError::Fetch(error.to_string())),
        }
    }
}

/// An error with what caused it.
fn in_full(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_set_comes_from_a_file_or_over_https() {
        let source = |text: &str| text.parse::<JwksSource>();
        assert_eq!(source("keys.json").unwrap(), JwksSource::File("keys.json".into()));
        for url in
            ["https://id.example/jwks", "http://127.0.0.1:8080/", "http://[::1]/", "http://localhost/k"]
        {
            assert!(matches!(source(url), Ok(JwksSource::Url(_))), "{url}");
        }
        for url in
            ["http://id.example/jwks", "http://127.0.0.1.evil.example/", "ftp://id.example/", "https://"]
        {
            assert!(matches!(source(url), Err(JwksError::Insecure)), "{url}");
        }
        let shown = format!("{:?}", source("https://user:password@id.example/jwks?key=secret").unwrap());
        assert_eq!(shown, "id.example");
    }
}

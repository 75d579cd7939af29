//! The public keys of an identity provider: where they are, and when they are read again.
//!
//! The key set is read at start-up, when it is older than its maximum age, and when a token names an unknown key. The
//! last case notices that the provider has rotated its keys.
//!
//! Regardless of the number of tokens, only one read runs at a time, and at most one per cooldown. If a read fails, the
//! old keys stay in use, so tokens remain valid while the provider is unreachable.

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

/// The default maximum lifetime of a token of an identity provider.
pub const DEFAULT_MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The location of a key set.
#[derive(Clone, PartialEq, Eq)]
pub enum JwksSource {
    File(PathBuf),
    Url(Url),
}

/// Shows only the host of a URL, because the URL may contain a password.
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

    /// Parses an `https://` URL or the path of a file.
    ///
    /// `http://` is accepted only for loopback addresses. Anyone who can modify the response in transit could sign in
    /// as any agent.
    fn from_str(text: &str) -> Result<Self, JwksError> {
        if !text.contains("://") {
            return Ok(Self::File(PathBuf::from(text)));
        }
        let url = Url::parse(text).map_err(|_| JwksError::Insecure)?;
        match url.scheme() {
            "https" => Ok(Self::Url(url)),
            "http" if is_loopback(&url) => Ok(Self::Url(url)),
            _ => Err(JwksError::Insecure),
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// The location of the keys, and the limits for reading them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwksSettings {
    pub source: JwksSource,
    /// The minimum time between the beginnings of two reads.
    pub cooldown: Duration,
    /// The age at which the key set is read again, so that withdrawn keys are rejected.
    pub max_age: Duration,
    /// The maximum duration of a read.
    pub timeout: Duration,
    /// The maximum size of the key set.
    pub max_bytes: usize,
    /// A token that is valid for longer than this from now is refused.
    pub max_lifetime: Duration,
}

impl JwksSettings {
    /// Settings with the default limits.
    pub fn new(source: JwksSource) -> Self {
        Self {
            source,
            cooldown: Duration::from_secs(30),
            max_age: Duration::from_secs(600),
            timeout: Duration::from_secs(5),
            max_bytes: 256 * 1024,
            max_lifetime: DEFAULT_MAX_LIFETIME,
        }
    }
}

/// Why a key set could not be read.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    #[error("a key set must be a file or an https URL")]
    Insecure,
    #[error("the key set cannot be read: {0}")]
    File(#[from] std::io::Error),
    #[error("the key set cannot be fetched: {0}")]
    Fetch(String),
    #[error("reading the key set timed out")]
    Slow,
    #[error("the key set is longer than {0} bytes")]
    TooLong(usize),
    #[error("the key set cannot be used: {0}")]
    Unusable(String),
}

/// The keys of an identity provider, which are read again as needed. Cheap to clone.
#[derive(Clone)]
pub struct Jwks {
    inner: Arc<Inner>,
}

struct Inner {
    settings: JwksSettings,
    http: Http,
    cached: RwLock<Option<CachedKeys>>,
    /// When the last read began. Locked while a read runs.
    last_read: Arc<Mutex<Option<Instant>>>,
}

#[derive(Clone)]
struct CachedKeys {
    keys: Arc<KeySet>,
    since: Instant,
}

/// The right to read the key set. At most one exists at a time.
type ReadPermit = OwnedMutexGuard<Option<Instant>>;

impl Jwks {
    /// Reads the key set for the first time. If a URL cannot be read, it is read again when a token arrives.
    ///
    /// # Errors
    /// If a file is not a key set, or if the system has no certificate authorities for an https URL.
    pub async fn open(settings: JwksSettings) -> Result<Self, JwksError> {
        let http = Http::open(&settings.source)?;
        let jwks = Self {
            inner: Arc::new(Inner { settings, http, cached: RwLock::default(), last_read: Arc::default() }),
        };
        if let JwksSource::File(_) = jwks.inner.settings.source {
            jwks.inner.store(jwks.inner.read().await?);
        } else if let Some(permit) = jwks.permit().await {
            jwks.reload(permit).await;
        }
        Ok(jwks)
    }

    pub(super) fn max_lifetime(&self) -> Duration {
        self.inner.settings.max_lifetime
    }

    /// The keys that may have signed a token. If no key matches, the key set is read again.
    pub(super) async fn find(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
    ) -> Result<Vec<Arc<DecodingKey>>, TokenError> {
        let found = |cached: &Option<CachedKeys>| {
            cached.as_ref().map(|cached| cached.keys.find(algorithm, id)).filter(|keys| !keys.is_empty())
        };
        let cached = self.inner.cached();
        if let Some(keys) = found(&cached) {
            self.refresh_if_old(cached);
            return Ok(keys);
        }
        if let Some(permit) = self.permit().await {
            self.reload(permit).await;
        }
        let cached = self.inner.cached();
        match found(&cached) {
            Some(keys) => Ok(keys),
            None if cached.is_none() => Err(TokenError::Unavailable),
            None => Err(TokenError::Invalid),
        }
    }

    /// Reads an old key set again in the background. The current token still uses the old one.
    fn refresh_if_old(&self, cached: Option<CachedKeys>) {
        let is_old = cached.is_some_and(|cached| cached.since.elapsed() >= self.inner.settings.max_age);
        if is_old
            && let Ok(last_read) = Arc::clone(&self.inner.last_read).try_lock_owned()
            && let Some(permit) = self.inner.after_cooldown(last_read)
        {
            let jwks = self.clone();
            tokio::spawn(async move { jwks.reload(permit).await });
        }
    }

    /// Waits until no read is running. Returns `None` during the cooldown after a read.
    async fn permit(&self) -> Option<ReadPermit> {
        let last_read = Arc::clone(&self.inner.last_read).lock_owned().await;
        self.inner.after_cooldown(last_read)
    }

    /// Reads the key set. The read finishes even if this future is dropped, because other callers wait for it.
    async fn reload(&self, permit: ReadPermit) {
        let inner = Arc::clone(&self.inner);
        let read = tokio::spawn(async move {
            match inner.read().await {
                Ok(keys) => {
                    tracing::info!(source = ?inner.settings.source, keys = keys.len(), "read the key set");
                    inner.store(keys);
                }
                Err(error) => {
                    let source = &inner.settings.source;
                    tracing::warn!(?source, %error, "cannot read the key set; the old keys stay in use");
                }
            }
            drop(permit);
        });
        // The task is cancelled only if the runtime ends.
        let _ = read.await;
    }
}

impl Inner {
    fn cached(&self) -> Option<CachedKeys> {
        self.cached.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn store(&self, keys: KeySet) {
        let cached = CachedKeys { keys: Arc::new(keys), since: Instant::now() };
        *self.cached.write().unwrap_or_else(PoisonError::into_inner) = Some(cached);
    }

    /// Records the beginning of a read. Returns `None` if the last read began within the cooldown.
    fn after_cooldown(&self, mut last_read: ReadPermit) -> Option<ReadPermit> {
        if last_read.is_some_and(|began| began.elapsed() < self.settings.cooldown) {
            return None;
        }
        *last_read = Some(Instant::now());
        Some(last_read)
    }

    async fn read(&self) -> Result<KeySet, JwksError> {
        let bytes = tokio::time::timeout(self.settings.timeout, self.bytes());
        let bytes = bytes.await.map_err(|_| JwksError::Slow)??;
        KeySet::parse(&bytes).map_err(|error| JwksError::Unusable(error.to_string()))
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

/// An HTTP client that follows no redirects, and trusts the certificate authorities of the operating system.
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
        let response = match self {
            Self::Plain(client) => client.get(uri),
            Self::Tls(client) => client.get(uri),
        };
        let response = response.await.map_err(|error| JwksError::Fetch(with_causes(&error)))?;
        if !response.status().is_success() {
            return Err(JwksError::Fetch(format!("the response is {}", response.status())));
        }
        match Limited::new(response.into_body(), max_bytes).collect().await {
            Ok(body) => Ok(body.to_bytes().into()),
            Err(error) if error.is::<LengthLimitError>() => Err(JwksError::TooLong(max_bytes)),
            Err(error) => Err(JwksError::Fetch(error.to_string())),
        }
    }
}

/// The message of an error, followed by its causes.
fn with_causes(error: &dyn std::error::Error) -> String {
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

//! An identity provider: keys of each algorithm, and a host that publishes a key set.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use switchboard::token::jwks::{JwksSettings, JwksSource};
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// A private key and its id.
#[derive(Clone)]
pub struct Key {
    pub id: String,
    pub algorithm: Algorithm,
    key: EncodingKey,
}

impl Key {
    /// Creates a key. RSA keys are expensive to generate, so all RSA keys share one key pair.
    pub fn new(algorithm: Algorithm, id: &str) -> Self {
        let random = SystemRandom::new();
        let key = match algorithm {
            Algorithm::RS256 => EncodingKey::from_rsa_der(rsa()),
            Algorithm::ES256 => {
                let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
                EncodingKey::from_ec_der(key.expect("a key").as_ref())
            }
            Algorithm::EdDSA => {
                let key = Ed25519KeyPair::generate_pkcs8v1(&random).expect("a key");
                EncodingKey::from_ed_der(key.as_ref())
            }
            other => panic!("the server does not support {other:?}"),
        };
        Self { id: id.to_owned(), algorithm, key }
    }

    /// The same key with another id.
    pub fn named(&self, id: &str) -> Self {
        Self { id: id.to_owned(), ..self.clone() }
    }

    /// The public key, as it appears in a key set.
    pub fn public(&self) -> Value {
        let key = Jwk::from_encoding_key(&self.key, self.algorithm).expect("a public half");
        let mut key = serde_json::to_value(key).expect("JSON");
        key["kid"] = self.id.as_str().into();
        key["use"] = "sig".into();
        key
    }

    /// As [`Self::sign`], with further fields in the header.
    pub fn sign_with(&self, claims: &Value, fields: &[(&str, Value)]) -> String {
        let mut header = Header { kid: Some(self.id.clone()), ..Header::new(self.algorithm) };
        for (name, value) in fields {
            let mut json = serde_json::to_value(&header).expect("JSON");
            json[*name] = value.clone();
            header = serde_json::from_value(json).expect("a header");
        }
        jsonwebtoken::encode(&header, claims, &self.key).expect("signs")
    }

    /// Signs a token with these claims.
    pub fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.id.clone()), ..Header::new(self.algorithm) };
        jsonwebtoken::encode(&header, claims, &self.key).expect("signs")
    }
}

/// An RSA key of 2,048 bits, as PKCS #1.
fn rsa() -> &'static [u8] {
    static RSA: OnceLock<Vec<u8>> = OnceLock::new();
    RSA.get_or_init(|| {
        let key = KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let wrapped: Pkcs8V1Der<'_> = key.as_der().expect("PKCS #8");
        // The PKCS #8 header has 26 bytes.
        wrapped.as_ref()[26..].to_vec()
    })
}

/// A key set of these keys.
pub fn key_set(keys: &[&Key]) -> Value {
    json!({ "keys": keys.iter().map(|key| key.public()).collect::<Vec<_>>() })
}

/// The response of the host.
#[derive(Clone)]
pub enum Answer {
    Text(String),
    Fault,
    /// No response at all.
    Silence,
}

/// A host that serves a key set at its root. It stops on drop.
pub struct Host {
    address: SocketAddr,
    published: Arc<Published>,
    _serving: AbortOnDropHandle<()>,
}

struct Published {
    answer: Mutex<Answer>,
    requests: AtomicU32,
}

impl Host {
    pub async fn publishing(keys: &[&Key]) -> Self {
        let answer = Mutex::new(Answer::Text(key_set(keys).to_string()));
        let published = Arc::new(Published { answer, requests: AtomicU32::new(0) });
        let router = Router::new().route("/", get(answer_with)).with_state(published.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        Self { address, published, _serving: AbortOnDropHandle::new(serving) }
    }

    pub fn publish(&self, keys: &[&Key]) {
        self.answer(Answer::Text(key_set(keys).to_string()));
    }

    pub fn answer(&self, answer: Answer) {
        *self.published.answer.lock().expect("not poisoned") = answer;
    }

    /// How often the key set was requested.
    pub fn requests(&self) -> u32 {
        self.published.requests.load(Ordering::SeqCst)
    }

    /// The default settings for this host.
    pub fn settings(&self) -> JwksSettings {
        let source: JwksSource = format!("http://{}/", self.address).parse().expect("a source");
        JwksSettings::new(source)
    }
}

async fn answer_with(State(published): State<Arc<Published>>) -> Response {
    published.requests.fetch_add(1, Ordering::SeqCst);
    let answer = published.answer.lock().expect("not poisoned").clone();
    match answer {
        Answer::Text(text) => text.into_response(),
        Answer::Fault => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Answer::Silence => std::future::pending().await,
    }
}

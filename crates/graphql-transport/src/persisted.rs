//! Persisted documents: a client sends the hash or the ID of a document instead of its text.
//!
//! - Automatic persisted queries (Apollo's protocol): the client sends `extensions.persistedQuery` with the SHA-256 of
//!   the text. If the server does not know the text, it answers `PersistedQueryNotFound`, and the client sends hash and
//!   text together.
//! - Trusted documents: the server has a manifest of documents, and the client sends `documentId` or the hash. The
//!   server can refuse all other documents.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_graphql::ServerError;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::errors::{self, Code};
use crate::parameters::Parameters;

/// The size of the automatically persisted documents, in bytes.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// The estimated number of automatically persisted documents.
const ESTIMATED_DOCUMENTS: usize = 1_000;
/// The size of a document in the cache besides its text, in bytes.
const BYTES_PER_DOCUMENT: u64 = 128;
/// The version of the protocol of automatic persisted queries.
const VERSION: u64 = 1;

/// `extensions.persistedQuery` of a request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PersistedQuery {
    version: u64,
    sha256_hash: String,
}

type Hash = [u8; 32];

/// Why a manifest of trusted documents cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    #[error("the manifest is not JSON: {0}")]
    Json(String),
    #[error("the manifest is neither a map of texts by id nor Apollo's format")]
    Format,
}

/// The documents of the manifests, by their IDs.
#[derive(Debug, Clone, Default)]
pub struct TrustedDocuments {
    by_id: HashMap<String, Arc<str>>,
    texts: HashSet<Arc<str>>,
    /// Whether only trusted documents are executed. Introspection alone is not affected: its own setting applies.
    pub only: bool,
}

impl TrustedDocuments {
    /// Adds the documents of a manifest: a JSON object of texts by ID, as Relay and GraphQL Code Generator write it, or
    /// Apollo's `apollo-persisted-query-manifest`.
    ///
    /// # Errors
    /// When the text is not such a manifest.
    pub fn add_manifest(&mut self, json: &str) -> Result<(), ManifestError> {
        let manifest: Value =
            serde_json::from_str(json).map_err(|error| ManifestError::Json(error.to_string()))?;
        let Value::Object(manifest) = manifest else { return Err(ManifestError::Format) };
        if let Some(Value::Array(operations)) = manifest.get("operations") {
            for operation in operations {
                let text = |name: &str| operation.get(name).and_then(Value::as_str);
                let (Some(id), Some(body)) = (text("id"), text("body")) else {
                    return Err(ManifestError::Format);
                };
                self.insert(id, body);
            }
            return Ok(());
        }
        for (id, text) in &manifest {
            self.insert(id, text.as_str().ok_or(ManifestError::Format)?);
        }
        Ok(())
    }

    /// Adds a document that clients send as text.
    pub fn add_text(&mut self, text: &str) {
        self.texts.insert(text.into());
    }

    /// The number of different documents.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether there is no document.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Also finds the document by the SHA-256 of its text, whatever IDs the manifest uses.
    fn insert(&mut self, id: &str, text: &str) {
        let shared: Arc<str> = text.into();
        self.by_id.insert(hex(&hash(text)), shared.clone());
        self.by_id.insert(id.to_owned(), shared.clone());
        self.texts.insert(shared);
    }
}

#[derive(Clone)]
struct ByteWeighter;

impl Weighter<Hash, Arc<str>> for ByteWeighter {
    fn weight(&self, _: &Hash, text: &Arc<str>) -> u64 {
        BYTES_PER_DOCUMENT + text.len() as u64
    }
}

/// The documents that requests can refer to.
pub(crate) struct PersistedDocuments {
    trusted: TrustedDocuments,
    automatic: Cache<Hash, Arc<str>, ByteWeighter>,
}

/// The text of a request's document.
pub(crate) struct ResolvedDocument {
    pub(crate) text: Arc<str>,
    /// Whether only introspection may be executed, because the document is not trusted.
    pub(crate) introspection_only: bool,
    /// The hash to register the text with.
    pub(crate) registration: Option<Hash>,
}

impl PersistedDocuments {
    pub(crate) fn new(trusted: TrustedDocuments) -> Self {
        Self { trusted, automatic: Cache::with_weighter(ESTIMATED_DOCUMENTS, MAX_BYTES, ByteWeighter) }
    }

    /// Finds the text of the document that a request refers to.
    ///
    /// # Errors
    /// `PERSISTED_QUERY_NOT_FOUND` if the document is unknown, and `BAD_USER_INPUT` if the reference is malformed or
    /// does not match the text.
    pub(crate) fn resolve(&self, parameters: &Parameters) -> Result<ResolvedDocument, Box<ServerError>> {
        let text = parameters.query.as_deref().filter(|text| !text.is_empty());
        let (text, registration) = match (text, &parameters.document_id, &parameters.persisted_query) {
            (Some(text), _, None) => (Arc::from(text), None),
            (Some(text), _, Some(persisted)) => {
                let expected = persisted.hash()?;
                if hash(text) != expected {
                    return Err(bad_input("The hash of `persistedQuery` is not the SHA-256 of `query`."));
                }
                (Arc::from(text), Some(expected))
            }
            (None, Some(id), _) => (self.trusted.by_id.get(id).cloned().ok_or_else(not_found)?, None),
            (None, None, Some(persisted)) => {
                let hash = persisted.hash()?;
                let trusted = self.trusted.by_id.get(&hex(&hash)).cloned();
                (trusted.or_else(|| self.automatic.get(&hash)).ok_or_else(not_found)?, None)
            }
            (None, None, None) => return Err(bad_input("The parameter `query` is missing.")),
        };
        let introspection_only = self.trusted.only && !self.trusted.texts.contains(&text);
        Ok(ResolvedDocument { text, introspection_only, registration })
    }

    /// Stores a text under its hash. Call this for a document that passed the guard, after the sign-in.
    pub(crate) fn register(&self, hash: Hash, text: Arc<str>) {
        self.automatic.insert(hash, text);
    }
}

impl PersistedQuery {
    fn hash(&self) -> Result<Hash, Box<ServerError>> {
        if self.version != VERSION {
            return Err(bad_input("The version of `persistedQuery` must be 1."));
        }
        let text = self.sha256_hash.as_bytes();
        let mut hash = [0; 32];
        if text.len() != 2 * hash.len() {
            return Err(bad_input("`sha256Hash` must be 64 hexadecimal digits."));
        }
        for (byte, digits) in hash.iter_mut().zip(text.chunks_exact(2)) {
            let digit = |at: usize| char::from(digits[at]).to_digit(16);
            let (Some(high), Some(low)) = (digit(0), digit(1)) else {
                return Err(bad_input("`sha256Hash` must be 64 hexadecimal digits."));
            };
            *byte = (high << 4 | low) as u8;
        }
        Ok(hash)
    }
}

fn hash(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

// Clients compare this text.
fn not_found() -> Box<ServerError> {
    Box::new(errors::error(Code::PersistedQueryNotFound, "PersistedQueryNotFound"))
}

fn bad_input(message: &str) -> Box<ServerError> {
    Box::new(errors::error(Code::BadUserInput, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{ a }";

    fn request(json: &str) -> Parameters {
        Parameters::from_json(json).expect("parameters")
    }

    fn with_hash(query: &str, hash: &str) -> Parameters {
        let query = if query.is_empty() { String::new() } else { format!(r#""query":"{query}","#) };
        request(&format!(
            r#"{{{query}"extensions":{{"persistedQuery":{{"version":1,"sha256Hash":"{hash}"}}}}}}"#
        ))
    }

    fn message(resolved: Result<ResolvedDocument, Box<ServerError>>) -> String {
        resolved.err().expect("an error").message
    }

    #[test]
    fn a_hash_is_found_after_its_text_is_registered() {
        let documents = PersistedDocuments::new(TrustedDocuments::default());
        let digest = hex(&hash(TEXT));
        assert_eq!(message(documents.resolve(&with_hash("", &digest))), "PersistedQueryNotFound");
        let resolved = documents.resolve(&with_hash(TEXT, &digest)).expect("matches");
        documents.register(resolved.registration.expect("a hash"), resolved.text);
        assert_eq!(&*documents.resolve(&with_hash("", &digest)).expect("known").text, TEXT);
        assert_eq!(&*documents.resolve(&with_hash("", &digest.to_uppercase())).expect("known").text, TEXT);
    }

    #[test]
    fn a_wrong_hash_is_refused() {
        let documents = PersistedDocuments::new(TrustedDocuments::default());
        let other = hex(&hash("{ b }"));
        for hash in ["", "é", "zz", &other, &other[1..], &"é".repeat(32), &"z".repeat(64)] {
            let error = documents.resolve(&with_hash(TEXT, hash)).err().expect("an error");
            assert!(errors::has_code(&error, Code::BadUserInput), "{hash}: {error:?}");
        }
        let version =
            format!(r#"{{"extensions":{{"persistedQuery":{{"version":2,"sha256Hash":"{other}"}}}}}}"#);
        assert!(message(documents.resolve(&request(&version))).contains("version"));
    }

    #[test]
    fn manifests_of_all_tools_are_read() {
        let apollo = r#"{"format":"apollo-persisted-query-manifest","version":1,"operations":[
            {"id":"one","name":"A","type":"query","body":"{ a }"}]}"#;
        for manifest in [apollo, r#"{"one":"{ a }"}"#] {
            let mut trusted = TrustedDocuments { only: true, ..TrustedDocuments::default() };
            trusted.add_manifest(manifest).expect("a manifest");
            assert_eq!(trusted.len(), 1);
            let documents = PersistedDocuments::new(trusted);
            let by_id = documents.resolve(&request(r#"{"documentId":"one"}"#)).expect("known");
            assert!(&*by_id.text == TEXT && !by_id.introspection_only);
            assert_eq!(&*documents.resolve(&with_hash("", &hex(&hash(TEXT)))).expect("known").text, TEXT);
            assert!(!documents.resolve(&request(r#"{"query":"{ a }"}"#)).expect("text").introspection_only);
            assert!(documents.resolve(&request(r#"{"query":"{ b }"}"#)).expect("text").introspection_only);
            assert_eq!(
                message(documents.resolve(&request(r#"{"documentId":"two"}"#))),
                "PersistedQueryNotFound"
            );
        }
        for bad in ["", "[]", "1", r#"{"a":1}"#, r#"{"operations":[{"id":"a"}]}"#] {
            assert!(TrustedDocuments::default().add_manifest(bad).is_err(), "{bad}");
        }
    }
}

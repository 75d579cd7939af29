//! Parses a key set (RFC 7517) into keys that verify tokens. Does no I/O.

use std::sync::Arc;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// The usable keys of a key set.
#[derive(Clone, Default)]
pub(super) struct KeySet(Vec<Key>);

#[derive(Clone)]
struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: Arc<DecodingKey>,
}

/// Why a key set cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeySetError {
    #[error("not a key set: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("it has no key for RS256, ES256 or EdDSA")]
    Empty,
}

impl KeySet {
    /// Parses a key set. Ignores keys that cannot verify tokens, for example encryption keys: providers publish keys
    /// for several purposes.
    pub(super) fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        let document: Document = serde_json::from_slice(json)?;
        let keys: Vec<Key> = document.keys.into_iter().filter_map(key).collect();
        if keys.is_empty() { Err(KeySetError::Empty) } else { Ok(Self(keys)) }
    }

    /// The keys that may have signed a token. Without an id these are all keys of the algorithm.
    pub(super) fn find(&self, algorithm: Algorithm, id: Option<&str>) -> Vec<Arc<DecodingKey>> {
        let fits = |key: &&Key| key.algorithm == algorithm && (id.is_none() || key.id.as_deref() == id);
        self.0.iter().filter(fits).map(|key| Arc::clone(&key.key)).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Parses a key. Returns `None` if it cannot verify tokens, or is symmetric: a published symmetric key is not secret.
fn key(json: Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(json).ok()?;
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => Algorithm::ES256,
        AlgorithmParameters::OctetKeyPair(curve) if curve.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
        _ => return None,
    };
    let common = &jwk.common;
    let has_other_purpose = common.key_algorithm.is_some_and(|named| named != KeyAlgorithm::from(algorithm))
        || common.public_key_use.as_ref().is_some_and(|usage| *usage != PublicKeyUse::Signature)
        || common.key_operations.as_ref().is_some_and(|all| !all.contains(&KeyOperations::Verify));
    if has_other_purpose {
        return None;
    }
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some(Key { id: jwk.common.key_id, algorithm, key: Arc::new(key) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    // RFC 8037, appendix A.2.
    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn set(keys: Value) -> Result<KeySet, KeySetError> {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
    }

    #[test]
    fn keys_for_other_purposes_are_ignored() {
        let good = json!({ "kty": "OKP", "crv": "Ed25519", "x": X, "kid": "good" });
        for (name, value) in [
            ("use", json!("enc")),
            ("alg", json!("ES256")),
            ("alg", json!("HS256")),
            ("alg", json!("made-up")),
            ("key_ops", json!(["encrypt"])),
            ("crv", json!("Ed448")),
            ("kty", json!("post-quantum")),
        ] {
            let mut other = good.clone();
            other[name] = value;
            assert!(matches!(set(json!([other])), Err(KeySetError::Empty)), "{other}");
            assert_eq!(set(json!([other, good])).unwrap().len(), 1, "{other}");
        }
        let symmetric = json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "good" });
        assert!(matches!(set(json!([symmetric])), Err(KeySetError::Empty)));
        for garbage in ["", "{}", "[]", "null", r#"{"keys":1}"#, "<html>"] {
            assert!(matches!(KeySet::parse(garbage.as_bytes()), Err(KeySetError::Malformed(_))), "{garbage}");
        }
    }

    #[test]
    fn a_key_is_found_by_its_id_and_its_algorithm() {
        let keys = set(json!([
            { "kty": "OKP", "crv": "Ed25519", "x": X, "kid": "a", "use": "sig", "alg": "EdDSA" },
            { "kty": "OKP", "crv": "Ed25519", "x": X },
        ]))
        .unwrap();
        assert_eq!(keys.find(Algorithm::EdDSA, Some("a")).len(), 1);
        assert_eq!(keys.find(Algorithm::EdDSA, None).len(), 2);
        assert_eq!(keys.find(Algorithm::EdDSA, Some("b")).len(), 0);
        assert_eq!(keys.find(Algorithm::ES256, Some("a")).len(), 0);
        assert_eq!(keys.find(Algorithm::HS256, None).len(), 0);
    }
}

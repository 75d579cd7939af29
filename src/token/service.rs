//! The text of a service token: its workspace, its id and a random secret.
//!
//! The id finds the stored token by its primary key, and the hash of the text proves the secret.

use std::fmt;

use aws_lc_rs::{constant_time, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::domain::{ServiceTokenId, WorkspaceId};
use crate::random;

/// The start of every service token. Scanners for leaked secrets find tokens by it.
const PREFIX: &str = "sbt_";
const SECRET_BYTES: usize = 32;

/// A service token as a caller presents it, not verified yet.
#[derive(Clone)]
pub struct PresentedToken {
    pub workspace_id: WorkspaceId,
    pub id: ServiceTokenId,
    hash: String,
}

impl fmt::Debug for PresentedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PresentedToken").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The text of a new token, and the hash to store.
pub struct NewToken {
    pub text: String,
    pub hash: String,
}

impl NewToken {
    /// A token with a random secret.
    pub fn generate(workspace_id: WorkspaceId, id: ServiceTokenId) -> Self {
        let secret = random::secret();
        let bytes = [workspace_id.0.as_bytes().as_slice(), id.0.as_bytes(), &secret].concat();
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
        let hash = hash(&text);
        Self { text, hash }
    }
}

impl PresentedToken {
    /// Reads a token; `None` if the text is not a service token.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        let (workspace, rest) = bytes.split_at_checked(16)?;
        let (id, secret) = rest.split_at_checked(16)?;
        if secret.len() != SECRET_BYTES {
            return None;
        }
        Some(Self {
            workspace_id: WorkspaceId(Uuid::from_slice(workspace).ok()?),
            id: ServiceTokenId(Uuid::from_slice(id).ok()?),
            hash: hash(text),
        })
    }

    /// Whether this is the token with the stored hash. The comparison takes constant time.
    pub fn matches(&self, stored: &str) -> bool {
        constant_time::verify_slices_are_equal(self.hash.as_bytes(), stored.as_bytes()).is_ok()
    }
}

fn hash(text: &str) -> String {
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_by_its_ids_and_proved_by_its_hash() {
        let (workspace, id) = (WorkspaceId(Uuid::from_u128(1)), ServiceTokenId(Uuid::from_u128(2)));
        let (one, other) = (NewToken::generate(workspace, id), NewToken::generate(workspace, id));
        let presented = PresentedToken::parse(&one.text).unwrap();
        assert_eq!((presented.workspace_id, presented.id), (workspace, id));
        assert!(presented.matches(&one.hash) && !presented.matches(&other.hash) && !presented.matches(""));
        assert!(!format!("{presented:?}").contains(&one.hash));
        let cut = &one.text[..one.text.len() - 4];
        for text in ["", "sbt_", "sbt_!", cut, &format!("{}AAAA", one.text), &one.text[4..]] {
            assert!(PresentedToken::parse(text).is_none(), "{text}");
        }
    }
}

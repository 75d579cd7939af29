//! Tests of signing and verifying.

use serde_json::Value;

use super::*;

fn agent() -> Caller {
    Caller::agent(WorkspaceId(Uuid::from_u128(1)), AgentId(Uuid::from_u128(2)))
}

fn now() -> Timestamp {
    crate::clock::Clock::system().now()
}

fn signed_by(keys: &Keys) -> String {
    keys.sign(agent(), now(), Duration::from_secs(60)).unwrap()
}

#[tokio::test]
async fn a_signed_token_names_its_caller() {
    let keys = Keys::new(&[7; 32]).unwrap();
    let service = Caller::service(WorkspaceId(Uuid::from_u128(1)));
    for caller in [agent(), service] {
        let token = keys.sign(caller, now(), Duration::from_secs(60)).unwrap();
        assert_eq!(keys.verify(&token).await.unwrap().subject, Subject::Caller(caller));
    }
}

#[tokio::test]
async fn expired_foreign_and_unsigned_tokens_are_rejected() {
    let keys = Keys::new(&[7; 32]).unwrap();
    let expired = keys.sign(agent(), now().plus_micros(-120_000_000), Duration::from_secs(60)).unwrap();
    assert_eq!(keys.verify(&expired).await, Err(TokenError::Expired));
    let foreign = signed_by(&Keys::new(&[8; 32]).unwrap());
    assert_eq!(keys.verify(&foreign).await, Err(TokenError::Invalid));
    let token = signed_by(&keys);
    let body = token.split('.').nth(1).unwrap();
    let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{body}.");
    assert_eq!(keys.verify(&none).await, Err(TokenError::Invalid));
    assert_eq!(Keys::new(&[7; 31]).unwrap_err(), WeakSecret);
    assert_eq!(keys.with_secret(&[7; 31]).unwrap_err(), WeakSecret);
}

#[tokio::test]
async fn a_previous_secret_verifies_and_no_longer_signs() {
    let (old, new) = (Keys::new(&[7; 32]).unwrap(), Keys::new(&[8; 32]).unwrap());
    let both = Keys::new(&[8; 32]).unwrap().with_secret(&[7; 32]).unwrap();
    assert!(both.verify(&signed_by(&old)).await.is_ok());
    assert!(both.verify(&signed_by(&new)).await.is_ok());
    assert!(new.verify(&signed_by(&both)).await.is_ok());
    assert_eq!(old.verify(&signed_by(&both)).await, Err(TokenError::Invalid));
}

#[tokio::test]
async fn audience_and_issuer_are_required_if_they_are_set() {
    let expecting = |audience: Option<&str>, issuer: Option<&str>| {
        Keys::new(&[7; 32])
            .unwrap()
            .expecting(Expected { audience: audience.map(str::to_owned), issuer: issuer.map(str::to_owned) })
    };
    let keys = expecting(Some("switchboard"), Some("https://id.example"));
    assert!(keys.verify(&signed_by(&keys)).await.is_ok());
    for other in [
        expecting(None, None),
        expecting(Some("switchboard"), None),
        expecting(None, Some("https://id.example")),
        expecting(Some("another"), Some("https://id.example")),
        expecting(Some("switchboard"), Some("https://id.example.evil")),
    ] {
        assert_eq!(keys.verify(&signed_by(&other)).await, Err(TokenError::Invalid), "{:?}", other.expected);
    }
    assert!(expecting(None, None).verify(&signed_by(&keys)).await.is_ok());
}

#[tokio::test]
async fn without_a_secret_nothing_is_signed_and_hs256_is_refused() {
    let keys = Keys::default();
    assert_eq!(keys.sign(agent(), now(), Duration::from_secs(60)), Err(TokenError::NoSecret));
    let token = signed_by(&Keys::new(&[7; 32]).unwrap());
    assert_eq!(keys.verify(&token).await, Err(TokenError::Invalid));
}

#[test]
fn an_identity_provider_names_agents_by_verified_addresses() {
    let workspace = Uuid::from_u128(1);
    let read = |claims: Value| {
        let mut claims = claims;
        claims["workspace"] = workspace.to_string().into();
        claims["exp"] = 1.into();
        serde_json::from_value::<Claims>(claims).unwrap()
    };
    let id = Uuid::from_u128(2).to_string();
    let by_email = Some(Subject::Email { workspace_id: WorkspaceId(workspace), email: "a@b".to_owned() });
    let by_id = Some(Subject::Caller(agent()));
    for (claims, provider, own) in [
        (serde_json::json!({ "sub": id, "kind": "agent" }), by_id.clone(), by_id.clone()),
        (serde_json::json!({ "sub": id }), by_id.clone(), None),
        (serde_json::json!({ "sub": "auth0|7" }), None, None),
        (serde_json::json!({ "sub": "auth0|7", "email": "a@b" }), None, None),
        (serde_json::json!({ "email": "a@b", "email_verified": false }), None, None),
        (serde_json::json!({ "email": "a@b", "email_verified": "true" }), None, None),
        (
            serde_json::json!({ "sub": "auth0|7", "email": "a@b", "email_verified": true }),
            by_email.clone(),
            None,
        ),
        (
            serde_json::json!({ "sub": id, "email": "a@b", "email_verified": true, "kind": "agent" }),
            by_email,
            by_id,
        ),
    ] {
        assert_eq!(read(claims.clone()).own_subject(), own, "{claims}");
        assert_eq!(read(claims.clone()).provider_subject(), provider, "{claims}");
    }
}

//! Signing keys: rotated secrets, the key set of an identity provider, and invalid tokens and key sets.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use switchboard::clock::Clock;
use switchboard::config::{Secret, TokenSettings};
use switchboard::token::jwks::{JwksSettings, JwksSource};
use switchboard::token::{Caller, Expected};

use crate::support::app::{App, SECRET};
use crate::support::documents::USER_ERRORS;
use crate::support::eventually;
use crate::support::identity_provider::{Answer, Host, Key, key_set};
use crate::support::outcome::text;
use crate::support::socket::{Item, Socket};
use crate::support::world::World;

const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];
const OTHER_SECRET: &str = "another secret for tests, as long as that";

fn now() -> i64 {
    Clock::system().now().as_micros() / 1_000_000
}

/// The claims of a provider that identifies the rep by their address.
fn claims(world: &World) -> Value {
    json!({
        "sub": "auth0|5f7c8ec7c33c6c004bbafe82", "workspace": world.id.0, "exp": now() + 3_600,
        "email": "ravi.shah@example.test", "email_verified": true, "name": "Ravi Shah",
        "aud": ["switchboard", "another"], "iss": "https://id.example/",
    })
}

/// The claims of a provider that identifies the rep by their id.
fn claims_by_id(world: &World) -> Value {
    json!({ "sub": world.rep.agent_id.0, "workspace": world.id.0, "exp": now() + 3_600, "aud": "switchboard" })
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

fn without(mut claims: Value, name: &str) -> Value {
    claims.as_object_mut().expect("an object").remove(name);
    claims
}

/// A server that only accepts tokens of the provider.
async fn trusting(world: &World, jwks: JwksSettings) -> App {
    let expected = Expected { audience: Some("switchboard".into()), issuer: None };
    let tokens = TokenSettings { jwks: Some(jwks), expected, ..TokenSettings::default() };
    world.app.sibling_with(|settings| settings.tokens = tokens).await
}

fn eager(host: &Host) -> JwksSettings {
    JwksSettings { cooldown: Duration::ZERO, ..host.settings() }
}

/// The status and the error code of a request with this token over HTTP; 200 and the agent's id if it is valid.
async fn over_http(server: &App, token: &str) -> (u16, String) {
    let answer = server.client(token.to_owned()).query("{ viewer { id } }", json!({})).await;
    let code = match answer.status {
        200 => text(&answer.body["data"]["viewer"]["id"]).to_owned(),
        _ => answer.error_code().to_owned(),
    };
    (answer.status, code)
}

async fn assert_accepted(world: &World, server: &App, token: &str) {
    assert_eq!(over_http(server, token).await, (200, world.rep.id.clone()));
    let socket = Socket::open(&server.client(token.to_owned())).await;
    assert_eq!(socket.subscribe("{ viewer { id } }", json!({})).next().await["id"], world.rep.id.as_str());
}

async fn assert_rejected(server: &App, token: &str, why: &str) {
    assert_eq!(over_http(server, token).await, (401, "UNAUTHENTICATED".to_owned()), "{why}");
    let refused = Socket::try_open(&server.client(token.to_owned())).await;
    assert_eq!(refused.err(), Some(Item::Closed(Some(4403))), "{why}");
}

/// Gives the rep a known e-mail address. The agents of a test world have generated ones.
async fn give_the_rep_an_address(world: &World) {
    let mut connection = world.app.sql_connection().await;
    connection.run("UPDATE agents SET email = 'ravi.shah@example.test' WHERE name = 'Ravi Shah'").await;
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// `token` with another header.
fn relabelled(token: &str, header: &Value) -> String {
    let (_, rest) = token.split_once('.').expect("a token");
    format!("{}.{rest}", base64(header.to_string()))
}

on_both! {
    async fn a_provider_signs_by_any_of_three_algorithms_and_names_agents_by_address_or_id(world: World) {
        give_the_rep_an_address(world).await;
        let keys = ALGORITHMS.map(|algorithm| Key::new(algorithm, &format!("{algorithm:?}")));
        let host = Host::publishing(&keys.each_ref()).await;
        let server = trusting(world, host.settings()).await;
        for key in &keys {
            assert_accepted(world, &server, &key.sign(&claims(world))).await;
            assert_accepted(world, &server, &key.sign(&with(claims(world), "email", json!("Ravi.Shah@Example.test")))).await;
            assert_accepted(world, &server, &key.sign(&claims_by_id(world))).await;
            let service = json!({ "workspace": world.id.0, "kind": "service", "exp": now() + 60, "aud": "switchboard" });
            let service = server.client(key.sign(&service)).query("{ workspace { id } }", json!({})).await;
            assert_eq!(service.status, 200, "{service}");
        }
        assert_eq!(host.requests(), 1);
        server.stop().await;
    }

    async fn forged_swapped_and_unsigned_tokens_are_refused(world: World) {
        give_the_rep_an_address(world).await;
        let keys = ALGORITHMS.map(|algorithm| Key::new(algorithm, &format!("{algorithm:?}")));
        let host = Host::publishing(&keys.each_ref()).await;
        let server = trusting(world, host.settings()).await;
        let (claims, by_id) = (claims(world), claims_by_id(world));
        for key in &keys {
            assert_accepted(world, &server, &key.sign(&claims)).await;
            let good = key.sign(&claims);
            assert_rejected(&server, &relabelled(&good, &json!({ "alg": "none" })), "none").await;
            assert_rejected(&server, &relabelled(&good, &json!({ "alg": "None", "kid": key.id })), "None").await;
            for (name, value) in [("crit", json!(["exp"])), ("crit", json!(["b64"])), ("typ", json!("logout+jwt"))] {
                assert_rejected(&server, &key.sign_with(&claims, &[(name, value)]), name).await;
            }
            let typ = json!("at+jwt");
            assert_accepted(world, &server, &key.sign_with(&claims, &[("typ", typ)])).await;
            let (head, _) = good.rsplit_once('.').expect("a token");
            assert_rejected(&server, &format!("{head}."), "no signature").await;
            // An attacker uses the public key, in each of its encodings, as an HMAC secret.
            let public = key.public();
            let spellings = [public.to_string(), text(public.get("n").or(public.get("x")).expect("a half")).to_owned()];
            for secret in spellings {
                let header = Header { kid: Some(key.id.clone()), ..Header::new(Algorithm::HS256) };
                let forged = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret.as_bytes()));
                assert_rejected(&server, &forged.expect("signs"), "HS256 by the public key").await;
            }
            // Another algorithm with this key's id, and another key with this key's id.
            for other in &keys {
                if other.algorithm != key.algorithm {
                    let named = other.named(&key.id);
                    assert_rejected(&server, &named.sign(&claims), "swapped").await;
                    let header = json!({ "alg": format!("{:?}", key.algorithm), "kid": key.id });
                    assert_rejected(&server, &relabelled(&other.sign(&claims), &header), "relabelled").await;
                }
            }
            if key.algorithm != Algorithm::RS256 {
                assert_rejected(&server, &Key::new(key.algorithm, &key.id).sign(&claims), "a stranger's key").await;
                assert_rejected(&server, &Key::new(key.algorithm, "new").sign(&claims), "an unknown key").await;
            }
            for (why, claims) in [
                ("expired", with(claims.clone(), "exp", json!(now() - 120))),
                ("no expiry", without(claims.clone(), "exp")),
                ("another audience", with(claims.clone(), "aud", json!("some-other-app"))),
                ("no audience", without(claims.clone(), "aud")),
                ("valid for a hundred years", with(claims.clone(), "exp", json!(now() + 3_153_600_000_i64))),
                ("not yet", with(claims.clone(), "nbf", json!(now() + 3_600))),
                ("not verified", with(claims.clone(), "email_verified", json!(false))),
                ("verification not stated", without(claims.clone(), "email_verified")),
                ("an unknown address", with(claims.clone(), "email", json!("nobody@example.test"))),
                ("no address at all", with(claims.clone(), "email", json!("%"))),
                ("another workspace", with(claims.clone(), "workspace", json!(uuid::Uuid::new_v4()))),
                ("no workspace", without(claims.clone(), "workspace")),
                ("another's id", with(by_id.clone(), "sub", json!(uuid::Uuid::new_v4()))),
                ("no id", without(by_id.clone(), "sub")),
            ] {
                assert_rejected(&server, &key.sign(&claims), why).await;
            }
        }
        // This server has no secret, so it rejects tokens that another server has signed.
        assert_rejected(&server, text(&json!(world.app.token(Caller::agent(world.id, world.rep.agent_id)))), "a secret that was never set").await;
        world.deactivate(&world.rep).await.changed();
        assert_rejected(&server, &keys[1].sign(&claims), "deactivated").await;
        server.stop().await;
    }

    async fn audience_and_issuer_are_checked_when_they_are_set(world: World) {
        give_the_rep_an_address(world).await;
        let key = Key::new(Algorithm::ES256, "one");
        let host = Host::publishing(&[&key]).await;
        let expected =
            Expected { audience: Some("switchboard".into()), issuer: Some("https://id.example/".into()) };
        let tokens = TokenSettings { jwks: Some(host.settings()), expected, ..TokenSettings::default() };
        let server = world.app.sibling_with(|settings| settings.tokens = tokens).await;
        let claims = claims(world);
        assert_accepted(world, &server, &key.sign(&claims)).await;
        for (why, claims) in [
            ("another audience", with(claims.clone(), "aud", json!("another"))),
            ("no audience", without(claims.clone(), "aud")),
            ("another issuer", with(claims.clone(), "iss", json!("https://id.example"))),
            ("no issuer", without(claims.clone(), "iss")),
        ] {
            assert_rejected(&server, &key.sign(&claims), why).await;
        }
        server.stop().await;
    }

    async fn a_provider_rotates_its_keys_while_the_server_runs(world: World) {
        let (old, new) = (Key::new(Algorithm::EdDSA, "old"), Key::new(Algorithm::ES256, "new"));
        let claims = claims_by_id(world);
        let host = Host::publishing(&[&old]).await;
        let server = trusting(world, eager(&host)).await;
        assert_accepted(world, &server, &old.sign(&claims)).await;
        host.publish(&[&old, &new]);
        assert_accepted(world, &server, &new.sign(&claims)).await;
        assert_accepted(world, &server, &old.sign(&claims)).await;
        assert_eq!(host.requests(), 2, "tokens with known keys do not read the set again");
        // An old set is read again in the background, and a withdrawn key is then rejected.
        let ageing = trusting(world, JwksSettings { max_age: Duration::ZERO, ..eager(&host) }).await;
        assert_accepted(world, &ageing, &old.sign(&claims)).await;
        host.publish(&[&new]);
        let token = old.sign(&claims);
        eventually("the withdrawn key is refused", async || {
            (over_http(&ageing, &token).await.0 == 401).then_some(())
        })
        .await;
        assert_accepted(world, &ageing, &new.sign(&claims)).await;
        server.stop().await;
        ageing.stop().await;
    }

    async fn unknown_keys_cause_one_read_of_the_set_per_cooldown(world: World) {
        let (key, unknown) = (Key::new(Algorithm::EdDSA, "known"), Key::new(Algorithm::EdDSA, "unknown"));
        let claims = claims_by_id(world);
        let host = Host::publishing(&[&key]).await;
        let patient = JwksSettings { cooldown: Duration::from_secs(3_600), ..host.settings() };
        let server = trusting(world, patient).await;
        let token = unknown.sign(&claims);
        let flood = (0..50).map(|_| over_http(&server, &token));
        for answer in futures_util::future::join_all(flood).await {
            assert_eq!(answer.0, 401);
        }
        assert_eq!(host.requests(), 1, "only at the start");
        assert_accepted(world, &server, &key.sign(&claims)).await;
        server.stop().await;
    }

    async fn the_old_keys_stay_in_use_whatever_the_provider_answers(world: World) {
        let (key, unknown) = (Key::new(Algorithm::EdDSA, "known"), Key::new(Algorithm::EdDSA, "unknown"));
        let claims = claims_by_id(world);
        let host = Host::publishing(&[&key]).await;
        let hasty = JwksSettings { timeout: Duration::from_millis(300), ..eager(&host) };
        let server = trusting(world, hasty).await;
        let huge = key_set(&[&key, &unknown]).to_string() + &" ".repeat(10_000_000);
        for (why, answer) in [
            ("a fault", Answer::Fault),
            ("garbage", Answer::Text("<html>not found</html>".into())),
            ("no keys", Answer::Text(r#"{"keys":[]}"#.into())),
            ("too long", Answer::Text(huge)),
            ("too slow", Answer::Silence),
        ] {
            host.answer(answer);
            let before = host.requests();
            assert_rejected(&server, &unknown.sign(&claims), why).await;
            assert!(host.requests() > before, "{why}: the set was not requested");
            assert_accepted(world, &server, &key.sign(&claims)).await;
        }
        host.publish(&[&key, &unknown]);
        assert_accepted(world, &server, &unknown.sign(&claims)).await;
        drop(host);
        assert_accepted(world, &server, &key.sign(&claims)).await;
        server.stop().await;
    }

    async fn a_provider_that_is_unreachable_at_the_start_is_asked_again(world: World) {
        let key = Key::new(Algorithm::EdDSA, "one");
        let token = key.sign(&claims_by_id(world));
        let host = Host::publishing(&[]).await;
        host.answer(Answer::Fault);
        let server = trusting(world, eager(&host)).await;
        assert_eq!(over_http(&server, &token).await, (503, "UNAVAILABLE".to_owned()));
        let refused = Socket::try_open(&server.client(token.clone())).await;
        assert_eq!(refused.err(), Some(Item::Closed(Some(1013))), "the client should try again");
        host.publish(&[&key]);
        assert_accepted(world, &server, &token).await;
        server.stop().await;
    }

    async fn a_key_set_in_a_file_rotates_too(world: World) {
        let (old, new) = (Key::new(Algorithm::EdDSA, "old"), Key::new(Algorithm::EdDSA, "new"));
        let claims = claims_by_id(world);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.json");
        std::fs::write(&path, key_set(&[&old]).to_string()).expect("writes");
        let source = JwksSource::File(path.clone());
        let settings = JwksSettings { cooldown: Duration::ZERO, ..JwksSettings::new(source) };
        let server = trusting(world, settings).await;
        assert_accepted(world, &server, &old.sign(&claims)).await;
        std::fs::write(&path, key_set(&[&new]).to_string()).expect("writes");
        assert_accepted(world, &server, &new.sign(&claims)).await;
        assert_rejected(&server, &old.sign(&claims), "gone from the file").await;
        server.stop().await;
    }

    async fn a_server_without_a_secret_issues_no_tokens(world: World) {
        let key = Key::new(Algorithm::EdDSA, "one");
        let host = Host::publishing(&[&key]).await;
        let server = trusting(world, host.settings()).await;
        let manager = with(claims_by_id(world), "sub", json!(world.manager.agent_id.0));
        let manager = server.client(key.sign(&manager));
        let input = json!({ "agentId": world.rep.id });
        let refused = manager.mutate("issueAgentToken", input, &format!("token {USER_ERRORS}")).await;
        refused.refused("NOT_ALLOWED");
        assert!(refused.value["token"].is_null());
        server.stop().await;
    }

    async fn a_secret_rotates_without_signing_out_anyone(world: World) {
        let tokens = TokenSettings {
            secret: Some(Secret::new(OTHER_SECRET)),
            previous_secret: Some(Secret::new(SECRET)),
            ..TokenSettings::default()
        };
        let rotated = world.app.sibling_with(|settings| settings.tokens = tokens.clone()).await;
        let old = world.rep.client.authorization().expect("signed in");
        let old = old.strip_prefix("Bearer ").expect("a token");
        assert_accepted(world, &rotated, old).await;
        let input = json!({ "agentId": world.rep.id });
        let manager = world.manager.at(rotated.address()).client;
        let issued = manager.mutate("issueAgentToken", input, &format!("token {USER_ERRORS}")).await.ok();
        let new = text(&issued.value["token"]).to_owned();
        assert_accepted(world, &rotated, &new).await;
        assert_rejected(&world.app, &new, "signed with a secret that this server does not have yet").await;
        let settled = TokenSettings { previous_secret: None, ..tokens };
        let settled = world.app.sibling_with(|settings| settings.tokens = settled).await;
        assert_accepted(world, &settled, &new).await;
        assert_rejected(&settled, old, "signed with the previous secret").await;
        rotated.stop().await;
        settled.stop().await;
    }
}

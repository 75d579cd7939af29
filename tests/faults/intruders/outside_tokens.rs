//! Tokens of an identity provider that were not meant for this server, or name somebody else.

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use switchboard::clock::Clock;
use switchboard::config::TokenSettings;
use switchboard::server::{StartError, open_services};
use switchboard::token::Expected;

use crate::support::app::{App, settings};
use crate::support::identity_provider::{Host, Key};
use crate::support::world::World;

/// Seconds since the Unix epoch.
fn now() -> i64 {
    Clock::system().now().as_micros() / 1_000_000
}

/// The status of a query with this token.
async fn status(server: &App, token: String) -> u16 {
    server.client(token).query("{ viewer { id } }", json!({})).await.status
}

on_both! {
    async fn a_token_of_the_provider_for_another_program_never_signs_in(world: World) {
        let key = Key::new(Algorithm::EdDSA, "one");
        let host = Host::publishing(&[&key]).await;
        let audience = |audience: Option<&str>| TokenSettings {
            jwks: Some(host.settings()),
            expected: Expected { audience: audience.map(str::to_owned), issuer: None },
            ..TokenSettings::default()
        };
        let mut config = settings(world.app.database_url());
        config.tokens = audience(None);
        assert!(matches!(open_services(&config).await, Err(StartError::NoAudience)), "an audience is required");
        let server = world.app.sibling_with(|settings| settings.tokens = audience(Some("switchboard"))).await;
        let claims = |aud: Value| {
            json!({ "sub": world.rep.agent_id.0, "workspace": world.id.0, "exp": now() + 60, "aud": aud })
        };
        assert_eq!(status(&server, key.sign(&claims(json!("switchboard")))).await, 200);
        assert_eq!(status(&server, key.sign(&claims(json!("some-other-app")))).await, 401);
        assert_eq!(status(&server, key.sign(&claims(json!([])))).await, 401);
        server.stop().await;
    }

    async fn addresses_that_only_look_alike_name_different_agents(world: World) {
        let mut connection = world.app.sql_connection().await;
        connection.run("UPDATE agents SET email = 'kim@example.test' WHERE role = 'MANAGER'").await;
        let key = Key::new(Algorithm::EdDSA, "one");
        let host = Host::publishing(&[&key]).await;
        let tokens = TokenSettings {
            jwks: Some(host.settings()),
            expected: Expected { audience: Some("switchboard".to_owned()), issuer: None },
            ..TokenSettings::default()
        };
        let server = world.app.sibling_with(|settings| settings.tokens = tokens).await;
        let sign = |email: &str, seconds: i64| {
            key.sign(&json!({
                "sub": "auth0|1", "email": email, "email_verified": true, "workspace": world.id.0,
                "exp": now() + seconds, "aud": "switchboard",
            }))
        };
        for email in ["kim@example.test", "KIM@Example.Test"] {
            assert_eq!(status(&server, sign(email, 60)).await, 200, "{email}");
        }
        // The Kelvin sign becomes a k in lower case.
        for email in ["\u{212A}im@example.test", "\u{212A}IM@EXAMPLE.TEST", "k\u{131}m@example.test"] {
            assert_eq!(status(&server, sign(email, 60)).await, 401, "{email}");
        }
        // A token for a hundred years cannot be taken back in time. A day is the default maximum.
        assert_eq!(status(&server, sign("kim@example.test", 86_000)).await, 200);
        assert_eq!(status(&server, sign("kim@example.test", 90_000)).await, 401);
        assert_eq!(status(&server, sign("kim@example.test", 3_153_600_000)).await, 401);
        server.stop().await;
    }
}

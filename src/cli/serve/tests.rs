use clap::{Command, FromArgMatches};

use switchboard::graphql;
use switchboard::store::Timeouts;

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// The configuration of `serve` with `args`, ignoring the environment variables of the test.
fn config(args: &[&str]) -> anyhow::Result<ServerConfig> {
    let command = ServeArgs::augment_args(Command::new("serve")).mut_args(|arg| arg.env(None));
    let args = ["serve", "--database", "sqlite:nowhere.sqlite"].iter().chain(args);
    ServeArgs::from_arg_matches(&command.try_get_matches_from(args)?)?.config()
}

#[test]
fn missing_flags_have_the_defaults() {
    let config = config(&["--token-secret", SECRET]).unwrap();
    assert!(config.transport.trusted_documents.len() > 20, "those of the pages");
    let introspection = Introspection::Off;
    let mut given = TransportSettings { introspection, ..TransportSettings::default() };
    // The order of the set differs from one to the other.
    given.trusted_documents = config.transport.trusted_documents.clone();
    assert_eq!(format!("{:?}", config.transport), format!("{given:?}"));
    assert_eq!(config.timeouts, Timeouts::default());
    assert_eq!(config.operations, graphql::Limits::default());
    assert!(matches!(config.graphiql, Graphiql::Off));
    assert!(config.twilio.is_none());
}

#[test]
fn the_inbox_is_served_without_identities_unless_it_is_turned_off() {
    let served = config(&["--token-secret", SECRET]).unwrap().inbox;
    assert!(matches!(served, Inbox::On { identities } if identities.is_empty()));
    let refused = config(&["--token-secret", SECRET, "--no-inbox"]).unwrap().inbox;
    assert!(matches!(refused, Inbox::Off));
}

#[test]
fn origins_are_repeated_or_separated_by_commas() {
    let origins =
        ["--allowed-origin", "https://a.example,https://b.example", "--allowed-origin", "https://c.example"];
    let config = config(&[&["--token-secret", SECRET], &origins[..]].concat()).unwrap();
    assert_eq!(
        config.transport.allowed_origins,
        ["https://a.example", "https://b.example", "https://c.example"]
    );
}

#[test]
fn a_missing_or_short_secret_is_refused() {
    assert!(config(&[]).unwrap_err().to_string().contains("SWITCHBOARD_TOKEN_SECRET"));
    assert!(config(&["--token-secret", "short"]).unwrap_err().to_string().contains("32"));
}

#[test]
fn tokens_are_verified_with_secrets_or_a_key_set_or_both() {
    let tokens = |args: &[&str]| config(args).map(|config| config.tokens);
    let outside =
        tokens(&["--jwks", "keys.json", "--token-audience", "us", "--token-issuer", "them"]).unwrap();
    assert!(outside.secret.is_none() && outside.jwks.is_some());
    assert_eq!(outside.expected.audience.as_deref(), Some("us"));
    assert_eq!(outside.expected.issuer.as_deref(), Some("them"));
    let both =
        tokens(&["--jwks", "https://id.example/keys", "--token-secret", SECRET, "--token-audience", "us"])
            .unwrap();
    assert!(both.secret.is_some() && both.jwks.is_some());
    let rotated = tokens(&["--token-secret", SECRET, "--previous-token-secret", SECRET]).unwrap();
    assert!(rotated.secret.is_some() && rotated.previous_secret.is_some());
    for bad in [
        &["--jwks", "http://id.example/keys"][..],
        &["--jwks", "keys.json"],
        &["--jwks", "keys.json", "--token-audience", "us", "--token-secret", "short"],
        &["--previous-token-secret", SECRET],
        &["--token-secret", SECRET, "--previous-token-secret", "short"],
    ] {
        assert!(tokens(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn the_webhook_needs_both_its_settings() {
    let auth = ["--token-secret", SECRET, "--twilio-auth-token", SECRET];
    assert!(config(&auth).is_err());
    let both = [&auth[..], &["--public-url", "https://sms.example"]].concat();
    assert!(config(&both).unwrap().twilio.is_some());
    let mistyped =
        ["--token-secret", SECRET, "--twilio-auth-token", "hunter2", "--public-url", "https://a.b"];
    let refused = config(&mistyped).unwrap_err().to_string();
    assert!(refused.contains("hexadecimal") && !refused.contains("hunter2"), "{refused}");
}

#[test]
fn a_secret_in_a_file_is_read_without_its_line_break_and_excludes_the_secret_itself() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (secret, empty) = (file("secret", &format!("{SECRET}\n")), file("empty", "\n"));
    let read = config(&["--token-secret-file", &secret, "--previous-token-secret-file", &secret]).unwrap();
    assert_eq!(read.tokens.secret, Some(Secret::new(SECRET)));
    assert_eq!(read.tokens.previous_secret, Some(Secret::new(SECRET)));
    let webhook = ["--twilio-auth-token-file", &secret, "--public-url", "https://a.b"];
    assert!(config(&[&["--token-secret", SECRET], &webhook[..]].concat()).unwrap().twilio.is_some());
    assert!(config(&["--token-secret-file", &secret, "--token-secret", SECRET]).is_err());
    assert!(config(&["--token-secret-file", &empty]).is_err());
    assert!(config(&["--token-secret-file", "/nowhere/at/all"]).is_err());
    let bus = file("bus", "kafka://user:hunter2@127.0.0.1");
    let refused = config(&["--token-secret", SECRET, "--wakeups-file", &bus]).unwrap_err().to_string();
    assert!(!refused.contains("hunter2"), "{refused}");
}

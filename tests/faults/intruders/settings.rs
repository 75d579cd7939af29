//! Settings that would open the server by accident: empty ones, and ones of the wrong shape.

use std::path::Path;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;

use crate::support::app::{SECRET, TWILIO_PATH, TWILIO_PUBLIC_URL, TWILIO_TOKEN};
use crate::support::database::{Database, TestDatabase};
use crate::support::fault::process::{Options, Process, output_of};

/// Every setting of `serve`, as flag and variable, from the document that the program prints.
async fn all_settings(folder: &Path) -> Vec<(String, String)> {
    let printed = output_of(folder, &["settings"], &[]).await;
    let document = String::from_utf8(printed.stdout).expect("UTF-8");
    let name = |cell: &str| cell.trim().trim_matches('`').to_owned();
    let rows = document.lines().filter(|line| line.starts_with("| `--"));
    let settings: Vec<_> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split('|').collect();
            (name(cells[1]), name(cells[2]))
        })
        .collect();
    assert!(settings.len() > 50, "{settings:?}");
    settings
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// An inbound message whose signature anybody can make if the auth token is empty.
async fn forge(process: &Process) -> u16 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"");
    let signed = format!("{TWILIO_PUBLIC_URL}{TWILIO_PATH}BodyHiFrom+14155550123MessageSidSM1To+12125550100");
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let answer = client
        .post(process.url(TWILIO_PATH))
        .header("X-Twilio-Signature", STANDARD.encode(hmac::sign(&key, signed.as_bytes())))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body("MessageSid=SM1&From=%2B14155550123&To=%2B12125550100&Body=Hi")
        .send()
        .await;
    answer.expect("the server answers").status().as_u16()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_empty_variable_counts_as_not_set() {
    let store = TestDatabase::create(Database::Sqlite).await.expect("a file");
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = Options::default();
    for (_, variable) in all_settings(folder.path()).await {
        // Without these two the program would use another database, and could not sign tokens.
        if !matches!(variable.as_str(), "SWITCHBOARD_DATABASE" | "SWITCHBOARD_TOKEN_SECRET") {
            options = options.environment(&variable, "");
        }
    }
    let process = Process::start_with(&store.url, options).await;
    assert_eq!(forge(&process).await, 404, "the webhook is off");
    let log = process.log();
    for open in
        ["\"webhook\":\"off\"", "\"introspection\":\"off\"", "\"tokens\":\"secret\"", "\"origins\":\"own\""]
    {
        assert!(log.contains(open), "{open}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_twilio_token_alone_does_not_turn_the_webhook_on() {
    let store = TestDatabase::create(Database::Sqlite).await.expect("a file");
    let options = Options::default().set("TWILIO_AUTH_TOKEN", "").set("PUBLIC_URL", TWILIO_PUBLIC_URL);
    let process = Process::start_with(&store.url, options).await;
    assert_eq!(forge(&process).await, 404);
    // With a token the webhook is on, and the same signature is refused.
    let options = Options::default().set("TWILIO_AUTH_TOKEN", TWILIO_TOKEN);
    let process = Process::start_with(&store.url, options).await;
    assert_eq!(forge(&process).await, 403);
    assert!(process.log().contains("\"webhook\":\"on, for signatures of https://sms.example.test\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_database_or_secret_is_not_set_either() {
    let folder = tempfile::tempdir().expect("a folder");
    let checked = output_of(folder.path(), &["check"], &[("SWITCHBOARD_DATABASE", "")]).await;
    assert!(text(&checked.stderr).contains("no database at switchboard.sqlite"), "{}", text(&checked.stderr));
    let served = output_of(folder.path(), &["serve"], &[("SWITCHBOARD_TOKEN_SECRET", "")]).await;
    assert!(text(&served.stderr).contains("set SWITCHBOARD_TOKEN_SECRET"), "{}", text(&served.stderr));
    assert_eq!((checked.status.code(), served.status.code()), (Some(1), Some(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_empty_flag_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = all_settings(folder.path()).await;
    let answers = futures_util::stream::iter(settings).map(async |(flag, _)| {
        let empty = format!("{flag}=");
        let mut arguments = vec!["serve", &empty];
        if flag.starts_with("--twilio") {
            arguments.extend(["--public-url", TWILIO_PUBLIC_URL]);
        }
        (output_of(folder.path(), &arguments, &[]).await, flag)
    });
    let answers: Vec<_> = answers.buffer_unordered(4).collect().await;
    for (answer, flag) in answers {
        let message = text(&answer.stderr);
        assert_eq!(answer.status.code(), Some(2), "{flag}: {message}");
        assert!(message.contains(&flag), "{flag}: {message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_of_the_wrong_shape_is_refused_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = ("SWITCHBOARD_PUBLIC_URL", TWILIO_PUBLIC_URL);
    let twilio = "SWITCHBOARD_TWILIO_AUTH_TOKEN";
    for (variables, reason) in [
        (vec![("SWITCHBOARD_ALLOWED_ORIGIN", "*")], "must be an origin"),
        (vec![("SWITCHBOARD_ALLOWED_ORIGIN", "https://*.example.com")], "must be an origin"),
        (vec![("SWITCHBOARD_ALLOWED_ORIGIN", "app.example.com")], "must be an origin"),
        (vec![("SWITCHBOARD_ALLOWED_ORIGIN", "https://a.example,")], "must be an origin"),
        (vec![("SWITCHBOARD_PUBLIC_URL", "http://sms.example.com")], "must be an https:// URL"),
        (vec![("SWITCHBOARD_PUBLIC_URL", "sms.example.com")], "must be an https:// URL"),
        (vec![(twilio, "hunter2"), url], "32 hexadecimal digits"),
        (vec![(twilio, " "), url], "32 hexadecimal digits"),
        (vec![(twilio, TWILIO_TOKEN)], "--public-url"),
        (vec![("SWITCHBOARD_JWKS", "https://id.example/keys")], "audience"),
        (vec![("SWITCHBOARD_TOKEN_SECRET", "short")], "at least 32"),
    ] {
        let variables = [&[("SWITCHBOARD_TOKEN_SECRET", SECRET)], variables.as_slice()].concat();
        let answer = output_of(folder.path(), &["serve"], &variables).await;
        let message = text(&answer.stderr);
        assert!(matches!(answer.status.code(), Some(1 | 2)), "{variables:?}: {message}");
        assert!(message.contains(reason) && !message.contains("panicked"), "{variables:?}: {message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}

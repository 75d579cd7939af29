//! Compares the documented default of each limit with the command line and with `docs/settings.md`.

use clap::{Arg, Command};

use super::*;
use crate::cli::settings::default_of;

/// Each documented limit: its flag, and its default as `docs/settings.md` writes it.
const PROMISED: [(&str, &str); 37] = [
    ("body-bytes", "256 KiB"),
    ("query-bytes", "16 KiB"),
    ("nesting", "32"),
    ("tokens", "2,000"),
    ("selections", "1,000"),
    ("depth", "16"),
    ("complexity", "5,000"),
    ("aliases", "30"),
    ("root-fields", "20"),
    ("directives", "50"),
    ("variables-bytes", "64 KiB"),
    ("list-items", "100"),
    ("message-bytes", "64 KiB"),
    ("read-buffer-bytes", "4 KiB"),
    ("write-buffer-bytes", "0"),
    ("init-timeout", "5s"),
    ("ping-interval", "25s"),
    ("pong-timeout", "10s"),
    ("write-deadline", "10s"),
    ("subscriptions-per-socket", "20"),
    ("sockets-per-agent", "10"),
    ("sockets", "20,000"),
    ("client-frames", "1,200"),
    ("client-frames-window", "60s"),
    ("new-sockets-per-second", "200"),
    ("request-timeout", "10s"),
    ("statement-timeout", "5s"),
    ("lock-timeout", "2s"),
    ("points-per-minute", "6,000"),
    // Further limits.
    ("header-timeout", "30s"),
    ("keep-alive", "75s"),
    ("results-per-socket", "20"),
    ("arguments", "30"),
    ("values", "5,000"),
    ("variable-uses", "300"),
    ("introspection-cost", "1,000,000"),
    ("variable-values", "1,000"),
];

fn limits() -> Vec<Arg> {
    LimitArgs::augment_args(Command::new("serve")).get_arguments().cloned().collect()
}

#[test]
fn every_promised_limit_is_a_flag_and_a_variable_with_the_promised_default() {
    let limits = limits();
    for (flag, default) in PROMISED {
        let limit = limits.iter().find(|limit| limit.get_long() == Some(flag));
        let limit = limit.unwrap_or_else(|| panic!("serve has no --{flag}"));
        assert_eq!(default_of(limit), default, "--{flag}");
        let variable = format!("SWITCHBOARD_{}", flag.replace('-', "_").to_uppercase());
        assert_eq!(limit.get_env().and_then(|name| name.to_str()), Some(variable.as_str()));
    }
    assert_eq!(limits.len(), PROMISED.len(), "every limit is documented");
}

#[test]
fn limits_that_are_part_of_the_api_are_as_promised() {
    use switchboard::domain::input;
    use switchboard::graphql::connection;
    use switchboard::service::live::log_tail;
    assert_eq!((connection::DEFAULT_PAGE, connection::MAX_PAGE), (25, 100));
    assert_eq!(
        (input::MAX_BODY_CHARS, input::MAX_NAME_CHARS, input::MAX_SEARCH_CHARS, input::MAX_IDS),
        (1_600, 200, 100, 100)
    );
    assert_eq!(log_tail::BATCH, 300);
}

#[test]
fn each_limit_reaches_its_setting() {
    use clap::FromArgMatches as _;
    let command = LimitArgs::augment_args(Command::new("serve")).mut_args(|arg| arg.env(None));
    let read = |args: &[String]| {
        let matches = command.clone().try_get_matches_from(args).unwrap();
        let limits = LimitArgs::from_arg_matches(&matches).unwrap();
        format!("{:?} {:?} {:?}", limits.transport(), limits.operations(), limits.timeouts())
    };
    let untouched = read(&["serve".to_owned()]);
    for limit in limits() {
        let flag = limit.get_long().unwrap();
        let is_duration = limit.get_default_values()[0].to_str().unwrap().ends_with('s');
        let value = if is_duration { "7s" } else { "7" };
        let moved = read(&["serve".to_owned(), format!("--{flag}={value}")]);
        assert_ne!(moved, untouched, "--{flag} changes nothing");
    }
}

#[test]
fn invalid_limits_are_rejected() {
    let command = LimitArgs::augment_args(Command::new("serve")).mut_args(|arg| arg.env(None));
    for bad in [
        "--nesting=65",
        "--nesting=0",
        "--tokens=0",
        "--sockets=-1",
        "--init-timeout=0s",
        "--client-frames=0",
    ] {
        assert!(command.clone().try_get_matches_from(["serve", bad]).is_err(), "{bad}");
    }
    for good in ["--points-per-minute=0", "--write-buffer-bytes=0", "--nesting=64"] {
        assert!(command.clone().try_get_matches_from(["serve", good]).is_ok(), "{good}");
    }
}

#[test]
fn the_settings_document_lists_every_limit_with_its_promised_default() {
    let document = include_str!("../../../docs/settings.md");
    for (flag, default) in PROMISED {
        let variable = format!("SWITCHBOARD_{}", flag.replace('-', "_").to_uppercase());
        let row = format!("| `--{flag}` | `{variable}` | {default} | ");
        assert!(document.contains(&row), "docs/settings.md does not hold the row that begins with {row}");
    }
}

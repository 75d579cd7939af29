//! `settings`: every setting of `serve`, as the Markdown of `docs/settings.md`.
//!
//! The document is made from clap's definitions, so it cannot differ from the command line. A test compares the
//! committed file with what this module prints.

use clap::{Arg, ArgAction, Command, CommandFactory as _};

use super::{Cli, output};

/// What the document says before its tables.
const INTRODUCTION: &str = "\
# Settings

Every setting is a flag of `switchboard serve` and an environment variable. The flag wins. `switchboard settings`
prints this page; a test compares the two.

A time span is a number with a unit: `500ms`, `10s`, `5m`, `12h`, `7d`. A setting that is on or off is a bare flag on
the command line; its variable takes `true` or `false`. A dash in the column of defaults means that the setting has no
default; without `--log`, a server logs at `info`. [Operations](operations.md) explains how the settings work together.
";

/// The heading of settings that clap lists under no heading.
const GENERAL: &str = "Server";
/// The heading of settings that every command takes.
const GLOBAL: &str = "Logs";

/// Prints the document.
pub fn run() -> std::io::Result<()> {
    output::line(&document().trim_end())
}

/// The whole document.
fn document() -> String {
    let cli = Cli::command();
    let mut sections: Vec<(String, Vec<&Arg>)> = Vec::new();
    let serve = cli.find_subcommand("serve").into_iter().flat_map(Command::get_arguments);
    let of_serve = serve.map(|arg| (arg.get_help_heading().unwrap_or(GENERAL), arg));
    let of_all = cli.get_arguments().filter(|arg| arg.is_global_set()).map(|arg| (GLOBAL, arg));
    for (heading, arg) in of_serve.chain(of_all) {
        match sections.iter_mut().find(|(name, _)| name == heading) {
            Some((_, args)) => args.push(arg),
            None => sections.push((heading.to_owned(), vec![arg])),
        }
    }
    let mut document = INTRODUCTION.to_owned();
    for (heading, args) in sections {
        document +=
            &format!("\n## {heading}\n\n| flag | variable | default | meaning |\n|---|---|---|---|\n");
        document.extend(args.into_iter().map(row));
    }
    document
}

/// One setting as a row of its table.
fn row(arg: &Arg) -> String {
    let flag = arg.get_long().unwrap_or_default();
    let variable = arg.get_env().and_then(|name| name.to_str()).unwrap_or_default();
    let default = default_of(arg);
    let meaning = meaning_of(arg);
    format!("| `--{flag}` | `{variable}` | {default} | {meaning} |\n")
}

/// A setting's default as people write it.
pub fn default_of(arg: &Arg) -> String {
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return "off".to_owned();
    }
    match arg.get_default_values().first().and_then(|value| value.to_str()) {
        Some(default) => grouped(arg.get_long().unwrap_or_default(), default),
        None => "–".to_owned(),
    }
}

/// A number in KiB where it is a whole number of KiB, and with commas between thousands. Other text is unchanged.
fn grouped(flag: &str, default: &str) -> String {
    let Ok(number) = default.parse::<u64>() else { return code_unless_plain(default) };
    if flag.ends_with("-bytes") && number > 0 && number % 1_024 == 0 {
        return format!("{} KiB", number / 1_024);
    }
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Time spans are plain text; addresses, URLs and names are code.
fn code_unless_plain(default: &str) -> String {
    if default.starts_with(|c: char| c.is_ascii_digit()) && !default.contains(':') {
        return default.to_owned();
    }
    format!("`{default}`")
}

/// The help of a setting on one line: its summary, the paragraphs that follow it, and the values it may have.
fn meaning_of(arg: &Arg) -> String {
    let summary = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let long = arg.get_long_help().map(ToString::to_string).unwrap_or_default();
    let mut meaning = summary.clone();
    if let Some(rest) = long.strip_prefix(&summary).map(str::trim).filter(|rest| !rest.is_empty()) {
        meaning += &format!(". {rest}");
    }
    let values = arg.get_possible_values();
    if !values.is_empty() && !matches!(arg.get_action(), ArgAction::SetTrue) {
        let values: Vec<_> = values.iter().map(|value| format!("`{}`", value.get_name())).collect();
        meaning += &format!(": {}", values.join(", "));
    }
    meaning.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_document_is_printed_from_the_command_line() {
        let committed = include_str!("../../docs/settings.md");
        let printed = document();
        for (number, (committed, printed)) in (1..).zip(committed.lines().zip(printed.lines())) {
            assert_eq!(
                committed, printed,
                "docs/settings.md:{number}: print it again with `switchboard settings`"
            );
        }
        assert_eq!(committed.trim_end(), printed.trim_end(), "print it again with `switchboard settings`");
    }

    #[test]
    fn every_setting_of_serve_is_in_the_document() {
        let document = document();
        let cli = Cli::command();
        let serve = cli.find_subcommand("serve").expect("there is a command `serve`");
        for arg in serve.get_arguments().chain(cli.get_arguments()) {
            let flag = arg.get_long().expect("a setting is a flag");
            let variable = arg.get_env().and_then(|name| name.to_str()).expect("a setting is a variable");
            let start = format!("| `--{flag}` | `{variable}` | ");
            assert_eq!(document.matches(&start).count(), 1, "--{flag}");
        }
    }

    #[test]
    fn defaults_read_as_people_write_them() {
        assert_eq!(grouped("body-bytes", "262144"), "256 KiB");
        assert_eq!(grouped("write-buffer-bytes", "0"), "0");
        assert_eq!(grouped("introspection-cost", "1000000"), "1,000,000");
        assert_eq!(grouped("poll-interval", "500ms"), "500ms");
        assert_eq!(grouped("listen", "127.0.0.1:4000"), "`127.0.0.1:4000`");
    }
}

//! Empty settings: an empty environment variable counts as not set, and an empty flag is refused.
//!
//! Compose files, Helm charts and `.env` files set a variable to an empty text when it has no value. Every setting of
//! every command passes through this module, so no setting can take an empty text for a value.

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches};

/// Parses the arguments of this process. Exits with 2 if they are invalid.
pub fn parse<P: CommandFactory + FromArgMatches>() -> P {
    let mut command = without_empty_variables(P::command());
    let matches = command.clone().get_matches();
    if let Some(flag) = empty_flag(&command, &matches) {
        let message = format!("{flag} must not be empty; leave the flag out to use the default");
        command.error(ErrorKind::InvalidValue, message).exit();
    }
    P::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut command).exit())
}

/// The command without its empty variables. Clap has already read the variables, so they are removed from the command
/// and not from the environment.
fn without_empty_variables(command: Command) -> Command {
    let is_empty = |arg: &Arg| {
        let variable = arg.get_env().and_then(std::env::var_os);
        variable.is_some_and(|value| value.is_empty())
    };
    command
        .mut_args(|arg| if is_empty(&arg) { arg.env(None) } else { arg })
        .mut_subcommands(without_empty_variables)
}

/// The first flag with an empty value.
fn empty_flag(command: &Command, matches: &ArgMatches) -> Option<String> {
    let is_empty = |arg: &&Arg| {
        let id = arg.get_id().as_str();
        let given = matches.value_source(id) == Some(ValueSource::CommandLine);
        let values = matches.try_get_raw(id).ok().flatten();
        given && values.is_some_and(|mut values| values.any(|value| value.is_empty()))
    };
    let flag = command.get_arguments().find(is_empty).and_then(Arg::get_long).map(|flag| format!("--{flag}"));
    flag.or_else(|| {
        let (name, matches) = matches.subcommand()?;
        empty_flag(command.find_subcommand(name)?, matches)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty(args: &[&str]) -> Option<String> {
        let origin = Arg::new("origin").long("origin").value_delimiter(',');
        let inner = Command::new("inner").arg(origin).arg(Arg::new("name").long("name").default_value(""));
        let command = Command::new("outer").arg(Arg::new("log").long("log").global(true)).subcommand(inner);
        let matches = command.clone().try_get_matches_from([&["outer"], args].concat()).expect("parses");
        empty_flag(&command, &matches)
    }

    #[test]
    fn an_empty_flag_is_found_in_every_command() {
        assert_eq!(empty(&["inner", "--name", "x"]), None);
        assert_eq!(empty(&["inner"]), None);
        assert_eq!(empty(&["inner", "--name", ""]).as_deref(), Some("--name"));
        assert_eq!(empty(&["inner", "--name="]).as_deref(), Some("--name"));
        assert_eq!(empty(&["--log", "", "inner"]).as_deref(), Some("--log"));
        assert_eq!(empty(&["inner", "--origin", "a,,b"]).as_deref(), Some("--origin"));
    }
}

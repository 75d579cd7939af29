//! Output: lines on stdout and progress bars on stderr.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a spinner is redrawn.
const TICK: Duration = Duration::from_millis(100);

/// Writes a line to stdout and flushes it.
pub fn line(line: &impl Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

/// Whether the error says that the reader of stdout has closed the pipe.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
    io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// A progress bar of `total` steps on stderr, hidden if stderr is not a terminal.
pub fn bar(total: usize, what: &'static str) -> anyhow::Result<ProgressBar> {
    let bar = ProgressBar::with_draw_target(Some(total as u64), target());
    bar.set_style(ProgressStyle::with_template("{msg} {bar:40} {pos}/{len} ({eta})")?);
    bar.set_message(what);
    Ok(bar)
}

/// A spinner on stderr for work of unknown length, hidden if stderr is not a terminal.
pub fn spinner(what: &'static str) -> anyhow::Result<ProgressBar> {
    let bar = ProgressBar::with_draw_target(None, target());
    bar.set_style(ProgressStyle::with_template("{spinner} {msg} ({elapsed})")?);
    bar.set_message(what);
    bar.enable_steady_tick(TICK);
    Ok(bar)
}

fn target() -> ProgressDrawTarget {
    if io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() }
}

//! Printing: results on standard output, notes on standard error, JSON where it is asked for.

mod hints;

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, OnceLock, PoisonError};

use clap::ValueEnum;
use nexus_gateway::api::Problem;
use serde::Serialize;

use crate::args::Global;
use crate::exit::Code;

/// The form of results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For people, with more columns.
    Wide,
    /// One JSON document.
    Json,
    /// One JSON document a line.
    Jsonl,
    /// The bare value, such as the output of a run.
    Value,
    /// Names only.
    Name,
    /// Nothing.
    None,
}

impl Format {
    /// Whether results are JSON.
    pub(crate) fn is_json(self) -> bool {
        matches!(self, Self::Json | Self::Jsonl)
    }
}

/// How to print.
#[derive(Clone, Debug, Default)]
struct Habits {
    format: Option<Format>,
    quiet: bool,
    no_header: bool,
    store_flag: String,
}

static HABITS: OnceLock<Habits> = OnceLock::new();
/// Why standard output did not take a result, once it did not.
static LOST: Mutex<Option<std::io::Error>> = Mutex::new(None);

/// Remembers how to print, once. `store_flag` is what a command needs to mean the same store.
pub(crate) fn configure(global: &Global, store_flag: String) {
    color(global.color).write_global();
    let Global { output: format, quiet, no_header, .. } = *global;
    let _ = HABITS.set(Habits { format, quiet, no_header, store_flag });
}

fn color(choice: clap::ColorChoice) -> anstream::ColorChoice {
    match choice {
        clap::ColorChoice::Auto => anstream::ColorChoice::Auto,
        clap::ColorChoice::Always => anstream::ColorChoice::Always,
        clap::ColorChoice::Never => anstream::ColorChoice::Never,
    }
}

fn habits() -> Habits {
    HABITS.get().cloned().unwrap_or_default()
}

/// The form of results.
pub(crate) fn format() -> Format {
    habits().format.unwrap_or_default()
}

/// Whether tables have heads.
pub(crate) fn has_header() -> bool {
    !habits().no_header
}

/// Whether only errors and results are wanted.
pub(crate) fn is_quiet() -> bool {
    habits().quiet
}

/// Prints a line of the result, unless none is wanted. What is not taken is kept for [`take_lost`].
pub(crate) fn line(text: impl AsRef<str>) {
    if format() == Format::None {
        return;
    }
    let mut out = anstream::stdout().lock();
    note_loss(writeln!(out, "{}", text.as_ref()));
}

/// Prints bytes as they are, unless nothing is wanted.
pub(crate) fn bytes(bytes: &[u8]) {
    if format() != Format::None {
        note_loss(std::io::stdout().lock().write_all(bytes));
    }
}

/// Remembers the first error of standard output. Nobody reading any more is none.
pub(crate) fn note_loss(written: std::io::Result<()>) {
    let Err(error) = written else { return };
    if error.kind() != std::io::ErrorKind::BrokenPipe {
        LOST.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

/// What there is to say if standard output did not take everything that was printed.
pub(crate) fn take_lost() -> Option<Problem> {
    note_loss(std::io::stdout().flush());
    let error = LOST.lock().unwrap_or_else(PoisonError::into_inner).take()?;
    let message = format!("standard output did not take the result: {error}");
    let hint = "what was asked for is done; read it again with a place that has room";
    Some(Problem::new("NX1410", Code::Unreachable as u8, message).hint(hint))
}

/// Prints a note for people, unless they asked for quiet.
pub(crate) fn note(text: impl AsRef<str>) {
    if !is_quiet() {
        let mut err = anstream::stderr().lock();
        let _ = writeln!(err, "{}", text.as_ref());
    }
}

/// Prints what to look at, unless they asked for quiet.
pub(crate) fn warning(text: &str) {
    note(format!("warning: {}", with_store(text)));
}

/// Prints what is wrong, also for those who asked for quiet.
pub(crate) fn complain(text: impl AsRef<str>) {
    let mut err = anstream::stderr().lock();
    let _ = writeln!(err, "{}", text.as_ref());
}

/// Prints a JSON document: indented for `json`, on one line for `jsonl`.
pub(crate) fn json(value: &impl Serialize) {
    let text = match format() {
        Format::Jsonl => serde_json::to_string(value),
        Format::Table
        | Format::Wide
        | Format::Json
        | Format::Value
        | Format::Name
        | Format::None => serde_json::to_string_pretty(value),
    };
    line(text.unwrap_or_default());
}

/// Prints a JSON document on one line.
pub(crate) fn json_line(value: &impl Serialize) {
    line(serde_json::to_string(value).unwrap_or_default());
}

/// Prints a bare value: as text where it is for a person, as JSON elsewhere.
pub(crate) fn value(value: &serde_json::Value) {
    match format() {
        Format::Json => json(value),
        Format::None => {}
        Format::Table | Format::Wide | Format::Jsonl | Format::Value | Format::Name => {
            json_line(value);
        }
    }
}

/// Prints a problem to standard error, in the form that was asked for.
pub(crate) fn problem(problem: &Problem) {
    let mut err = anstream::stderr().lock();
    if format().is_json() {
        let hint = problem.hint.as_ref().map(|hint| with_store(hint));
        let problem = Problem { hint, ..problem.clone() };
        let _ = writeln!(err, "{}", serde_json::to_string(&problem).unwrap_or_default());
        return;
    }
    let place = problem.place.as_ref();
    let place = place
        .map(|at| format!("\n  --> {}:{}:{}", at.file, at.line, at.column))
        .unwrap_or_default();
    let hint = problem.hint.as_ref().map(|hint| with_store(hint));
    let hint = hint.map(|hint| format!("\n  help: {hint}")).unwrap_or_default();
    let red = anstyle_red();
    let _ = writeln!(
        err,
        "{}error[{}]{}: {}{place}{hint}",
        red.0, problem.code, red.1, problem.message
    );
    let _ = writeln!(err, "  more: nexus-engine explain {}", problem.code);
}

/// What a command needs to mean the same store, with a space before it; empty if it needs nothing.
pub(crate) fn store_flag() -> String {
    habits().store_flag
}

/// A text in which every command about a store names the one that was meant.
pub(crate) fn with_store(text: &str) -> String {
    hints::with_flag(text, &habits().store_flag)
}

fn anstyle_red() -> (&'static str, &'static str) {
    ("\u{1b}[1;31m", "\u{1b}[0m")
}

/// Whether standard error is a terminal that understands cursor movements, and the user wants them.
pub(crate) fn stderr_is_terminal() -> bool {
    let has_colors =
        anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    std::io::stderr().is_terminal() && has_colors && std::env::var_os("CI").is_none()
}

/// Sends what the engine's parts say to standard error, as much as was asked for; what foreign libraries say only at the end.
pub(crate) fn install_tracing(verbose: u8, quiet: bool) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("NEXUS_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(wanted(verbose, quiet)));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(stderr_is_terminal());
    let _ = subscriber.try_init();
}

/// Which lines are wanted. The names of our packages all begin with `nexus`.
fn wanted(verbose: u8, quiet: bool) -> &'static str {
    match (quiet, verbose) {
        (true, _) => "error",
        (false, 0) => "error,nexus=warn",
        (false, 1) => "error,nexus=info",
        (false, 2) => "error,nexus=debug",
        (false, _) => "debug",
    }
}

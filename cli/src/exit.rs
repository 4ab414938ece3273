//! How the program ends: exit codes, and what is printed about errors.

mod usage;

use std::any::Any;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use nexus_gateway::api::Problem;

use crate::output;

/// What a command comes to.
pub(crate) type Outcome = Result<Code, Problem>;

/// An exit code with its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Code {
    /// Done; the run completed.
    Done = 0,
    /// The run ended failed.
    Failed = 1,
    /// Wrong usage or an invalid definition; nothing was started.
    Usage = 2,
    /// Not found.
    NotFound = 3,
    /// Conflict.
    Conflict = 5,
    /// Engine or store not reachable.
    Unreachable = 6,
    /// The determinism check failed.
    Differs = 7,
    /// The run is still going.
    StillGoing = 8,
    /// The run was cancelled.
    Cancelled = 9,
    /// The store is damaged or of a newer format.
    Damaged = 10,
    /// A bug.
    Bug = 70,
    /// Interrupted; the run is parked.
    Interrupted = 130,
    /// Terminated; the run is parked.
    Terminated = 143,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// The table of `help exit-codes`.
pub(crate) const TABLE: &[(u8, &str)] = &[
    (0, "done; for run, wait and result: the run completed"),
    (1, "the run ended failed or timed out"),
    (2, "wrong usage or an invalid definition; nothing was started"),
    (3, "not found"),
    (4, "not allowed"),
    (5, "conflict: how the run stands does not allow it, or its id exists with another input"),
    (6, "engine or store not reachable, or standard output full"),
    (7, "determinism check failed: replay found a difference; diff --exit-code: something differs"),
    (8, "the run is still going"),
    (9, "the run was cancelled"),
    (10, "store damaged or of an unknown newer format"),
    (70, "a bug in nexus-engine; a report file is written"),
    (130, "interrupted; the run is parked safely"),
    (143, "terminated; the run is parked safely"),
];

/// Ends after wrong usage, or after help was asked for.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        output::note_loss(error.print());
        return ended(Code::Done as u8);
    }
    if let Some(global) = usage::json_is_wanted(std::env::args_os()) {
        output::configure(&global, String::new());
        output::problem(&usage::problem(error));
    } else {
        let _ = error.print();
    }
    Code::Usage.into()
}

/// The words before what the system said when it refused to begin.
pub(crate) const NO_RUNTIME: &str = "the system has no room for two threads";

/// Runs a command; a panic becomes a report file and exit code 70.
pub(crate) fn guard(command: impl FnOnce() -> Outcome) -> ExitCode {
    let here = std::thread::current().id();
    std::panic::set_hook(Box::new(move |panic| {
        if let Some(problem) = refused(panic.payload()) {
            // On this thread it is caught below, and said there.
            if std::thread::current().id() != here {
                output::problem(&problem);
            }
            return;
        }
        let trace = std::backtrace::Backtrace::force_capture();
        tracing::debug!("{panic}\n{trace}");
        write_report(&format!("{panic}\n\n{trace}\n"));
        end_if_deaf(panic.payload());
    }));
    match catch_unwind(AssertUnwindSafe(command)) {
        Ok(Ok(code)) => ended(code as u8),
        Ok(Err(problem)) => {
            output::problem(&problem);
            ended(problem.exit_code)
        }
        Err(payload) => match refused(&*payload) {
            Some(problem) => {
                output::problem(&problem);
                ended(problem.exit_code)
            }
            None => Code::Bug.into(),
        },
    }
}

/// What the system refused, if a panic says so: the runtime has no other way to say that it gets no thread. It is no bug.
fn refused(payload: &(dyn Any + Send)) -> Option<Problem> {
    let said = payload.downcast_ref::<String>()?;
    let known = ["OS can't spawn worker thread", NO_RUNTIME];
    known.iter().any(|words| said.starts_with(words)).then(|| {
        Problem::new("NX6009", Code::Unreachable as u8, said.clone())
            .hint("it needs some threads, files and memory: see ulimit -u, -n and -v")
    })
}

/// Ends the process if the runtime cannot wake its threads, because the system refuses: what unwinds then waits for them, for ever.
#[expect(clippy::exit, reason = "nothing would end by itself")]
fn end_if_deaf(payload: &(dyn Any + Send)) {
    let said = payload.downcast_ref::<String>();
    if said.is_some_and(|said| said.starts_with("failed to wake I/O driver")) {
        std::process::exit(i32::from(Code::Bug as u8));
    }
}

/// The exit code, unless a result did not reach its reader: then that is said, and the higher code wins.
fn ended(code: u8) -> ExitCode {
    let Some(lost) = output::take_lost() else { return ExitCode::from(code) };
    output::problem(&lost);
    ExitCode::from(code.max(lost.exit_code))
}

fn write_report(text: &str) {
    let name = format!("nexus-engine-report-{}.txt", std::process::id());
    let path = std::env::temp_dir().join(name);
    let mut err = anstream::stderr();
    let _ = match std::fs::write(&path, text) {
        Ok(()) => writeln!(
            err,
            "error[NX9001]: a bug in nexus-engine; the report is in {}",
            path.display()
        ),
        Err(_) => writeln!(err, "error[NX9001]: a bug in nexus-engine\n{text}"),
    };
}

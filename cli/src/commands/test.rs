//! `test`: plays workflows in simulated time, with mocks and crashes, as test files say.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use nexus_connectors::simulated_outcome;
use nexus_definitions::render;
use nexus_engine::testkit::{
    Answer, Call, CaseReport, Mock, Plays, Suite, SuiteError, TestEngine, Weather,
};
use nexus_gateway::api::Problem;
use serde::Serialize;

use crate::exit::{Code, Outcome};
use crate::store::registry;
use crate::text::{count, pad, took, width};
use crate::{files, output, workflow};

/// Actions that reach nothing outside: they are carried out where nothing stands in for them.
const HARMLESS: [&str; 3] = ["log", "json.merge", "simulate"];
/// Lines that are shown of what is wrong with a case.
const LINES_MAX: usize = 20;

/// Arguments of `test`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus-engine test
  nexus-engine test order.test.yaml --crash-everywhere
  nexus-engine test order.workflow.yaml --seeds 100 --faults all")]
pub(crate) struct TestArgs {
    /// Test files, workflows, or folders with *.test.yaml below them.
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    paths: Vec<PathBuf>,
    /// Play only cases with this in their names.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Play every case again with a crash before and after each transition.
    #[arg(long)]
    crash_everywhere: bool,
    /// Play every case again so many times, each time with other faults and in another order.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seeds: u64,
    /// The first seed; the others follow.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// What goes wrong in these plays.
    #[arg(long, value_delimiter = ',', default_value = "all", requires = "seeds")]
    faults: Vec<Fault>,
}

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Fault {
    /// All of it.
    All,
    /// The engine ends without notice.
    Crash,
    /// Handlers take longer.
    Delay,
    /// Attempts fail that are followed by another one.
    Fail,
    /// Nothing; only the order is another.
    None,
}

/// What came of all files.
#[derive(Debug, Serialize)]
struct Report {
    kind: &'static str,
    passed: usize,
    failed: usize,
    files: Vec<FileReport>,
}

/// What came of a file.
#[derive(Debug, Serialize)]
struct FileReport {
    file: String,
    workflow: String,
    cases: Vec<CaseView>,
}

/// What came of a case.
#[derive(Debug, Serialize)]
struct CaseView {
    name: String,
    line: u32,
    passed: bool,
    wrong: Vec<String>,
    problem: Option<Problem>,
    simulated_ms: u64,
    took_ms: u64,
    transitions: u32,
    crashes: u32,
    seeds: u64,
}

/// Plays the cases of all files.
pub(crate) fn run(args: &TestArgs) -> Outcome {
    let mut report = Report { kind: "test/v1", passed: 0, failed: 0, files: Vec::new() };
    let mut worst = Code::Done;
    let base = engine();
    for path in files::tests(&args.paths)? {
        match Suite::open(&path, &HARMLESS) {
            Ok(suite) => report.files.push(play(&suite, &path, &base, args)),
            Err(error) => worst = worst.max(refused(&error)),
        }
    }
    let cases = || report.files.iter().flat_map(|file| &file.cases);
    report.passed = cases().filter(|case| case.passed).count();
    report.failed = cases().count() - report.passed;
    if cases().any(|case| case.problem.is_some()) {
        worst = worst.max(Code::Usage);
    } else if report.failed > 0 {
        worst = worst.max(Code::Failed);
    }
    if output::format().is_json() {
        output::json(&report);
    } else {
        output::line(format!("{} passed, {} failed", report.passed, report.failed));
    }
    if worst == Code::Done && cases().next().is_none() {
        let message = "no case was played".to_owned();
        return Err(Problem::new("NX1131", Code::NotFound as u8, message)
            .hint("look at --filter, and at the names of the cases"));
    }
    Ok(worst)
}

/// An engine with the built-in actions; `simulate` takes simulated time.
fn engine() -> TestEngine {
    let simulate = Mock::function(|call: &Call| {
        let (takes, result) = simulated_outcome(&call.input, call.attempt);
        Answer { result, takes }
    });
    TestEngine::new().registry(registry()).mock("simulate", simulate)
}

fn play(suite: &Suite, path: &Path, base: &TestEngine, args: &TestArgs) -> FileReport {
    let plays = Plays {
        crash_everywhere: args.crash_everywhere,
        storms: args.seeds,
        seed: args.seed,
        weather: Some(weather(&args.faults, args.seed)),
    };
    let is_wanted = |name: &str| args.filter.as_ref().is_none_or(|part| name.contains(part));
    let cases: Vec<_> = suite.cases().iter().filter(|case| is_wanted(&case.name)).collect();
    let names = cases.iter().map(|case| width(&case.name)).max().unwrap_or(0);
    let file = path.display().to_string();
    let is_shown = !output::format().is_json();
    if is_shown && !cases.is_empty() {
        output::line(&file);
    }
    let played = cases.into_iter().map(|case| {
        let report = suite.play(base, case, &plays);
        if is_shown {
            show(&report, names);
        }
        view(report)
    });
    FileReport { cases: played.collect(), file, workflow: suite.workflow().to_owned() }
}

fn weather(faults: &[Fault], seed: u64) -> Weather {
    let has = |fault| faults.contains(&fault) || faults.contains(&Fault::All);
    Weather {
        seed,
        crashes: has(Fault::Crash),
        delays: has(Fault::Delay),
        failures: has(Fault::Fail),
    }
}

fn show(report: &CaseReport, names: usize) {
    let CaseReport { name, simulated_ms, crashes, storms, .. } = report;
    let mut notes = Vec::new();
    if *simulated_ms > 0 {
        notes.push(format!("{} simulated", took(*simulated_ms)));
    }
    if *crashes > 0 {
        notes.push(
            count(usize::try_from(*crashes).unwrap_or(usize::MAX), "crash")
                .replace("crashs", "crashes"),
        );
    }
    if *storms > 0 {
        notes.push(count(usize::try_from(*storms).unwrap_or(usize::MAX), "seed"));
    }
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
    let mark = if report.passed() { "✔" } else { "✘" };
    let time = took(u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX));
    output::line(format!("  {mark} {}  {time}{notes}", pad(name, names)));
    if let Some(problem) = &report.problem {
        output::problem(&workflow::sent(problem));
    }
    for line in report.wrong.iter().take(LINES_MAX) {
        output::line(format!("      {line}"));
    }
    if let Some(more @ 1..) = report.wrong.len().checked_sub(LINES_MAX) {
        output::line(format!("      … and {}", count(more, "more line")));
    }
}

fn view(report: CaseReport) -> CaseView {
    CaseView {
        passed: report.passed(),
        took_ms: u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX),
        name: report.name,
        line: report.line,
        wrong: report.wrong,
        problem: report.problem.as_ref().map(workflow::sent),
        simulated_ms: report.simulated_ms,
        transitions: report.transitions,
        crashes: report.crashes,
        seeds: report.storms,
    }
}

/// Shows why a file cannot be played.
fn refused(error: &SuiteError) -> Code {
    match error {
        SuiteError::Invalid { problems, text } => {
            for problem in problems {
                if output::format().is_json() {
                    output::problem(&workflow::sent(problem));
                } else {
                    output::complain(format!("{}\n", render(problem, text, true)));
                }
            }
            Code::Usage
        }
        SuiteError::Read { path, .. } => match files::read_text(path) {
            Err(problem) => {
                output::problem(&problem);
                if problem.exit_code == Code::NotFound as u8 { Code::NotFound } else { Code::Usage }
            }
            Ok(_) => Code::Usage,
        },
    }
}

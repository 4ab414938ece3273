//! `validate`: checks workflow files; nothing is started.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use nexus_definitions::{Known, Problems, Resolved, render};
use serde::Serialize;

use crate::exit::{Code, Outcome};
use crate::store::registry;
use crate::text::count;
use crate::{files, needs, output, workflow};

/// Problems of a file that are shown to people.
const SHOWN_MAX: usize = 3;

/// Arguments of `validate`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus-engine validate order.workflow.yaml
  nexus-engine validate . --strict
  nexus-engine validate order.workflow.yaml --all
  nexus-engine validate workflows/ -o json")]
pub(crate) struct ValidateArgs {
    /// Files, or folders with *.workflow.yaml below them.
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// Let warnings fail.
    #[arg(long)]
    strict: bool,
    /// Show every problem, not only the first few of each file.
    #[arg(long)]
    all: bool,
}

/// What was found in all files.
#[derive(Debug, Serialize)]
struct Report {
    kind: &'static str,
    valid: bool,
    errors: usize,
    warnings: usize,
    files: Vec<FileReport>,
}

/// What was found in one file.
#[derive(Debug, Serialize)]
struct FileReport {
    file: String,
    valid: bool,
    workflow: Option<String>,
    steps: Option<usize>,
    /// Handlers that workers have to offer.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    workers: BTreeSet<String>,
    /// Workflows that have to be published before it can run, because they are called by name.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    calls: BTreeSet<String>,
    problems: Problems,
}

/// Checks files.
pub(crate) fn run(args: &ValidateArgs) -> Outcome {
    let registry = registry();
    let handlers: Vec<Known<'_>> =
        registry.inputs().map(|(name, input)| Known { name, input }).collect();
    let mut report =
        Report { kind: "validation/v1", valid: true, errors: 0, warnings: 0, files: Vec::new() };
    for path in files::workflows(&args.paths)? {
        let text = files::read_text(&path)?;
        let file = check(&path, &text, &handlers, args.strict);
        let errors = file.problems.iter().filter(|problem| is_error(problem)).count();
        report.errors += errors;
        report.warnings += file.problems.len() - errors;
        report.valid &= file.valid;
        if !output::format().is_json() {
            show(&file, &text, if args.all { usize::MAX } else { SHOWN_MAX });
        }
        report.files.push(file);
    }
    if output::format().is_json() {
        output::json(&report);
    } else if report.files.len() > 1 {
        output::note(summary(&report));
    }
    Ok(if report.valid { Code::Done } else { Code::Usage })
}

fn check(path: &Path, text: &str, handlers: &[Known<'_>], strict: bool) -> FileReport {
    let file = path.display().to_string();
    let (read, problems) = workflow::check(&file, path, text, handlers);
    let (workers, calls) = read.as_ref().map(needed).unwrap_or_default();
    let (workflow, steps) = read
        .map(|Resolved { read, .. }| (read.definition.name, read.definition.steps.len()))
        .unzip();
    let valid = if strict { problems.is_empty() } else { !problems.has_errors() };
    FileReport { file, valid, workflow, steps, workers, calls, problems }
}

/// What has to be there before a workflow, and the files it calls, can run: handlers of workers, and published workflows.
fn needed(resolved: &Resolved) -> (BTreeSet<String>, BTreeSet<String>) {
    let callees = resolved.callees.iter().map(|callee| callee.definition());
    let calls = callees.chain([&resolved.read.definition]).flat_map(needs::published);
    (needs::workers(&resolved.read.definition), calls.collect())
}

fn show(file: &FileReport, text: &str, shown_max: usize) {
    if file.valid
        && let (Some(workflow), Some(steps)) = (&file.workflow, file.steps)
    {
        let workers: Vec<&str> = file.workers.iter().map(String::as_str).collect();
        let workers = match workers.as_slice() {
            [] => String::new(),
            some => format!(" · needs workers for {}", some.join(", ")),
        };
        let calls: Vec<&str> = file.calls.iter().map(String::as_str).collect();
        let calls = match calls.as_slice() {
            [] => String::new(),
            some => format!(" · needs {} to be published", some.join(", ")),
        };
        let steps = count(steps, "step");
        output::line(format!("✔ {} · {workflow}, {steps}{workers}{calls}", file.file));
    }
    for problem in file.problems.iter().take(shown_max) {
        output::complain(format!("{}\n", render(problem, text, true)));
    }
    let more = file.problems.len().saturating_sub(shown_max);
    if more > 0 {
        let more = count(more, "more problem");
        output::complain(format!("… and {more} in {}; see all with --all\n", file.file));
    }
}

fn summary(report: &Report) -> String {
    let good = report.files.iter().filter(|file| file.valid).count();
    let (errors, warnings) = (count(report.errors, "error"), count(report.warnings, "warning"));
    format!("{good} of {} valid · {errors}, {warnings}", count(report.files.len(), "file"))
}

fn is_error(problem: &nexus_definitions::Problem) -> bool {
    problem.severity == nexus_definitions::Severity::Error
}

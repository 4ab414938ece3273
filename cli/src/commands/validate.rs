//! `validate`: checks workflow files; nothing is started.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use nexus_definitions::{Known, Problems, Resolved, render};
use nexus_engine::model::definition::{Definition, StepKind};
use nexus_engine::model::workers::worker_handler;
use serde::Serialize;

use crate::exit::{Code, Outcome};
use crate::store::registry;
use crate::text::count;
use crate::{files, output, workflow};

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
    let workers = read.as_ref().map(|resolved| workers(&resolved.read.definition));
    let (workflow, steps) = read
        .map(|Resolved { read, .. }| (read.definition.name, read.definition.steps.len()))
        .unzip();
    let valid = if strict { problems.is_empty() } else { !problems.has_errors() };
    FileReport { file, valid, workflow, steps, workers: workers.unwrap_or_default(), problems }
}

/// The handlers that workers have to offer for this workflow.
fn workers(definition: &Definition) -> BTreeSet<String> {
    let kinds = definition.steps.iter().flat_map(|step| {
        let undo = step.compensate.as_ref().map(|undo| &undo.kind);
        [Some(&step.kind), undo].into_iter().flatten()
    });
    let handlers = kinds.filter_map(|kind| {
        let StepKind::Action { uses, .. } = kind else { return None };
        worker_handler(uses)
    });
    handlers.map(str::to_owned).collect()
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
        output::line(format!("✔ {} · {workflow}, {}{workers}", file.file, count(steps, "step")));
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

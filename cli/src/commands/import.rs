//! `import`: a graph that another program made, as a workflow.

use std::path::{Path, PathBuf};

use clap::Args;
use nexus_definitions::import::{Finding, Format, ImportError, Imported, Options, import};
use nexus_gateway::api::{Problem, Where};
use serde_json::{Value, json};

use crate::exit::{Code, Outcome};
use crate::text::count;
use crate::{files, needs, output};

/// Warnings and changed names that are shown to people.
const SHOWN_MAX: usize = 5;

/// Findings that are shown to people.
const FINDINGS_SHOWN_MAX: usize = 20;

/// Arguments of `import`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus-engine import montage.json --out montage.workflow.yaml --time-scale 0.001
  nexus-engine import .github/workflows/ci.yml -o json

Formats: wfcommons, dax, hyperdag, edges, pegasus, galaxy, tekton, github-actions, asl, cargo-lock, nexus-arc, canvas.
Every task of a graph becomes a step that waits for the recorded time, multiplied by --time-scale.")]
pub(crate) struct ImportArgs {
    /// The file; gzip is read too.
    file: PathBuf,
    /// What the file is, if that is not to be found out.
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Milliseconds a step waits per recorded millisecond; 0 does not wait.
    #[arg(long, value_name = "X", default_value_t = 1.0, allow_negative_numbers = true)]
    time_scale: f64,
    /// Write the workflow to this file; - is standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file that --out names.
    #[arg(long)]
    force: bool,
}

/// Imports a file.
pub(crate) fn run(args: &ImportArgs) -> Outcome {
    let bytes = files::read(&args.file)?;
    let name = args.file.file_name().unwrap_or_default().to_string_lossy();
    let options = Options { time_scale: args.time_scale };
    let imported = import(&name, &bytes, args.format, &options)
        .map_err(|error| refusal(&args.file, &error))?;
    let to_stdout = args.out.as_deref() == Some(Path::new("-"));
    if let Some(out) = &args.out
        && !to_stdout
    {
        files::write(out, nexus_definitions::write(&imported.definition).as_bytes(), args.force)?;
    }
    if to_stdout {
        output::line(nexus_definitions::write(&imported.definition).trim_end());
    } else if output::format().is_json() {
        output::json(&facts(args, &imported));
    } else {
        show(args, &imported);
    }
    Ok(Code::Done)
}

fn refusal(file: &Path, error: &ImportError) -> Problem {
    let problem =
        Problem::new(error.code(), Code::Usage as u8, error.to_string()).hint(error.hint());
    let place = error.place().map(|place| Where {
        file: file.display().to_string(),
        line: u32::try_from(place.line).unwrap_or(u32::MAX),
        column: u32::try_from(place.column).unwrap_or(u32::MAX),
    });
    Problem { place, ..problem }
}

fn facts(args: &ImportArgs, imported: &Imported) -> Value {
    let facts = &imported.facts;
    json!({
        "kind": "import/v1",
        "file": args.file,
        "name": imported.definition.name,
        "title": facts.name,
        "format": imported.format,
        "steps": facts.steps,
        "edges": facts.edges,
        "levels": facts.levels,
        "widest_level": facts.widest_level,
        "components": facts.components,
        "critical_path_s": facts.critical_path_s,
        "work_s": facts.work_s,
        "renamed": imported.renamed,
        "warnings": imported.warnings,
        "findings": imported.findings,
        "calls": needs::published(&imported.definition),
        "out": args.out,
    })
}

fn show(args: &ImportArgs, imported: &Imported) {
    let facts = &imported.facts;
    let title = facts.name.as_ref().map(|title| format!(" ({title})")).unwrap_or_default();
    output::line(format!("{}{title} · {}", imported.definition.name, imported.format));
    output::line(format!(
        "  {}, {} · {}, the widest has {} · {}",
        count(facts.steps, "step"),
        count(facts.edges, "edge"),
        count(facts.levels, "level"),
        facts.widest_level,
        count(facts.components, "component"),
    ));
    if let (Some(path), Some(work)) = (facts.critical_path_s, facts.work_s) {
        output::line(format!("  recorded: {work} s of work, {path} s on the longest path"));
    }
    let renamed = imported
        .renamed
        .iter()
        .map(|renamed| format!("{} is the step {}", renamed.task, renamed.step));
    notes(imported.warnings.iter().cloned());
    findings(&args.file, &imported.findings);
    notes(renamed);
    match &args.out {
        Some(out) => {
            let needs = needs::before_it_runs(&imported.definition, out);
            let next = if needs.is_empty() { "next" } else { "then" };
            output::note(format!("written to {}", out.display()));
            needs.iter().for_each(output::note);
            output::note(format!("{next}: nexus-engine run {}", out.display()));
        }
        None => output::note("write it as a workflow with --out FILE"),
    }
}

/// Findings with their codes and places.
fn findings(file: &Path, findings: &[Finding]) {
    for Finding { code, place, message } in findings.iter().take(FINDINGS_SHOWN_MAX) {
        let place =
            place.map_or_else(String::new, |place| format!(":{}:{}", place.line, place.column));
        output::note(format!("  note[{code}]: {message}\n    --> {}{place}", file.display()));
    }
    let more = findings.len().saturating_sub(FINDINGS_SHOWN_MAX);
    if more > 0 {
        output::note(format!("  … and {more} more; all with -o json"));
    }
}

fn notes(lines: impl ExactSizeIterator<Item = String>) {
    let count = lines.len();
    lines.take(SHOWN_MAX).for_each(|line| output::note(format!("  note: {line}")));
    if count > SHOWN_MAX {
        output::note(format!("  … and {} more; all with -o json", count - SHOWN_MAX));
    }
}

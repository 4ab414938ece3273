//! What became of runs.

use nexus_gateway::api::RunView;
use serde::Serialize;

use super::Show;
use crate::exit::Code;
use crate::output::{self, Format};
use crate::text;

/// Several runs.
#[derive(Serialize)]
struct Waited<'v> {
    kind: &'static str,
    runs: &'v [RunView],
}

/// The exit code of a run.
pub(crate) fn code_of(view: &RunView) -> Code {
    match view.status.as_str() {
        "completed" => Code::Done,
        "failed" => Code::Failed,
        "cancelled" => Code::Cancelled,
        _ => Code::StillGoing,
    }
}

/// The highest exit code of runs.
pub(super) fn worst(views: &[RunView]) -> Code {
    views.iter().map(code_of).max().unwrap_or(Code::Done)
}

/// Prints what became of runs.
pub(super) fn print(views: &[RunView], show: Show) {
    match (output::format(), views) {
        (Format::None, _) => {}
        (Format::Json, [one]) => output::json(one),
        (Format::Json, runs) => output::json(&Waited { kind: "waited/v1", runs }),
        (Format::Jsonl, runs) => runs.iter().for_each(output::json_line),
        (Format::Name, runs) => runs.iter().for_each(|run| output::line(&run.id)),
        (Format::Table | Format::Wide, runs) if show == Show::Verdicts => {
            for run in runs {
                output::line(verdict(run));
            }
        }
        (Format::Table | Format::Wide | Format::Value, runs) => {
            let has_output = |run: &&RunView| !run.outputs.is_null();
            for run in runs.iter().filter(has_output) {
                output::json_line(&run.outputs);
            }
        }
    }
}

/// How a run ended, on one line.
fn verdict(view: &RunView) -> String {
    let status = text::status(&view.status);
    match &view.error {
        None => format!("{} {status} {}", view.id, text::took(view.took_ms)),
        Some(error) => {
            let at = error.step.as_ref().map(|step| format!(" at {step}")).unwrap_or_default();
            let message = text::one_line(&error.message, 120);
            format!("{} {status}{at}: {} {message}", view.id, error.code)
        }
    }
}

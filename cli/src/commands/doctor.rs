//! `doctor`: what may be wrong with the program, the store and the machine.

mod finding;
mod machine;
mod open_runs;
mod store_checks;

use clap::Args;
use serde_json::json;

use crate::context::Context;
use crate::exit::Code;
use crate::output;
use crate::text::count;

use finding::Level;

/// Arguments of `doctor`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus-engine doctor
  nexus-engine doctor --store ./orders -o json

Exit code 0 if all is well, 1 with warnings, 2 if something is broken. Opening the store checks its
journals and its end; nexus-engine verify reads all of it.")]
pub(crate) struct DoctorArgs {}

/// Looks everything over.
pub(crate) fn run(context: &Context, _: &DoctorArgs) -> Code {
    let mut findings = vec![machine::binary()];
    findings.extend(context.block_on(store_checks::all(context)));
    findings.push(machine::limits());
    findings.push(machine::terminal());
    let count_of = |level| findings.iter().filter(|finding| finding.level == level).count();
    let (broken, warnings) = (count_of(Level::Broken), count_of(Level::Warning));
    if output::format().is_json() {
        output::json(&json!({
            "kind": "doctor/v1",
            "version": env!("CARGO_PKG_VERSION"),
            "broken": broken,
            "warnings": warnings,
            "findings": findings,
        }));
    } else {
        for finding in &findings {
            output::line(finding.line());
        }
        let (broken, warnings) = (count(broken, "problem"), count(warnings, "warning"));
        output::note(format!(
            "{broken}, {warnings} · for a bug report: nexus-engine doctor -o json"
        ));
    }
    match (broken, warnings) {
        (0, 0) => Code::Done,
        (0, _) => Code::Failed,
        (_, _) => Code::Usage,
    }
}

//! `version`: which program this is.

use clap::Args;
use serde_json::json;

use crate::exit::Code;
use crate::output;

/// Version of the definition format.
const DEFINITIONS: &str = "v1";

/// Arguments of `version`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  nexus-engine version -o json")]
pub(crate) struct VersionArgs {}

/// Prints versions.
pub(crate) fn run(_: &VersionArgs) -> Code {
    let version = env!("CARGO_PKG_VERSION");
    let target = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    if output::format().is_json() {
        output::json(&json!({
            "kind": "version/v1",
            "version": version,
            "target": target,
            "definitions": DEFINITIONS,
        }));
    } else {
        output::line(format!("nexus-engine {version} ({target}) · workflow files {DEFINITIONS}"));
    }
    Code::Done
}

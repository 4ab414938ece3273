//! `schema`: the JSON Schema of workflow files, for editors.

use clap::Args;

use crate::exit::Code;
use crate::output;

/// Arguments of `schema`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  nexus-engine schema > nexus-workflow.schema.json

A workflow file that begins with this line is then completed and checked while you type:
  # yaml-language-server: $schema=./nexus-workflow.schema.json")]
pub(crate) struct SchemaArgs {}

/// Prints the schema. It is JSON whatever form is asked for.
pub(crate) fn run(_: &SchemaArgs) -> Code {
    output::line(text());
    Code::Done
}

/// The schema, indented.
pub(crate) fn text() -> String {
    serde_json::to_string_pretty(&nexus_definitions::json_schema()).unwrap_or_default()
}

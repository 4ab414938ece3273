//! `query`: what a workflow tells of its runs.

use nexus_gateway::api::QueriesView;

use super::result::part;
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output::{self, Format};
use crate::store::{Purpose, ask};
use crate::text::{Table, one_line};

/// Arguments of `query`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine query wf-007
  nexus-engine query wf-007 progress --path done")]
pub(crate) struct QueryArgs {
    /// The run: its name, the beginning of it, @last or @last-failed.
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// Name of the query; left out: all of them with what they say.
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Print this part only, such as items.0.name.
    #[arg(long, value_name = "PATH", requires = "name")]
    pub(crate) path: Option<String>,
}

/// Prints what a query says, or all of them.
pub(crate) fn run(context: &Context, args: &QueryArgs) -> Outcome {
    let Some(name) = &args.name else {
        let view = ask(context, &Purpose::Look, async |control| control.queries(&args.run).await)?;
        list(&view);
        return Ok(Code::Done);
    };
    let asked = async |control: &nexus_gateway::Control| control.query(&args.run, name).await;
    let view = ask(context, &Purpose::Look, asked)?;
    match output::format() {
        Format::Json | Format::Jsonl if args.path.is_none() => output::json(&view),
        Format::Name => output::line(&view.query),
        Format::Json | Format::Jsonl | Format::Table | Format::Wide | Format::Value => {
            output::value(part(&view.value, args.path.as_deref())?);
        }
        Format::None => {}
    }
    Ok(Code::Done)
}

fn list(view: &QueriesView) {
    match output::format() {
        Format::Json => output::json(view),
        Format::Jsonl => view.queries.iter().for_each(output::json),
        Format::Name => view.queries.iter().for_each(|row| output::line(&row.query)),
        Format::None | Format::Value => {}
        Format::Table | Format::Wide => {
            if view.queries.is_empty() {
                output::note(format!("the workflow of {} has no queries", view.id));
                return;
            }
            let mut table = Table::new(&["QUERY", "VALUE"]);
            for row in &view.queries {
                let value = match &row.error {
                    Some(error) => format!("- ({} {})", error.code, error.message),
                    None => row.value.to_string(),
                };
                table.row([row.query.as_str(), &one_line(&value, 100)]);
            }
            table.print();
        }
    }
}

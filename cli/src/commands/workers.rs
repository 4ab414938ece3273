//! `workers`: the handlers that workers offer, and those that tasks wait for.

use clap::Args;
use nexus_gateway::api::{Problem, WorkerHandlerView};

use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output::{self, Format};
use crate::store::{Access, Purpose};
use crate::text::{Table, one_line, since};

/// Arguments of `workers`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus-engine workers
  nexus-engine workers -o json")]
pub(crate) struct WorkersArgs {}

/// Lists them.
pub(crate) fn run(context: &Context, _: &WorkersArgs) -> Outcome {
    let (view, is_here) = context.block_on(async {
        let access = Access::get(context, &Purpose::Look).await?;
        let (view, is_here) = (access.control().workers().await, access.is_here());
        access.close().await;
        Ok::<_, Problem>((view?, is_here))
    })?;
    if is_here && view.handlers.is_empty() {
        let flag = context.store_flag();
        output::note(format!(
            "note: no engine has the store open, so no worker can ask it for tasks; one does with: nexus-engine serve --listen 127.0.0.1:8080{flag}"
        ));
    }
    match output::format() {
        Format::Json => output::json(&view),
        Format::Jsonl => view.handlers.iter().for_each(output::json),
        Format::Name => view.handlers.iter().for_each(|handler| output::line(&handler.handler)),
        Format::None | Format::Value => {}
        Format::Table | Format::Wide => {
            let mut table = Table::new(&["HANDLER", "POLLS", "WAITING", "HELD", "ASKED"]);
            view.handlers.iter().for_each(|handler| table.row(row(handler)));
            table.print();
        }
    }
    Ok(Code::Done)
}

fn row(handler: &WorkerHandlerView) -> [String; 5] {
    [
        one_line(&handler.handler, 60),
        handler.polls.to_string(),
        handler.waiting.to_string(),
        handler.held.to_string(),
        handler.asked_at.as_deref().map_or_else(|| "never".to_owned(), since),
    ]
}

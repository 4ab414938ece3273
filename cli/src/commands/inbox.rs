//! `inbox`: what waits for the decision of a person.

use nexus_gateway::api::{ApprovalItem, InboxFilter};

use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output::{self, Format};
use crate::store::{self, Purpose};
use crate::text::{self, Table, one_line};

/// Arguments of `inbox`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine inbox
  nexus-engine inbox --for dana --group ops")]
pub(crate) struct InboxArgs {
    /// Only what this person may decide.
    #[arg(long = "for", value_name = "USER")]
    pub(crate) user: Option<String>,
    /// A group of this person; may be repeated.
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Vec<String>,
    /// Only of this workflow.
    #[arg(long, value_name = "NAME")]
    pub(crate) workflow: Option<String>,
    /// Of at most this many runs, the newest.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
}

/// Lists open approvals, those whose time is over first before the others.
pub(crate) fn run(context: &Context, args: InboxArgs) -> Outcome {
    let filter = InboxFilter {
        workflow: args.workflow,
        user: args.user,
        groups: args.group,
        limit: args.limit,
        after: None,
    };
    let page = store::ask(context, &Purpose::Look, async |control| control.inbox(filter).await)?;
    match output::format() {
        Format::Json => output::json(&page),
        Format::Jsonl => page.items.iter().for_each(output::json),
        Format::Name => page.items.iter().for_each(|item| output::line(&item.id)),
        Format::None | Format::Value => {}
        Format::Table | Format::Wide => {
            let mut table = Table::new(&["RUN", "WORKFLOW", "STEP", "BY", "LEFT", "MESSAGE"]);
            for item in &page.items {
                table.row([
                    item.id.as_str(),
                    &item.workflow,
                    &item.step,
                    &one_line(&item.by.join(", "), 40),
                    &left(item),
                    &one_line(&item.message, 80),
                ]);
            }
            table.print();
            if page.next.is_some() {
                output::note(format!("of the newest {} runs · more: --limit", args.limit));
            }
        }
    }
    Ok(Code::Done)
}

fn left(item: &ApprovalItem) -> String {
    item.left_ms.map_or_else(|| "-".to_owned(), text::took)
}

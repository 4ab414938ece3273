//! Pauses of more than named runs: of everything, of a workflow, of a label.

use nexus_gateway::api::{PauseScope, PauseStore, PausesView};

use crate::args::pair;
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output::{self, Format};
use crate::store::{Purpose, ask};
use crate::text;

/// What is paused or resumed beside named runs.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(id = "scope", multiple = false)]
pub(crate) struct ScopeArgs {
    /// All runs of this workflow, also those that are started later.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["runs", "selection"])]
    pub(crate) workflow: Option<String>,
    /// All runs with this label, also those that are started later.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair, conflicts_with_all = ["runs", "selection"])]
    pub(crate) label: Option<(String, String)>,
    /// Every run of the store, also those that are started later.
    #[arg(long, conflicts_with_all = ["runs", "selection"])]
    pub(crate) engine: bool,
}

impl ScopeArgs {
    /// What is meant, if something is.
    pub(crate) fn scope(&self) -> Option<PauseScope> {
        let Self { workflow, label, engine } = self.clone();
        let is_any = engine || workflow.is_some() || label.is_some();
        is_any.then_some(PauseScope { engine, workflow, label })
    }
}

/// Pauses what is meant.
pub(crate) fn pause(context: &Context, scope: PauseScope, reason: &str) -> Outcome {
    let request = PauseStore { scope, reason: reason.to_owned(), by: context.by() };
    let pauses = ask(context, &Purpose::Begin, async |control| control.pause_store(request).await)?;
    show(&pauses);
    Ok(Code::Done)
}

/// Resumes what is meant.
pub(crate) fn resume(context: &Context, scope: PauseScope) -> Outcome {
    let request = PauseStore { scope, reason: String::new(), by: context.by() };
    let pauses =
        ask(context, &Purpose::Record, async |control| control.resume_store(request).await)?;
    show(&pauses);
    Ok(Code::Done)
}

/// Lists what is paused.
pub(crate) fn list(context: &Context) -> Outcome {
    let pauses = ask(context, &Purpose::Look, async |control| control.pauses().await)?;
    show(&pauses);
    Ok(Code::Done)
}

fn show(view: &PausesView) {
    match output::format() {
        Format::Json | Format::Jsonl => output::json(view),
        Format::None => {}
        Format::Name | Format::Value => {
            view.pauses.iter().for_each(|pause| output::line(&pause.what));
        }
        Format::Table | Format::Wide if view.pauses.is_empty() => {
            output::line("no pause of the engine, a workflow or a label");
        }
        Format::Table | Format::Wide => {
            for pause in &view.pauses {
                let reason = match pause.reason.as_str() {
                    "" => String::new(),
                    reason => format!(": {}", text::one_line(reason, 200)),
                };
                let (by, since) = (text::word(&pause.by.name), text::since(&pause.since));
                output::line(format!("‖ {} is paused by {by}, {since}{reason}", pause.what));
            }
        }
    }
}

//! `get`: one run on one page.

use nexus_gateway::api::{Problem, RunView, StepView};

use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::output::{self, Format};
use crate::store::{Purpose, ask};
use crate::text::{self, Table};

/// How much of a note is shown.
const NOTE_CHARS_MAX: usize = 100;

/// Arguments of `get`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine get wf-001
  nexus-engine get @last --step charge --output
  nexus-engine get @last --step scan --raw > scan.png")]
pub(crate) struct GetArgs {
    /// The run: its name, the beginning of it, @last or @last-failed.
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// Show this step only.
    #[arg(long, value_name = "STEP")]
    pub(crate) step: Option<String>,
    /// Print the input only.
    #[arg(long = "input")]
    pub(crate) input_only: bool,
    /// Print the bytes of a binary value in the output.
    #[arg(long, conflicts_with = "input_only")]
    pub(crate) raw: bool,
    /// Which of several binary values, such as pages.0.
    #[arg(long, value_name = "PATH", requires = "raw")]
    pub(crate) path: Option<String>,
}

/// Shows a run.
pub(crate) fn run(context: &Context, args: &GetArgs) -> Outcome {
    if args.raw {
        return raw(context, args);
    }
    let wants_output = output::format() == Format::Value && !args.input_only;
    let (view, output) = ask(context, &Purpose::Look, async |control| {
        let view = control.get(&args.run).await?;
        let output = if wants_output {
            Some(control.output(&view.id, args.step.as_deref()).await?)
        } else {
            None
        };
        Ok((view, output))
    })?;
    let step = args.step.as_deref().map(|step| find(&view, step)).transpose()?;
    if let Some(output) = output {
        output::line(output.to_string());
    } else if args.input_only {
        output::value(&view.input);
    } else {
        show(&view, step);
    }
    Ok(Code::Done)
}

fn raw(context: &Context, args: &GetArgs) -> Outcome {
    let (step, path) = (args.step.as_deref(), args.path.as_deref());
    let raw =
        ask(context, &Purpose::Look, async |control| control.raw(&args.run, step, path).await)?;
    output::bytes(&raw.bytes);
    Ok(Code::Done)
}

fn find<'v>(view: &'v RunView, step: &str) -> Result<&'v StepView, Problem> {
    view.steps.iter().find(|view| view.id == step).ok_or_else(|| {
        let message = format!("{} has no step `{step}`", view.id);
        Problem::new("NX7014", Code::NotFound as u8, message)
            .hint(format!("see its steps: nexus-engine get {}", view.id))
            .run(view.id.as_str())
    })
}

fn show(view: &RunView, step: Option<&StepView>) {
    match (output::format(), step) {
        (Format::Json | Format::Jsonl, None) => output::json(view),
        (Format::Json | Format::Jsonl, Some(step)) => output::json(step),
        (Format::Name, None) => output::line(&view.id),
        (Format::Name, Some(step)) => output::line(&step.id),
        (Format::None | Format::Value, _) => {}
        (Format::Table | Format::Wide, Some(step)) => one_step(step),
        (Format::Table | Format::Wide, None) => page(view),
    }
}

fn page(view: &RunView) {
    let version = match (view.published_as, view.version) {
        (Some(published), _) => format!("@{published}"),
        (None, Some(version)) => format!(" v{version}"),
        (None, None) => String::new(),
    };
    output::line(format!(
        "{}{version} · {} · {}",
        view.workflow,
        view.id,
        text::status_of(&view.status, view.forgotten)
    ));
    let by = text::word(&format!("{} ({})", view.by.via, view.by.name));
    output::line(format!("  started  {} by {by}", text::since(&view.started_at)));
    if view.finished_at.is_some() {
        output::line(format!("  took     {}", text::took(view.took_ms)));
    }
    output::line(format!("  events   {}", view.events));
    if let Some(parent) = &view.parent {
        output::line(format!("  called   by {parent}"));
    }
    for (key, value) in &view.labels {
        output::line(format!("  label    {}", text::word(&format!("{key}={value}"))));
    }
    output::line(format!("  why      {}", text::one_line(&view.why, 200)));
    if !view.outputs.is_null() {
        output::line(format!("  output   {}", text::one_line(&view.outputs.to_string(), 200)));
    }
    if view.has_earlier_steps {
        let flag = output::store_flag();
        output::line(format!("  earlier  nexus-engine history {}{flag}", view.id));
    }
    let mut table = Table::new(&["STEP", "STATUS", "TRIES", "TOOK", "NOTE"]);
    view.steps.iter().for_each(|step| table.row(row(step)));
    table.print();
}

fn row(step: &StepView) -> [String; 5] {
    let tries = match (step.attempts, step.max_attempts) {
        (0, _) => "–".to_owned(),
        (tries, 0 | 1) => tries.to_string(),
        (tries, of) => format!("{tries}/{of}"),
    };
    [
        step.id.clone(),
        text::status(&step.status),
        tries,
        step.took_ms.map_or_else(|| "–".to_owned(), text::took),
        text::one_line(step.note.as_deref().unwrap_or_default(), NOTE_CHARS_MAX),
    ]
}

fn one_step(step: &StepView) {
    output::line(format!("{} · {}", step.id, text::status(&step.status)));
    let [_, _, tries, took, note] = row(step);
    output::line(format!("  tries    {tries}"));
    output::line(format!("  took     {took}"));
    if !note.is_empty() {
        output::line(format!("  note     {note}"));
    }
    if !step.needs.is_empty() {
        output::line(format!("  needs    {}", step.needs.join(", ")));
    }
    if let Some(error) = &step.error {
        output::line(format!("  error    {} {}", error.code, text::one_line(&error.message, 200)));
    }
    if !step.output.is_null() {
        output::line(format!("  output   {}", text::one_line(&step.output.to_string(), 200)));
    }
}

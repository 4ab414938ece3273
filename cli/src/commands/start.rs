//! `start`: records a run and returns at once.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use nexus_definitions::Problems;
use nexus_gateway::api::{Problem, StartRun, StartedRun, Where};

use crate::args::pair;
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::inputs;
use crate::output::{self, Format};
use crate::store::{Access, Purpose, note_parked, registry};

/// Problems of a file that are shown to people.
const SHOWN_MAX: usize = 3;

/// Arguments of `start`.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine start examples/order.workflow.yaml
  nexus-engine start examples/order.workflow.yaml --id order-17 --input @order.json -o name")]
pub(crate) struct StartArgs {
    /// File of the workflow; `-` reads standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Name of the run; with the same input it answers with the run that is there [default: wf-NNN].
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Input: JSON, @FILE, or - for standard input.
    #[arg(long, value_name = "JSON|@FILE|-")]
    pub(crate) input: Option<String>,
    /// One input, read as the workflow declares it; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) set: Vec<(String, String)>,
    /// A label; may be repeated.
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) labels: Vec<(String, String)>,
}

/// Starts a run.
pub(crate) fn run(context: &Context, args: &StartArgs) -> Outcome {
    let prepared = prepare(context, args)?;
    context.block_on(async {
        let access = Access::get(context, &Purpose::Begin).await?;
        let (control, is_here) = (access.control().clone(), access.is_here());
        let started = control.start(prepared.request).await;
        access.close().await;
        let started = started?;
        show(&started, prepared.version);
        if is_here {
            note_parked(context, &started.id);
        }
        Ok(Code::Done)
    })
}

fn show(started: &StartedRun, version: Option<u32>) {
    let version = version.map(|version| format!(" v{version}")).unwrap_or_default();
    let StartedRun { id, workflow, existing, .. } = started;
    match output::format() {
        Format::Json | Format::Jsonl => output::json(started),
        Format::Name | Format::Value => output::line(id),
        Format::None => {}
        Format::Table | Format::Wide if *existing => {
            output::line(format!("{id} was started before · {workflow}{version}"));
        }
        Format::Table | Format::Wide => output::line(format!("{id} started · {workflow}{version}")),
    }
}

/// A run that can be started.
pub(crate) struct Prepared {
    /// What to send.
    pub(crate) request: StartRun,
    /// The workflow's version.
    pub(crate) version: Option<u32>,
}

/// Reads and checks the workflow and its input.
///
/// # Errors
/// The last thing that is wrong with it; what is wrong beside it is printed before.
pub(crate) fn prepare(context: &Context, args: &StartArgs) -> Result<Prepared, Problem> {
    let text = read_text(&args.file)?;
    let name = args.file.display().to_string();
    let read = nexus_definitions::read(&name, &text).map_err(|problems| first(&problems, &text))?;
    let registry = registry();
    let unknown = read.check_handlers(&registry.names().collect::<Vec<_>>());
    if unknown.has_errors() {
        return Err(first(&unknown, &text));
    }
    let input = inputs::read(&read.definition, args.input.as_deref(), &args.set)?;
    let definition = serde_json::from_slice(&read.definition.to_canonical_json())
        .expect("a canonical definition is JSON");
    let request = StartRun {
        definition,
        input,
        name: args.id.clone(),
        labels: args.labels.iter().cloned().collect(),
        folder: folder(&args.file).map(|folder| folder.to_string_lossy().into_owned()),
        by: context.by(),
    };
    Ok(Prepared { request, version: read.definition.version })
}

/// The folder in which scripts work: that of the file.
fn folder(file: &Path) -> Option<PathBuf> {
    if file.as_os_str() == "-" {
        return std::env::current_dir().ok();
    }
    file.canonicalize().ok()?.parent().map(Path::to_owned)
}

fn read_text(file: &Path) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    let read = match file.as_os_str() == "-" {
        true => std::io::stdin().read_to_end(&mut bytes).map(|_| ()),
        false => std::fs::read(file).map(|read| bytes = read),
    };
    match read {
        Ok(()) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => {
            let is_missing = error.kind() == std::io::ErrorKind::NotFound;
            let code = if is_missing { Code::NotFound } else { Code::Usage };
            let message = format!("{} cannot be read: {error}", file.display());
            Err(Problem::new("NX1401", code as u8, message)
                .hint("look at the name and at the permissions of the file"))
        }
    }
}

/// The first problem, which the program ends with; some of the others are shown now.
fn first(problems: &Problems, text: &str) -> Problem {
    if !output::format().is_json() {
        problems.iter().skip(1).take(SHOWN_MAX - 1).for_each(|problem| {
            output::complain(format!("{}\n", nexus_definitions::render(problem, text, true)));
        });
    }
    let Some(first) = problems.iter().next() else {
        return Problem::new("NX1007", Code::Usage as u8, "this is no workflow");
    };
    let place = Where { file: first.file.clone(), line: first.line, column: first.column };
    let problem = Problem::new(first.code, Code::Usage as u8, first.message.clone());
    Problem { hint: first.hint.clone(), place: Some(place), ..problem }
}

//! `graph`: the steps of a workflow or run and what they need, drawn.

mod ascii;
mod dot;
mod levels;
mod mermaid;

use std::path::Path;

use clap::{Args, ValueEnum};
use nexus_gateway::Control;
use nexus_gateway::api::{GraphNode, GraphView, Problem};

use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::store::{self, Purpose};
use crate::{files, output, workflow};

/// Arguments of `graph`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus-engine graph order.workflow.yaml
  nexus-engine graph wf-001 --status
  nexus-engine graph order.workflow.yaml --as dot | dot -Tsvg > order.svg")]
pub(crate) struct GraphArgs {
    /// A workflow file, or a run.
    #[arg(value_name = "FILE|RUN")]
    subject: String,
    /// How to draw it.
    #[arg(long = "as", value_name = "FORM", value_enum, default_value_t)]
    form: Form,
    /// Show where a run stands.
    #[arg(long)]
    status: bool,
}

/// How a graph is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Text, for a terminal.
    #[default]
    Ascii,
    /// Mermaid, for Markdown.
    Mermaid,
    /// Graphviz.
    Dot,
    /// Nodes and edges.
    Json,
}

/// Draws a graph.
pub(crate) fn run(context: &Context, args: &GraphArgs) -> Outcome {
    let Some(mut graph) = graph(context, args)? else { return Ok(Code::Usage) };
    let form = if output::format().is_json() { Form::Json } else { args.form };
    if !args.status && form != Form::Json {
        graph.nodes.iter_mut().for_each(|node| node.status = None);
    }
    if graph.has_earlier_steps && form != Form::Json {
        let (run, flag) = (&args.subject, output::store_flag());
        output::note(format!(
            "note: earlier calls are not drawn: nexus-engine history {run}{flag}"
        ));
    }
    match form {
        Form::Json => output::json(&graph),
        Form::Ascii => {
            let drawn = ascii::draw(&graph).unwrap_or_else(|| levels::list(&graph));
            output::line(format!("{drawn}{}", undos(&graph)));
        }
        Form::Mermaid => output::line(mermaid::draw(&graph)),
        Form::Dot => output::line(dot::draw(&graph)),
    }
    Ok(Code::Done)
}

/// `undo: charge ⇠ cards.refund, …`, on a line of its own; nothing if no step can be undone.
fn undos(graph: &GraphView) -> String {
    let undo = |node: &GraphNode| {
        node.undo.as_ref().map(|undo| format!("{} ⇠ {undo}", crate::text::one_line(&node.id, 40)))
    };
    let undos: Vec<String> = graph.nodes.iter().filter_map(undo).collect();
    if undos.is_empty() { String::new() } else { format!("\n\nundo: {}", undos.join(", ")) }
}

/// The graph that is meant; `None` if it is of a file with mistakes, which have been shown then.
fn graph(context: &Context, args: &GraphArgs) -> Result<Option<GraphView>, Problem> {
    if !workflow::is_file(Path::new(&args.subject)) {
        let ask = async |control: &Control| control.graph(&args.subject).await;
        return store::ask(context, &Purpose::Look, ask).map(Some);
    }
    if args.status {
        output::note("note: a file has no status; name a run to see one");
    }
    let text = files::read_text(Path::new(&args.subject))?;
    match nexus_definitions::read(&args.subject, &text) {
        Ok(read) => Ok(Some(nexus_gateway::graph(&read.plan, None))),
        Err(problems) => {
            workflow::show(&problems, &text, &args.subject);
            Ok(None)
        }
    }
}

/// A graph by index: what every way to draw it needs.
struct Indexed {
    /// Text of each step.
    labels: Vec<String>,
    /// What each step needs.
    needs: Vec<Vec<usize>>,
    /// Level of each step, from 0: one below the lowest of its needs.
    levels: Vec<usize>,
}

impl Indexed {
    fn of(graph: &GraphView) -> Self {
        let at: std::collections::HashMap<&str, usize> =
            graph.nodes.iter().enumerate().map(|(at, node)| (node.id.as_str(), at)).collect();
        let mut needs = vec![Vec::new(); graph.nodes.len()];
        for edge in &graph.edges {
            if let (Some(from), Some(to)) = (at.get(edge.from.as_str()), at.get(edge.to.as_str())) {
                needs[*to].push(*from);
            }
        }
        let levels = levels(&needs);
        Self { labels: graph.nodes.iter().map(label).collect(), needs, levels }
    }

    /// How many levels there are.
    fn depth(&self) -> usize {
        self.levels.iter().max().map_or(0, |deepest| deepest + 1)
    }
}

/// Id and signs of a step: `?` if it has a condition, and where it stands.
fn label(node: &GraphNode) -> String {
    let symbol = node.status.as_deref().map(|status| format!("{} ", crate::text::symbol(status)));
    let condition = if node.condition.is_some() { "?" } else { "" };
    format!("{}{}{condition}", symbol.unwrap_or_default(), crate::text::one_line(&node.id, 40))
}

fn levels(needs: &[Vec<usize>]) -> Vec<usize> {
    let mut waits: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut followers = vec![Vec::new(); needs.len()];
    for (at, needs) in needs.iter().enumerate() {
        for need in needs {
            followers[*need].push(at);
        }
    }
    let mut levels = vec![0; needs.len()];
    let mut open: Vec<usize> = (0..needs.len()).filter(|at| waits[*at] == 0).collect();
    while let Some(at) = open.pop() {
        for follower in &followers[at] {
            levels[*follower] = levels[*follower].max(levels[at] + 1);
            waits[*follower] -= 1;
            if waits[*follower] == 0 {
                open.push(*follower);
            }
        }
    }
    levels
}

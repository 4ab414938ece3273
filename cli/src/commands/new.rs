//! `new`: a workflow to begin with.

use std::path::PathBuf;

use clap::Args;
use nexus_gateway::api::Problem;
use serde_json::json;

use super::schema;
use crate::exit::{Code, Outcome};
use crate::{files, output};

/// Name of the schema that a new workflow refers to.
const SCHEMA: &str = "nexus-workflow.schema.json";

/// Arguments of `new`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus-engine new order shop
  nexus-engine new --list")]
pub(crate) struct NewArgs {
    /// What to begin with.
    #[arg(default_value = "hello")]
    template: String,
    /// Name of the workflow and of its folder [default: that of the template].
    name: Option<String>,
    /// List the templates.
    #[arg(long)]
    list: bool,
    /// Folder to write into [default: ./NAME].
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Replace files that exist.
    #[arg(long)]
    force: bool,
}

/// A workflow to begin with.
struct Template {
    name: &'static str,
    about: &'static str,
    text: &'static str,
}

const TEMPLATES: [Template; 5] = [
    Template {
        name: "hello",
        about: "the smallest workflow with an input and an output",
        text: include_str!("../../templates/hello.workflow.yaml"),
    },
    Template {
        name: "order",
        about: "an order from validation to a parcel: scripts, a retry, a condition",
        text: include_str!("../../templates/order.workflow.yaml"),
    },
    Template {
        name: "etl",
        about: "two sources side by side, merged and written to a file",
        text: include_str!("../../templates/etl.workflow.yaml"),
    },
    Template {
        name: "retry",
        about: "failures: tried again, tolerated, announced",
        text: include_str!("../../templates/retry.workflow.yaml"),
    },
    Template {
        name: "sleep",
        about: "a wait that survives the end of the engine",
        text: include_str!("../../templates/sleep.workflow.yaml"),
    },
];

/// Lists templates, or writes one.
pub(crate) fn run(args: &NewArgs) -> Outcome {
    if args.list { Ok(list()) } else { write(args) }
}

fn list() -> Code {
    if output::format().is_json() {
        let templates: Vec<_> = TEMPLATES
            .iter()
            .map(|template| json!({ "name": template.name, "about": template.about }))
            .collect();
        output::json(&json!({ "kind": "templates/v1", "templates": templates }));
    } else {
        for template in &TEMPLATES {
            output::line(format!("{:<7} {}", template.name, template.about));
        }
    }
    Code::Done
}

fn write(args: &NewArgs) -> Outcome {
    let template = find(&args.template)?;
    let name = args.name.as_deref().unwrap_or(template.name);
    check_name(name)?;
    let folder = args.dir.clone().unwrap_or_else(|| PathBuf::from(name));
    let workflow = folder.join(format!("{name}.workflow.yaml"));
    let text = template.text.replacen(
        &format!("\nname: {}\n", template.name),
        &format!("\nname: {name}\n"),
        1,
    );
    files::write(&workflow, text.as_bytes(), args.force)?;
    // The schema is the program's, so one that is there already is brought up to date.
    let schema = folder.join(SCHEMA);
    files::write(&schema, format!("{}\n", schema::text()).as_bytes(), true)?;
    if output::format().is_json() {
        output::json(&json!({
            "kind": "new/v1",
            "template": template.name,
            "name": name,
            "workflow": workflow,
            "files": [workflow, schema],
        }));
    } else {
        output::line(format!("created {}  {}", workflow.display(), schema.display()));
        output::note(format!("next: nexus-engine run {}", workflow.display()));
    }
    Ok(Code::Done)
}

fn find(name: &str) -> Result<&'static Template, Problem> {
    TEMPLATES.iter().find(|template| template.name == name).ok_or_else(|| {
        let names = TEMPLATES.map(|template| template.name).join(", ");
        Problem::new("NX1404", Code::NotFound as u8, format!("there is no template `{name}`"))
            .hint(format!("there are {names}"))
    })
}

/// A name that can stand in a file name and in YAML without quotes.
fn check_name(name: &str) -> Result<(), Problem> {
    let mut chars = name.chars();
    let first = chars.next().is_some_and(|char| char.is_ascii_alphabetic());
    if first
        && name.len() <= 128
        && chars.all(|char| char.is_ascii_alphanumeric() || "-_".contains(char))
    {
        return Ok(());
    }
    let message = format!("`{name}` cannot be the name of a new workflow");
    Err(Problem::new("NX1106", Code::Usage as u8, message)
        .hint("write a letter, then letters, digits, - and _, such as order-processing"))
}

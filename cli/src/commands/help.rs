//! `help`: a verb, or a topic.

use clap::CommandFactory;
use nexus_gateway::api::Problem;

use crate::args::Args;
use crate::exit::{self, Code, Outcome};
use crate::output;

/// Arguments of `help`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:\n  nexus-engine help run\n  nexus-engine help exit-codes")]
pub(crate) struct HelpArgs {
    /// A verb, `exit-codes`, or `words`: what replay, retry and start mean.
    #[arg(value_name = "VERB|TOPIC")]
    pub(crate) topic: Option<String>,
}

const WORDS: &str = "\
            same run   calls handlers again             writes to the log   for
  replay    yes        never                            never               looking back, checking
  retry     yes        steps not completed, and after   yes                 after an outage
  start     no         all, under another name          yes                 a corrected input";

/// Prints help.
pub(crate) fn run(args: &HelpArgs) -> Outcome {
    let mut command = Args::command();
    match args.topic.as_deref() {
        None => output::line(command.render_long_help().ansi().to_string()),
        Some("exit-codes") => exit_codes(),
        Some("words") => output::line(WORDS),
        Some(verb) => {
            command.build();
            let Some(verb) = command.find_subcommand_mut(verb) else {
                return Err(Problem::new(
                    "NX7019",
                    Code::Usage as u8,
                    format!("there is no verb or topic `{verb}`"),
                )
                .hint("see what there is: nexus-engine help"));
            };
            output::line(verb.render_long_help().ansi().to_string());
        }
    }
    Ok(Code::Done)
}

fn exit_codes() {
    for (code, meaning) in exit::TABLE {
        output::line(format!("{code:>4}  {meaning}"));
    }
}

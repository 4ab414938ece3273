//! `completions`: what a shell needs to complete command lines.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use crate::args;
use crate::exit::Code;
use crate::output;

/// Arguments of `completions`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus-engine completions bash > ~/.local/share/bash-completion/completions/nexus-engine
  nexus-engine completions zsh > ~/.zfunc/_nexus-engine
  nexus-engine completions fish > ~/.config/fish/completions/nexus-engine.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

/// Prints a completion script.
pub(crate) fn run(args: &CompletionsArgs) -> Code {
    let mut script = Vec::new();
    generate(args.shell, &mut args::Args::command(), "nexus-engine", &mut script);
    output::line(String::from_utf8_lossy(&script).trim_end());
    Code::Done
}

//! The `nexus-engine` command line: parses arguments, wires everything, prints.
//!
//! Results go to standard output, everything else to standard error. Exit codes are those of `help exit-codes`.

#![expect(
    clippy::result_large_err,
    reason = "a problem ends the program; nothing is won by putting it on the heap"
)]

mod args;
mod commands;
mod context;
mod descriptors;
mod exit;
mod files;
mod follow;
mod inputs;
mod needs;
mod output;
mod progress;
mod store;
mod text;
mod workflow;

use std::process::ExitCode;

use clap::Parser;

use args::Args;

/// What a step allocates in one thread is freed in another: the system's allocator takes a fifth of its time for that.
#[cfg(not(feature = "count-allocations"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return exit::usage(&error),
    };
    output::install_tracing(args.global.verbose, args.global.quiet);
    exit::guard(|| commands::run(args))
}

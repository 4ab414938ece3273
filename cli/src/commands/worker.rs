//! `worker`: carries out tasks of an engine by calling a command for each.
//!
//! Invariants:
//! * A task that was handed out is reported about, unless the engine has given it up or this process is told to end twice.
//! * A command does not outlive this process.

mod asking;
mod carry_out;

use std::ffi::OsString;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use nexus_connectors::{Command, NoProgram};
use nexus_gateway::Address;
use nexus_gateway::api::Problem;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::args::duration;
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::follow::Signals;
use crate::output;
use crate::store::no_store;
use crate::text;
use asking::Asking;
use carry_out::ending;

/// How long a command may clean up after it was told to stop, as a script may.
const GRACE: Duration = Duration::from_secs(5);
/// The largest output that an engine takes unless it is set up otherwise.
const OUTPUT_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Arguments of `worker`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine worker resize -- python3 resize.py
  nexus-engine worker w1 --handler resize --handler crop --concurrency 4 -- ./images.sh
  nexus-engine worker resize --address 127.0.0.1:7878 -- ./resize.sh")]
pub(crate) struct WorkerArgs {
    /// What it calls itself, and its handler if none is named.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// What it carries out: the name behind worker/ in `uses`; may be repeated.
    #[arg(long = "handler", value_name = "NAME")]
    pub(crate) handlers: Vec<String>,
    /// Where the engine listens, such as 127.0.0.1:7878; without it, the process that holds the store.
    #[arg(long, value_name = "URL", value_parser = address)]
    pub(crate) address: Option<SocketAddr>,
    /// Tasks at one time.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) concurrency: u16,
    /// Time that running commands have when the worker is told to stop; without it, as long as they take.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) drain: Option<Duration>,
    /// The program that is called for each task, with its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// How far the end of the worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Asks for tasks.
    Working,
    /// Asks for none; those that it has go on.
    Draining,
    /// Commands are ended.
    Ending,
}

/// Reads `http://127.0.0.1:7878`, or what stands behind `http://`.
fn address(text: &str) -> Result<SocketAddr, String> {
    let bare = text.strip_prefix("http://").unwrap_or(text);
    let bare = bare.strip_suffix('/').unwrap_or(bare);
    let mut found = bare.to_socket_addrs().map_err(|error| {
        format!("{error}; write an address and a port, such as http://127.0.0.1:7878")
    })?;
    found.next().ok_or_else(|| "nothing has this name".to_owned())
}

/// The program cannot be started, so no task of it could be carried out.
fn no_program(error: &NoProgram) -> Problem {
    let problem = Problem::new("NX3049", Code::Usage as u8, error.to_string());
    match error {
        NoProgram::NotInPath { name, is_here: true } => {
            problem.hint(format!("the one in this folder is ./{name}"))
        }
        NoProgram::NotInPath { .. } | NoProgram::NotThere { .. } => problem.hint(
            "correct its name or path behind --; a script is called as in: -- python3 resize.py",
        ),
        NoProgram::NoFile { .. } => problem.hint("name a program behind --"),
        NoProgram::NotExecutable { path } => {
            let path = path.display();
            problem.hint(format!("chmod +x {path}, or name what runs it, as in: -- sh {path}"))
        }
    }
}

/// Works until a signal comes.
pub(crate) fn run(context: &Context, args: &WorkerArgs) -> Outcome {
    let command =
        Command { words: args.command.clone(), output_bytes_max: OUTPUT_BYTES_MAX, grace: GRACE };
    command.find_program().map_err(|error| no_program(&error))?;
    let store = context.store();
    if args.address.is_none() && !store.is_dir() {
        return Err(no_store(&store).hint("or say where the engine listens, with --address"));
    }
    let (phase, phases) = watch::channel(Phase::Working);
    let mut worker = Worker {
        name: args.name.clone(),
        handlers: args.handlers.clone(),
        command,
        asking: Asking::new(args.address.map(Address::Tcp), store, phases.clone()),
        phases,
    };
    if worker.handlers.is_empty() {
        worker.handlers.push(args.name.clone());
    }
    context.block_on_two(async {
        let mut signals = Signals::new();
        output::note(format!(
            "worker {} carries out {}, {} at one time",
            worker.name,
            worker.handlers.join(", "),
            text::count(args.concurrency.into(), "task"),
        ));
        let mut slots = JoinSet::new();
        for _ in 0..args.concurrency {
            let worker = worker.clone();
            slots.spawn(async move { worker.work().await });
        }
        let signal = tokio::select! {
            signal = signals.next() => signal,
            problem = first_problem(&mut slots) => {
                // Nothing that is asked is understood, so nothing that is reported would be.
                phase.send_replace(Phase::Ending);
                while slots.join_next().await.is_some() {}
                return Err(problem);
            }
        };
        output::note("draining: asks for nothing more, and what runs goes on …");
        phase.send_replace(Phase::Draining);
        let drained = async { while slots.join_next().await.is_some() {} };
        tokio::pin!(drained);
        tokio::select! {
            () = &mut drained => {}
            _ = signals.next() => {
                phase.send_replace(Phase::Ending);
                drained.await;
            }
            () = over(args.drain) => {
                phase.send_replace(Phase::Ending);
                drained.await;
            }
        }
        output::note("stopped");
        Ok(if signal == Code::Interrupted { Code::Done } else { signal })
    })
}

/// The first slot that cannot go on.
async fn first_problem(slots: &mut JoinSet<Result<(), Problem>>) -> Problem {
    while let Some(ended) = slots.join_next().await {
        match ended {
            Ok(Err(problem)) => return problem,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Ok(Ok(())) | Err(_) => {}
        }
    }
    std::future::pending().await
}

async fn over(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

/// A worker. Cheap to clone: one for each task that it may have.
#[derive(Clone)]
struct Worker {
    name: String,
    handlers: Vec<String>,
    command: Command,
    asking: Asking,
    phases: watch::Receiver<Phase>,
}

impl Worker {
    /// Asks for a task and carries it out, again and again, until the worker is told to stop.
    async fn work(mut self) -> Result<(), Problem> {
        let mut phases = self.phases.clone();
        while *self.phases.borrow_and_update() == Phase::Working {
            let task = tokio::select! {
                task = self.asking.poll(&self.name, &self.handlers) => task?,
                () = ending(&mut phases) => return Ok(()),
            };
            if let Some(task) = task {
                self.carry_out(task).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn an_address_is_that_of_a_machine_and_a_port() {
        for text in ["http://127.0.0.1:7878", "http://127.0.0.1:7878/", "127.0.0.1:7878"] {
            assert_eq!(address(text), Ok(([127, 0, 0, 1], 7878).into()), "{text}");
        }
        for text in ["", "127.0.0.1", "https://127.0.0.1:1", "http://127.0.0.1:1/workers"] {
            assert!(address(text).is_err(), "{text}");
        }
    }
}

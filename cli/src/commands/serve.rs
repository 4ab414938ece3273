//! `serve`: runs the engine on the store, for all its runs and for everybody who asks.

use std::path::PathBuf;
use std::time::Duration;

use nexus_gateway::api::{Problem, Status};
use nexus_gateway::{Control, install_metrics, listen_address};

use super::schedule::triggers::register;
use crate::args::duration;
use crate::context::Context;
use crate::exit::{Code, Outcome};
use crate::follow::{Signals, park_all};
use crate::output::{self, Format};
use crate::store::{Access, Driving, Purpose};
use crate::text;

/// The shortest lease.
const LEASE_MIN: Duration = Duration::from_millis(100);

/// Arguments of `serve`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  nexus-engine serve
  nexus-engine serve --workflows workflows/
  nexus-engine serve --listen 127.0.0.1:0 -o json")]
pub(crate) struct ServeArgs {
    /// Where workers, metrics and health are served; port 0 takes any.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7878")]
    pub(crate) listen: String,
    /// Attempts under way at one time.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) concurrency: Option<u32>,
    /// Time that running steps have when the engine is told to stop.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub(crate) drain: Duration,
    /// How long a worker that has a task may be silent, if its step has no `heartbeat`.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = lease)]
    pub(crate) worker_lease: Duration,
    /// A workflow, or a folder of them, whose triggers start runs from now on; may be repeated.
    #[arg(long, value_name = "PATH")]
    pub(crate) workflows: Vec<PathBuf>,
}

/// A time that a worker can keep to.
fn lease(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|time| {
        let is_long = time >= LEASE_MIN;
        is_long.then_some(time).ok_or_else(|| format!("at least {}ms", LEASE_MIN.as_millis()))
    })
}

/// Serves until a signal comes.
pub(crate) fn run(context: &Context, args: &ServeArgs) -> Outcome {
    // Before there is a store.
    listen_address(&args.listen)?;
    let driving = Driving {
        role: "serve",
        all: true,
        creates: true,
        concurrency: args.concurrency,
        drain: Some(args.drain),
        listen: Some(args.listen.clone()),
        worker_lease: Some(args.worker_lease),
    };
    // Only where metrics can be asked for are measurements taken.
    install_metrics();
    let purpose = Purpose::Drive(driving);
    context.block_on_two(async {
        let mut signals = Signals::new();
        let access = tokio::select! {
            access = Access::get(context, &purpose) => access?,
            signal = signals.next() => return Ok(signal),
        };
        let status = match access.control() {
            Control::Here(service) => service.status().await?,
            Control::There(client) => return Err(held(&client.status().await?)),
        };
        hello(&access, &status);
        if !args.workflows.is_empty() {
            register(access.control(), &args.workflows, &context.by()).await?;
        }
        let signal = signals.next().await;
        let running = running(access.control()).await;
        output::note(format!(
            "draining: {running} (at most {}), new starts are refused …",
            text::took(u64::try_from(args.drain.as_millis()).unwrap_or(u64::MAX))
        ));
        park_all(access, &mut signals).await;
        output::note("stopped; open runs are parked");
        Ok(if signal == Code::Interrupted { Code::Done } else { signal })
    })
}

fn held(status: &Status) -> Problem {
    let message =
        format!("the store {} is in use by pid {} ({})", status.store, status.pid, status.role);
    Problem::new("NX6001", Code::Unreachable as u8, message)
        .hint("commands find that process by themselves; to serve here, end it first")
}

fn hello(access: &Access, status: &Status) {
    let address = access.server().and_then(nexus_gateway::Server::tcp);
    let address = address.map(|address| address.to_string()).unwrap_or_default();
    match output::format() {
        Format::Json | Format::Jsonl => {
            output::json_line(&serde_json::json!({ "listening": address }));
        }
        Format::Name | Format::Value => output::line(address),
        Format::None => {}
        Format::Table | Format::Wide => {
            let count = |number| text::count(usize::try_from(number).unwrap_or(0), "open run");
            let left = match status.of_programs {
                0 => String::new(),
                1 => "; the program of 1 more carries it on".to_owned(),
                more => format!("; the programs of {more} more carry them on"),
            };
            let Status { version, store, picked_up, .. } = status;
            let picked_up = count(*picked_up);
            output::line(format!(
                "nexus-engine {version} · store {store} ({picked_up} picked up{left})"
            ));
            output::line(format!(
                "  metrics http://{address}/metrics · health http://{address}/health/ready"
            ));
            output::line(format!("  workers http://{address}/workers/v1/poll"));
        }
    }
}

/// How many runs have steps at work, in words.
async fn running(control: &Control) -> String {
    let filter = nexus_gateway::api::RunsFilter {
        statuses: vec!["running".into()],
        limit: 1_000,
        ..nexus_gateway::api::RunsFilter::default()
    };
    match control.list(filter).await {
        Ok(page) => match page.runs.iter().filter(|run| run.elsewhere.is_none()).count() {
            0 => "no step is running".into(),
            count => format!("{} with running steps", text::count(count, "run")),
        },
        Err(_) => "running steps are told to stop".into(),
    }
}
